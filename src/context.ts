/** Where people and scripts read us: one of the two output streams. */
export interface OutputStream {
  readonly isTerminal: boolean;
  /** Writes text, whole, before it resolves. */
  write(text: string): Promise<void>;
}

/** Where a token or a body comes from when it comes by pipe. */
export interface InputStream {
  readonly isTerminal: boolean;
  /** Reads everything to the end, at most `limit` bytes, else throws a usage error. */
  readAll(limit: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** What can be asked of a person. Only called when `canPrompt` says yes. */
export interface Prompts {
  /** Asks for a secret, masked. Throws `interrupted` on Ctrl-C or when the terminal goes away. */
  secret(message: string): Promise<string>;
}

/**
 * Everything that comes from outside the program. Made once, in main.ts, and
 * replaced in tests; nothing else reads the environment, the clock or the
 * terminal.
 */
export interface Context {
  readonly env: { get(name: string): string | undefined };
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
  /** The system: "linux", "darwin", "windows", … */
  readonly os: string;
}
