/**
 * Simulates a fleet of agents that renew their stored logins, with nanoctl's own
 * code for it and a time that is not waited for, and prints how many requests for
 * tokens their service gets (docs/fleet.md):
 *
 *   deno task fleet [--agents 10000] [--seed N]
 *
 * The same seed gives the same figures.
 */
import { parseArgs } from "node:util";
import { Random } from "../tests/support/store_files.ts";
import { type Calls, simulate, START_SECONDS } from "./fleet/simulation.ts";

const HOUR = 3600;
const MINUTE = 60;

/** An agent that works all the time. */
const OFTEN: Calls = { every: 30, within: 30 };
/** An agent that cron runs at minute 0. */
const CRON: Calls = { every: HOUR, within: 0 };
/** The same with `RandomizedDelaySec=30min` of a systemd timer. */
const DELAYED: Calls = { every: HOUR, within: 30 * MINUTE };

/** What happens to a fleet. */
export interface Scenario {
  name: string;
  life: number;
  calls: Calls;
  /** The service answers nothing for five minutes from this second on. */
  outage?: number;
  /** It refuses all tokens that it issued before this second. */
  refusal?: number;
}

/** The scenarios of the table. */
export const SCENARIOS: readonly Scenario[] = [
  ...[HOUR, 15 * MINUTE].flatMap((life): Scenario[] => {
    const common = { life, calls: OFTEN };
    const half = 4 * life;
    return [
      { ...common, name: "all start in one minute" },
      { ...common, name: "an outage when all are due", outage: 2 * life / 3 },
      { ...common, name: "an outage halfway", outage: half },
      { ...common, name: "all tokens refused halfway", refusal: half },
    ];
  }),
  { name: "cron at minute 0", life: HOUR, calls: CRON },
  { name: "a timer with RandomizedDelaySec", life: HOUR, calls: DELAYED },
];

/** The figures of a scenario. */
export interface Figures {
  perHour: number;
  /** Requests per second. */
  mean: number;
  peak: number;
  percentile99: number;
  busiest: number;
  /** The busiest interval by the mean: the herd. */
  herd: number;
  /** Requests during an outage. */
  unanswered: number;
  /** Calls that had no token. */
  failed: number;
}

/** Simulates a scenario for eight lives of a token. The start itself, where all log in, doesn't count. */
export async function figuresOf(
  { life, calls, outage: from, refusal }: Scenario,
  { agents, jitter, seed, interval = MINUTE }: {
    agents: number;
    jitter: boolean;
    seed: number;
    /** In seconds: what counts as a herd lasts so long. */
    interval?: number;
  },
): Promise<Figures> {
  const duration = 8 * life;
  const { load, unanswered, failed } = await simulate({
    ...{ agents, life, jitter, calls, duration, refusal },
    outage: from === undefined ? undefined : { from, to: from + 5 * MINUTE },
  }, new Random(seed));
  const counted = load.between(
    START_SECONDS + calls.within,
    duration,
  );
  const busiest = counted.busiest(interval);
  const { mean, peak, percentile99 } = counted;
  const perHour = mean * HOUR;
  return {
    ...{ perHour, mean, peak, percentile99, busiest, unanswered, failed },
    herd: busiest / mean,
  };
}

async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      agents: { type: "string", default: "10000" },
      seed: { type: "string", default: "1" },
    },
  });
  const [agents, seed] = [Number(values.agents), Number(values.seed)];
  const rows = [
    "| life | what happens | jitter | an hour | mean | p99 | peak | busiest minute | by the mean | unanswered | failed calls |",
    "| --: | --- | --- | --: | --: | --: | --: | --: | --: | --: | --: |",
  ];
  for (const scenario of SCENARIOS) {
    for (const jitter of [false, true]) {
      const figures = await figuresOf(scenario, { agents, jitter, seed });
      rows.push(rowOf(scenario, jitter, figures));
    }
  }
  await Deno.stdout.write(new TextEncoder().encode(`${rows.join("\n")}\n`));
}

/** A scenario's row of the table. */
export function rowOf(
  { name, life }: Scenario,
  jitter: boolean,
  figures: Figures,
): string {
  const cells = [
    `${life / MINUTE} min`,
    name,
    jitter ? "yes" : "no",
    Math.round(figures.perHour),
    figures.mean.toFixed(1),
    figures.percentile99,
    figures.peak,
    figures.busiest.toFixed(1),
    `${figures.herd.toFixed(1)} ×`,
    figures.unanswered,
    figures.failed,
  ];
  return `| ${cells.join(" | ")} |`;
}

if (import.meta.main) await main(Deno.args);
