import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { onOwnGlobals, relink } from "../../scripts/npm_route.ts";
import { unpack } from "../../scripts/npm_route/tarball.ts";
import { SetupError } from "../../scripts/process.ts";

describe("relink", () => {
  const at = (source: string): string =>
    relink("@a/lib", "1.0.0", "/deep/mod.js", source);

  it("leaves an import inside the package alone", () => {
    const source = 'import { b } from "../b.js";';
    assertEquals(at(source), source);
  });

  it("turns one that leaves it into a jsr: specifier", () => {
    assertEquals(
      at('export * from "../../../../@std/fmt/1.0.8/colors.js";'),
      'export * from "jsr:@std/fmt@1.0.8/colors";',
    );
    assertEquals(
      at('await import("../../../../@b/lib/2.0.0/part/mod.js")'),
      'await import("jsr:@b/lib@2.0.0/part")',
    );
  });

  it("keeps two versions of one package apart", () => {
    assertEquals(
      at('import "../../2.0.0/mod.js";'),
      'import "jsr:@a/lib@2.0.0";',
    );
  });
});

describe("onOwnGlobals", () => {
  it("works in a module that declares a Deno of its own", async () => {
    const source = onOwnGlobals(
      'import * as dntShim from "../_dnt.shims.js";\n' +
        "const { Deno } = dntShim.dntGlobalThis;\nexport { Deno };\n",
    );
    const url = `data:text/javascript,${encodeURIComponent(source)}`;
    assertEquals((await import(url)).Deno, Deno);
  });
});

describe("unpack", () => {
  it("refuses a tarball that is not the pinned one", async () => {
    await using folder = await temporaryFolder();
    const spec = await pack(folder.path);
    const other = `sha512-${btoa("another")}`;
    const error = await assertRejects(
      () => unpack({ spec, integrity: other }, `${folder.path}/out`),
      SetupError,
    );
    const actual = error.message.match(/integrity is (\S+),/)?.[1] ?? "";
    assert(actual.startsWith("sha512-"), error.message);
    await assertRejects(
      () => Deno.stat(`${folder.path}/out/package`),
      Deno.errors.NotFound,
    );

    const root = await unpack({ spec, integrity: actual }, `${folder.path}/ok`);
    assertEquals(await Deno.readTextFile(`${root}/here.txt`), "here");
  });
});

/** A package that npm can pack without any registry. */
async function pack(folder: string): Promise<string> {
  const path = `${folder}/source`;
  await Deno.mkdir(path);
  await Deno.writeTextFile(`${path}/here.txt`, "here");
  await Deno.writeTextFile(
    `${path}/package.json`,
    JSON.stringify({ name: "probe", version: "1.0.0" }),
  );
  return path;
}

async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "nanoctl_npm_route_" });
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}
