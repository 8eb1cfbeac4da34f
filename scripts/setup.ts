/**
 * The first step of every task, with an effect only on first use:
 *
 *   deno run -A scripts/setup.ts             fills vendor/ and node_modules/
 *   deno run -A scripts/setup.ts --compile   and makes dist/nanoctl
 *
 * With --report it also says if there was nothing to do.
 */

import { compile, compiledSize, inputsOf, PROGRAM } from "./compile.ts";
import {
  isStamped,
  provideDependencies,
  type Wanted,
  wantedBy,
} from "./dependencies.ts";
import { provideRuntime } from "./runtime.ts";
import { remove, say, SetupError } from "./process.ts";

/** The options of a setup run. */
interface Options {
  compile: boolean;
  report: boolean;
}

async function setUp(root: string, options: Options): Promise<void> {
  const wanted = await wantedBy(root);
  const inputs = options.compile ? await inputsOf(root, wanted.hash) : "";
  if (!await isDone(root, wanted, inputs)) {
    return await alone(
      root,
      (work) => doWhatIsLeft(root, wanted, inputs, work),
    );
  }
  const size = options.compile ? compiledSize(root, inputs) : undefined;
  if (options.report) {
    say(
      size ? `${PROGRAM} is up to date, ${megabytes(size)}` : "Nothing to do",
    );
  }
}

async function isDone(
  root: string,
  wanted: Wanted,
  inputs: string,
): Promise<boolean> {
  if (!await isStamped(root, wanted)) return false;
  return inputs === "" || compiledSize(root, inputs) !== undefined;
}

async function doWhatIsLeft(
  root: string,
  wanted: Wanted,
  inputs: string,
  work: string,
): Promise<void> {
  // Check again: the previous holder of the lock may have done it.
  if (!await isStamped(root, wanted)) {
    await provideDependencies(root, wanted, work);
  }
  if (inputs === "" || compiledSize(root, inputs) !== undefined) return;
  const runtime = await provideRuntime(root, work);
  say(`Compiling ${PROGRAM}`);
  const size = await compile(root, inputs, runtime, work);
  say(`  ${megabytes(size)}, on ${runtime.label}`);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Runs one setup at a time, in its own folder; a killed one releases the lock. */
async function alone(
  root: string,
  action: (work: string) => Promise<void>,
): Promise<void> {
  const home = `${root}/.runtime`;
  const work = `${home}/making`;
  await Deno.mkdir(home, { recursive: true });
  using lock = await Deno.open(`${home}/lock`, { create: true, write: true });
  const notice = setTimeout(
    () => say("Waiting for another set-up here to finish"),
    500,
  );
  await lock.lock(true).finally(() => clearTimeout(notice));
  await remove(work);
  await Deno.mkdir(work);
  try {
    await action(work);
  } finally {
    await remove(work);
  }
}

if (import.meta.main) {
  const root = Deno.realPathSync(`${import.meta.dirname}/..`);
  try {
    await setUp(root, {
      compile: Deno.args.includes("--compile"),
      report: Deno.args.includes("--report"),
    });
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(`error: ${error.message}`);
    Deno.exit(1);
  }
}
