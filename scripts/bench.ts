/**
 * Measures starts of the compiled program side by side, in one run, taking turns:
 *
 *   deno task bench [rounds]
 *
 * Prints a table and writes dist/bench.json. The floor is an empty program
 * that was compiled the same way.
 */
import { compileArgs, PROGRAM } from "./compile.ts";
import { runDeno, SetupError } from "./process.ts";
import { provideRuntime } from "./runtime.ts";

/** One command line that is measured. */
interface Candidate {
  name: string;
  program: string;
  args: string[];
  env: Record<string, string>;
}

/** What was measured of it, in milliseconds. */
interface Figures {
  name: string;
  median: number;
  lowest: number;
  ratio: number;
}

const ROOT = Deno.realPathSync(`${import.meta.dirname}/..`);
const NANOCTL = `${ROOT}/${PROGRAM}`;
const DEFAULT_ROUNDS = 60;
const MANY_PROFILES = 10_000;

async function main(): Promise<void> {
  const rounds = Number(Deno.args[0] ?? DEFAULT_ROUNDS);
  const home = await Deno.makeTempDir({ prefix: "nanoctl-bench-" });
  try {
    const candidates = await prepare(home);
    const figures = summarize(candidates, measure(candidates, rounds));
    print(figures, rounds);
    await Deno.writeTextFile(
      `${ROOT}/dist/bench.json`,
      JSON.stringify({ rounds, figures }, null, 2) + "\n",
    );
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

async function prepare(home: string): Promise<Candidate[]> {
  const floor = await compileFloor(home);
  const [one, many] = [`${home}/one`, `${home}/many`];
  await store(one, 1);
  await store(many, MANY_PROFILES);
  const nanoctl = (
    name: string,
    args: string[],
    env: Record<string, string>,
  ): Candidate => ({ name, program: NANOCTL, args, env });
  return [
    { name: "an empty program", program: floor, args: [], env: {} },
    nanoctl("--version", ["--version"], {}),
    nanoctl("login --help", ["login", "--help"], {}),
    nanoctl("token, environment", ["token"], {
      HOME: `${home}/none`,
      NANOSERVICES_TOKEN: "a-token",
    }),
    nanoctl("token, stored, 1 profile", ["token"], { HOME: one }),
    nanoctl(`token, stored, ${MANY_PROFILES} profiles`, ["token"], {
      HOME: many,
    }),
  ];
}

async function compileFloor(home: string): Promise<string> {
  const entry = `${home}/empty.ts`;
  await Deno.writeTextFile(entry, "Deno.exit(0);\n");
  const runtime = await provideRuntime(ROOT, home);
  const { success, stderr } = await runDeno(
    compileArgs(entry, `${home}/empty`),
    {
      cwd: ROOT,
      env: runtime.path ? { DENORT_BIN: runtime.path } : {},
    },
  );
  if (!success) throw new SetupError(stderr);
  return `${home}/empty`;
}

/** Stores logins in a home as the program itself would. */
async function store(home: string, profiles: number): Promise<void> {
  await Deno.mkdir(home, { recursive: true });
  const script = `
    import { Secret } from "${ROOT}/src/secret.ts";
    import { CredentialStore } from "${ROOT}/src/store/credential_store.ts";
    import { formatFile } from "${ROOT}/src/store/credential_file.ts";
    import { open, seal } from "${ROOT}/src/store/envelope.ts";
    import { openKey } from "${ROOT}/src/store/key_source.ts";
    const env = { get: (name) => name === "HOME" ? ${
    JSON.stringify(home)
  } : undefined };
    const context = { env, os: Deno.build.os, now: () => new Date() };
    const store = new CredentialStore(context);
    const login = {
      service: "nanoservices",
      url: "https://nano.example.com",
      username: "ada",
      expiresAt: undefined,
      token: new Secret("a-token"),
    };
    await store.save({ ...login, profile: "default" });
    const file = JSON.parse(Deno.readTextFileSync(store.path));
    const { key } = await openKey({ ...context, fs: Deno }, file.key);
    for (let index = 1; index < ${profiles}; index++) {
      const profile = "profile-" + index;
      const binding = {
        keyId: file.key.id,
        profile,
        service: login.service,
        url: login.url,
        username: login.username,
        expiresAt: null,
      };
      file.profiles[profile] = {
        ...file.profiles.default,
        sealed: await seal(key, { token: login.token }, binding),
      };
    }
    Deno.writeTextFileSync(store.path, formatFile(file));
  `;
  const path = `${home}/fill.ts`;
  await Deno.writeTextFile(path, script);
  const { success, stderr } = await runDeno(
    ["run", "-A", "--no-check", "--config", `${ROOT}/deno.json`, path],
    { cwd: ROOT },
  );
  if (!success) throw new SetupError(stderr);
}

/** Runs all candidates in turn, round after round, so that what disturbs one disturbs all. */
function measure(candidates: Candidate[], rounds: number): number[][] {
  const times = candidates.map((): number[] => []);
  for (let round = -3; round < rounds; round++) {
    candidates.forEach((candidate, index) => {
      const milliseconds = time(candidate);
      // The first rounds only warm the page cache.
      if (round >= 0) times[index]?.push(milliseconds);
    });
  }
  return times;
}

function time({ program, args, env, name }: Candidate): number {
  const command = new Deno.Command(program, {
    args,
    env,
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  });
  const start = performance.now();
  const { success } = command.outputSync();
  if (!success) throw new SetupError(`${name} failed`);
  return performance.now() - start;
}

function summarize(candidates: Candidate[], times: number[][]): Figures[] {
  const sorted = times.map((all) => all.toSorted((a, b) => a - b));
  const median = (all: number[]): number => all[all.length >> 1] ?? NaN;
  const floor = median(sorted[0] ?? []);
  return candidates.map(({ name }, index) => {
    const all = sorted[index] ?? [];
    return {
      name,
      median: median(all),
      lowest: all[0] ?? NaN,
      ratio: median(all) / floor,
    };
  });
}

function print(figures: Figures[], rounds: number): void {
  const width = Math.max(...figures.map(({ name }) => name.length));
  const lines = figures.map(({ name, median, lowest, ratio }) =>
    `${name.padEnd(width)}  ${median.toFixed(1).padStart(7)}  ` +
    `${lowest.toFixed(1).padStart(7)}  ${ratio.toFixed(2).padStart(5)}`
  );
  const text = [
    `wall time of a start in ms, ${rounds} rounds`,
    `${"".padEnd(width)}   median   lowest  floor`,
    ...lines,
  ].join("\n");
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

await main();
