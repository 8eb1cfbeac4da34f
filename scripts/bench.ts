/**
 * Measures starts of the compiled program side by side, in one run, taking turns:
 *
 *   deno task bench [rounds]
 *
 * Beside it stand an empty program that was compiled the same way, which is the
 * floor; one that only sends a request, the floor of those; and gh where it is
 * installed. Prints tables and the goals, and writes dist/bench.json.
 */
import { checkCandidates, prepareCandidates } from "./bench/candidates.ts";
import { judge } from "./bench/goals.ts";
import { measure, sizeOf, STARTS } from "./bench/measure.ts";
import {
  NANOCTL,
  providePrograms,
  startDevServer,
  startTlsServer,
} from "./bench/programs.ts";
import { print } from "./bench/report.ts";
import { chooseTimer } from "./bench/timer.ts";

const DEFAULT_ROUNDS = 40;

async function main(): Promise<void> {
  const rounds = Number(Deno.args[0] ?? DEFAULT_ROUNDS);
  const work = await Deno.makeTempDir({ prefix: "nanoctl-bench-" });
  const dev = await startDevServer();
  const tls = await startTlsServer(work);
  try {
    const programs = await providePrograms(work);
    const candidates = await prepareCandidates(work, programs, dev, tls);
    await checkCandidates(candidates);
    const timer = await chooseTimer(work);
    const figures = await measure(candidates, timer.time, rounds);
    const sizes = await Promise.all([
      sizeOf("nanoctl", NANOCTL),
      sizeOf("an empty program", programs.empty),
    ]);
    const goals = judge(figures, sizes);
    const starts = rounds * STARTS;
    print(figures, sizes, goals, starts, timer.name);
    await Deno.writeTextFile(
      `${import.meta.dirname}/../dist/bench.json`,
      JSON.stringify({ timer: timer.name, starts, figures, sizes, goals }) +
        "\n",
    );
  } finally {
    await tls.stop();
    await dev.stop();
    await Deno.remove(work, { recursive: true });
  }
}

await main();
