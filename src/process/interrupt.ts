import { NanoctlError } from "../errors.ts";

/** The listener of this thread, while it has one. */
let listener: (() => void) | undefined;

/**
 * Opens a file that may be a named pipe. Without a writer that blocks the whole
 * thread, and no listener can run: meanwhile Ctrl-C ends the process by its signal.
 */
export async function interruptibly<T>(open: () => Promise<T>): Promise<T> {
  const paused = listener;
  if (paused === undefined) return await open();
  Deno.removeSignalListener("SIGINT", paused);
  try {
    return await open();
  } finally {
    // Unless it was released meanwhile.
    if (listener === paused) Deno.addSignalListener("SIGINT", paused);
  }
}

/**
 * Ctrl-C. It adds its listener when it is first asked for: while a lock or a file
 * is waited for, that costs less than at the start (docs/performance.md).
 */
export class Interrupt {
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
    listener = undefined;
  }

  #listen(): void {
    if (this.#asked) return;
    this.#asked = true;
    // If nobody waits for it, a rejection must not count as unhandled.
    this.#outcome.promise.catch(() => {});
    Deno.addSignalListener("SIGINT", this.#end);
    listener = this.#end;
  }

  readonly #end = (): void => {
    this.#error = new NanoctlError("interrupted", "interrupted");
    this.#outcome.reject(this.#error);
    this.#controller?.abort(this.#error);
  };
}
