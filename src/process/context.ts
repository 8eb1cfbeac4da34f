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
