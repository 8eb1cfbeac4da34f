/** Standard output or standard error. */
export interface OutputStream {
  readonly isTerminal: boolean;
  /** How many columns the terminal has; undefined if it is none, or doesn't say. */
  readonly columns?: number | undefined;
  /** Writes text or bytes, whole, before it resolves. */
  write(data: string | Uint8Array): Promise<void>;
}

/** Standard input, for a token or a body that is piped in. */
export interface InputStream {
  readonly isTerminal: boolean;
  /** Reads to the end, or to `limit` bytes if there are more. */
  readAll(limit: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** Questions to a person. Only called if stdin and stderr are a terminal. */
export interface Prompts {
  /** Asks for a secret, masked. Throws `interrupted` on Ctrl-C or when the terminal goes away. */
  secret(message: string): Promise<string>;
  /** Waits for Enter; false if the terminal goes away. No other question can be asked after it. */
  enter(): Promise<boolean>;
  /** Restores the terminal's state from before the first question, for a child that we run. */
  release(): void;
}

/**
 * Everything that comes from outside the program. Created once, in program.ts,
 * and replaced in tests. tests/architecture_test.ts lists what else may read the
 * environment, the clock or the terminal.
 */
export interface Context {
  readonly env: {
    /** Throws `usage` for a variable that is not UTF-8. */
    get(name: string): string | undefined;
    /** All variables that are UTF-8, for a child process. */
    toObject(): Record<string, string>;
  };
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly prompts: Prompts;
  /** Sends all requests; only src/http/sender.ts calls it. */
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
  /** Leaves Ctrl-C to a child that we run, from now on. */
  releaseInterrupt(): void;
  /** The system: "linux", "darwin", "windows", … */
  readonly os: string;
}
