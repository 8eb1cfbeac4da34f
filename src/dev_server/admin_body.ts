import type { Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import * as v from "valibot";
import { isNestedWithin } from "../http/body.ts";
import { isObject, isRfc3339 } from "../json.ts";
import { type DevEnv, type Guard, ownOriginOnly } from "./guards.ts";
import { problem } from "./problems.ts";
import type { DevState } from "./state.ts";

const HUNDRED_YEARS = 100 * 366 * 24 * 60 * 60;

// Custom messages throughout: valibot's quote the value, which may be a secret.

/** A string of 1 to 256 characters. */
export const text: v.GenericSchema<string> = v.pipe(
  v.string("must be a string"),
  v.minLength(1, "must not be empty"),
  v.maxLength(256, "must be at most 256 characters"),
);
/** A number in this range, bounds included. */
export function number(least: number, most: number): v.GenericSchema<number> {
  const message = `must be a number from ${least} to ${most}`;
  return v.pipe(
    v.number(message),
    v.minValue(least, message),
    v.maxValue(most, message),
  );
}

/** A whole number in this range, bounds included. */
export function integer(least: number, most: number): v.GenericSchema<number> {
  return v.pipe(number(least, most), v.integer("must be a whole number"));
}

/** An object with only these fields; the error for any other lists them. */
export function only<T extends v.ObjectEntries>(
  entries: T,
): v.StrictObjectSchema<T, string> {
  return v.strictObject(
    entries,
    `is not a known field; known are ${Object.keys(entries).join(", ")}`,
  );
}

/** The two fields that set an expiry: see {@linkcode expiry}. */
export const expiryFields = {
  expires_in: v.optional(number(-HUNDRED_YEARS, HUNDRED_YEARS)),
  expires_at: v.optional(v.nullable(v.pipe(
    v.string("must be an RFC 3339 date and time, or null"),
    v.check(isRfc3339, "must be an RFC 3339 date and time, or null"),
  ))),
};

type ExpiryBody = {
  expires_in?: number | undefined;
  expires_at?: string | null | undefined;
};

/** Thrown for a request with an invalid body. */
export class BadBody extends Error {
  constructor(readonly detail: string, readonly field?: string) {
    super(detail);
  }
}

/** Limits the body to 64 KiB, for the admin routes and the forms. */
export const limitedBody: Guard = bodyLimit({
  maxSize: 64 * 1024,
  onError: () => problem("too_large", "The body is larger than 64 KiB."),
});

/** Guards the admin routes under this path, and turns a {@linkcode BadBody} into an error answer. */
export function guardAdmin(app: Hono<DevEnv>, path: string): void {
  app.use(path, ownOriginOnly, limitedBody);
  app.onError((error) => {
    if (!(error instanceof BadBody)) throw error;
    const members = error.field === undefined ? {} : { field: error.field };
    return problem("invalid_request", error.detail, {}, members);
  });
}

/** The validated body; an empty one counts as `{}`. Throws a {@linkcode BadBody}. */
export async function readBody<O>(
  c: Context,
  schema: v.GenericSchema<unknown, O>,
): Promise<O> {
  const result = v.safeParse(schema, parse(await c.req.arrayBuffer()), {
    abortEarly: true,
  });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const field = v.getDotPath(issue) ?? "";
  throw new BadBody(`${field} ${issue.message}.`, field);
}

function parse(bytes: ArrayBuffer): object {
  let body: unknown = {};
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (text !== "") body = JSON.parse(text);
  } catch {
    throw new BadBody("The body is not JSON.");
  }
  if (!isNestedWithin(body)) {
    throw new BadBody("The body is nested too deeply.");
  }
  // Checked here because valibot accepts an array as an object.
  if (isObject(body)) return body;
  throw new BadBody("The body is not a JSON object.");
}

/** The expiry that a body sets; undefined if it sets none. Throws a {@linkcode BadBody} if it sets both fields. */
export function expiry(
  state: DevState,
  { expires_in, expires_at }: ExpiryBody,
): Date | null | undefined {
  if (expires_in === undefined) {
    return typeof expires_at === "string"
      ? new Date(expires_at.toUpperCase())
      : expires_at;
  }
  if (expires_at === undefined) return state.fromNow(expires_in);
  throw new BadBody("expires_in cannot go with expires_at.", "expires_in");
}
