import { join } from "@std/path";
import type {
  Context,
  InputStream,
  OutputStream,
  Prompts,
} from "../../src/process/context.ts";
import { NanoctlError } from "../../src/errors.ts";

/** The time at which every fake clock starts. */
export const START = new Date("2026-01-15T12:00:00.000Z");

/** A request to the scripted fetch. */
export interface SentRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: string | undefined;
  readonly redirect: string | undefined;
  /** Aborted when the caller no longer wants the answer. */
  readonly signal: AbortSignal;
}

/** Answers one request; fetch throws whatever it throws. */
export type Answer = (request: SentRequest) => Response | Promise<Response>;

/** The options of a fake context; by default everything is empty and nothing is a terminal. */
export interface FakeContextOptions {
  env?: Record<string, string>;
  stdin?: string | Uint8Array<ArrayBuffer>;
  /** Which streams are terminals: all, none, or these. */
  terminals?: boolean | ("stdin" | "stdout" | "stderr")[];
  /** What the user types at each prompt; an error stands for Ctrl-C and the like. */
  typed?: (string | Error)[];
  /** When Enter is pressed where that is offered. */
  enter?: Promise<boolean>;
  /** Answers each request. If omitted, every request fails. */
  answer?: Answer;
  /** Uses the real network instead, for tests with a loopback server. */
  network?: boolean;
  now?: Date;
  random?: number;
  os?: string;
}

/** An output stream that records what is written. */
export class RecordedStream implements OutputStream {
  text = "";
  /** If set, every write throws it. */
  failure: Error | undefined;
  readonly isTerminal: boolean;
  columns: number | undefined;

  constructor(isTerminal: boolean) {
    this.isTerminal = isTerminal;
  }

  write(data: string | Uint8Array): Promise<void> {
    if (this.failure) return Promise.reject(this.failure);
    this.text += typeof data === "string"
      ? data
      : new TextDecoder().decode(data);
    return Promise.resolve();
  }

  /** The lines written, without line breaks. */
  get lines(): string[] {
    return this.text === "" ? [] : this.text.replace(/\n$/, "").split("\n");
  }
}

/** A context made of fakes, which records how it is used. */
export class FakeContext implements Context {
  readonly variables: Map<string, string>;
  readonly env: Context["env"];
  readonly stdin: InputStream;
  readonly stdout: RecordedStream;
  readonly stderr: RecordedStream;
  readonly prompts: Prompts;
  readonly fetch: typeof fetch;
  readonly signal: AbortSignal;
  readonly interrupted: Promise<never>;
  readonly os: string;

  /** The byte limit of each read from standard input. */
  readonly inputLimits: number[] = [];
  /** The prompts shown. */
  readonly questions: string[] = [];
  /** The requests to the scripted fetch, in order. */
  readonly requests: SentRequest[] = [];
  /** The requested waits, in milliseconds. They take no real time, but advance the clock. */
  readonly sleeps: number[] = [];
  /** What to do during the next waits, such as pressing Ctrl-C. */
  onSleep: (() => void) | undefined;
  /** The current time. */
  time: Date;

  /** Whether the handling of Ctrl-C was released. */
  interruptReleased = false;

  readonly #interrupt = new AbortController();
  readonly #random: number;

  constructor(options: FakeContextOptions = {}) {
    const { terminals = false, typed = [] } = options;
    const isTerminal = (name: "stdin" | "stdout" | "stderr"): boolean =>
      Array.isArray(terminals) ? terminals.includes(name) : terminals;
    this.variables = new Map(Object.entries(options.env ?? {}));
    this.env = {
      get: (name) => this.variables.get(name),
      toObject: () => Object.fromEntries(this.variables),
    };
    this.stdin = this.#input(options.stdin ?? "", isTerminal("stdin"));
    this.stdout = new RecordedStream(isTerminal("stdout"));
    this.stderr = new RecordedStream(isTerminal("stderr"));
    this.prompts = {
      secret: (message) => this.#ask(message, typed),
      // By default, nobody presses it.
      enter: () => options.enter ?? new Promise(() => {}),
      release: () => {},
    };
    this.fetch = options.network
      ? globalThis.fetch
      : this.#scriptedFetch(options.answer ?? unexpected);
    this.signal = this.#interrupt.signal;
    this.interrupted = new Promise((_, reject) => {
      this.signal.addEventListener("abort", () => reject(this.signal.reason));
    });
    this.interrupted.catch(() => {});
    this.time = options.now ?? START;
    this.#random = options.random ?? 0.5;
    // The paths of Windows are absolute nowhere else.
    this.os = options.os ??
      (Deno.build.os === "windows" ? "windows" : "linux");
  }

  now(): Date {
    return new Date(this.time);
  }

  random(): number {
    return this.#random;
  }

  sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
    this.sleeps.push(milliseconds);
    this.onSleep?.();
    if (signal.aborted) return Promise.reject(signal.reason);
    this.time = new Date(this.time.getTime() + milliseconds);
    return Promise.resolve();
  }

  releaseInterrupt(): void {
    this.interruptReleased = true;
  }

  /** Presses Ctrl-C. */
  interrupt(): void {
    this.#interrupt.abort(new NanoctlError("interrupted", "interrupted"));
  }

  #input(
    content: string | Uint8Array<ArrayBuffer>,
    isTerminal: boolean,
  ): InputStream {
    const bytes = typeof content === "string"
      ? new TextEncoder().encode(content)
      : content;
    return {
      isTerminal,
      readAll: (limit) => {
        this.inputLimits.push(limit);
        return Promise.resolve(bytes.slice(0, limit));
      },
    };
  }

  #ask(message: string, typed: (string | Error)[]): Promise<string> {
    const answer = typed[this.questions.length] ??
      new Error(`nobody answers the question ${message}`);
    this.questions.push(message);
    return answer instanceof Error
      ? Promise.reject(answer)
      : Promise.resolve(answer);
  }

  #scriptedFetch(answer: Answer): typeof fetch {
    return async (input, init): Promise<Response> => {
      const signal = init?.signal ?? new AbortController().signal;
      const request: SentRequest = {
        method: init?.method ?? "GET",
        url: String(input instanceof Request ? input.url : input),
        headers: new Headers(init?.headers),
        body: init?.body ? await new Response(init.body).text() : undefined,
        redirect: init?.redirect,
        signal,
      };
      this.requests.push(request);
      if (signal.aborted) throw signal.reason;
      return await answer(request);
    };
  }
}

function unexpected(request: SentRequest): Response {
  throw new Error(`no request was expected: ${request.method} ${request.url}`);
}

/** Answers requests in turn; the last answer repeats. */
export function inTurn(...answers: Answer[]): Answer {
  let next = 0;
  return (request) => {
    const answer = answers[Math.min(next++, answers.length - 1)] ?? unexpected;
    return answer(request);
  };
}

/** An answer with a JSON body. */
export function json(
  body: unknown,
  status = 200,
  headers: Record<string, string> = {},
): Answer {
  return () =>
    new Response(JSON.stringify(body), {
      status,
      headers: { "content-type": "application/json", ...headers },
    });
}

/** An answer with this status and no body. */
export function status(
  code: number,
  headers: Record<string, string> = {},
): Answer {
  return () => new Response(null, { status: code, headers });
}

/** A problem answer of a nanoservices service (RFC 9457). */
export function problem(
  httpStatus: number,
  code: string,
  members: Record<string, unknown> = {},
): Answer {
  return json(
    { type: "about:blank", status: httpStatus, code, ...members },
    httpStatus,
    {
      "content-type": "application/problem+json",
    },
  );
}

/** A failure below HTTP, with Deno's error text. */
export function networkFailure(reason: string): Answer {
  return ({ url }) => {
    throw new TypeError(
      `error sending request for url (${url}): client error ${reason}`,
    );
  };
}

/** Never answers; fails once the caller gives up. */
export const never: Answer = ({ signal }) =>
  new Promise((_, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason))
  );

/** The answer of `GET /v1/me` to a valid token. */
export function me(
  token: { expires_at?: string | null } = {},
  username = "ada",
): Answer {
  return json({
    username,
    email: `${username}@example.com`,
    token: {
      id: "tok_1",
      name: "laptop",
      expires_at: token.expires_at ?? null,
      scopes: ["account:read"],
    },
  });
}

/** The token in a request; undefined if there is none. */
export function presented(request: SentRequest): string | undefined {
  return request.headers.get("authorization")?.replace(/^Bearer /, "");
}

/**
 * Answers each of these tokens as given, like a service that knows only these.
 */
export function knowing(tokens: Record<string, Answer>): Answer {
  return (request) => {
    const answer = tokens[presented(request) ?? ""] ??
      problem(401, "token_invalid");
    return answer(request);
  };
}

/** A temporary folder for one test's credential file and key. */
export class TemporaryHome implements AsyncDisposable {
  readonly path: string;
  /** The variables that make nanoctl keep its files in this folder. */
  readonly env: { NANOCTL_CONFIG_DIR: string; XDG_DATA_HOME: string };

  private constructor(path: string) {
    this.path = path;
    this.env = {
      NANOCTL_CONFIG_DIR: join(path, "config"),
      XDG_DATA_HOME: join(path, "data"),
    };
  }

  /** Creates the folder. */
  static async make(): Promise<TemporaryHome> {
    return new TemporaryHome(await Deno.makeTempDir({ prefix: "nanoctl" }));
  }

  /** Writes a file in the folder and returns its path. */
  async write(name: string, content: string): Promise<string> {
    const path = join(this.path, name);
    await Deno.writeTextFile(path, content);
    return path;
  }

  /** The text of the credential file; undefined if there is none. */
  async credentialFile(): Promise<string | undefined> {
    const path = join(this.env.NANOCTL_CONFIG_DIR, "credentials.json");
    try {
      return await Deno.readTextFile(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** Asserts that the promise rejects with a NanoctlError with this code, and returns the error. */
export async function rejectionOf(
  work: Promise<unknown>,
): Promise<NanoctlError> {
  const outcome = await work.then(
    (value) => new Error(`resolved with ${Deno.inspect(value)}`),
    (error: unknown) => error,
  );
  if (outcome instanceof NanoctlError) return outcome;
  throw outcome instanceof Error
    ? new Error(`not a NanoctlError: ${outcome.message}`, { cause: outcome })
    : new Error(`not a NanoctlError: ${String(outcome)}`);
}

/** Asserts that the call throws a NanoctlError, and returns it. */
export function thrownBy(work: () => unknown): NanoctlError {
  let value: unknown;
  try {
    value = work();
  } catch (error) {
    if (error instanceof NanoctlError) return error;
    throw error;
  }
  throw new Error(`nothing was thrown; it gave ${Deno.inspect(value)}`);
}
