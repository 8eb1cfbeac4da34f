/** How often a request is tried at most. */
export const ATTEMPTS = 3;
/** How long all the waiting between the tries may take, in seconds. */
export const WAIT_BUDGET_SECONDS = 30;

const FIRST_WAIT_SECONDS = 0.5;
/** What a number of seconds counts as that is too large for anything (RFC 9111, section 1.2.2). */
const LONGEST_SECONDS = 2 ** 31;
const REPEATABLE = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);
const PASSING_STATUS = new Set([429, 502, 503, 504]);

/** Whether a method is safe to repeat (RFC 9110, section 9.2.2). */
export function isRepeatable(method: string): boolean {
  return REPEATABLE.has(method);
}

/** Whether an answer says that a later try may fare better. */
export function isPassingStatus(status: number): boolean {
  return PASSING_STATUS.has(status);
}

/**
 * How long to wait before the next try, in seconds: what `Retry-After` asks for
 * (RFC 9110, section 10.2.3: seconds or a date), else full jitter under a bound
 * that doubles.
 */
export function waitSeconds(
  attempt: number,
  retryAfter: string | null,
  now: Date,
  random: number,
): number {
  return parseRetryAfter(retryAfter, now) ??
    random * FIRST_WAIT_SECONDS * 2 ** (attempt - 1);
}

/** The seconds that a `Retry-After` header asks for; undefined without a valid one. */
export function parseRetryAfter(
  value: string | null,
  now: Date,
): number | undefined {
  if (!value) return undefined;
  if (/^\d+$/.test(value.trim())) {
    return Math.min(Number(value.trim()), LONGEST_SECONDS);
  }
  // Date.parse alone takes "-5" and "in 3" for dates.
  if (!/^[A-Z][a-z]+,? .*\d\d:\d\d:\d\d/.test(value)) return undefined;
  const date = Date.parse(value);
  if (Number.isNaN(date)) return undefined;
  return Math.max(0, (date - now.getTime()) / 1000);
}
