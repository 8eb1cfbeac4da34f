const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** A token that expires sooner than this is printed with a warning, in milliseconds. */
export const SOON: number = DAY;

/** When a token expires, for a person: the date (UTC) and the time left. */
export function expiryText(expiresAt: Date | undefined, now: Date): string {
  if (!expiresAt) return "does not expire";
  const left = expiresAt.getTime() - now.getTime();
  const date = expiresAt.toISOString().slice(0, 10);
  return left > 0
    ? `expires on ${date} (in ${duration(left)})`
    : `expired on ${date} (${duration(-left)} ago)`;
}

/** A length of time in the largest unit that fits: days, hours or minutes. */
function duration(milliseconds: number): string {
  if (milliseconds >= DAY) return plural(Math.round(milliseconds / DAY), "day");
  if (milliseconds >= HOUR) {
    return plural(Math.round(milliseconds / HOUR), "hour");
  }
  return plural(Math.ceil(milliseconds / 60_000), "minute");
}

function plural(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}
