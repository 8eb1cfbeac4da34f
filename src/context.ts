import { NanoctlError } from "./errors.ts";

/** Where people and scripts read us: one of the two output streams. */
export interface OutputStream {
  readonly isTerminal: boolean;
  /** Writes text or bytes, whole, before it resolves. */
  write(data: string | Uint8Array): Promise<void>;
}

/** Where a token or a body comes from when it comes by pipe. */
export interface InputStream {
  readonly isTerminal: boolean;
  /** Reads to the end, or to `limit` bytes where there are more. */
  readAll(limit: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** What can be asked of a person. Only called where stdin and stderr are a terminal. */
export interface Prompts {
  /** Asks for a secret, masked. Throws `interrupted` on Ctrl-C or when the terminal goes away. */
  secret(message: string): Promise<string>;
  /** Gives the terminal back as it was before the first question, to a child that we run. */
  release(): void;
}

/**
 * Everything that comes from outside the program. Made once, in program.ts, and
 * replaced in tests. What else may read the environment, the clock or the
 * terminal is listed in tests/architecture_test.ts.
 */
export interface Context {
  readonly env: {
    /** Throws `usage` for a variable that is no text. */
    get(name: string): string | undefined;
    /** All of it that is text, for a child process. */
    toObject(): Record<string, string>;
  };
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly prompts: Prompts;
  /** The sender of all requests; only src/http/client.ts calls it. */
  readonly fetch: typeof fetch;
  /** The current time. */
  now(): Date;
  /** Resolves after this many milliseconds, or throws the signal's reason when it is aborted. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
  /** A number from 0 up to but not including 1, for jitter. */
  random(): number;
  /** Aborted with an `interrupted` error on Ctrl-C. */
  readonly signal: AbortSignal;
  /** Rejected with that error on Ctrl-C, and never resolved. */
  readonly interrupted: Promise<never>;
  /** From now on Ctrl-C is for someone else: a child that we run. */
  releaseInterrupt(): void;
  /** The system: "linux", "darwin", "windows", … */
  readonly os: string;
}

/** What Deno says of a variable that is not UTF-8 holds its value. */
function variable(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch {
    throw new NanoctlError(
      "usage",
      `the variable ${name} is not text in UTF-8`,
      "unset it, or set it anew",
    );
  }
}

function isText(name: string): boolean {
  try {
    Deno.env.get(name);
    return true;
  } catch {
    return false;
  }
}

const LOOPBACK_NAMES = "localhost,127.0.0.0/8,::1";

/** The real outside world, with the given way of asking a person. */
export function systemContext(prompts: Prompts): Context {
  const inherited = bypassProxyForLoopback();
  const interrupt = new Interrupt();
  return {
    env: {
      get: variable,
      toObject: () => inherited ?? Deno.env.toObject(),
    },
    stdin: standardInput,
    stdout: outputStream(Deno.stdout),
    stderr: outputStream(Deno.stderr),
    prompts,
    fetch: globalThis.fetch,
    now: () => new Date(),
    sleep,
    random: Math.random,
    get signal(): AbortSignal {
      return interrupt.signal;
    },
    get interrupted(): Promise<never> {
      return interrupt.promise;
    },
    releaseInterrupt: () => interrupt.release(),
    os: Deno.build.os,
  };
}

/**
 * Ctrl-C, listened for from when someone first asks: the wait for a lock or a
 * file is a better time for that than the start (docs/performance.md).
 */
class Interrupt {
  readonly #outcome = Promise.withResolvers<never>();
  #controller: AbortController | undefined;
  #error: NanoctlError | undefined;
  #asked = false;

  get promise(): Promise<never> {
    this.#listen();
    return this.#outcome.promise;
  }

  get signal(): AbortSignal {
    this.#listen();
    this.#controller ??= new AbortController();
    if (this.#error) this.#controller.abort(this.#error);
    return this.#controller.signal;
  }

  /** Leaves Ctrl-C to someone else, for good. */
  release(): void {
    if (this.#asked) Deno.removeSignalListener("SIGINT", this.#end);
    this.#asked = true;
  }

  #listen(): void {
    if (this.#asked) return;
    this.#asked = true;
    // Nobody may be waiting when it comes.
    this.#outcome.promise.catch(() => {});
    Deno.addSignalListener("SIGINT", this.#end);
  }

  readonly #end = (): void => {
    this.#error = new NanoctlError("interrupted", "interrupted");
    this.#outcome.reject(this.#error);
    this.#controller?.abort(this.#error);
  };
}

/**
 * Deno reads NO_PROXY when it makes its first connection, so this comes first.
 * Gives the environment as it was where it had to be changed.
 */
function bypassProxyForLoopback(): Record<string, string> | undefined {
  const inherited = Deno.env.toObject();
  const names = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"];
  if (!names.some((name) => inherited[name] || inherited[name.toLowerCase()])) {
    return undefined;
  }
  // What is not text is left as it is: whoever sends a request says so.
  if (!["NO_PROXY", "no_proxy"].every(isText)) return undefined;
  const given = inherited.NO_PROXY || inherited.no_proxy || "";
  Deno.env.set(
    "NO_PROXY",
    [...proxyExceptions(given), LOOPBACK_NAMES].join(),
  );
  return inherited;
}

/**
 * Makes something, such as a Deno.HttpClient, that is to go direct whatever the
 * proxy variables say: it reads them while it is made, and then NO_PROXY
 * excepts everything. Nothing else sees that, as nothing else runs meanwhile.
 */
export function withoutProxies<T>(make: () => T): T {
  const given = variable("NO_PROXY");
  Deno.env.set("NO_PROXY", proxyExceptions("*").join());
  try {
    return make();
  } finally {
    if (given === undefined) Deno.env.delete("NO_PROXY");
    else Deno.env.set("NO_PROXY", given);
  }
}

/**
 * Makes something, such as a Deno.HttpClient, with which the runtime trusts the
 * system's own store besides the built-in authorities. It reads that store once
 * for the process, when it makes its first client. Programs that we run don't
 * see the variable.
 */
export function withSystemStore<T>(make: () => T): T {
  Deno.env.set("DENO_TLS_CA_STORE", "mozilla,system");
  try {
    return make();
  } finally {
    Deno.env.delete("DENO_TLS_CA_STORE");
  }
}

/**
 * The entries of NO_PROXY in the one spelling that Deno understands: it takes
 * them literally, knows no `*.name`, and `*` means names only to it.
 */
export function proxyExceptions(given: string): string[] {
  return given.split(",")
    .map((entry) => entry.trim().toLowerCase())
    .map((entry) => entry.replace(/^\*\./, ".").replace(/^\[(.*)\]$/, "$1"))
    .filter((entry) => entry !== "")
    .flatMap((entry) => entry === "*" ? ["*", "0.0.0.0/0", "::/0"] : [entry]);
}

const standardInput: InputStream = {
  get isTerminal(): boolean {
    return Deno.stdin.isTerminal();
  },
  async readAll(limit): Promise<Uint8Array<ArrayBuffer>> {
    let bytes = new Uint8Array(Math.min(limit, 64 * 1024));
    let length = 0;
    while (length < limit) {
      if (length === bytes.length) bytes = grown(bytes, limit);
      const read = await Deno.stdin.read(bytes.subarray(length));
      if (read === null) break;
      length += read;
    }
    return bytes.subarray(0, length);
  },
};

/** Twice the room; what was there is zeroed, as it may be a token. */
function grown(
  bytes: Uint8Array<ArrayBuffer>,
  limit: number,
): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.min(limit, 2 * bytes.length));
  larger.set(bytes);
  bytes.fill(0);
  return larger;
}

function outputStream(
  stream: typeof Deno.stdout | typeof Deno.stderr,
): OutputStream {
  return {
    get isTerminal(): boolean {
      return stream.isTerminal();
    },
    async write(data): Promise<void> {
      const bytes = typeof data === "string"
        ? new TextEncoder().encode(data)
        : data;
      try {
        for (let written = 0; written < bytes.length;) {
          written += await stream.write(bytes.subarray(written));
        }
      } catch (error) {
        throw unwritable(error);
      }
    },
  };
}

/** A reader that went away is for run.ts to know; anything else is said. */
function unwritable(error: unknown): unknown {
  if (error instanceof Deno.errors.BrokenPipe) return error;
  const reason = error instanceof Error
    ? error.message.replace(/ \(os error.*$/, "").toLowerCase()
    : "unknown reason";
  return new NanoctlError(
    "failed",
    `the output can't be written: ${reason}`,
  );
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    }
  });
}
