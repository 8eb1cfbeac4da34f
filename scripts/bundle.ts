/** Bundles the sources into few small files, so that a start parses no more than it needs. */

import { joinChunks } from "./join_chunks.ts";
import { sameRegistry } from "./npm_route/tarball.ts";
import { reason, runDeno, SetupError } from "./process.ts";

/** The entries: what every start loads, the fast path of `token`, all else, and a worker's. */
const START = "main";
const FAST_PATH = "fast_path";
const PROGRAM = "program";
const WORKER = "worker";
/** Modules that most commands load one after the other: the store's, those of a request, and of answers. */
const LOADED_TOGETHER = ["target", "session", "nanoservices_answers"];

/** The arguments of `deno bundle`, with a separate file for each dynamically imported module. */
export function bundleArgs(folder: string, ...entries: string[]): string[] {
  return [
    ...["bundle", "--quiet", "--minify", "--code-splitting"],
    ...["--outdir", folder, ...entries],
  ];
}

/**
 * Bundles main.ts and the fast path into one file each in `folder`; of modules
 * shared with the program they include only what they use. The program is in
 * separate files, joined where they are loaded together. `sourceMaps` puts source
 * maps next to the files; those of joined files are from before joining.
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
  const program = `./src/${PROGRAM}.ts`;
  const fastPath = `./src/cli/${FAST_PATH}.ts`;
  const entries = [program, `./src/${WORKER}.ts`];
  await run(root, env, [...bundleArgs(folder, ...entries), ...maps]);
  await link(folder, `../${WORKER}.ts`, WORKER);
  await joinChunks(folder, `${PROGRAM}.js`, env);
  for (const name of LOADED_TOGETHER) {
    await joinChunks(folder, fileOf(folder, name), env, `${name}_chunks.js`);
  }
  for (
    const [name, from, ...others] of [
      [START, "main.ts", program, fastPath],
      [FAST_PATH, fastPath],
    ] as const
  ) {
    await run(root, env, [
      ...["bundle", "--quiet", "--minify", ...maps],
      ...others.flatMap((other) => ["--external", other]),
      ...["--output", `${folder}/${name}.js`, from],
    ]);
  }
  for (const name of [START, FAST_PATH]) await checkLoadsNothing(folder, name);
  await link(folder, program, PROGRAM);
  await link(folder, fastPath, FAST_PATH);
  // In a process of its own: set-up runs before the parser is there.
  await run(root, env, [
    ...["run", "--allow-read", "--allow-write"],
    ...["scripts/eager.ts", `${folder}/${FAST_PATH}.js`],
  ]);
}

/** Without code splitting, the bundler puts a module that is imported dynamically into the file itself. */
async function checkLoadsNothing(folder: string, name: string): Promise<void> {
  const code = await Deno.readTextFile(`${folder}/${name}.js`);
  if (!code.includes("Promise.resolve().then(()=>")) return;
  throw new SetupError(
    `${name}.js holds a module that it should only load when it is needed`,
  );
}

/** The file that the bundler made of a dynamically imported module, such as `target-3K4XB2.js`. */
function fileOf(folder: string, module: string): string {
  const form = new RegExp(`^${module}-[0-9A-Z]+\\.js$`);
  const found = [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => form.test(name));
  if (found.length === 1 && found[0] !== undefined) return found[0];
  throw new SetupError(`the bundle has ${found.length} files for ${module}`);
}

/** Has the files name another one as it lies in the folder of the bundle. */
async function link(
  folder: string,
  specifier: string,
  name: string,
): Promise<void> {
  let found = false;
  for (const file of [...Deno.readDirSync(folder)]) {
    if (!file.name.endsWith(".js")) continue;
    const path = `${folder}/${file.name}`;
    const code = await Deno.readTextFile(path);
    if (!code.includes(`"${specifier}"`)) continue;
    found = true;
    await Deno.writeTextFile(
      path,
      code.replaceAll(`"${specifier}"`, `"./${name}.js"`),
    );
  }
  if (!found) throw new SetupError(`no file of the bundle names ${specifier}`);
}

async function run(
  root: string,
  env: Record<string, string>,
  args: string[],
): Promise<void> {
  const { success, stderr } = await runDeno(args, { cwd: root, env });
  if (!success) throw new SetupError(`deno ${args[0]}: ${reason(stderr)}`);
}
