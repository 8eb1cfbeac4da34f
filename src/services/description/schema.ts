/** What a service's description can say: docs/services.md, and docs/service.schema.json, which is made from this. */

import * as v from "valibot";

/** More than any description has, in bytes. */
export const DESCRIPTION_LIMIT = 64 * 1024;

/** Visible ASCII and spaces, so that nothing of it can steer a terminal or split a header. */
const shortText = v.pipe(
  v.string(),
  v.regex(/^[\x20-\x7e]{1,200}$/, "not a short text in ASCII"),
);

/**
 * Whether a URL is as the parser writes it. One that it would change, such as one
 * with `..` or with a port that is no number, leads elsewhere than it seems, or nowhere.
 */
function isNormal(text: string): boolean {
  const whole = text.replace(/^\{\w+\}/, "https://service.invalid")
    .replaceAll("{token}", "token")
    .replace(/^(https?:\/\/[^/?]+)(?=\?|$)/, "$1/");
  return URL.parse(whole)?.href === whole;
}

const normal = v.check(isNormal, "not a URL in its normal form");

/** The origin of a service, with a path prefix where it has one. */
const webUrl = v.pipe(
  v.string(),
  v.maxLength(200),
  v.regex(
    /^(https:\/\/[a-z0-9.:[\]-]+|http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:\d+)?)(\/[\w.~-]+)*$/,
    "not a URL in its normal form: https, in lower case, with no slash at its end and no query",
  ),
  normal,
);

/** A URL that begins with the one that a person gave, or is the same for all. */
const urlTemplate = v.pipe(
  v.string(),
  v.maxLength(300),
  v.regex(
    /^(\{url\}|\{api\}|https:\/\/[a-z0-9.:-]+)(\/[\w.~%-]+)*\/?(\?[\w.~%&=+,:-]*)?$/,
    "not a URL that begins with {url}, {api} or https://",
  ),
  normal,
);

/** As {@linkcode urlTemplate}, where a path follows. */
const baseTemplate = v.pipe(
  v.string(),
  v.maxLength(200),
  v.regex(
    /^(\{url\}|\{api\}|https:\/\/[a-z0-9.:-]+)(\/[\w.~%-]+)*$/,
    "not a URL that begins with {url}, {api} or https:// and has no query",
  ),
  normal,
);

/** The base of the API. */
const apiTemplate = v.pipe(
  v.string(),
  v.maxLength(200),
  v.regex(
    /^(\{url\}|https:\/\/[a-z0-9.:-]+)(\/[\w.~-]+)*$/,
    "not a URL that begins with {url} or https://",
  ),
  normal,
);

const path = v.pipe(
  v.string(),
  v.maxLength(300),
  v.regex(
    /^(\/([\w.~%@-]|\{token\})+)+\/?(\?[\w.~%&=+,:-]*)?$/,
    "not a path that begins with a slash and has no placeholder but {token}",
  ),
  v.check(
    (path) => isNormal(`{api}${path}`),
    "not a path in its normal form",
  ),
);

const headerName = v.pipe(
  v.string(),
  v.regex(/^[a-z][a-z0-9-]{0,63}$/, "not a header name in lower case"),
);

/** Those that the connection or our client sets (RFC 9110, sections 7.2 and 7.6.1). */
const RESERVED =
  /^(accept-encoding|connection|content-.*|expect|host|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|user-agent|cookie)$/;

const ownHeaderName = v.pipe(
  headerName,
  v.check((name) => !RESERVED.test(name), "a header that nanoctl sets itself"),
);

/** Where a token goes is for `present` alone to say. */
const fixedHeaderName = v.pipe(
  ownHeaderName,
  v.check((name) => name !== "authorization", "a header of the token"),
);

/** Names with dots between them, such as `data.ttl`; in a list, a number. */
const fieldPath = v.pipe(
  v.string(),
  v.regex(/^[\w-]{1,64}(\.[\w-]{1,64}){0,9}$/, "not a path such as data.ttl"),
);

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

/** What a refused request means: the error codes of the README. */
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
