/**
 * Fuzzes every part that parses outside input (tests/fuzz/), and reports the
 * findings:
 *
 *   deno task fuzz [--seconds 60] [--seed N] [--target NAME]
 *
 * The seconds are for all targets together. Findings are printed as the smallest
 * failing input; add it as a line to tests/fuzz/corpus/NAME.txt to try it first in
 * every later run. The same seed gives the same cases.
 */
import { parseArgs } from "node:util";
import { type Report, type Target } from "../tests/fuzz/target.ts";
import { TARGETS } from "../tests/fuzz/targets.ts";
import { Watchdog } from "../tests/fuzz/watchdog.ts";
import { say } from "./process.ts";

const DEFAULT_SECONDS = "60";

interface Options {
  seconds: number;
  seed: number;
  targets: readonly Target[];
}

async function main(args: string[]): Promise<number> {
  const { seconds, seed, targets } = optionsOf(args);
  say(`seed ${seed}, ${seconds} s for ${targets.length} targets`);
  const milliseconds = seconds * 1000 / targets.length;
  const failed: Report[] = [];
  for (const target of targets) {
    const watchdog = new Watchdog(`${target.name} hangs (seed ${seed})`);
    const report = await target.run({
      seed,
      milliseconds,
      onCase: (input) => watchdog.next(input),
    });
    watchdog.stop();
    const { cases, failure } = report;
    const found = failure === undefined ? "nothing found" : "FOUND something";
    say(`${target.name.padEnd(22)}${`${cases}`.padStart(9)} cases  ${found}`);
    if (failure !== undefined) failed.push(report);
  }
  for (const { target, failure } of failed) {
    say(`\n${target}: ${failure}`);
  }
  return failed.length === 0 ? 0 : 1;
}

/** Throws if the arguments are invalid. */
function optionsOf(args: string[]): Options {
  const { values: { seconds, seed, target } } = parseArgs({
    args,
    options: {
      seconds: { type: "string", default: DEFAULT_SECONDS },
      seed: { type: "string", default: `${randomSeed()}` },
      target: { type: "string" },
    },
  });
  return {
    seconds: number("--seconds", seconds),
    seed: number("--seed", seed),
    targets: target === undefined ? TARGETS : [named(target)],
  };
}

function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}

function number(option: string, text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new Error(`${option} takes a whole number`);
}

function named(name: string): Target {
  const found = TARGETS.find((target) => target.name === name);
  if (found) return found;
  const names = TARGETS.map((target) => target.name).join(", ");
  throw new Error(`there is no target ${name}; there are ${names}`);
}

try {
  Deno.exit(await main(Deno.args));
} catch (error) {
  say(`error: ${error instanceof Error ? error.message : error}`);
  Deno.exit(2);
}
