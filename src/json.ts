/** Whether a value is an object with members, not a list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A member of an object or a list; undefined where there is none. Own members only: a name must not reach into the language itself. */
export function ownMember(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null
    ? Object.getOwnPropertyDescriptor(value, name)?.value
    : undefined;
}

/** The part of JSON that TypeScript doesn't declare yet (ECMA-262, JSON.parse source text access). */
interface ExactJson {
  parse(
    text: string,
    revive: (
      name: string,
      value: unknown,
      from: { source?: string },
    ) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
  isRawJSON(value: unknown): boolean;
}

const exact = (): ExactJson => JSON as unknown as ExactJson;

/** Parses JSON as `JSON.parse` does, except that numbers that it would print differently become raw JSON values. Throws as it does. */
export function parseExactly(text: string): unknown {
  return exact().parse(
    text,
    (_, value, { source = "" }) =>
      typeof value === "number" && String(value) !== source
        ? exact().rawJSON(source)
        : value,
  );
}

/** Whether a value is such a raw number, which JavaScript takes for an object. */
export function isRawNumber(value: unknown): boolean {
  return exact().isRawJSON(value);
}

/** Whether a text is a date and time as RFC 3339, section 5.6, has it, of a day that the calendar has; leap seconds aside. */
export function isRfc3339(text: string): boolean {
  const [, year, month, day] =
    /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/i
      .exec(text) ?? [];
  const date = new Date(`${year}-${month}-${day}T00:00:00Z`);
  return date.getUTCDate() === Number(day) &&
    date.getUTCMonth() + 1 === Number(month);
}
