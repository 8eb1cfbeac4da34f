const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** A token that expires sooner than this is printed with a warning, in milliseconds. */
export const SOON: number = DAY;

/** When a token expires, for a person: the date where they are, and the time left. */
export function expiryText(expiresAt: Date | undefined, now: Date): string {
  if (!expiresAt) return "does not expire";
  const left = expiresAt.getTime() - now.getTime();
  const date = localDate(expiresAt);
  return left > 0
    ? `expires on ${date} (in ${duration(left)})`
    : `expired on ${date} (${duration(-left)} ago)`;
}

/** The same in fewer words: the date alone. */
export function shortExpiryText(
  expiresAt: Date | undefined,
  now: Date,
): string {
  if (!expiresAt) return "no end";
  return `${expiresAt > now ? "until" : "expired"} ${localDate(expiresAt)}`;
}

/** The day in this machine's time zone, in the form of RFC 3339. */
function localDate(time: Date): string {
  const parts = [time.getMonth() + 1, time.getDate()];
  return [
    String(time.getFullYear()).padStart(4, "0"),
    ...parts.map((part) => String(part).padStart(2, "0")),
  ].join("-");
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
