/** What a service's description can say: docs/services.md, and docs/service.schema.json, which is made from this. */

import * as v from "valibot";
import {
  apiTemplate,
  baseTemplate,
  fieldPath,
  fixedHeaderName,
  headerName,
  ownHeaderName,
  path,
  shortText,
  urlTemplate,
  webUrl,
} from "./texts.ts";

/** More than any description has, in bytes. */
export const DESCRIPTION_LIMIT = 64 * 1024;

/** How a service writes a date. */
export const DATE_FORMATS = [
  "rfc3339",
  "date",
  "http",
  "unix",
  "unix-ms",
  "seconds",
  "ratelimit",
  "github",
] as const;

const inField = { field: fieldPath };
const inHeader = { header: headerName };
const format = { format: v.picklist(DATE_FORMATS) };

const placeSchema = v.union([
  v.strictObject(inField),
  v.strictObject(inHeader),
]);
const datePlaceSchema = v.union([
  v.strictObject({ ...inField, ...format }),
  v.strictObject({ ...inHeader, ...format }),
]);

const places = v.pipe(v.array(placeSchema), v.minLength(1), v.maxLength(8));
const datePlaces = v.pipe(
  v.array(datePlaceSchema),
  v.minLength(1),
  v.maxLength(8),
);

const status = v.pipe(
  v.number(),
  v.integer(),
  v.minValue(200),
  v.maxValue(599),
);
const statuses = v.pipe(v.array(status), v.minLength(1), v.maxLength(16));

/** What has to hold of an answer. */
const conditions = {
  status: v.optional(statuses),
  field: v.optional(fieldPath),
  header: v.optional(headerName),
  equals: v.optional(shortText),
  contains: v.optional(shortText),
};

const fieldValue = v.pipe(v.string(), v.maxLength(200));

const request = {
  method: v.optional(v.picklist(["GET", "POST", "PUT", "DELETE"])),
  /** The base of the API without. */
  base: v.optional(baseTemplate),
  path,
  json: v.optional(
    v.record(v.string(), v.union([fieldValue, v.array(fieldValue)])),
  ),
  form: v.optional(v.record(v.string(), fieldValue)),
  /** At the service's own URL it is sent without the token, which its body holds. */
  anonymous: v.optional(v.literal(true)),
};

const ofToken = {
  token_contains: v.optional(shortText),
  git_username: v.optional(shortText),
};

const presentation = v.union([
  v.strictObject({
    ...ofToken,
    header: ownHeaderName,
    value: v.pipe(
      v.string(),
      v.regex(/^[\x20-\x7a|~]{0,60}\{token\}$/, "does not end in {token}"),
    ),
  }),
  v.strictObject({
    ...ofToken,
    basic: v.strictObject({
      username: v.optional(v.pipe(
        v.string(),
        v.regex(/^[\x21-\x39\x3b-\x7e]{1,100}$/, "not a user name"),
      )),
    }),
  }),
]);

/** What a refused request means: the error codes of docs/reference/errors.md. */
export const MEANINGS = [
  "token_invalid",
  "token_expired",
  "token_revoked",
  "insufficient_scope",
  "rate_limited",
  "service_error",
] as const;

const account = v.strictObject({
  ...request,
  /** The statuses with which a token is told that it may not ask this. */
  unknown_on: v.optional(statuses),
  /** The statuses that mean here that the token is not valid. */
  invalid_on: v.optional(statuses),
  username: v.optional(places),
  email: v.optional(places),
  scopes: v.optional(places),
  expires_at: v.optional(datePlaces),
});

/** The schema of a description. */
export const descriptionSchema = v.strictObject({
  $schema: v.optional(v.string()),
  name: v.pipe(
    v.string(),
    v.regex(/^[a-z][a-z0-9-]{0,31}$/, "not a name such as my-service"),
  ),
  title: shortText,
  url: v.optional(webUrl),
  api: v.optional(apiTemplate),
  api_of_url: v.optional(webUrl),
  headers: v.optional(v.pipe(
    v.record(fixedHeaderName, shortText),
    v.check((all) => Object.keys(all).length <= 16, "too many headers"),
  )),
  present: v.pipe(
    v.array(presentation),
    v.minLength(1),
    v.maxLength(4),
    v.check(
      (all) =>
        all.every(({ token_contains }, index) =>
          (token_contains === undefined) === (index === all.length - 1)
        ),
      "the last, and it alone, is for every token",
    ),
  ),
  token_page: urlTemplate,
  /** What to type, if that is more than the token. */
  token_form: v.optional(shortText),
  account: v.pipe(
    v.array(account),
    v.minLength(1),
    v.maxLength(4),
    v.check(
      ([first]) => first?.username !== undefined,
      "the first request has to say the user name",
    ),
  ),
  revoke: v.union([
    v.strictObject({
      ...request,
      /** The statuses of servers that can't, and what to do there instead. */
      impossible_on: v.optional(statuses),
      impossible: v.optional(shortText),
    }),
    v.strictObject({ impossible: shortText }),
  ]),
  renew: v.optional(v.strictObject({
    ...request,
    /** Where the account says that the token can be renewed. */
    if: placeSchema,
    token: v.optional(places),
    expires_at: datePlaces,
  })),
  refusals: v.optional(v.pipe(
    v.array(v.strictObject({
      ...conditions,
      status: statuses,
      means: v.picklist(MEANINGS),
      until: v.optional(datePlaces),
    })),
    v.maxLength(32),
  )),
  message: v.optional(places),
  device: v.optional(v.strictObject({
    device_authorization_endpoint: urlTemplate,
    token_endpoint: urlTemplate,
    revocation_endpoint: v.optional(urlTemplate),
    client_id: v.optional(shortText),
    scope: v.optional(shortText),
    register: v.optional(shortText),
  })),
  recognize: v.optional(v.pipe(
    v.array(v.strictObject({
      path,
      all: v.pipe(
        v.array(v.strictObject(conditions)),
        v.minLength(1),
        v.maxLength(4),
      ),
    })),
    v.maxLength(4),
  )),
});

/** A service as data. */
export type ServiceDescription = v.InferOutput<typeof descriptionSchema>;
/** Where a value is in an answer. */
export type Place = v.InferOutput<typeof placeSchema>;
/** Where a date is, and how it is written. */
export type DatePlace = v.InferOutput<typeof datePlaceSchema>;
/** What has to hold of an answer; all that is said of it. */
export type Conditions = Pick<
  NonNullable<ServiceDescription["recognize"]>[number]["all"][number],
  "status" | "field" | "header" | "equals" | "contains"
>;
/** A request as a description has it. */
export type DescribedRequest = Pick<
  ServiceDescription["account"][number],
  "method" | "base" | "path" | "json" | "form" | "anonymous"
>;
