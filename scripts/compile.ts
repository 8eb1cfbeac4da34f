/** Makes dist/nanoctl, and only when something it is made of has changed. */

import type { Runtime } from "./runtime.ts";
import { sameRegistry } from "./npm_route/tarball.ts";
import {
  readIfThere,
  readJson,
  reason,
  runDeno,
  say,
  SetupError,
  sha256,
  walk,
} from "./process.ts";

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

/**
 * The flags and arguments of `deno compile`. Types are for `deno task check`.
 * Bundling needs esbuild, which Deno fetches from npm when it has not got it.
 */
export function compileArgs(
  entry: string,
  output: string,
  bundle = true,
): string[] {
  const args = [
    "compile",
    "--quiet",
    "--no-check",
    // The cache is code that is run, kept in a shared folder under a name that anyone can guess.
    "--no-code-cache",
    "--output",
    output,
  ];
  if (bundle) return [...args, "--bundle", "--minify", ...PERMISSIONS, entry];
  // Without a bundle --deny-import would refuse vendor/; denort itself has no way to import.
  const rest = PERMISSIONS.filter((flag) => flag !== "--deny-import");
  return [...args, "--cached-only", ...rest, entry];
}

/** A hash of everything that decides what comes out. */
export async function inputsOf(
  root: string,
  dependencies: string,
): Promise<string> {
  const parts = ["main.ts", "deno.json", "scripts/compile.ts"].map((path) =>
    readIfThere(`${root}/${path}`) ?? ""
  );
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
  const options = {
    cwd: root,
    env: {
      ...await sameRegistry(),
      ...(runtime.path ? { DENORT_BIN: runtime.path } : {}),
    },
  };
  const entry = `${root}/main.ts`;
  let outcome = await runDeno(compileArgs(entry, fresh), options);
  if (!outcome.success && outcome.stderr.includes("esbuild")) {
    say("  npm does not give Deno its bundler: the program will start slower");
    outcome = await runDeno(compileArgs(entry, fresh, false), options);
  }
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
