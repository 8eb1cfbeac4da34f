import type { Context } from "../process/context.ts";
import type { HttpOptions } from "./client_options.ts";
import { timeoutError } from "./network_error.ts";
import { WAIT_BUDGET_SECONDS } from "./retry.ts";

/** One time limit for all that a request takes, tries and redirects included. Ctrl-C ends it too. */
export class Deadline {
  readonly signal: AbortSignal;
  /** How many seconds of waiting between tries are left. */
  budget = WAIT_BUDGET_SECONDS;
  readonly #own = new AbortController();
  readonly #context: Context;
  readonly #seconds: number;
  readonly #url: URL;
  readonly #proxy: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #endsAt = 0;

  constructor(
    { context, timeoutSeconds, signal }: HttpOptions,
    url: URL,
    proxy: string | undefined,
  ) {
    this.#context = context;
    this.#seconds = timeoutSeconds;
    this.#url = url;
    this.#proxy = proxy;
    this.signal = AbortSignal.any([
      this.#own.signal,
      context.signal,
      ...(signal ? [signal] : []),
    ]);
    this.restart();
  }

  /** Starts the time limit over. */
  restart(): void {
    clearTimeout(this.#timer);
    this.#endsAt = this.#context.now().getTime() + this.#seconds * 1000;
    this.#timer = setTimeout(
      () =>
        this.#own.abort(timeoutError(this.#url, this.#seconds, this.#proxy)),
      this.#seconds * 1000,
    );
  }

  /** The reason for the abort if it was ours, else the error itself. */
  explain(error: unknown): unknown {
    return this.signal.aborted ? this.signal.reason : error;
  }

  /** Waits for work that the signal can't abort, until the limit at most. */
  async race<T>(work: Promise<T>): Promise<T> {
    // If it fails after the limit, nobody waits for it any more.
    work.catch(() => {});
    this.signal.throwIfAborted();
    const over = Promise.withResolvers<never>();
    const reject = (): void => over.reject(this.signal.reason);
    this.signal.addEventListener("abort", reject);
    try {
      return await Promise.race([work, over.promise]);
    } finally {
      this.signal.removeEventListener("abort", reject);
    }
  }

  /** How many seconds are left. */
  secondsLeft(): number {
    return (this.#endsAt - this.#context.now().getTime()) / 1000;
  }

  /** Ends the time limit. */
  clear(): void {
    clearTimeout(this.#timer);
  }
}
