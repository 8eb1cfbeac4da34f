import { randomText } from "./random.ts";

const LIFETIME = 60 * 60 * 1000;
const MOST = 1000;

/**
 * CSRF tokens, each valid for one submission of one form within an hour: only
 * someone who was shown the form has one.
 */
export class FormTokens {
  readonly #now: () => Date;
  /** By token, oldest first. */
  readonly #issued = new Map<string, { form: string; until: number }>();

  constructor(now: () => Date) {
    this.#now = now;
  }

  /** Issues a token for this form, and drops the oldest if there are too many. */
  issue(form: string): string {
    const token = randomText(32);
    this.#issued.set(token, { form, until: Number(this.#now()) + LIFETIME });
    const [oldest] = this.#issued.keys();
    if (oldest !== undefined && this.#issued.size > MOST) {
      this.#issued.delete(oldest);
    }
    return token;
  }

  /** Whether the token is valid for this form; uses it up. */
  redeem(token: string, form: string): boolean {
    const issued = this.#issued.get(token);
    if (issued?.form !== form) return false;
    this.#issued.delete(token);
    return issued.until > Number(this.#now());
  }
}
