import { assertEquals, assertThrows } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { runDeno, SetupError, sha256 } from "../../../scripts/process.ts";
import {
  bundledSources,
  contentsOf,
  idOf,
  type ModuleGraph,
  OWN,
  type Package,
} from "../../../scripts/release/contents.ts";
import {
  licenceOf,
  thirdPartyLicences,
} from "../../../scripts/release/licences.ts";
import { makeSbom, purlOf } from "../../../scripts/release/sbom.ts";
import { type PublishedPackage, serveJsr } from "../jsr_registry.ts";
import { makeProject } from "../project.ts";

let root = "";
beforeEach(async () => {
  root = await Deno.makeTempDir({ prefix: "nanoctl-contents-" });
});
afterEach(() => Deno.remove(root, { recursive: true }));

async function write(path: string, text: string): Promise<void> {
  const whole = `${root}/${path}`;
  await Deno.mkdir(whole.slice(0, whole.lastIndexOf("/")), { recursive: true });
  await Deno.writeTextFile(whole, text);
}

async function npmPackage(path: string, manifest: object): Promise<void> {
  await write(`node_modules/${path}/package.json`, JSON.stringify(manifest));
}

function graphOf(
  modules: Record<string, string[]>,
  redirects: Record<string, string> = {},
): ModuleGraph {
  return {
    modules: Object.entries(modules).map(([specifier, targets]) => ({
      specifier,
      dependencies: targets.map((target) => ({ code: { specifier: target } })),
    })),
    redirects,
  };
}

const HOST = "https://modules.example";

describe("what is in the bundle", () => {
  it("is what the graph reaches and what was bundled", async () => {
    await npmPackage("a", { version: "1.0.0", dependencies: { "@s/b": "*" } });
    await npmPackage("@s/b", { version: "2.0.0" });
    // Another b, which a uses, and which is not the one at the top.
    await npmPackage("a/node_modules/@s/b", { version: "2.5.0" });
    const graph = graphOf({
      [`file://${root}/main.ts`]: [`file://${root}/src/x.ts`, "node:fs"],
      [`file://${root}/src/x.ts`]: [
        "jsr:@std/path@^1",
        `file://${root}/node_modules/a/index.js`,
      ],
      [`${HOST}/@std/path/1.1.3/mod.ts`]: [
        `${HOST}/@std/path/1.1.3/inner/join.ts`,
      ],
      [`${HOST}/@std/path/1.1.3/inner/join.ts`]: [],
      [`file://${root}/node_modules/a/index.js`]: [],
    }, { "jsr:@std/path@^1": `${HOST}/@std/path/1.1.3/mod.ts` });
    const { packages, needs, own } = contentsOf(root, graph, [
      `file://${root}/node_modules/a/node_modules/@s/b/dist/index.js`,
    ]);
    assertEquals(own, ["main.ts", "src/x.ts"]);
    assertEquals(packages.map(idOf), [
      "jsr:@std/path@1.1.3",
      "npm:@s/b@2.5.0",
      "npm:a@1.0.0",
    ]);
    assertEquals(packages[0]?.files, ["inner/join.ts", "mod.ts"]);
    assertEquals(Object.fromEntries(needs), {
      [OWN]: ["jsr:@std/path@1.1.3", "npm:a@1.0.0"],
      "jsr:@std/path@1.1.3": [],
      "npm:a@1.0.0": ["npm:@s/b@2.5.0"],
      "npm:@s/b@2.5.0": [],
    });
  });

  it("finds the folder of a JSR package on any host", () => {
    const folders = [HOST, "http://127.0.0.1:81"].map((host) =>
      contentsOf(root, graphOf({ [`${host}/@a/b/1.0.0/m.ts`]: [] }), [])
        .packages[0]?.folder
    );
    assertEquals(folders, [
      `${root}/vendor/modules.example/@a/b/1.0.0`,
      `${root}/vendor/http_127.0.0.1_81/@a/b/1.0.0`,
    ]);
  });

  for (
    const url of [
      "https://modules.example/loose.ts",
      "file:///elsewhere/main.ts",
      "data:text/javascript,1",
    ]
  ) {
    it(`may not hold ${url}, which is nobody's`, () => {
      assertThrows(
        () => contentsOf(root, graphOf({ [url]: [] }), []),
        SetupError,
        "belongs to no package",
      );
    });
  }

  it("may not hold a module of our folder that is no source", () => {
    const url = `file://${root}/tests/x.ts`;
    assertThrows(() => contentsOf(root, graphOf({}), [url]), SetupError);
  });

  it("is read off a source map wherever that lies", () => {
    const sources = ["deno:https://a.example/@a/b/1.0.0/m.ts", "../../main.ts"];
    assertEquals(bundledSources({ sources }, "/p/.runtime/work"), [
      "https://a.example/@a/b/1.0.0/m.ts",
      "file:///p/main.ts",
    ]);
  });
});

describe("a licence", () => {
  function jsr(name: string, files: string[]): Package {
    const folder = `${root}/${name}`;
    return { registry: "jsr", name, version: "1.0.0", folder, files };
  }

  function npm(): Package {
    return {
      registry: "npm",
      name: "a",
      version: "1.0.0",
      folder: `${root}/node_modules/a`,
      files: [],
    };
  }

  it("is the text that an npm package carries", async () => {
    await npmPackage("a", { version: "1.0.0", license: "ISC" });
    await write(
      "node_modules/a/LICENSE.md",
      "Copyright Ada\n\nDo as you like.",
    );
    assertEquals(licenceOf(npm()).spdx, "ISC");
    const text = thirdPartyLicences([npm()], "2.8.3");
    assertEquals(text.includes("Copyright Ada\n\nDo as you like.\n"), true);
  });

  it("has to be in an npm package", async () => {
    await npmPackage("a", { version: "1.0.0", license: "ISC" });
    assertThrows(() => licenceOf(npm()), SetupError, "does not carry");
  });

  it("of std is what its reachable modules name", async () => {
    const found = jsr("@std/x", ["a.ts", "b.ts"]);
    await write("@std/x/a.ts", "// Copyright Ada. MIT license.\nlet a;\n");
    await write("@std/x/b.ts", "// Copyright Bob. BSD license.\n");
    await write("@std/x/c.ts", "// Copyright Cleo. Mine.\n");
    assertEquals(licenceOf(found), {
      spdx: "MIT AND BSD-3-Clause",
      notices: ["Copyright Ada. MIT license.", "Copyright Bob. BSD license."],
    });
    const text = thirdPartyLicences([found], "2.8.3");
    assertEquals(text.includes("Permission is hereby granted"), true);
    assertEquals(text.includes("Redistribution and use in source"), true);
  });

  it("of std is not guessed", async () => {
    await write("@std/x/c.ts", "// Copyright Cleo. Mine.\n");
    const strange = jsr("@std/x", ["c.ts"]);
    assertThrows(() => licenceOf(strange), SetupError, "Cleo");
    assertThrows(() => licenceOf(jsr("@std/y", [])), SetupError, "@std/y");
  });
});

describe("a package that Deno itself fetched from JSR", () => {
  it("is found with its licence and its sum", async () => {
    const long = "a_file_with_a_name_that_is_too_long_for_vendor.ts";
    const found: PublishedPackage = {
      name: "@probe/lib",
      version: "1.0.0",
      files: {
        "/greet.ts": `// Copyright Ada. MIT license.\n` +
          `import "./${long}";\nexport function greet(): void {}\n`,
        [`/${long}`]: "// Copyright Bob. BSD license.\nexport {};\n",
      },
      exports: { "./greet": "./greet.ts" },
    };
    // Set-up asks for it, to see whether there is a JSR.
    const std: PublishedPackage = {
      name: "@std/path",
      version: "1.1.0",
      files: { "/mod.ts": "export {};\n" },
      exports: { ".": "./mod.ts" },
    };
    await using jsr = await serveJsr([found, std]);
    await using project = await makeProject();
    const env = { JSR_URL: jsr.url };
    assertEquals((await project.setUp(env)).code, 0);
    const home = Deno.realPathSync(project.root);
    const { stdout } = await runDeno(["info", "--json", "main.ts"], {
      cwd: home,
      env,
    });
    const contents = contentsOf(home, JSON.parse(stdout), []);
    assertEquals(contents.packages.map(idOf), ["jsr:@probe/lib@1.0.0"]);
    const [only] = contents.packages;
    assertEquals(only && licenceOf(only), {
      spdx: "MIT AND BSD-3-Clause",
      notices: ["Copyright Ada. MIT license.", "Copyright Bob. BSD license."],
    });
    const { components } = await makeSbom({
      contents,
      version: "1.0.0",
      runtime: "2.8.3",
      trial: false,
      date: 0,
      archives: [],
    });
    const manifest = await fetch(`${jsr.url}/@probe/lib/1.0.0_meta.json`);
    assertEquals(components[1]?.hashes, [{
      alg: "SHA-256",
      content: await sha256(await manifest.text()),
    }]);
    assertEquals(components[1]?.licenses, [
      { expression: "MIT AND BSD-3-Clause" },
    ]);
  });
});

describe("a package URL", () => {
  it("escapes the scope and the version", () => {
    const urls = [
      purlOf({ registry: "jsr", name: "@std/path", version: "1.1.3" }),
      purlOf({ registry: "npm", name: "hono", version: "4.0.0+a b" }),
    ];
    assertEquals(urls, [
      "pkg:jsr/%40std/path@1.1.3",
      "pkg:npm/hono@4.0.0%2Ba%20b",
    ]);
  });
});
