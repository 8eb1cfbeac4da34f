/** Makes dist/nanoctl, and only when something it is made of has changed. */

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

/** All the program may do. It cannot load a library or a module, and it never asks. */
export const PERMISSIONS: readonly string[] = [
  "--allow-net",
  "--allow-env",
  "--allow-read",
  "--allow-write",
  // `exec`, credential helpers.
  "--allow-run",
  // Whether a file is ours.
  "--allow-sys=uid",
  "--deny-ffi",
  "--deny-import",
  "--no-prompt",
];

/** Lets the program give a worker fewer rights than it has itself. */
const WORKER_OPTIONS = "--unstable-worker-options";

/** A bundle is all there is: without a configuration no packages are put beside it. */
const BUNDLED = ["--no-config", ...PERMISSIONS];
/** Without a bundle --deny-import would refuse vendor/; denort itself has no way to import. */
const WITHOUT_BUNDLE = PERMISSIONS.filter((flag) => flag !== "--deny-import");

/** What the last compilation was made of. */
interface Stamp {
  inputs: string;
  bytes: number;
}

/** Where the program is, from the root of the project. */
export const PROGRAM: string = Deno.build.os === "windows"
  ? "dist/nanoctl.exe"
  : "dist/nanoctl";
const STAMP = "dist/.compiled.json";

/** What else a compilation may be told. */
export interface CompileOptions {
  /** The module that a worker runs: nothing imports it. */
  worker?: string;
  flags?: readonly string[];
}

/** The arguments of `deno compile`. Types are for `deno task check`. */
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
    // The cache is code that is run, kept in a shared folder under a name that anyone can guess.
    "--no-code-cache",
    WORKER_OPTIONS,
    "--output",
    output,
    ...worker === undefined ? [] : ["--include", worker],
    ...flags,
    entry,
  ];
}

/** A hash of everything that decides what comes out. */
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

/** The size of the program in bytes if it was made of just these inputs. */
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
 * Bundles into `work`; false where npm does not give Deno its bundler.
 *
 * Throws where the bundler itself fails.
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

/** Compiles in `work` and renames: whoever runs the old program keeps it. Returns the size. */
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
