/**
 * Runs the compiled program against its embedded service for a long time, in many
 * concurrent loops that share one credential file:
 *
 *   deno task soak [seconds] [loops]
 *
 * Prints its report as JSON, and failures as lines on stderr.
 */
import { PROGRAM } from "./compile.ts";
import { say, walk } from "./process.ts";

/** The options of a soak test. */
export interface SoakOptions {
  seconds: number;
  /** How many loops to run, each with its own profile. */
  loops: number;
  /** How many processes may run at a time. */
  atOnce: number;
  /** The program; dist/nanoctl if omitted. */
  program?: string;
}

/** The service's memory, in MiB, and open files, at two times. */
export interface SoakMemory {
  afterWarmUp: number;
  end: number;
  peak: number;
  filesAfterWarmUp: number;
  filesEnd: number;
}

/** The result of a soak test. */
export interface SoakReport {
  seconds: number;
  /** The rounds of all loops. */
  rounds: number;
  /** The rounds of the slowest loop. */
  leastRounds: number;
  processes: number;
  /** The highest number of profiles seen stored at once. */
  mostProfiles: number;
  /** Undefined if the system has no /proc. */
  memory: SoakMemory | undefined;
  /** The failures, one line each and without tokens. */
  failures: string[];
}

/** The expected outcome of a process. */
interface Expected {
  code: number;
  stdout?: string;
}

const ROOT = Deno.realPathSync(`${import.meta.dirname}/..`);
const DEFAULT_SECONDS = 600;
const DEFAULT_LOOPS = 50;
/** When a process counts as hung, in milliseconds. */
const HUNG = 60_000;
/** The interval between samples of the service, in milliseconds. */
const LOOK = 500;
/** How much the service's memory, in MiB, and open files may grow once it has warmed up. */
const MOST_GROWTH = { memory: 24, files: 16 };
/** A profile that is stored once and must still exist at the end. */
const BYSTANDER = "bystander";
/** The only files that may remain in the soak test's folder. */
const LEFT = [
  "/config/credentials.json",
  "/config/credentials.lock",
  "/data/nanoctl/key",
  "/data/nanoctl/key.lock",
];

/** Runs a soak test; throws only if it can't start. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const folder = await Deno.makeTempDir({ prefix: "nanoctl-soak-" });
  try {
    return await new Soak(folder, options).run();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A sample of the service's process. */
interface Sample {
  /** MiB. */
  memory: number;
  files: number;
}

class Soak {
  readonly #folder: string;
  readonly #options: SoakOptions;
  readonly #program: string;
  readonly #slots: Slots;
  readonly #failures: string[] = [];
  readonly #samples: Sample[] = [];
  #url = "";
  #accessToken = "";
  #processes = 0;
  #mostProfiles = 0;

  constructor(folder: string, options: SoakOptions) {
    this.#folder = folder;
    this.#options = options;
    this.#program = options.program ?? `${ROOT}/${PROGRAM}`;
    this.#slots = new Slots(options.atOnce);
  }

  async run(): Promise<SoakReport> {
    await Deno.mkdir(`${this.#folder}/tmp`);
    const service = this.#command(["dev-server", "--port", "0", "--json"], {
      stdin: "null",
      stderr: "null",
    }).spawn();
    const output = firstLine(service.stdout);
    try {
      this.#url = JSON.parse(await output.line).url;
      const report = await this.#runAgainst(service.pid);
      service.kill("SIGINT");
      const { code } = await service.status;
      if (code === 130) return report;
      return {
        ...report,
        failures: [...report.failures, `the service ended with ${code}`],
      };
    } finally {
      end(service);
      await service.status;
      await output.ended.catch(() => {});
    }
  }

  async #runAgainst(pid: number): Promise<SoakReport> {
    this.#accessToken = `gho_${crypto.randomUUID()}`;
    await this.#admin("PATCH", "/dev/external-auth/github", {
      connected: true,
      access_token: this.#accessToken,
    });
    const bystander = await this.#logIn(BYSTANDER);
    const started = performance.now();
    const end = started + this.#options.seconds * 1000;
    const looking = setInterval(() => this.#look(pid), LOOK);
    const rounds = await Promise.all(
      Array.from(
        { length: this.#options.loops },
        (_, index) => this.#loop(`loop-${index + 1}`, end),
      ),
    );
    clearInterval(looking);
    this.#look(pid);
    await this.#expect(["token", "--profile", BYSTANDER], {
      code: 0,
      stdout: `${bystander.token}\n`,
    });
    this.#checkLeft();
    const memory = memoryOf(this.#samples);
    if (memory) this.#checkGrowth(memory);
    return {
      seconds: Math.round((performance.now() - started) / 1000),
      rounds: rounds.reduce((sum, count) => sum + count, 0),
      leastRounds: Math.min(...rounds),
      processes: this.#processes,
      mostProfiles: this.#mostProfiles,
      memory,
      failures: this.#failures,
    };
  }

  /** Logs one profile in and out until the time is up; returns the number of rounds. */
  async #loop(profile: string, end: number): Promise<number> {
    let rounds = 0;
    do {
      try {
        await this.#round(profile);
      } catch (error) {
        this.#failures.push(
          `${profile}: ${error instanceof Error ? error.name : "error"}`,
        );
      }
      rounds++;
    } while (performance.now() < end && this.#failures.length < 100);
    return rounds;
  }

  async #round(profile: string): Promise<void> {
    const own = ["--profile", profile];
    const { token, id } = await this.#logIn(profile);
    const isToken = { code: 0, stdout: `${token}\n` };
    await this.#expect(["token", ...own], isToken);
    await this.#expect(
      ["external-auth", "access-token", "github", ...own],
      { code: 0, stdout: `${this.#accessToken}\n` },
    );
    const me = await this.#expect(["api", "/v1/me", ...own], { code: 0 });
    const { username } = JSON.parse(me) as { username: string };
    if (username !== profile) {
      this.#failures.push(`${profile}: api answered as ${username}`);
    }
    await this.#expect(["token", ...own], isToken);
    await this.#expect(["logout", "--revoke", ...own], { code: 0, stdout: "" });
    await this.#expect(["token", ...own], { code: 3, stdout: "" });
    const { state } = await this.#admin<{ state: string }>(
      "GET",
      `/dev/tokens/${id}`,
    );
    if (state !== "revoked") {
      this.#failures.push(`${profile}: after logout its token is ${state}`);
    }
  }

  async #logIn(profile: string): Promise<{ token: string; id: string }> {
    const minted = await this.#admin<{ token: string; id: string }>(
      "POST",
      "/dev/tokens",
      { username: profile },
    );
    await this.#expect(
      ["login", "--token-stdin", "--save", "--profile", profile],
      { code: 0, stdout: "" },
      minted.token,
    );
    return minted;
  }

  /** Runs the program when it is its turn; returns its stdout. */
  async #expect(
    args: string[],
    expected: Expected,
    stdin?: string,
  ): Promise<string> {
    const { code, stdout, stderr } = await this.#slots.take(async () => {
      const process = this.#command(args, {
        stdin: stdin === undefined ? "null" : "piped",
        signal: AbortSignal.timeout(HUNG),
      }).spawn();
      if (stdin !== undefined) {
        const writer = process.stdin.getWriter();
        await writer.write(new TextEncoder().encode(stdin)).catch(() => {});
        await writer.close().catch(() => {});
      }
      return await process.output();
    });
    this.#processes++;
    const text = new TextDecoder();
    const said = text.decode(stdout);
    const isRight = code === expected.code &&
      (expected.stdout === undefined || expected.stdout === said);
    if (!isRight) {
      const [line = ""] = text.decode(stderr).split("\n");
      this.#failures.push(
        `${args.join(" ")}: exit code ${code}, expected ${expected.code}; ` +
          `${
            expected.stdout === said || expected.stdout === undefined
              ? ""
              : "another stdout; "
          }${line}`,
      );
    }
    return said;
  }

  #command(args: string[], options: Deno.CommandOptions): Deno.Command {
    return new Deno.Command(this.#program, {
      args,
      clearEnv: true,
      env: {
        HOME: this.#folder,
        TMPDIR: `${this.#folder}/tmp`,
        NANOCTL_CONFIG_DIR: `${this.#folder}/config`,
        XDG_DATA_HOME: `${this.#folder}/data`,
        // A closed port, so that no real metadata service is ever asked.
        AWS_EC2_METADATA_SERVICE_ENDPOINT: "http://127.0.0.1:2",
        AZURE_METADATA_ENDPOINT: "http://127.0.0.1:2",
        GCE_METADATA_HOST: "127.0.0.1:2",
        ...(this.#url ? { NANOSERVICES_URL: this.#url } : {}),
      },
      stdout: "piped",
      stderr: "piped",
      ...options,
    });
  }

  async #admin<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (response.ok) return await response.json();
    await response.body?.cancel();
    throw new Error(`${method} ${path} ended with ${response.status}`);
  }

  #look(pid: number): void {
    const sample = sampleOf(pid);
    if (sample) this.#samples.push(sample);
    this.#mostProfiles = Math.max(this.#mostProfiles, this.#profiles().length);
  }

  #profiles(): string[] {
    const file = JSON.parse(
      Deno.readTextFileSync(`${this.#folder}/config/credentials.json`),
    ) as { profiles: Record<string, unknown> };
    return Object.keys(file.profiles);
  }

  #checkGrowth(memory: SoakMemory): void {
    const { afterWarmUp, end, filesAfterWarmUp, filesEnd } = memory;
    if (end - afterWarmUp > MOST_GROWTH.memory) {
      this.#failures.push(`the service grew from ${afterWarmUp} to ${end} MiB`);
    }
    if (filesEnd - filesAfterWarmUp > MOST_GROWTH.files) {
      this.#failures.push(
        `the service had ${filesAfterWarmUp} files open, and then ${filesEnd}`,
      );
    }
  }

  /** Checks that only the expected files remain, and only profiles that were not logged out. */
  #checkLeft(): void {
    const left = [...walk(this.#folder)].sort();
    if (left.join() !== LEFT.join()) {
      this.#failures.push(`files are left: ${left.join(", ")}`);
    }
    const profiles = this.#profiles();
    if (profiles.join() !== BYSTANDER) {
      this.#failures.push(`profiles are left: ${profiles.join(", ")}`);
    }
  }
}

/** Kills a process that may have already exited. */
function end(process: Deno.ChildProcess): void {
  try {
    process.kill("SIGKILL");
  } catch {
    // Already exited.
  }
}

/** A semaphore with this many slots, first come, first served. */
class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(slots: number) {
    this.#free = slots;
  }

  async take<T>(action: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await action();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}

/** The first line of a stream, and a promise for its end. */
function firstLine(
  stream: ReadableStream<Uint8Array>,
): { line: Promise<string>; ended: Promise<void> } {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const read = async (): Promise<void> => {
    let text = "";
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (text.includes("\n")) resolve(text.slice(0, text.indexOf("\n")));
    }
    reject(new Error("the service ended without a line on stdout"));
  };
  return { line: promise, ended: read() };
}

/** A sample of a process; undefined if there is no /proc. */
function sampleOf(pid: number): Sample | undefined {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    const kilobytes = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]);
    const files = [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
    return { memory: kilobytes / 1024, files };
  } catch {
    return undefined;
  }
}

/** Compares the second fifth of the time, after warm-up, with the last fifth. */
function memoryOf(samples: Sample[]): SoakMemory | undefined {
  const fifth = Math.floor(samples.length / 5);
  if (fifth === 0) return undefined;
  const warm = samples.slice(fifth, 2 * fifth);
  const last = samples.slice(-fifth);
  const memory = (of: Sample[]): number => median(of.map((one) => one.memory));
  const files = (of: Sample[]): number => median(of.map((one) => one.files));
  return {
    afterWarmUp: memory(warm),
    end: memory(last),
    peak: Math.round(Math.max(...samples.map((one) => one.memory))),
    filesAfterWarmUp: files(warm),
    filesEnd: files(last),
  };
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round((sorted[Math.floor(sorted.length / 2)] ?? 0) * 10) / 10;
}

if (import.meta.main) {
  const [seconds, loops] = Deno.args.map(Number);
  if (![seconds ?? 1, loops ?? 1].every((number) => number > 0)) {
    say("usage: deno task soak [seconds] [loops]");
    Deno.exit(2);
  }
  const report = await soak({
    seconds: seconds ?? DEFAULT_SECONDS,
    loops: loops ?? DEFAULT_LOOPS,
    atOnce: 4 * navigator.hardwareConcurrency,
  });
  await Deno.stdout.write(
    new TextEncoder().encode(JSON.stringify(report, null, 2) + "\n"),
  );
  for (const failure of report.failures) say(`error: ${failure}`);
  if (report.failures.length > 0) Deno.exit(1);
}
