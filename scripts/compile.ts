/** Compiles dist/nanoctl, if any of its inputs have changed. */

import { bundle } from "./bundle.ts";
import { sameRegistry } from "./npm_route/tarball.ts";
import {
  message,
  readIfThere,
  readJson,
  reason,
  runDeno,
  say,
  SetupError,
  sha256,
  walk,
} from "./process.ts";
import type { Runtime } from "./runtime.ts";

/** The program's permissions. It can't load native libraries or remote modules, and never prompts. */
export const PERMISSIONS: readonly string[] = [
  "--allow-net",
  "--allow-env",
  "--allow-read",
  "--allow-write",
  // `exec`, credential helpers.
  "--allow-run",
  // To check who owns a file.
  "--allow-sys=uid",
  "--deny-ffi",
  "--deny-import",
  "--no-prompt",
];

/** Lets the program give a worker fewer permissions than its own. */
const WORKER_OPTIONS = "--unstable-worker-options";

/** A bundle is self-contained: without a configuration, no packages are added to it. */
const BUNDLED = ["--no-config", ...PERMISSIONS];
/** Without a bundle, --deny-import would refuse vendor/; denort itself can't import anyway. */
const WITHOUT_BUNDLE = PERMISSIONS.filter((flag) => flag !== "--deny-import");

/** The inputs of the last compilation. */
interface Stamp {
  inputs: string;
  bytes: number;
}

/** The program's path, relative to the project root. */
export const PROGRAM: string = Deno.build.os === "windows"
  ? "dist/nanoctl.exe"
  : "dist/nanoctl";
const STAMP = "dist/.compiled.json";

/** Further options of a compilation. */
export interface CompileOptions {
  /** The worker's module, which nothing imports. */
  worker?: string;
  flags?: readonly string[];
}

/** The arguments of `deno compile`. `deno task check` checks the types. */
export function compileArgs(
  entry: string,
  output: string,
  { worker, flags = BUNDLED }: CompileOptions = {},
): string[] {
  return [
    "compile",
    "--quiet",
    "--no-check",
    "--cached-only",
    // The code cache is executable code in a shared folder, under a predictable name.
    "--no-code-cache",
    WORKER_OPTIONS,
    "--output",
    output,
    ...worker === undefined ? [] : ["--include", worker],
    ...flags,
    entry,
  ];
}

/** A hash of everything that determines the output. */
export async function inputsOf(
  root: string,
  dependencies: string,
): Promise<string> {
  const parts = [
    "main.ts",
    "deno.json",
    "scripts/bundle.ts",
    "scripts/compile.ts",
    "scripts/eager.ts",
    "scripts/join_chunks.ts",
  ].map((path) => readIfThere(`${root}/${path}`) ?? "");
  for (const path of walk(`${root}/src`)) {
    parts.push(path, readIfThere(`${root}/src${path}`) ?? "");
  }
  const named = Deno.env.get("DENORT_BIN");
  const file = named
    ? await Deno.stat(named).catch(() => undefined)
    : undefined;
  const runtime = [
    named,
    file?.size,
    file?.mtime?.getTime(),
    Deno.version.deno,
  ];
  return await sha256(JSON.stringify([parts, dependencies, runtime]));
}

/** The program's size in bytes; undefined if it was not compiled from these inputs. */
export function compiledSize(root: string, inputs: string): number | undefined {
  const stamp = readJson<Stamp>(`${root}/${STAMP}`);
  const size = sizeOf(`${root}/${PROGRAM}`);
  return stamp?.inputs === inputs && stamp?.bytes === size ? size : undefined;
}

function sizeOf(path: string): number | undefined {
  try {
    return Deno.statSync(path).size;
  } catch {
    return undefined;
  }
}

/**
 * Bundles into `work`; false if Deno can't get its bundler from npm.
 *
 * Throws if the bundler itself fails.
 */
async function bundled(root: string, work: string): Promise<boolean> {
  try {
    await bundle(root, `${work}/bundle`);
    return true;
  } catch (error) {
    if (!message(error).includes("esbuild")) throw error;
    say("  npm does not give Deno its bundler: the program will start slower");
    return false;
  }
}

/** Compiles in `work`, then renames, so that running processes keep the old program. Returns the size in bytes. */
export async function compile(
  root: string,
  inputs: string,
  runtime: Runtime,
  work: string,
): Promise<number> {
  if (sizeOf(`${root}/main.ts`) === undefined) {
    throw new SetupError("there is no main.ts here");
  }
  const fresh = `${work}/${PROGRAM.slice("dist/".length)}`;
  const env = {
    ...await sameRegistry(),
    ...(runtime.path ? { DENORT_BIN: runtime.path } : {}),
  };
  const outcome = await bundled(root, work)
    ? await runDeno(
      compileArgs("bundle/main.js", fresh, { worker: "bundle/worker.js" }),
      { cwd: work, env },
    )
    : await runDeno(
      compileArgs("main.ts", fresh, {
        worker: "src/worker.ts",
        flags: WITHOUT_BUNDLE,
      }),
      { cwd: root, env },
    );
  if (!outcome.success) {
    throw new SetupError(`deno compile: ${reason(outcome.stderr)}`);
  }
  await Deno.mkdir(`${root}/dist`, { recursive: true });
  const bytes = Deno.statSync(fresh).size;
  await Deno.rename(fresh, `${root}/${PROGRAM}`);
  await Deno.writeTextFile(
    `${root}/${STAMP}`,
    JSON.stringify({ inputs, bytes }),
  );
  return bytes;
}
