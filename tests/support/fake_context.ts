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

/** A request as a scripted fetch sees it. */
export interface SentRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: string | undefined;
  readonly redirect: string | undefined;
  /** Aborted when whoever asked no longer wants the answer. */
  readonly signal: AbortSignal;
}

/** Answers one request; what it throws is what fetch throws. */
export type Answer = (request: SentRequest) => Response | Promise<Response>;

/** What a fake context is made of; what is left out is empty, and no terminal. */
export interface FakeContextOptions {
  env?: Record<string, string>;
  stdin?: string | Uint8Array<ArrayBuffer>;
  /** Which of the streams are terminals: all, none, or those named. */
  terminals?: boolean | ("stdin" | "stdout" | "stderr")[];
  /** What the person types, question by question; an error stands for Ctrl-C and the like. */
  typed?: (string | Error)[];
  /** Answers each request. Left out, no request is expected, and one that comes fails. */
  answer?: Answer;
  /** Sends over the real network instead, for tests with a loopback server. */
  network?: boolean;
  now?: Date;
  random?: number;
  os?: string;
}

/** An output stream that keeps what was written. */
export class RecordedStream implements OutputStream {
  text = "";
  /** What every write throws from now on, where it is set. */
  failure: Error | undefined;
  readonly isTerminal: boolean;

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

  /** What was written, line by line, without the line breaks. */
  get lines(): string[] {
    return this.text === "" ? [] : this.text.replace(/\n$/, "").split("\n");
  }
}

/** A context whose every part is a fake, and which remembers what was done with it. */
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

  /** How many bytes of standard input were asked for, time by time. */
  readonly inputLimits: number[] = [];
  /** The questions that were asked. */
  readonly questions: string[] = [];
  /** The requests that a scripted fetch got, in their order. */
  readonly requests: SentRequest[] = [];
  /** The waits that were asked for, in milliseconds. They take no time, but the clock goes on. */
  readonly sleeps: number[] = [];
  /** What to do during the next waits, such as pressing Ctrl-C. */
  onSleep: (() => void) | undefined;
  /** The current time. */
  time: Date;

  /** Whether Ctrl-C was left to someone else. */
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
    this.os = options.os ?? "linux";
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

/** Answers the first request with the first of these, and so on; the last answers all that follow. */
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

/** An answer of this status, without anything in it. */
export function status(
  code: number,
  headers: Record<string, string> = {},
): Answer {
  return () => new Response(null, { status: code, headers });
}

/** A problem as nanoservices answers it (RFC 9457). */
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

/** A failure below HTTP, with the text that Deno gives it. */
export function networkFailure(reason: string): Answer {
  return ({ url }) => {
    throw new TypeError(
      `error sending request for url (${url}): client error ${reason}`,
    );
  };
}

/** Never answers, until whoever asked gives up. */
export const never: Answer = ({ signal }) =>
  new Promise((_, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason))
  );

/** What `GET /v1/me` answers a valid token. */
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

/** The token that a request presents; undefined when it presents none. */
export function presented(request: SentRequest): string | undefined {
  return request.headers.get("authorization")?.replace(/^Bearer /, "");
}

/**
 * Answers each token as told, as a service does that knows these tokens and no
 * other one.
 */
export function knowing(tokens: Record<string, Answer>): Answer {
  return (request) => {
    const answer = tokens[presented(request) ?? ""] ??
      problem(401, "token_invalid");
    return answer(request);
  };
}

/** A folder of its own for one test, with room for a credential file and its key. */
export class TemporaryHome implements AsyncDisposable {
  readonly path: string;
  /** The variables that make nanoctl keep its files in here. */
  readonly env: { NANOCTL_CONFIG_DIR: string; XDG_DATA_HOME: string };

  private constructor(path: string) {
    this.path = path;
    this.env = {
      NANOCTL_CONFIG_DIR: join(path, "config"),
      XDG_DATA_HOME: join(path, "data"),
    };
  }

  /** Makes the folder. */
  static async make(): Promise<TemporaryHome> {
    return new TemporaryHome(await Deno.makeTempDir({ prefix: "nanoctl" }));
  }

  /** Writes a file in the folder and gives its path. */
  async write(name: string, content: string): Promise<string> {
    const path = join(this.path, name);
    await Deno.writeTextFile(path, content);
    return path;
  }

  /** The text of the credential file; undefined when there is none. */
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

/** The error that this promise must be rejected with: one of ours, with this code. */
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

/** The error that this call must throw: one of ours. */
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
