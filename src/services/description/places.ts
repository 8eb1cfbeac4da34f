import { HTTP_DATE } from "../../http/clock.ts";
import { isRfc3339, ownMember } from "../../json.ts";
import type { HttpAnswer } from "../../http/messages.ts";
import type { Conditions, DatePlace, Place } from "./schema.ts";

/** An answer, with its body as it was parsed. */
export interface ReadAnswer {
  answer: HttpAnswer;
  body: unknown;
}

/** An answer with its body parsed; undefined for a body that is not JSON. */
export function read(answer: HttpAnswer): ReadAnswer {
  try {
    return { answer, body: JSON.parse(answer.text) };
  } catch {
    return { answer, body: undefined };
  }
}

/** What is at a place: null or undefined if nothing is there. */
export function valueAt(
  { answer, body }: ReadAnswer,
  { field, header }: {
    field?: string | undefined;
    header?: string | undefined;
  },
): unknown {
  if (header !== undefined) return answer.headers.get(header);
  let value = body;
  for (const name of field?.split(".") ?? []) value = ownMember(value, name);
  return value;
}

/** The first value that is there, of several places. */
export function firstAt<P extends Place>(
  read: ReadAnswer,
  places: readonly P[] | undefined,
): { value: unknown; place: P } | undefined {
  for (const place of places ?? []) {
    const value = valueAt(read, place);
    if (value !== undefined && value !== null && value !== "") {
      return { value, place };
    }
  }
  return undefined;
}

/** The first text or number that is there, as a text. */
export function textAt(
  read: ReadAnswer,
  places: readonly Place[] | undefined,
): string | undefined {
  const value = firstAt(read, places)?.value;
  return typeof value === "string" || typeof value === "number"
    ? String(value)
    : undefined;
}

/** Whether all that is said of an answer holds. */
export function holds(read: ReadAnswer, conditions: Conditions): boolean {
  const { status, field, header, equals, contains } = conditions;
  if (status && !status.includes(read.answer.status)) return false;
  if (field === undefined && header === undefined) return true;
  const value = valueAt(read, conditions);
  if (value === undefined || value === null) return false;
  const text = textOf(value);
  if (equals !== undefined) return text === equals;
  return contains === undefined ||
    text.toLowerCase().includes(contains.toLowerCase());
}

/** A value as a text; empty for one that is nested too deep. */
function textOf(value: unknown): string {
  if (typeof value !== "object") return String(value);
  try {
    return JSON.stringify(value);
  } catch {
    return "";
  }
}

/** The names in a list, or in a text with commas or spaces between them. */
export function listAt(
  read: ReadAnswer,
  places: readonly Place[] | undefined,
): string[] | undefined {
  const found = firstAt(read, places);
  if (!found) return undefined;
  const { value } = found;
  const names = typeof value === "string" ? value.split(/[\s,]+/) : value;
  if (!Array.isArray(names)) return undefined;
  return names.filter((name) => typeof name === "string" && name !== "");
}

/**
 * The first date that is there; undefined if none is.
 *
 * Throws `RangeError` if what is there is no date of the described format.
 */
export function dateAt(
  read: ReadAnswer,
  places: readonly DatePlace[] | undefined,
): Date | undefined {
  const found = firstAt(read, places);
  if (!found) return undefined;
  const { value, place: { format } } = found;
  // An object would be asked for its text by members that the service chooses.
  if (typeof value !== "string" && typeof value !== "number") {
    throw notOfFormat(format);
  }
  // A lifetime of none, as Vault's root token and GitLab's eternal ones have it.
  if (format === "seconds" && Number(value) === 0) return undefined;
  const date = parse(value, format, read.answer.receivedAt);
  if (date && !Number.isNaN(date.getTime())) return date;
  throw notOfFormat(format);
}

function notOfFormat(format: DatePlace["format"]): RangeError {
  return new RangeError(`not a date of the format ${format}`);
}

function parse(
  value: string | number,
  format: DatePlace["format"],
  now: Date,
): Date | undefined {
  const text = String(value).trim();
  switch (format) {
    case "rfc3339":
      return isRfc3339(text) ? new Date(text) : undefined;
    case "date":
      return /^\d{4}-\d\d-\d\d$/.test(text) && isRfc3339(`${text}T00:00:00Z`)
        ? new Date(`${text}T00:00:00Z`)
        : undefined;
    case "http":
      return HTTP_DATE.test(text) ? new Date(text) : undefined;
    case "unix":
      return number(text, (seconds) => seconds * 1000);
    case "unix-ms":
      return number(text, (milliseconds) => milliseconds);
    case "seconds":
      return number(text, (seconds) => now.getTime() + seconds * 1000);
    case "ratelimit":
      return number(
        /;\s*t=(\d+)/.exec(text)?.[1] ?? "",
        (seconds) => now.getTime() + seconds * 1000,
      );
    case "github":
      return github(text);
  }
}

function number(
  text: string,
  toTime: (value: number) => number,
): Date | undefined {
  return /^\d{1,14}(\.\d{1,9})?$/.test(text)
    ? new Date(toTime(Number(text)))
    : undefined;
}

/** `2027-01-31 12:00:00 UTC`, or with an offset such as `+0200`. */
function github(text: string): Date | undefined {
  const [, day, time, zone = ""] =
    /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) (UTC|[+-]\d{4})$/.exec(text) ?? [];
  const offset = zone === "UTC" ? "Z" : zone.replace(/(..)$/, ":$1");
  const rfc3339 = `${day}T${time}${offset}`;
  return isRfc3339(rfc3339) ? new Date(rfc3339) : undefined;
}
