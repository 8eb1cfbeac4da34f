import type { AnswerHead } from "./messages.ts";

/** How far two clocks may be apart before it is worth a word, in milliseconds. */
const TOLERANCE = 60_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** How a `Date` header is written (RFC 9110, section 5.6.7, IMF-fixdate). */
export const HTTP_DATE =
  /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** What of an answer tells the service's time. */
type Timed = Omit<AnswerHead, "status" | "url">;

/**
 * How far this machine's clock is ahead of the service's, in milliseconds. The
 * service's is what its answer says in `Date` (RFC 9110, section 6.6.1), to the
 * second. Undefined where the answer does not tell: it has no valid date, comes
 * from a cache or from another origin.
 */
export function clockOffset(
  { headers, receivedAt, leftOrigin }: Timed,
): number | undefined {
  const date = headers.get("date") ?? "";
  if (leftOrigin || headers.has("age") || !HTTP_DATE.test(date)) {
    return undefined;
  }
  const ahead = receivedAt.getTime() - Date.parse(date);
  // An impossible day, such as the 45th, gives NaN.
  return Number.isNaN(ahead) ? undefined : ahead;
}

/**
 * How this machine's clock differs from the service's, as a sentence for an
 * error or a warning. Undefined if they differ by no more than a minute, and
 * where {@linkcode clockOffset} can't tell.
 */
export function clockDifference(answer: Timed): string | undefined {
  const ahead = clockOffset(answer);
  if (ahead === undefined || Math.abs(ahead) <= TOLERANCE) return undefined;
  return `this machine's clock is ${duration(Math.abs(ahead))} ${
    ahead > 0 ? "ahead of" : "behind"
  } the service's`;
}

/**
 * The same if it explains why a date in the answer has already passed; undefined
 * if that date hasn't passed.
 */
export function clockFault(
  endsAt: Date | null | undefined,
  answer: AnswerHead,
): string | undefined {
  return endsAt && endsAt <= answer.receivedAt
    ? clockDifference(answer)
    : undefined;
}

function duration(milliseconds: number): string {
  if (milliseconds >= 2 * DAY) return plural(milliseconds / DAY, "day");
  if (milliseconds >= 2 * HOUR) return plural(milliseconds / HOUR, "hour");
  return plural(milliseconds / 60_000, "minute");
}

function plural(count: number, unit: string): string {
  const whole = Math.round(count);
  return `${whole} ${unit}${whole === 1 ? "" : "s"}`;
}
