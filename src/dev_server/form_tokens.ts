import { randomText } from "./random.ts";

const LIFETIME = 60 * 60 * 1000;
const MOST = 1000;

/**
 * Tokens that forms carry, each good for one post, for one form and for an
 * hour: who has one was shown that form.
 */
export class FormTokens {
  readonly #now: () => Date;
  /** By token, oldest first. */
  readonly #issued = new Map<string, { form: string; until: number }>();

  constructor(now: () => Date) {
    this.#now = now;
  }

  /** A new token for this form; the oldest is forgotten where there are too many. */
  issue(form: string): string {
    const token = randomText(32);
    this.#issued.set(token, { form, until: Number(this.#now()) + LIFETIME });
    const [oldest] = this.#issued.keys();
    if (oldest !== undefined && this.#issued.size > MOST) {
      this.#issued.delete(oldest);
    }
    return token;
  }

  /** Whether the token is good for this form; after that it no longer is. */
  redeem(token: string, form: string): boolean {
    const issued = this.#issued.get(token);
    if (issued?.form !== form) return false;
    this.#issued.delete(token);
    return issued.until > Number(this.#now());
  }
}
