/** What a service gets from a fleet, in requests. */
export class Load {
  readonly #perSecond: number[];

  /** Of so many seconds. */
  constructor(seconds: number) {
    this.#perSecond = new Array<number>(seconds).fill(0);
  }

  /** Counts a request at a time in milliseconds; one that is later than all seconds doesn't count. */
  add(milliseconds: number): void {
    const second = Math.floor(milliseconds / 1000);
    const count = this.#perSecond[second];
    if (count !== undefined) this.#perSecond[second] = count + 1;
  }

  /** The part from one second up to but not including another. */
  between(from: number, to: number): Load {
    const part = new Load(0);
    part.#perSecond.push(...this.#perSecond.slice(from, to));
    return part;
  }

  /** All requests. */
  get total(): number {
    return this.#perSecond.reduce((sum, count) => sum + count, 0);
  }

  /** Requests per second. */
  get mean(): number {
    return this.total / this.#perSecond.length;
  }

  /** The most requests in one second. */
  get peak(): number {
    return this.#perSecond.reduce((most, count) => Math.max(most, count), 0);
  }

  /** So many requests or fewer are in 99 of 100 seconds. */
  get percentile99(): number {
    const sorted = this.#perSecond.toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length * 0.99)] ?? 0;
  }

  /** Requests per second in the busiest interval of so many seconds: what is above that is chance, and no herd. */
  busiest(seconds: number): number {
    let [sum, most] = [0, 0];
    for (const [second, count] of this.#perSecond.entries()) {
      sum += count - (this.#perSecond[second - seconds] ?? 0);
      most = Math.max(most, sum);
    }
    return most / seconds;
  }
}
