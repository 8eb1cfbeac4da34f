/** Bundles the sources into few small files, so that a start parses no more than it needs. */

import { joinChunks } from "./join_chunks.ts";
import { sameRegistry } from "./npm_route/tarball.ts";
import { reason, runDeno, SetupError } from "./process.ts";

/** What every start loads, what it loads for whatever main.ts alone does not do, and what a worker does. */
const QUICK = "main";
const WHOLE = "program";
const WORKER = "worker";

/** The arguments of `deno bundle`: with a small file for each module that is imported when it is needed. */
export function bundleArgs(folder: string, ...entries: string[]): string[] {
  return [
    ...["bundle", "--quiet", "--minify", "--code-splitting"],
    ...["--outdir", folder, ...entries],
  ];
}

/**
 * Bundles main.ts into `folder`, with everything that it imports in one file:
 * of a module that the whole program shares only what is used there. What
 * src/program.ts imports is in files of its own. With `sourceMaps` they lie
 * beside the files; the maps of what was joined are those from before it.
 *
 * Throws a SetupError where the bundler fails, or makes what is not understood.
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
  // In a process of its own: set-up runs before the parser is there.
  await run(root, env, [
    ...["run", "--allow-read", "--allow-write"],
    ...["scripts/eager.ts", path],
  ]);
}

/** Names a file as it lies in the folder of the bundle. */
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
