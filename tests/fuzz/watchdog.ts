/** How long a case may take before the program ends, in seconds: no timer of its own would run. */
const PATIENCE = 60;

/**
 * Ends the program when one case keeps it busy for too long, and says which:
 * from a thread of its own, as the busy one does nothing else any more.
 */
export class Watchdog {
  readonly #worker: Worker;

  /** `what` is said before the case. */
  constructor(what: string) {
    this.#worker = new Worker(
      import.meta.resolve("./watchdog_worker.ts"),
      { type: "module" },
    );
    this.#worker.postMessage({ what, patience: PATIENCE });
  }

  /** A new case begins. */
  next(input: unknown): void {
    this.#worker.postMessage({ input: JSON.stringify(input).slice(0, 2000) });
  }

  /** There are no more cases. */
  stop(): void {
    this.#worker.terminate();
  }
}
