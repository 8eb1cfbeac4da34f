import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { fromFileUrl } from "@std/path";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import * as v from "valibot";
import { exists, runDeno, sha256, walk } from "../../scripts/process.ts";
import { RUNTIME_SHA256 } from "../../scripts/npm_route.ts";
import type { ModuleGraph } from "../../scripts/release/contents.ts";
import type { Component, Sbom } from "../../scripts/release/sbom.ts";
import { VERSION } from "../../src/version.ts";
import { deadUrl } from "../support/servers.ts";
import { programs } from "../support/store_files.ts";

const ROOT = fromFileUrl(import.meta.resolve("../..")).replace(/[\\/]$/, "");
const HERE = `${
  { darwin: "macos", windows: "windows" }[Deno.build.os as string] ?? "linux"
}-${Deno.build.arch === "aarch64" ? "arm64" : "x64"}`;
const DATE = 1_700_000_000;
const NAME = `nanoctl-${VERSION}-trial-${HERE}`;
/** Deno 2.6.10's runtime, where set-up has fetched it by npm. */
const NPMS = `${ROOT}/.runtime/denort`;
const BILL = `nanoctl-${VERSION}-trial.cdx.json`;
/** The archives in the order of their names; that for images takes Debian's packages. */
const ARCHIVES = [
  ...programs("dpkg-query")() === undefined ? [`${NAME}-root.tar.gz`] : [],
  `${NAME}.tar.gz`,
  `${NAME}.tar.xz`,
];
/** The packages of this machine's target. */
const PACKAGES = [
  `nanoctl-${VERSION}-trial.tgz`,
  `nanoctl-${HERE}-${VERSION}-trial.tgz`,
  "nanoctl.rb",
  ...Deno.build.os === "linux"
    ? [
      `nanoctl_${VERSION}~trial-1_${
        Deno.build.arch === "aarch64" ? "arm64" : "amd64"
      }.deb`,
    ]
    : [],
];

/** Runs scripts/release.ts of a project. */
async function release(
  root: string,
  args: string[],
  env: Record<string, string> = {},
  inherited = Deno.env.toObject(),
): Promise<{ code: number; stderr: string }> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", `${root}/scripts/release.ts`, ...args],
    cwd: root,
    clearEnv: true,
    env: {
      ...inherited,
      SOURCE_DATE_EPOCH: String(DATE),
      NO_COLOR: "1",
      ...env,
    },
    stdin: "null",
    stdout: "null",
  }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

/** The environment, without a runtime that was named for this very test run. */
function withoutRuntime(): Record<string, string> {
  const { DENORT_BIN: _, ...others } = Deno.env.toObject();
  return others;
}

const onPosix = Deno.build.os === "windows" ? describe.skip : describe;

onPosix("a trial release", () => {
  let folder = "";
  let out = "";
  let top = "";
  let bill: Sbom;

  beforeAll(async () => {
    folder = await Deno.makeTempDir({ prefix: "nanoctl-release-test-" });
    out = `${folder}/made/release`;
    const args = ["--trial", "--targets", HERE, "--out", out];
    const { code, stderr } = await release(ROOT, args);
    assertEquals(code, 0, stderr);
    const tar = await new Deno.Command("tar", {
      args: ["-xzpf", `${out}/${NAME}.tar.gz`, "-C", folder],
    }).output();
    assert(tar.success, new TextDecoder().decode(tar.stderr));
    top = `${folder}/${NAME}`;
    bill = JSON.parse(await Deno.readTextFile(`${out}/${BILL}`));
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  it("is the archives, the packages, the bill, the sums and how to install", () => {
    assertEquals([...walk(out)].sort(), [
      "/README.md",
      "/SHA256SUMS",
      "/install.ps1",
      "/install.sh",
      ...ARCHIVES.map((name) => `/${name}`),
      `/${BILL}`,
      ...PACKAGES.map((name) => `/${name}`),
    ]);
  });

  it("has the same in both its archives", async () => {
    const [gz, xz] = await Promise.all(
      ["gzip", "xz"].map((tool) =>
        new Deno.Command("sh", {
          args: [
            "-c",
            `${tool} -dc "$1" | sha256sum`,
            "-",
            tool === "xz" ? `${out}/${NAME}.tar.xz` : `${out}/${NAME}.tar.gz`,
          ],
        }).output()
      ),
    );
    assert(gz?.success && xz?.success);
    assertEquals(xz.stdout, gz.stdout);
  });

  it("has sums as sha256sum writes them", async () => {
    const lines = (await Deno.readTextFile(`${out}/SHA256SUMS`)).split("\n");
    assertEquals(lines.pop(), "");
    const expected = [
      "install.ps1",
      "install.sh",
      ...ARCHIVES,
      BILL,
      ...PACKAGES,
    ].map(async (name) =>
      `${await sha256(await Deno.readFile(`${out}/${name}`))}  ${name}`
    );
    assertEquals(lines, await Promise.all(expected));
  });

  it("has the program, the licences and all that the README links to in its archive", async () => {
    const docs = [...walk(`${ROOT}/docs`)].map((path) => `/docs${path}`);
    assertEquals([...walk(top)].sort(), [
      "/CHANGELOG.md",
      "/CONTRIBUTING.md",
      "/LICENSE",
      "/README.md",
      "/THIRD_PARTY_LICENSES",
      ...docs.sort(),
      "/nanoctl",
    ]);
    for (const path of walk(top)) {
      const { mode, mtime } = await Deno.stat(top + path);
      const expected = path === "/nanoctl" ? 0o755 : 0o644;
      assertEquals((mode ?? 0) & 0o777, expected, path);
      assertEquals((mtime?.getTime() ?? 0) / 1000, DATE, path);
    }
    const readme = await Deno.readTextFile(`${top}/README.md`);
    const linked = [...readme.matchAll(/\]\(((?!https?:)[^)#]+)\)/g)]
      .map(([, path = ""]) => path);
    assert(linked.length > 5, `${linked}`);
    for (const file of ["LICENSE", "README.md", ...linked]) {
      const [ours, theirs] = [`${ROOT}/${file}`, `${top}/${file}`];
      assertEquals(
        await Deno.readTextFile(theirs),
        await Deno.readTextFile(ours),
      );
    }
  });

  it("has a program that does what nanoctl does", () => {
    const runs = [["--version"], ["token"]].map((args) =>
      new Deno.Command(`${top}/nanoctl`, {
        args,
        clearEnv: true,
        env: { HOME: folder, NANOSERVICES_TOKEN: "a-token" },
      }).outputSync()
    );
    const [version, token] = runs.map(({ stdout }) =>
      new TextDecoder().decode(stdout)
    );
    assertStringIncludes(version ?? "", `nanoctl ${VERSION} (`);
    assertEquals(token, "a-token\n");
  });

  it("says that it is a trial, and on which runtime", async () => {
    const readme = await Deno.readTextFile(`${out}/README.md`);
    assertStringIncludes(readme, "This is a trial build and not a release");
    const [deno] = bill.components;
    assertStringIncludes(readme, `Built on Deno ${deno?.version}.`);
    assertEquals(bill.metadata.properties, [
      { name: "nanoctl:trial", value: "true" },
    ]);
    const { stdout } = new Deno.Command(`${top}/nanoctl`, {
      args: ["--version"],
    }).outputSync();
    assertStringIncludes(
      new TextDecoder().decode(stdout),
      `Deno ${deno?.version})`,
    );
  });

  it("is the same from another folder and after another day's work", async () => {
    const copy = `${folder}/a copy of the project`;
    await Deno.mkdir(copy);
    const cp = await new Deno.Command("cp", {
      args: [
        "-R",
        ...[
          "CHANGELOG.md",
          "CONTRIBUTING.md",
          "LICENSE",
          "README.md",
          "deno.json",
          "docs",
          "main.ts",
          "node_modules",
          "scripts",
          "src",
          "vendor",
        ].map((path) => `${ROOT}/${path}`),
        copy,
      ],
    }).output();
    assert(cp.success);
    // A named runtime is for this machine alone, so no target need be named.
    const { code, stderr } = exists(NPMS)
      ? await release(copy, ["--trial", "--twice"], { DENORT_BIN: NPMS })
      : await release(copy, ["--trial", "--twice", "--targets", HERE]);
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, "Built twice: every byte is the same");
    if (exists(NPMS)) {
      assertStringIncludes(stderr, "Leaving out windows-x64: DENORT_BIN names");
    }
    const [one, other] = [out, `${copy}/dist/release`].map((path) =>
      Deno.readTextFileSync(`${path}/SHA256SUMS`)
    );
    assertEquals(other, one);
  });

  it("can be installed by its own install.sh", async () => {
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async (request) => {
        const path = out + new URL(request.url).pathname;
        return new Response((await Deno.open(path)).readable);
      },
    );
    const { code, stdout, stderr } = await new Deno.Command(
      `${out}/install.sh`,
      {
        args: ["--to", `${folder}/bin`],
        env: {
          NANOCTL_DOWNLOAD_URL: `http://127.0.0.1:${server.addr.port}`,
          TMPDIR: folder,
        },
      },
    ).output();
    await server.shutdown();
    const [said, complaint] = [stdout, stderr].map((bytes) =>
      new TextDecoder().decode(bytes)
    );
    assertEquals([code, complaint], [0, ""]);
    assertStringIncludes(said ?? "", `Installed nanoctl ${VERSION} (`);
    assertEquals(
      await Deno.readFile(`${folder}/bin/nanoctl`),
      await Deno.readFile(`${top}/nanoctl`),
    );
  });

  describe("its bill of materials", () => {
    it("keeps the rules of CycloneDX 1.6", () => {
      v.parse(SBOM, bill);
    });

    it("has a date and a serial number that depend on its contents alone", () => {
      assertEquals(bill.metadata.timestamp, "2023-11-14T22:13:20.000Z");
      assertMatch(bill.serialNumber, /^urn:uuid:.{14}8/);
    });

    it("refers to nothing that it does not list, and twice to nothing", () => {
      const refs = everything(bill).map((component) => component["bom-ref"]);
      assertEquals(refs.length, new Set(refs).size);
      const referring = bill.dependencies.map(({ ref }) => ref);
      assertEquals(referring.length, new Set(referring).size);
      for (const { ref, dependsOn } of bill.dependencies) {
        for (const one of [ref, ...dependsOn]) assert(refs.includes(one), one);
        assertEquals(dependsOn.length, new Set(dependsOn).size);
      }
    });

    it("can be walked from nanoctl to every component", () => {
      const reached = new Set([bill.metadata.component["bom-ref"]]);
      for (const ref of reached) {
        const entry = bill.dependencies.find((one) => one.ref === ref);
        for (const next of entry?.dependsOn ?? []) reached.add(next);
      }
      const all = bill.components.map((component) => component["bom-ref"]);
      assertEquals(all.filter((ref) => !reached.has(ref)), []);
    });

    it("lists the packages of all modules, and no other", async () => {
      const { stdout } = await runDeno(["info", "--json", "main.ts"], {
        cwd: ROOT,
      });
      const { modules }: ModuleGraph = JSON.parse(stdout);
      const bundle = `${folder}/bundle.js`;
      const made = await runDeno([
        "bundle",
        "--quiet",
        "--sourcemap=external",
        "--output",
        bundle,
        "main.ts",
      ], { cwd: ROOT });
      assert(made.success, made.stderr);
      const { sources }: { sources: string[] } = JSON.parse(
        await Deno.readTextFile(`${bundle}.map`),
      );
      const seen = [...modules.map(({ specifier }) => specifier), ...sources];
      assert(sources.length > 50 && modules.length > 50);
      const expected = new Set(seen.flatMap(packageIn));
      const listed = bill.components.slice(1).map(({ group, name, version }) =>
        `${group === undefined ? "" : `${group}/`}${name}@${version}`
      );
      assertEquals(listed.toSorted(), [...expected].sort());
    });

    it("has the sum of what each package is", async () => {
      const { hashes = [] } = bill.components.find(({ purl }) =>
        purl?.startsWith("pkg:npm/hono@")
      ) ?? {};
      // By the tools that the bill names, not by our own code.
      const { stdout } = await new Deno.Command("sh", {
        args: [
          "-c",
          "find . -type f -exec sha256sum {} + | LC_ALL=C sort | sha256sum",
        ],
        cwd: `${ROOT}/node_modules/hono`,
      }).output();
      const [sum] = new TextDecoder().decode(stdout).split(" ");
      if (Deno.build.os === "linux") assertEquals(hashes[0]?.content, sum);
    });

    it("has the sum of each archive", async () => {
      const files = bill.metadata.component.components ?? [];
      assertEquals(
        files.map(({ name }) => name),
        [...ARCHIVES, ...PACKAGES.filter((name) => name !== "nanoctl.rb")],
      );
      for (const { name, hashes } of files) {
        const sum = await sha256(await Deno.readFile(`${out}/${name}`));
        assertEquals(hashes?.[0]?.content, sum);
      }
    });
  });

  it("has the licence of every component", async () => {
    const text = await Deno.readTextFile(`${top}/THIRD_PARTY_LICENSES`);
    for (const { group, name, version, licenses } of bill.components) {
      const whole = `${group === undefined ? "" : `${group}/`}${name}`;
      const title = name === "deno" ? "Deno" : whole;
      const [, chapter = ""] = text.split(`\n${title} ${version}`);
      const [license] = licenses ?? [];
      const spdx = license && "license" in license
        ? license.license.id
        : license?.expression;
      assertStringIncludes(
        chapter.slice(0, 80),
        `SPDX-License-Identifier: ${spdx}\n`,
      );
      assertMatch(chapter.split("=====")[0] ?? "", /Copyright[\s\S]*WARRANT/);
    }
    const hono = await Deno.readTextFile(`${ROOT}/node_modules/hono/LICENSE`);
    assertStringIncludes(text, hono.trim());
  });
});

/** "@std/path@1.1.3" for a module of it; nothing for our own and for Node's. */
function packageIn(module: string): string[] {
  const inside = module.slice(module.indexOf("/node_modules/"));
  const npm = inside.match(/^(.*\/node_modules\/((?:@[^/]+\/)?[^/]+))\//);
  if (npm) {
    const manifest = Deno.readTextFileSync(`${ROOT}${npm[1]}/package.json`);
    return [`${npm[2]}@${JSON.parse(manifest).version}`];
  }
  const jsr = module.match(/https?:.*\/(@[^/]+\/[^/]+)\/([^/]+)\//);
  return jsr ? [`${jsr[1]}@${jsr[2]}`] : [];
}

function everything({ metadata, components }: Sbom): Component[] {
  const nested = (component: Component): Component[] => [
    component,
    ...(component.components ?? []).flatMap(nested),
  ];
  return [metadata.component, ...components].flatMap(nested);
}

const REF = v.pipe(v.string(), v.minLength(1));
const HASHES = v.array(v.strictObject({
  alg: v.literal("SHA-256"),
  content: v.pipe(v.string(), v.regex(/^[a-f0-9]{64}$/)),
}));
const PROPERTIES = v.array(v.strictObject({ name: REF, value: v.string() }));
/** SPDX identifiers that our dependencies may have. */
const SPDX = v.picklist(
  "MIT ISC BSD-3-Clause Apache-2.0 0BSD LGPL-2.1-or-later".split(" "),
);
const COMMON = {
  "bom-ref": REF,
  name: REF,
  version: REF,
  purl: v.pipe(
    v.string(),
    v.regex(
      /^pkg:[a-z]+\/(%40[\w.-]+\/|[\w.-]+\/)?[\w.-]+@[\w.%-]+(\?arch=\w+)?$/,
    ),
  ),
  licenses: v.union([
    v.pipe(
      v.array(v.strictObject({ license: v.strictObject({ id: SPDX }) })),
      v.length(1),
    ),
    v.tuple([v.strictObject({ expression: REF })]),
  ]),
};

/** The rules of the format for what we use of it, and that we use nothing else. */
const SBOM = v.strictObject({
  $schema: v.literal("http://cyclonedx.org/schema/bom-1.6.schema.json"),
  bomFormat: v.literal("CycloneDX"),
  specVersion: v.literal("1.6"),
  serialNumber: v.pipe(
    v.string(),
    v.regex(
      /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    ),
  ),
  version: v.pipe(v.number(), v.integer(), v.minValue(1)),
  metadata: v.strictObject({
    timestamp: v.pipe(v.string(), v.isoTimestamp()),
    tools: v.strictObject({
      components: v.array(v.strictObject({
        type: v.literal("application"),
        name: REF,
        version: REF,
      })),
    }),
    component: v.strictObject({
      ...COMMON,
      type: v.literal("application"),
      components: v.array(v.strictObject({
        type: v.literal("file"),
        "bom-ref": REF,
        name: REF,
        hashes: HASHES,
        components: v.optional(v.array(v.strictObject({
          ...COMMON,
          type: v.literal("library"),
        }))),
      })),
    }),
    properties: PROPERTIES,
  }),
  components: v.tupleWithRest(
    [v.strictObject({
      ...COMMON,
      type: v.literal("platform"),
      description: v.string(),
    })],
    v.strictObject({
      ...COMMON,
      type: v.literal("library"),
      group: v.optional(v.pipe(v.string(), v.startsWith("@"))),
      hashes: HASHES,
      properties: PROPERTIES,
    }),
  ),
  dependencies: v.array(v.strictObject({
    ref: REF,
    dependsOn: v.array(REF),
  })),
});

describe("deno task release", () => {
  const somewhere = fromFileUrl(import.meta.url);

  it("is a task that sets up first", async () => {
    const { tasks } = JSON.parse(
      await Deno.readTextFile(`${ROOT}/deno.json`),
    );
    assertEquals(
      tasks.release,
      "deno run -A scripts/setup.ts && deno run -A scripts/release.ts",
    );
  });

  it("has its version in the changelog", async () => {
    const text = await Deno.readTextFile(`${ROOT}/CHANGELOG.md`);
    const [newest = ""] = text.match(/^## .*$/m) ?? [];
    assertStringIncludes(newest, `## [${VERSION}] - `);
    const kinds = [...text.matchAll(/^### (.*)$/gm)].map(([, kind]) => kind);
    const known = "Added Changed Deprecated Removed Fixed Security".split(" ");
    assertEquals(kinds.filter((kind) => !known.includes(kind ?? "")), []);
  });

  const REFUSED: Record<
    string,
    [
      args: string[],
      env: Record<string, string>,
      code: number,
      says: string,
    ]
  > = {
    "a target that there is not": [
      ["--targets", "linux-x64,plan9-x64"],
      {},
      2,
      "there is no target plan9-x64; there are linux-x64, ",
    ],
    "an option that there is not": [["--fast"], {}, 2, "'--fast'"],
    "a date that is none": [
      [],
      { SOURCE_DATE_EPOCH: "yesterday" },
      1,
      "SOURCE_DATE_EPOCH is no number of seconds",
    ],
    "a DENORT_BIN that is not there": [
      [],
      { DENORT_BIN: `${somewhere}.missing` },
      1,
      "which is no file",
    ],
  };

  for (const [what, [args, env, expected, says]] of Object.entries(REFUSED)) {
    it(`refuses ${what}, in one line`, async () => {
      const { code, stderr } = await release(ROOT, args, env);
      assertEquals(code, expected, stderr);
      assertMatch(stderr, /^error: [^\n]+\n$/);
      assertStringIncludes(stderr, says);
    });
  }

  const isThere = Deno.build.os === "linux" && exists(NPMS);
  const withNpms = isThere ? it : it.skip;

  withNpms("refuses the runtime that comes by npm", async () => {
    assertEquals(await sha256(await Deno.readFile(NPMS)), RUNTIME_SHA256);
    const out = `${ROOT}/.runtime/no-release`;
    const { code, stderr } = await release(ROOT, ["--out", out], {
      DENORT_BIN: NPMS,
    });
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, "is of 2.6.10, by npm. --trial makes");
    assertEquals(exists(out), false);
  });

  withNpms(
    "takes a named target that cannot be built for an error",
    async () => {
      const other = HERE === "linux-arm64" ? "linux-x64" : "linux-arm64";
      const args = ["--trial", "--targets", `${HERE},${other}`];
      const { code, stderr } = await release(ROOT, args, { DENORT_BIN: NPMS });
      assertEquals(code, 1, stderr);
      assertStringIncludes(stderr, `error: ${other} cannot be built here: `);
    },
  );

  it("refuses any runtime but Deno's own where that cannot be had", async () => {
    const folder = await Deno.makeTempDir({ prefix: "nanoctl-no-deno-" });
    const { code, stderr } = await release(ROOT, [], {
      DENO_DIR: folder,
      HTTPS_PROXY: deadUrl(),
      NO_PROXY: "",
    }, withoutRuntime());
    await Deno.remove(folder, { recursive: true });
    assertEquals(code, 1, stderr);
    assertMatch(
      stderr,
      /\nerror: Deno's own runtime cannot be had \(.*\), and a release is not built on another\. --trial .*\n$/,
    );
  });

  it("leaves nothing behind when it is refused", async () => {
    const { code } = await release(ROOT, [], {
      DENORT_BIN: `${somewhere}.missing`,
    });
    assertEquals(code, 1);
    const left = [...Deno.readDirSync(`${ROOT}/.runtime`)].map(({ name }) =>
      name
    );
    assertEquals(left.filter((name) => name.startsWith("release-")), []);
  });
});
