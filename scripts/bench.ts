/**
 * Measures starts of the compiled program side by side, in one run, taking turns:
 *
 *   deno task bench [rounds]
 *
 * Beside it stand an empty program that was compiled the same way, which is
 * the floor, and gh where it is installed. Prints a table and the goals, and
 * writes dist/bench.json.
 */
import { ghHome, storeLogins } from "./bench/homes.ts";
import {
  type Candidate,
  chooseTimer,
  peakMemory,
  type Timer,
} from "./bench/timer.ts";
import { compileArgs, PROGRAM } from "./compile.ts";
import { run, runDeno, SetupError } from "./process.ts";
import { provideRuntime } from "./runtime.ts";

/** What was measured of a candidate: times in milliseconds, memory in KiB. */
interface Figures {
  name: string;
  median: number;
  lowest: number;
  /** The median beside the floor's. */
  ratio: number;
  /** The median of what a turn took longer than the floor's turn in the same round. */
  above_floor: number;
  cpu: number | undefined;
  peak: number | undefined;
}

/** The paths of what was compiled. */
interface Programs {
  nanoctl: string;
  /** Of an empty file. */
  empty: string;
  /** Of `Deno.exit(0)`. */
  ending: string;
}

/** The size of a file in bytes, as it is and packed with gzip. */
interface Size {
  name: string;
  bytes: number;
  gzip: number;
}

const ROOT = Deno.realPathSync(`${import.meta.dirname}/..`);
const NANOCTL = `${ROOT}/${PROGRAM}`;
const DEFAULT_ROUNDS = 40;
/** Starts in a row: few, so that what disturbs one candidate disturbs all. */
const STARTS = 2;
const MEMORY_STARTS = 5;
const MANY_PROFILES = 10_000;

const FLOOR = "an empty program";
/** It does not wait for the runtime to wind down, as nanoctl doesn't. */
const ENDING = "one that only ends";
const TOKEN = "token";
const TOKEN_GIVEN = "token, from the environment";
const TOKEN_MANY = `token, of ${MANY_PROFILES} profiles`;
const GH_TOKEN = "gh auth token";

async function main(): Promise<void> {
  const rounds = Number(Deno.args[0] ?? DEFAULT_ROUNDS);
  const work = await Deno.makeTempDir({ prefix: "nanoctl-bench-" });
  const service = startService();
  try {
    const { url, token } = await service.ready;
    const program = await freshCopy(NANOCTL, `${work}/nanoctl`);
    const empty = await compileProgram(work, "empty", "");
    const ending = await compileProgram(work, "ending", "Deno.exit(0);\n");
    const candidates = await prepare(work, url, token, {
      nanoctl: program,
      empty: await freshCopy(empty, `${work}/floor`),
      ending: await freshCopy(ending, `${work}/lower_floor`),
    });
    const timer = await chooseTimer(work);
    const figures = await measure(candidates, timer.time, rounds);
    const sizes = await Promise.all([
      sizeOf("nanoctl", NANOCTL),
      sizeOf(FLOOR, empty),
    ]);
    const goals = judge(figures, sizes);
    const starts = rounds * STARTS;
    print(figures, sizes, goals, starts, timer.name);
    await Deno.writeTextFile(
      `${ROOT}/dist/bench.json`,
      JSON.stringify({ timer: timer.name, starts, figures, sizes, goals }) +
        "\n",
    );
  } finally {
    await service.stop();
    await Deno.remove(work, { recursive: true });
  }
}

/** The embedded service of the very program that is measured. */
function startService(): {
  ready: Promise<{ url: string; token: string }>;
  stop(): Promise<void>;
} {
  const child = new Deno.Command(NANOCTL, {
    args: ["dev-server", "--port", "0", "--json"],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const ready = child.stdout.pipeThrough(new TextDecoderStream()).values()
    .next().then(({ value }) => JSON.parse(value ?? ""));
  return {
    ready,
    stop: async () => {
      child.kill("SIGTERM");
      await child.status;
    },
  };
}

/** All programs alike: a start takes longer or shorter by how its file came into the page cache. */
async function freshCopy(from: string, to: string): Promise<string> {
  await Deno.copyFile(from, to);
  return to;
}

async function prepare(
  work: string,
  url: string,
  token: string,
  { nanoctl, empty, ending }: Programs,
): Promise<Candidate[]> {
  const [one, many, none] = [`${work}/one`, `${work}/many`, `${work}/none`];
  await storeLogins(one, 1, url, token);
  await storeLogins(many, MANY_PROFILES, url, token);
  const [kept, emptied] = [`${work}/tmp/kept`, `${work}/tmp/emptied`];
  for (const folder of [kept, emptied]) {
    await Deno.mkdir(folder, { recursive: true });
  }
  const cold = (
    name: string,
    args: string[],
    env: Record<string, string>,
    program = nanoctl,
  ): Candidate => ({
    name,
    program,
    args,
    env: { TMPDIR: emptied, ...env },
    emptied,
  });
  const warm = ({ name, program, args, env }: Candidate): Candidate => ({
    name: `${name}, warm`,
    program,
    args,
    env: { ...env, TMPDIR: kept },
  });
  const stored = cold(TOKEN, ["token"], { HOME: one });
  return [
    cold(FLOOR, [], { HOME: none }, empty),
    cold(ENDING, [], { HOME: none }, ending),
    stored,
    warm(stored),
    cold(TOKEN_GIVEN, ["token"], { HOME: none, NANOSERVICES_TOKEN: token }),
    cold(TOKEN_MANY, ["token"], { HOME: many }),
    cold("--version", ["--version"], { HOME: one }),
    cold("login --help", ["login", "--help"], { HOME: one }),
    cold("whoami", ["whoami"], { HOME: one }),
    ...await ghCandidates(work, cold),
  ];
}

/** gh's counterparts; none where it is not installed. `auth status` goes to the network, so it has none. */
async function ghCandidates(
  work: string,
  cold: (
    name: string,
    args: string[],
    env: Record<string, string>,
    program: string,
  ) => Candidate,
): Promise<Candidate[]> {
  const found = await run("sh", ["-c", "command -v gh"]);
  if (!found.success) return [];
  const gh = found.stdout.trim();
  const env = { HOME: `${work}/gh` };
  await ghHome(env.HOME);
  return [
    cold(GH_TOKEN, ["auth", "token"], env, gh),
    cold("gh --version", ["--version"], env, gh),
    cold("gh auth login --help", ["auth", "login", "--help"], env, gh),
  ];
}

/** Compiles a program of this code as nanoctl is compiled, and gives its path. */
async function compileProgram(
  work: string,
  name: string,
  code: string,
): Promise<string> {
  const entry = `${work}/${name}.js`;
  await Deno.writeTextFile(entry, code);
  const runtime = await provideRuntime(ROOT, work);
  const { success, stderr } = await runDeno(
    compileArgs(entry, `${work}/${name}`),
    {
      cwd: work,
      env: runtime.path ? { DENORT_BIN: runtime.path } : {},
    },
  );
  if (!success) throw new SetupError(stderr);
  return `${work}/${name}`;
}

/** Lets all candidates take turns, round after round. */
async function measure(
  candidates: Candidate[],
  time: Timer,
  rounds: number,
): Promise<Figures[]> {
  const turns = candidates.map((): number[] => []);
  const walls = candidates.map((): number[] => []);
  const cpus = candidates.map((): number[] => []);
  for (let round = -1; round < rounds; round++) {
    for (const [index, candidate] of candidates.entries()) {
      const { wall, cpu } = await time(candidate, STARTS);
      // The first round only warms the page cache.
      if (round < 0) continue;
      walls[index]?.push(...wall);
      turns[index]?.push(Math.min(...wall));
      if (cpu !== undefined) cpus[index]?.push(cpu);
    }
  }
  const floor = median(walls[0] ?? []);
  return await Promise.all(candidates.map(async (candidate, index) => {
    const all = walls[index] ?? [];
    const above = (turns[index] ?? [])
      .map((turn, round) => turn - (turns[0]?.[round] ?? NaN));
    return {
      name: candidate.name,
      median: median(all),
      lowest: Math.min(...all),
      ratio: median(all) / floor,
      above_floor: median(above),
      cpu: cpus[index]?.length ? median(cpus[index]) : undefined,
      peak: await medianPeak(candidate),
    };
  }));
}

async function medianPeak(candidate: Candidate): Promise<number | undefined> {
  const peaks: number[] = [];
  for (let start = 0; start < MEMORY_STARTS; start++) {
    const peak = await peakMemory(candidate);
    if (peak === undefined) return undefined;
    peaks.push(peak);
  }
  return median(peaks);
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
}

async function sizeOf(name: string, path: string): Promise<Size> {
  const file = await Deno.open(path);
  const packed = file.readable.pipeThrough(new CompressionStream("gzip"));
  let gzip = 0;
  for await (const chunk of packed) gzip += chunk.length;
  return { name, bytes: (await Deno.stat(path)).size, gzip };
}

/** What is aimed at, and what came of it. */
interface Goal {
  goal: string;
  figure: number;
  met: boolean;
}

function judge(figures: Figures[], [ours, floor]: Size[]): Goal[] {
  const of = (name: string): Figures | undefined =>
    figures.find((figure) => figure.name === name);
  const atMost = (
    goal: string,
    figure: number | undefined,
    limit: number,
  ): Goal[] =>
    figure === undefined || Number.isNaN(figure)
      ? []
      : [{ goal, figure, met: figure <= limit }];
  const difference = (one: string, other: string): number =>
    (of(one)?.above_floor ?? NaN) - (of(other)?.above_floor ?? NaN);
  const gh = of(GH_TOKEN);
  return [
    ...atMost(
      "token takes at most 1.15 times the floor",
      of(TOKEN)?.ratio,
      1.15,
    ),
    ...gh
      ? atMost(
        "token takes no longer than gh auth token (ms more)",
        (of(TOKEN)?.median ?? NaN) - gh.median,
        0,
      )
      : [],
    ...atMost(
      "token holds at most 1.15 times the floor's memory",
      (of(TOKEN)?.peak ?? NaN) / (of(FLOOR)?.peak ?? NaN),
      1.15,
    ),
    ...atMost(
      "opening the store adds less than 2 ms to token",
      difference(TOKEN, TOKEN_GIVEN),
      2,
    ),
    ...atMost(
      `${MANY_PROFILES} profiles add at most 20 ms to token`,
      difference(TOKEN_MANY, TOKEN),
      20,
    ),
    ...atMost(
      "the program is at most 1.5 MB larger than the floor (MB)",
      ((ours?.bytes ?? NaN) - (floor?.bytes ?? NaN)) / 1e6,
      1.5,
    ),
  ];
}

function print(
  figures: Figures[],
  sizes: Size[],
  goals: Goal[],
  starts: number,
  timer: string,
): void {
  const fixed = (value: number | undefined, digits: number): string =>
    value === undefined ? "-" : value.toFixed(digits);
  const rows = figures.map((figure) => [
    figure.name,
    fixed(figure.median, 1),
    fixed(figure.lowest, 1),
    fixed(figure.ratio, 2),
    fixed(figure.above_floor, 1),
    fixed(figure.cpu, 1),
    fixed(figure.peak && figure.peak / 1024, 1),
  ]);
  const sizeRows = sizes.map(({ name, bytes, gzip }) => [
    name,
    (bytes / 1e6).toFixed(1),
    (gzip / 1e6).toFixed(1),
  ]);
  const text = [
    `${starts} starts each, taking turns; ${timer}`,
    "",
    ...table([
      ["", "median ms", "lowest", "x floor", "ms above", "CPU ms", "peak MiB"],
      ...rows,
    ]),
    "",
    ...table([["", "MB", "MB gzip"], ...sizeRows]),
    "",
    ...goals.map(({ goal, figure, met }) =>
      `${met ? "met   " : "missed"}  ${goal}: ${figure.toFixed(2)}`
    ),
  ].join("\n");
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

/** The first column to the left, the figures to the right. */
function table(rows: string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0))
  );
  return rows.map((row) =>
    row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    }).join("  ")
  );
}

await main();
