/** The texts in a description: what one may hold, so that it leads nowhere else than it seems. */

import * as v from "valibot";

/** Visible ASCII and spaces, so that nothing of it can steer a terminal or split a header. */
export const shortText = v.pipe(
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
export const webUrl = v.pipe(
  v.string(),
  v.maxLength(200),
  v.regex(
    /^(https:\/\/[a-z0-9.:[\]-]+|http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:\d+)?)(\/[\w.~-]+)*$/,
    "not a URL in its normal form: https, in lower case, with no slash at its end and no query",
  ),
  normal,
);

/** A URL that begins with the one that a person gave, or is the same for all. */
export const urlTemplate = v.pipe(
  v.string(),
  v.maxLength(300),
  v.regex(
    /^(\{url\}|\{api\}|https:\/\/[a-z0-9.:-]+)(\/[\w.~%-]+)*\/?(\?[\w.~%&=+,:-]*)?$/,
    "not a URL that begins with {url}, {api} or https://",
  ),
  normal,
);

/** As {@linkcode urlTemplate}, where a path follows. */
export const baseTemplate = v.pipe(
  v.string(),
  v.maxLength(200),
  v.regex(
    /^(\{url\}|\{api\}|https:\/\/[a-z0-9.:-]+)(\/[\w.~%-]+)*$/,
    "not a URL that begins with {url}, {api} or https:// and has no query",
  ),
  normal,
);

/** The base of the API. */
export const apiTemplate = v.pipe(
  v.string(),
  v.maxLength(200),
  v.regex(
    /^(\{url\}|https:\/\/[a-z0-9.:-]+)(\/[\w.~-]+)*$/,
    "not a URL that begins with {url} or https://",
  ),
  normal,
);

/** A path below the base of the API; `{token}` in it stands for the token. */
export const path = v.pipe(
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

/** The name of a header. */
export const headerName = v.pipe(
  v.string(),
  v.regex(/^[a-z][a-z0-9-]{0,63}$/, "not a header name in lower case"),
);

/** Those that the connection or our client sets (RFC 9110, sections 7.2 and 7.6.1). */
const RESERVED =
  /^(accept-encoding|connection|content-.*|expect|host|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|user-agent|cookie)$/;

/** The name of a header that a description can give a value. */
export const ownHeaderName = v.pipe(
  headerName,
  v.check((name) => !RESERVED.test(name), "a header that nanoctl sets itself"),
);

/** The same of a header that every request has: where a token goes is for `present` alone to say. */
export const fixedHeaderName = v.pipe(
  ownHeaderName,
  v.check((name) => name !== "authorization", "a header of the token"),
);

/** Names with dots between them, such as `data.ttl`; in a list, a number. */
export const fieldPath = v.pipe(
  v.string(),
  v.regex(/^[\w-]{1,64}(\.[\w-]{1,64}){0,9}$/, "not a path such as data.ttl"),
);
