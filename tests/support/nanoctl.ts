import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";

/** The compiled program under test. */
export const BINARY = Deno.env.get("NANOCTL_BINARY") ??
  fromFileUrl(new URL("../../dist/nanoctl", import.meta.url));

/** After this long a child counts as hung: it is killed, and its test fails. */
export const WATCHDOG_SECONDS = 30;

/** What a run of the program leaves behind, apart from files. */
export interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

/**
 * Leads each cloud's metadata service to a port where nothing listens: no test
 * may ask a real one. It is none of those that Deno 2.8 sends no request to.
 */
export const NO_METADATA = {
  AWS_EC2_METADATA_SERVICE_ENDPOINT: "http://127.0.0.1:2",
  AZURE_METADATA_ENDPOINT: "http://127.0.0.1:2",
  GCE_METADATA_HOST: "127.0.0.1:2",
};

/** How to run the program, where it is not the usual way. */
export interface RunOptions {
  /** The environment: nothing but this, HOME where there is a home, and {@linkcode NO_METADATA}. */
  env?: Record<string, string>;
  /** What comes by pipe; nothing (/dev/null) if left out. */
  stdin?: string | Uint8Array;
  home?: Home | undefined;
  binary?: string;
  cwd?: string;
}

/** A HOME of a test's own. Never the real one. */
export class Home {
  readonly path: string;

  /** With `name`, a folder of this name, for a path with spaces. */
  constructor(name = "home") {
    this.path = join(Deno.makeTempDirSync({ prefix: "nanoctl-" }), name);
    Deno.mkdirSync(this.path);
  }

  /** The paths below it of all files and, with a slash at the end, of all folders. */
  entries(): string[] {
    return [...walk(this.path)].map((path) => path.slice(this.path.length + 1))
      .sort();
  }

  /** The absolute path of something below it. */
  at(path: string): string {
    return join(this.path, path);
  }

  /** The permission bits of something below it, in octal. */
  mode(path: string): string {
    const { mode } = Deno.lstatSync(this.at(path));
    return ((mode ?? 0) & 0o777).toString(8).padStart(4, "0");
  }

  /** Whether any file below it holds these bytes, or either half of them. */
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

/** The paths of the files that a stored login consists of, below HOME. */
export const CREDENTIALS = ".config/nanoctl/credentials.json";
export const KEY = ".local/share/nanoctl/key";

/** All that a stored login leaves below HOME. */
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

/** Bytes as text of one character each, so that any byte sequence can be searched. */
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

/** A program that runs, with its output as it comes; killed when it hangs. */
export class Child {
  readonly #process: Deno.ChildProcess;
  readonly #watchdog: ReturnType<typeof setTimeout>;
  readonly #stdout: Promise<string>;
  readonly #stderr: Promise<string>;
  readonly #firstLine = Promise.withResolvers<string>();
  #hung = false;

  constructor(command: string, args: string[], options: RunOptions = {}) {
    const { env = {}, home, stdin, cwd } = options;
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
    }, WATCHDOG_SECONDS * 1000);
    if (stdin !== undefined) void feed(this.#process.stdin, stdin);
    // Whoever never asks for the first line need not hear that there is none.
    this.#firstLine.promise.catch(() => {});
    this.#stdout = this.#readStdout();
    this.#stderr = new Response(this.#process.stderr).text();
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** The first line on stdout, as soon as it is there. */
  get firstLine(): Promise<string> {
    return this.#firstLine.promise;
  }

  /** Takes the watchdog off: for what is to run until it is ended. */
  keepRunning(): void {
    clearTimeout(this.#watchdog);
  }

  /** Sends it a signal. */
  kill(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  /** Waits for its end; throws when it had to be killed for hanging. */
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

/** Ends a process that may have ended already. */
export function killHard(process: Deno.ChildProcess): void {
  try {
    process.kill("SIGKILL");
  } catch {
    // It has ended.
  }
}

/** Writes it all and closes the pipe; a reader that has had enough is no error. */
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

/** What a failure is expected to say. */
export interface Failure {
  exit: number;
  code: string;
  message: RegExp;
  /** What the hint says; undefined where there is none. */
  hint?: RegExp | undefined;
  /** What nobody may be told. */
  secret?: string | undefined;
}

interface ErrorJson {
  error: { code: string; message: string; hint?: string };
}

/**
 * Checks a failure as a person sees it: the exit code, nothing on stdout, and
 * one line `error: …` and maybe one `hint: …` on stderr. Gives the hint.
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

/** Checks the same failure as `--json` gives it: one JSON object on stderr. */
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

function assertHint(hint: string | undefined, expected: Failure): void {
  if (expected.hint) assertMatch(hint ?? "there is no hint", expected.hint);
  else assertEquals(hint, undefined);
}

/** No stack trace, nothing of our inside, no secret. */
function assertFitToRead(text: string, { secret }: Failure): void {
  assert(!secret || !text.includes(secret), `a secret: ${text}`);
  assert(!/^\s+at |:\d+:\d+\)?$/m.test(text), `a stack trace: ${text}`);
  assert(!/file:\/\/|\.ts\b|\(os error/.test(text), `our inside: ${text}`);
}

/** Waits until a condition holds; throws when it never does. */
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

/** A text as a POSIX shell takes it. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Does what a hint says, in a shell, as a person would who pastes it. */
export async function runInShell(command: string): Promise<void> {
  const { code, stderr } = await new Child("/bin/sh", ["-c", command], {
    env: { PATH: "/usr/bin:/bin" },
  }).end();
  assertEquals([code, stderr], [0, ""], command);
}
