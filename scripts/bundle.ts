/** Bundles the sources into a few small files, so that a start parses only what it needs. */

import { joinChunks } from "./join_chunks.ts";
import { sameRegistry } from "./npm_route/tarball.ts";
import { reason, runDeno, SetupError } from "./process.ts";

/** The entries: what every start loads, what it loads if main.ts alone can't do the job, and a worker's. */
const QUICK = "main";
const WHOLE = "program";
const WORKER = "worker";

/** The arguments of `deno bundle`, with a separate file for each dynamically imported module. */
export function bundleArgs(folder: string, ...entries: string[]): string[] {
  return [
    ...["bundle", "--quiet", "--minify", "--code-splitting"],
    ...["--outdir", folder, ...entries],
  ];
}

/**
 * Bundles main.ts and everything it imports into one file in `folder`; of modules
 * shared with the rest of the program it includes only what it uses. The imports
 * of src/program.ts are in separate files. `sourceMaps` puts source maps next to
 * the files; those of joined files are from before joining.
 *
 * Throws a SetupError if the bundler fails or its output has an unexpected form.
 */
export async function bundle(
  root: string,
  folder: string,
  { sourceMaps = false } = {},
): Promise<void> {
  const env = await sameRegistry();
  const maps = sourceMaps ? ["--sourcemap=external"] : [];
  const whole = `./src/${WHOLE}.ts`;
  const entries = [whole, `./src/${WORKER}.ts`];
  await run(root, env, [...bundleArgs(folder, ...entries), ...maps]);
  await joinChunks(folder, `${WHOLE}.js`, env);
  const path = `${folder}/${QUICK}.js`;
  await run(root, env, [
    ...["bundle", "--quiet", "--minify", ...maps],
    ...["--external", whole, "--output", path, `${QUICK}.ts`],
  ]);
  const text = await Deno.readTextFile(path);
  const links = [[whole, WHOLE], [`./${WORKER}.ts`, WORKER]] as const;
  await Deno.writeTextFile(path, links.reduce(linked, text));
  // In a separate process: setup starts before the parser is installed.
  await run(root, env, [
    ...["run", "--allow-read", "--allow-write"],
    ...["scripts/eager.ts", path],
  ]);
}

/** Replaces a specifier with the path of its file in the bundle. */
function linked(
  code: string,
  [specifier, name]: readonly [specifier: string, name: string],
): string {
  if (!code.includes(`"${specifier}"`)) {
    throw new SetupError(`${QUICK}.ts does not name ${specifier}`);
  }
  return code.replaceAll(`"${specifier}"`, `"./${name}.js"`);
}

async function run(
  root: string,
  env: Record<string, string>,
  args: string[],
): Promise<void> {
  const { success, stderr } = await runDeno(args, { cwd: root, env });
  if (!success) throw new SetupError(`deno ${args[0]}: ${reason(stderr)}`);
}
