/** Fills vendor/ and node_modules/, from JSR or else by the npm route. */

import { fillVendor, npmRouteSources } from "./npm_route.ts";
import { npmRegistry, sameRegistry } from "./npm_route/tarball.ts";
import {
  message,
  readIfThere,
  readJson,
  reason,
  remove,
  runDeno,
  say,
  SetupError,
  sha256,
  walk,
} from "./process.ts";

/** How long to wait for a host before trying the other route. */
const PROBE_MS = 5000;

/** What the sources need from the two folders. */
export interface Wanted {
  imports: Record<string, string>;
  /** Every required specifier, including packages' entry points. */
  specifiers: string[];
  /** A hash of all this. */
  hash: string;
}

/** A file in vendor/ that records what filled it, and for which dependencies. */
interface Stamp {
  wanted: string;
  /** The hash of the npm route's sources, if that route was taken. */
  npmRoute?: string;
}

const STAMP = "vendor/.setup.json";

/** Reads the required dependencies from deno.json and the sources. */
export async function wantedBy(root: string): Promise<Wanted> {
  const config: { imports?: Record<string, string> } = JSON.parse(
    await Deno.readTextFile(`${root}/deno.json`),
  );
  const imports = config.imports ?? {};
  // npm packages are needed whole; JSR packages only by the entry points in use.
  const specifiers = new Set(
    Object.keys(imports).filter((key) => imports[key]?.startsWith("npm:")),
  );
  for (const source of sources(root)) {
    for (
      const [, specifier = ""] of source.matchAll(
        /\b(?:from|import)[\s(]*"([^"\n]+)"/g,
      )
    ) {
      const known = Object.keys(imports).some((key) =>
        specifier === key || specifier.startsWith(`${key}/`)
      );
      if (known) specifiers.add(specifier);
    }
  }
  const sorted = [...specifiers].sort();
  const facts = JSON.stringify([
    imports,
    sorted,
    Deno.env.get("JSR_URL") ?? "",
  ]);
  return { imports, specifiers: sorted, hash: await sha256(facts) };
}

function* sources(root: string): Generator<string> {
  yield readIfThere(`${root}/main.ts`) ?? "";
  for (const folder of ["src", "tests", "scripts"]) {
    for (const path of walk(`${root}/${folder}`)) {
      if (path.endsWith(".ts")) {
        yield readIfThere(`${root}/${folder}${path}`) ?? "";
      }
    }
  }
}

/** Whether an earlier setup filled the folders for exactly these dependencies. */
export async function isStamped(
  root: string,
  { hash }: Wanted,
): Promise<boolean> {
  const stamp = readJson<Stamp>(`${root}/${STAMP}`);
  if (stamp?.wanted !== hash || !isFolder(`${root}/node_modules`)) return false;
  return await isRouteOfNow(stamp);
}

/** Whether the npm route that filled the folders, if any, is the current version. */
async function isRouteOfNow({ npmRoute }: Stamp): Promise<boolean> {
  return npmRoute === undefined || npmRoute === await sha256(npmRouteSources());
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** Completes both folders, or leaves them unchanged. `work` must be on the same file system. */
export async function provideDependencies(
  root: string,
  wanted: Wanted,
  work: string,
): Promise<void> {
  await Deno.writeTextFile(`${work}/entry.ts`, entry(wanted.specifiers));
  if (await isCompleteAsFound(root, wanted, work)) {
    const found = readJson<Stamp>(`${root}/${STAMP}`);
    return await writeStamp(root, { ...found, wanted: wanted.hash });
  }
  say("Setting up: fetching the dependencies (once)");
  await Deno.writeTextFile(`${work}/deno.json`, stagingConfig(wanted));
  const base = await jsrBase(work);
  const npmRoute = await fill(base, work);
  await writeStamp(work, {
    wanted: wanted.hash,
    ...(npmRoute ? { npmRoute } : {}),
  });
  await swapIn(root, work);
}

function entry(specifiers: string[]): string {
  return specifiers.map((specifier) => `import "${specifier}";\n`).join("");
}

function stagingConfig({ imports }: Wanted): string {
  return JSON.stringify({
    imports,
    vendor: true,
    nodeModulesDir: "manual",
    lock: false,
  });
}

async function writeStamp(folder: string, stamp: Stamp): Promise<void> {
  await Deno.mkdir(`${folder}/vendor`, { recursive: true });
  await Deno.writeTextFile(`${folder}/${STAMP}`, JSON.stringify(stamp));
}

/** Whether a vendor/ that was filled by hand, or by Deno itself, is complete. */
async function isCompleteAsFound(
  root: string,
  wanted: Wanted,
  work: string,
): Promise<boolean> {
  if (!isFolder(`${root}/vendor`)) return false;
  const stamp = readJson<Stamp>(`${root}/${STAMP}`);
  if (stamp && !await isRouteOfNow(stamp)) return false;
  if (
    !npmPackages(wanted).every(([name, version]) =>
      isInstalled(root, name, version)
    )
  ) {
    return false;
  }
  // Deno links all modules before it runs any, so exiting in the first one runs none of them.
  await Deno.writeTextFile(`${work}/stop.ts`, "Deno.exit(0);\n");
  const found = `${work}/found.ts`;
  const importable = wanted.specifiers.filter((name) =>
    !name.startsWith("@types/")
  );
  await Deno.writeTextFile(found, entry(["./stop.ts", ...importable]));
  const strict = ["--cached-only", "--check", "--no-prompt"];
  const config = ["--config", `${root}/deno.json`];
  return (await runDeno(["run", ...strict, ...config, found])).success;
}

/** "npm:hono@4.13.19" as ["hono", "4.13.19"]. */
function npmPackages({ imports }: Wanted): [string, string][] {
  return Object.values(imports)
    .map((target) => target.match(/^npm:(@?[^@]+)@([^/]+)/))
    .flatMap((found) => found ? [[found[1] ?? "", found[2] ?? ""]] : []);
}

function isInstalled(root: string, name: string, version: string): boolean {
  const path = `${root}/node_modules/${name}/package.json`;
  return readJson<{ version: string }>(path)?.version === version;
}

/** Deno's URL for JSR, from its error message for an import that can't be cached yet. */
export async function jsrBase(work: string): Promise<URL> {
  const probe = `${work}/probe.ts`;
  await Deno.writeTextFile(probe, `import "jsr:@std/path";\n`);
  const { stderr } = await runDeno([
    "run",
    "--no-config",
    "--no-check",
    "--cached-only",
    probe,
  ], {
    env: { DENO_DIR: `${work}/empty_deno_dir` },
  });
  const found = stderr.match(/"(https?:\/\/[^"]*\/)@std\/path\/meta\.json"/);
  if (!found?.[1]) {
    throw new SetupError(`Deno does not say where JSR is: ${reason(stderr)}`);
  }
  return new URL(found[1]);
}

/** Deno's name for a host's folder in vendor/. */
export function vendorFolder(base: URL): string {
  const scheme = base.protocol === "https:" ? "" : "http_";
  const port = base.port === "" ? "" : `_${base.port}`;
  return `${scheme}${base.hostname}${port}${base.pathname.replace(/\/$/, "")}`;
}

/** Fills the staging folder; returns the npm route's hash if it took that route. */
async function fill(base: URL, work: string): Promise<string | undefined> {
  let jsr = await unreachable(new URL("@std/path/meta.json", base));
  if (jsr === undefined) {
    const failure = await install(work);
    if (failure === undefined) return undefined;
    jsr = failure;
  }
  say(`  ${base.host} cannot be used (${jsr}); taking the npm route`);
  await remove(`${work}/vendor`);
  try {
    await fillVendor(`${work}/vendor/${vendorFolder(base)}`, `${work}/npm`);
    const failure = await install(work);
    if (failure !== undefined) throw new SetupError(failure);
  } catch (error) {
    throw new SetupError(await outOfReach(base, jsr, message(error)));
  }
  return await sha256(npmRouteSources());
}

async function outOfReach(
  base: URL,
  jsr: string,
  npm: string,
): Promise<string> {
  return `the dependencies are out of reach: neither JSR at ${base.origin} (${jsr}) nor npm at ` +
    `${await npmRegistry()} (${npm}). Allow one of them (JSR_URL, NPM_CONFIG_REGISTRY, ` +
    "HTTPS_PROXY and DENO_CERT are honoured), or work offline: copy vendor/ and node_modules/ " +
    "from a machine where set-up has run, and name a denort in DENORT_BIN";
}

/** Why a URL can't be reached; undefined if it can. */
export async function unreachable(
  url: URL,
  method = "GET",
): Promise<string | undefined> {
  try {
    const answer = await fetch(url, {
      method,
      signal: AbortSignal.timeout(PROBE_MS),
    });
    await answer.body?.cancel();
    return answer.ok ? undefined : `HTTP ${answer.status}`;
  } catch (error) {
    if (error instanceof DOMException) {
      return `no answer within ${PROBE_MS / 1000} s`;
    }
    return message(error).split(": ").at(-1)?.replace(/ \(os error .*/, "");
  }
}

/**
 * Lets Deno fetch what is still missing from the staging folder; returns why that
 * failed, if it did. "hoisted" is a node_modules without links, which can be renamed.
 */
async function install(work: string): Promise<string | undefined> {
  const args = [
    "install",
    "--entrypoint",
    "--node-modules-linker=hoisted",
    "entry.ts",
  ];
  const { success, stderr } = await runDeno(args, {
    cwd: work,
    env: await sameRegistry(),
  });
  return success ? undefined : reason(stderr);
}

/** Moves vendor/ last: it has the stamp, so a killed setup leaves none. */
async function swapIn(root: string, work: string): Promise<void> {
  await remove(`${root}/vendor`);
  await remove(`${root}/node_modules`);
  await Deno.mkdir(`${work}/node_modules`, { recursive: true });
  await Deno.rename(`${work}/node_modules`, `${root}/node_modules`);
  await Deno.rename(`${work}/vendor`, `${root}/vendor`);
}
