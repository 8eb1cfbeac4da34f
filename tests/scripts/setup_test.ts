import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { vendorFolder } from "../../scripts/dependencies.ts";
import { type PublishedPackage, serveJsr } from "./jsr_registry.ts";
import { closedPort, makeProject } from "./project.ts";

const LIBRARY: PublishedPackage = {
  name: "@probe/lib",
  version: "1.0.0",
  files: {
    "/greet.ts": 'export { greet } from "./inner.ts";\n',
    "/inner.ts": "export function greet(): void {}\n",
  },
  exports: { "./greet": "./greet.ts" },
};
// Only what a route is about to ask of JSR to learn whether it answers.
const STD: PublishedPackage = {
  name: "@std/path",
  version: "1.0.0",
  files: {},
  exports: {},
};

describe("setup", () => {
  it("fills vendor/ from JSR, and then asks for nothing more", async () => {
    await using jsr = await serveJsr([LIBRARY, STD]);
    await using project = await makeProject();
    const env = { JSR_URL: jsr.url };
    const first = await project.setUp(env);
    assertEquals(first.code, 0, first.stderr);
    const inner = `${project.root}/vendor/${vendorFolder(new URL(jsr.url))}` +
      "/@probe/lib/1.0.0/inner.ts";
    assert((await Deno.stat(inner)).isFile);

    const asked = jsr.requests.length;
    const second = await project.setUp(env);
    assertEquals(second, { code: 0, stderr: "" });
    assertEquals(jsr.requests.length, asked);
  });

  it("does not take a half-filled vendor/ for complete", async () => {
    await using jsr = await serveJsr([LIBRARY, STD]);
    await using project = await makeProject();
    const env = { JSR_URL: jsr.url };
    const package_ = `${project.root}/vendor/${
      vendorFolder(new URL(jsr.url))
    }/@probe/lib`;
    await Deno.mkdir(`${package_}/1.0.0`, { recursive: true });
    await Deno.writeTextFile(
      `${package_}/1.0.0/greet.ts`,
      LIBRARY.files["/greet.ts"] ?? "",
    );
    assertEquals((await project.setUp(env)).code, 0);
    assert((await Deno.stat(`${package_}/1.0.0/inner.ts`)).isFile);
  });

  it("accepts offline a vendor/ that was copied here", async () => {
    await using project = await makeProject();
    const env = { JSR_URL: closedPort(), NPM_CONFIG_REGISTRY: closedPort() };
    {
      await using jsr = await serveJsr([LIBRARY, STD]);
      await project.setUp({ JSR_URL: jsr.url });
      const from = `${project.root}/vendor/${vendorFolder(new URL(jsr.url))}`;
      const to = `${project.root}/vendor/${vendorFolder(new URL(env.JSR_URL))}`;
      await Deno.rename(from, to);
    }
    await Deno.remove(`${project.root}/vendor/.setup.json`);
    assertEquals(await project.setUp(env), { code: 0, stderr: "" });
  });

  it("starts afresh after one that was killed", async () => {
    await using jsr = await serveJsr([LIBRARY, STD]);
    await using project = await makeProject();
    const left = `${project.root}/.runtime/making/vendor/left_over`;
    await Deno.mkdir(left, { recursive: true });
    assertEquals((await project.setUp({ JSR_URL: jsr.url })).code, 0);
    const kept = await Array.fromAsync(Deno.readDir(`${project.root}/vendor`));
    assert(!kept.some(({ name }) => name === "left_over"));
  });

  it("runs twice at once without harm, doing the work once", async () => {
    await using jsr = await serveJsr([LIBRARY, STD]);
    await using project = await makeProject();
    const env = { JSR_URL: jsr.url };
    const both = await Promise.all([project.setUp(env), project.setUp(env)]);
    assertEquals(both.map(({ code }) => code), [0, 0]);
    const fetched = jsr.requests.filter((path) => path.endsWith("/inner.ts"));
    assertEquals(fetched.length, 1);
  });

  it("notices an import that is new in the sources", async () => {
    const more = {
      ...LIBRARY,
      files: { ...LIBRARY.files, "/more.ts": "export const more = 1;\n" },
      exports: { ...LIBRARY.exports, "./more": "./more.ts" },
    };
    await using jsr = await serveJsr([more, STD]);
    await using project = await makeProject();
    const env = { JSR_URL: jsr.url };
    await project.setUp(env);
    await Deno.writeTextFile(
      `${project.root}/main.ts`,
      'import { more } from "@probe/lib/more";\nvoid more;\n',
    );
    assertEquals((await project.setUp(env)).code, 0);
    assert(jsr.requests.some((path) => path.endsWith("/more.ts")));
  });

  it("says in one line what is missing where nothing can be reached", async () => {
    await using project = await makeProject();
    const env = { JSR_URL: closedPort(), NPM_CONFIG_REGISTRY: closedPort() };
    const { code, stderr } = await project.setUp(env);
    assertEquals(code, 1);
    const errors = stderr.split("\n").filter((line) =>
      line.startsWith("error:")
    );
    assertEquals(errors.length, 1, stderr);
    assert(!/^\s+at /m.test(stderr), stderr);
    const [error = ""] = errors;
    assertStringIncludes(error, env.JSR_URL);
    assertStringIncludes(error, env.NPM_CONFIG_REGISTRY);
    assertStringIncludes(error, "DENORT_BIN");
    assertStringIncludes(error, "vendor/");
  });

  it("says that DENORT_BIN names no file", async () => {
    await using jsr = await serveJsr([LIBRARY, STD]);
    await using project = await makeProject();
    const env = { JSR_URL: jsr.url, DENORT_BIN: `${project.root}/missing` };
    const { code, stderr } = await project.setUp(env, ["--compile"]);
    assertEquals(code, 1);
    assertStringIncludes(stderr, "error: DENORT_BIN names");
  });
});

describe("vendorFolder", () => {
  it("is named as Deno names it", () => {
    const named = ["https://example.test/", "http://127.0.0.1:81/"].map((url) =>
      vendorFolder(new URL(url))
    );
    assertEquals(named, ["example.test", "http_127.0.0.1_81"]);
  });
});
