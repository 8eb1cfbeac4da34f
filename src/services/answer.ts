import * as v from "valibot";
import { NanoctlError } from "../errors.ts";
import { isNestedWithin } from "../http/body.ts";
import type { HttpAnswer } from "../http/messages.ts";
import { isObject, isRfc3339, parseExactly } from "../json.ts";
import { jsonBody } from "./error_body.ts";
import { USERNAME_FAULTS } from "./username.ts";

/**
 * The body of an answer, checked against a schema. With `exact` a number that
 * JavaScript would round is a raw JSON value.
 *
 * Throws `service_response` when it is not JSON or is nested too deeply, or
 * names the field that is missing or wrong.
 */
export function parseAnswer<T>(
  answer: HttpAnswer,
  schema: v.GenericSchema<unknown, T>,
  { exact = false } = {},
): T {
  const body = jsonBody(answer);
  if (!isNestedWithin(body)) throw tooDeep(answer);
  const result = v.safeParse(schema, exact ? parseExactly(answer.text) : body);
  if (result.success) return result.output;
  const issue = result.issues[0];
  const field = v.getDotPath(issue) ?? "the whole body";
  throw new NanoctlError(
    "service_response",
    `${answer.url.origin} answered in the wrong shape: ${field}: ${
      faultOf(issue)
    }`,
    "check that the URL is the service's and that nanoctl is not too old for it",
  );
}

function tooDeep({ url }: HttpAnswer): NanoctlError {
  return new NanoctlError(
    "service_response",
    `${url.origin} answered in the wrong shape: it is nested too deeply`,
    "check that the URL is the service's",
  );
}

/** For checks and patterns, which valibot can't describe, our schemas say what is wrong. */
function faultOf(issue: v.BaseIssue<unknown>): string {
  if (issue.input === undefined) return "it is missing";
  return issue.type === "check" || issue.type === "regex"
    ? issue.message
    : `expected ${issue.expected}, received ${kind(issue.input)}`;
}

/** An RFC 3339 date, or null. */
export const expirySchema: v.GenericSchema<unknown, Date | undefined> = v.pipe(
  v.nullable(v.pipe(v.string(), v.check(isRfc3339, "not an RFC 3339 date"))),
  v.transform((text) => text === null ? undefined : new Date(text)),
);

/** A user name, which is stored and shown: a service could put the token there. */
export const usernameSchema: v.GenericSchema<unknown, string> = v.pipe(
  v.string(),
  ...USERNAME_FAULTS.map(([fault, holds]) =>
    v.check<string, string>((name) => !holds(name), `it ${fault}`)
  ),
);

/** A token as a header can carry it: visible ASCII. */
export const secretSchema: v.GenericSchema<unknown, string> = v.pipe(
  v.string(),
  v.regex(/^[\x21-\x7e]+$/, "not a token"),
);

/**
 * What a provider sent along with its token, under any name; an empty object if
 * nothing. (valibot's own record omits names such as `constructor`, and accepts a
 * list.)
 */
export const extraSchema: v.GenericSchema<unknown, Record<string, unknown>> = v
  .nullish(
    v.pipe(
      v.unknown(),
      v.rawTransform(({ dataset: { value }, addIssue, NEVER }) => {
        if (isObject(value)) return value;
        addIssue({ message: "not an object", expected: "Object" });
        return NEVER;
      }),
    ),
    {},
  );

/** The URL of a page for a person, fit to be printed as it is. */
export const authenticationUrlSchema: v.GenericSchema<unknown, string> = v.pipe(
  v.string(),
  v.check(isPage, "not the URL of a page"),
);

function isPage(text: string): boolean {
  return /^https?:\/\/[\x21-\x7e]+$/i.test(text) && URL.canParse(text);
}

/** What something is, never what it holds: that may be a token. */
function kind(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "a list" : typeof value;
}
