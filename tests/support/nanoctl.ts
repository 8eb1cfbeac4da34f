import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";

/** The compiled program under test. */
export const BINARY = Deno.env.get("NANOCTL_BINARY") ??
  fromFileUrl(
    new URL(
      Deno.build.os === "windows"
        ? "../../dist/nanoctl.exe"
        : "../../dist/nanoctl",
      import.meta.url,
    ),
  );

/** When a child counts as hung: it is killed, and its test fails. */
export const WATCHDOG_SECONDS = Number(
  Deno.env.get("NANOCTL_TEST_WATCHDOG") ?? 30,
);

/** The exit code and output of a run. */
export interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

/**
 * Points each cloud's metadata service to a closed port, as no test may ask a real
 * one. The port is not one that Deno 2.8 refuses to send requests to.
 */
export const NO_METADATA = {
  AWS_EC2_METADATA_SERVICE_ENDPOINT: "http://127.0.0.1:2",
  AZURE_METADATA_ENDPOINT: "http://127.0.0.1:2",
  GCE_METADATA_HOST: "127.0.0.1:2",
};

/** How to run the program, if not in the default way. */
export interface RunOptions {
  /** The only variables besides HOME, if there is a home, and {@linkcode NO_METADATA}. */
  env?: Record<string, string>;
  /** Piped input; /dev/null if omitted. */
  stdin?: string | Uint8Array;
  home?: Home | undefined;
  binary?: string;
  cwd?: string;
  /** When it counts as hung, if not after {@linkcode WATCHDOG_SECONDS}. */
  seconds?: number;
}

/** A test's own HOME, never the real one. */
export class Home {
  readonly path: string;

  /** `name` is the folder's name, such as one with spaces. */
  constructor(name = "home") {
    this.path = join(Deno.makeTempDirSync({ prefix: "nanoctl-" }), name);
    Deno.mkdirSync(this.path);
  }

  /** The relative paths of all files and, with a trailing slash, all folders. */
  entries(): string[] {
    return [...walk(this.path)].map((path) => path.slice(this.path.length + 1))
      .sort();
  }

  /** The absolute path of an entry. */
  at(path: string): string {
    return join(this.path, path);
  }

  /** The permission bits of an entry, in octal. */
  mode(path: string): string {
    const { mode } = Deno.lstatSync(this.at(path));
    return ((mode ?? 0) & 0o777).toString(8).padStart(4, "0");
  }

  /** Whether any file in it contains these bytes, or either half of them. */
  holds(secret: string): boolean {
    const middle = Math.floor(secret.length / 2);
    const halves = [secret.slice(0, middle), secret.slice(middle)];
    return this.entries().filter((path) => !path.endsWith("/")).some((path) => {
      const text = latin1(Deno.readFileSync(this.at(path)));
      return halves.some((half) => text.includes(half));
    });
  }

  [Symbol.dispose](): void {
    Deno.removeSync(join(this.path, ".."), { recursive: true });
  }
}

/** The paths of a stored login's files, relative to HOME. */
export const CREDENTIALS = ".config/nanoctl/credentials.json";
export const KEY = ".local/share/nanoctl/key";

/** Everything that a stored login creates in HOME. */
export const STORED_ENTRIES = [
  ".config/",
  ".config/nanoctl/",
  CREDENTIALS,
  ".config/nanoctl/credentials.lock",
  ".local/",
  ".local/share/",
  ".local/share/nanoctl/",
  KEY,
  `${KEY}.lock`,
];

/** Bytes as a string with one character each, to search for any byte sequence. */
export function latin1(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

function* walk(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    yield isDirectory ? `${path}/` : path;
    if (isDirectory) yield* walk(path);
  }
}

/** Starts the program with a clean environment; see {@linkcode Child}. */
export function start(args: string[], options: RunOptions = {}): Child {
  return new Child(options.binary ?? BINARY, args, options);
}

/** Runs the program to its end with a clean environment. */
export async function run(
  args: string[],
  options: RunOptions = {},
): Promise<Result> {
  return await start(args, options).end();
}

/** A running program and its output so far; killed if it hangs. */
export class Child {
  readonly #process: Deno.ChildProcess;
  readonly #watchdog: ReturnType<typeof setTimeout>;
  readonly #stdout: Promise<string>;
  readonly #stderr: Promise<string>;
  readonly #firstLine = Promise.withResolvers<string>();
  #hung = false;

  constructor(command: string, args: string[], options: RunOptions = {}) {
    const { env = {}, home, stdin, cwd, seconds = WATCHDOG_SECONDS } = options;
    this.#process = new Deno.Command(command, {
      args,
      clearEnv: true,
      env: { ...NO_METADATA, ...(home ? { HOME: home.path } : {}), ...env },
      stdin: stdin === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
      ...(cwd === undefined ? {} : { cwd }),
    }).spawn();
    this.#watchdog = setTimeout(() => {
      this.#hung = true;
      killHard(this.#process);
    }, seconds * 1000);
    if (stdin !== undefined) void feed(this.#process.stdin, stdin);
    // Its absence matters only to callers that ask for the first line.
    this.#firstLine.promise.catch(() => {});
    this.#stdout = this.#readStdout();
    this.#stderr = new Response(this.#process.stderr).text();
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Resolves to the first line on stdout. */
  get firstLine(): Promise<string> {
    return this.#firstLine.promise;
  }

  /** Disables the watchdog, for a program that runs until it is stopped. */
  keepRunning(): void {
    clearTimeout(this.#watchdog);
  }

  /** Sends it a signal. */
  kill(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  /** Waits for it to exit; throws if it hung and was killed. */
  async end(): Promise<Result> {
    const { code } = await this.#process.status;
    clearTimeout(this.#watchdog);
    const [stdout, stderr] = await Promise.all([this.#stdout, this.#stderr]);
    if (this.#hung) {
      throw new Error(`it hung; it had said: ${stdout}${stderr}`);
    }
    return { code, stdout, stderr };
  }

  async #readStdout(): Promise<string> {
    let text = "";
    const chunks = this.#process.stdout.pipeThrough(new TextDecoderStream());
    for await (const chunk of chunks) {
      text += chunk;
      const end = text.indexOf("\n");
      if (end >= 0) this.#firstLine.resolve(text.slice(0, end));
    }
    this.#firstLine.reject(new Error("it ended without a line on stdout"));
    return text;
  }
}

/** Kills a process that may have already exited. */
export function killHard(process: Deno.ChildProcess): void {
  try {
    process.kill("SIGKILL");
  } catch {
    // Already exited.
  }
}

/** Writes everything and closes the pipe; a reader that closes it early is not an error. */
async function feed(
  pipe: WritableStream<Uint8Array>,
  input: string | Uint8Array,
): Promise<void> {
  const bytes = typeof input === "string"
    ? new TextEncoder().encode(input)
    : input;
  const writer = pipe.getWriter();
  await writer.write(bytes).then(() => writer.close()).catch(() => {});
}

/** The expected error output. */
export interface Failure {
  exit: number;
  code: string;
  message: RegExp;
  /** The hint; undefined if there is none. */
  hint?: RegExp | undefined;
  /** What must not be shown. */
  secret?: string | undefined;
}

interface ErrorJson {
  error: { code: string; message: string; hint?: string };
}

/**
 * Checks a failure in text mode: the exit code, an empty stdout, and on stderr one
 * `error: …` line and at most one `hint: …`. Returns the hint.
 */
export function assertFailure(result: Result, expected: Failure): string {
  const { stdout, stderr } = result;
  const [, message = "", hint] =
    /^error: ([^\n]+)\n(?:hint: ([^\n]+)\n)?$/.exec(stderr) ?? [];
  assert(message !== "", `one error and maybe one hint, but: ${stderr}`);
  assertFitToRead(stderr, expected);
  assertEquals([result.code, stdout], [expected.exit, ""], stderr);
  assertMatch(message, expected.message);
  assertHint(hint, expected);
  return hint ?? "";
}

/** Checks the same failure with `--json`: one JSON object on stderr. */
export function assertJsonFailure(result: Result, expected: Failure): void {
  const { stdout, stderr } = result;
  assertMatch(stderr, /^[^\n]+\n$/);
  assertFitToRead(stderr, expected);
  const json: ErrorJson = JSON.parse(stderr);
  const { code, message, hint } = json.error;
  assertEquals(
    [result.code, code, stdout],
    [expected.exit, expected.code, ""],
    stderr,
  );
  assertEquals(Object.keys(json), ["error"]);
  assertEquals(
    Object.keys(json.error),
    hint === undefined ? ["code", "message"] : ["code", "message", "hint"],
  );
  assertMatch(message, expected.message);
  assertHint(hint, expected);
}

/** Runs a command twice, as text and with `--json`, and checks its failure in both. */
export async function assertFails(
  args: string[],
  options: RunOptions,
  expected: Failure,
): Promise<string> {
  const [command = "", ...rest] = args;
  const [text, json] = await Promise.all([
    run(args, options),
    run([command, "--json", ...rest], options),
  ]);
  assertJsonFailure(json, expected);
  return assertFailure(text, expected);
}

/** The hint that an error without one of its own has in text mode. */
export function explainHint(code: string): string {
  return `run 'nanoctl explain ${code}' to see what helps`;
}

function assertHint(hint: string | undefined, expected: Failure): void {
  if (expected.hint) assertMatch(hint ?? "there is no hint", expected.hint);
  else if (hint !== explainHint(expected.code)) assertEquals(hint, undefined);
}

/** Asserts that there is no stack trace, internal detail or secret. */
function assertFitToRead(text: string, { secret }: Failure): void {
  assert(!secret || !text.includes(secret), `a secret: ${text}`);
  assert(!/^\s+at |:\d+:\d+\)?$/m.test(text), `a stack trace: ${text}`);
  assert(!/file:\/\/|\.ts\b|\(os error/.test(text), `our inside: ${text}`);
}

/** Waits until a condition holds; throws if it never does. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
): Promise<void> {
  const end = Date.now() + WATCHDOG_SECONDS * 1000;
  while (!await condition()) {
    if (Date.now() > end) throw new Error(`it never came to this: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Quotes a text for a POSIX shell. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Runs a hint's command in a shell, as if pasted by a user. */
export async function runInShell(command: string): Promise<void> {
  const { code, stderr } = await new Child("/bin/sh", ["-c", command], {
    env: { PATH: "/usr/bin:/bin" },
  }).end();
  assertEquals([code, stderr], [0, ""], command);
}
