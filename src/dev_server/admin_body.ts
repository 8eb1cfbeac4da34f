import type { Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import * as v from "valibot";
import { isNestedWithin } from "../http/body.ts";
import { isObject, isRfc3339 } from "../json.ts";
import { type DevEnv, type Guard, ownOriginOnly } from "./guards.ts";
import { problem } from "./problems.ts";
import type { DevState } from "./state.ts";

const HUNDRED_YEARS = 100 * 366 * 24 * 60 * 60;

// Own messages throughout: valibot's quote the value, which may be a secret.

/** A string of 1 to 256 characters. */
export const text: v.GenericSchema<string> = v.pipe(
  v.string("must be a string"),
  v.minLength(1, "must not be empty"),
  v.maxLength(256, "must be at most 256 characters"),
);
/** A number from one to another. */
export function number(least: number, most: number): v.GenericSchema<number> {
  const message = `must be a number from ${least} to ${most}`;
  return v.pipe(
    v.number(message),
    v.minValue(least, message),
    v.maxValue(most, message),
  );
}

/** A whole number from one to another. */
export function integer(least: number, most: number): v.GenericSchema<number> {
  return v.pipe(number(least, most), v.integer("must be a whole number"));
}

/** An object of these fields; says which there are when it meets another. */
export function only<T extends v.ObjectEntries>(
  entries: T,
): v.StrictObjectSchema<T, string> {
  return v.strictObject(
    entries,
    `is not a known field; known are ${Object.keys(entries).join(", ")}`,
  );
}

/** The two ways to choose when something ends: see {@linkcode expiry}. */
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

/** A request that is refused for what is in its body. */
export class BadBody extends Error {
  constructor(readonly detail: string, readonly field?: string) {
    super(detail);
  }
}

/** The most an admin route, or the page that mints, reads of a body: 64 KiB. */
export const limitedBody: Guard = bodyLimit({
  maxSize: 64 * 1024,
  onError: () => problem("too_large", "The body is larger than 64 KiB."),
});

/** Guards the admin routes from this path on, and answers a {@linkcode BadBody}. */
export function guardAdmin(app: Hono<DevEnv>, path: string): void {
  app.use(path, ownOriginOnly, limitedBody);
  app.onError((error) => {
    if (!(error instanceof BadBody)) throw error;
    const members = error.field === undefined ? {} : { field: error.field };
    return problem("invalid_request", error.detail, {}, members);
  });
}

/** The body, checked; an empty one counts as `{}`. Throws a {@linkcode BadBody}. */
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
  // Checked here because valibot takes a list for an object.
  if (isObject(body)) return body;
  throw new BadBody("The body is not a JSON object.");
}

/** The expiry that a body asks for; undefined when it names none. Throws a {@linkcode BadBody}. */
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
