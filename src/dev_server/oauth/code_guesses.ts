const MINUTE = 60 * 1000;
const MOST = 10;

/** Counts wrong user codes, so that nobody can try all of them (RFC 8628, section 5.1). */
export class CodeGuesses {
  readonly #now: () => Date;
  /** The times of the wrong codes of the last minute, oldest first. */
  #wrong: number[] = [];

  constructor(now: () => Date) {
    this.#now = now;
  }

  /** Counts a wrong code. */
  count(): void {
    this.#wrong.push(Number(this.#now()));
  }

  /** How many seconds to wait until the next code; 0 for not at all. */
  wait(): number {
    const now = Number(this.#now());
    this.#wrong = this.#wrong.filter((time) => time > now - MINUTE);
    const [oldest = 0] = this.#wrong.slice(-MOST);
    if (this.#wrong.length < MOST) return 0;
    return Math.ceil((oldest + MINUTE - now) / 1000);
  }
}
