import { NanoctlError } from "../errors.ts";
import { REDIRECT_HINT } from "./web_page.ts";

/** How many redirects are followed at most. */
export const REDIRECTS = 5;

const STATUSES = new Set([301, 302, 303, 307, 308]);

/** What is sent at one hop; a redirect turns one into the next. */
export interface Hop {
  url: URL;
  method: string;
  body: string | Uint8Array<ArrayBuffer> | undefined;
  /** Whether the credentials still go along: never again after another origin. */
  trusted: boolean;
}

/** Whether an answer sends us elsewhere. */
export function isRedirect(response: Response): boolean {
  return STATUSES.has(response.status) && response.headers.has("location");
}

/**
 * The hop that a redirect asks for (RFC 9110, section 15.4). Across origins the
 * credentials stay behind, and so does a request that carries a body.
 *
 * Throws `redirect_refused` for a downgrade to http, for anything that is not
 * http, and for a body that would leave its origin.
 */
export function nextHop(hop: Hop, response: Response): Hop {
  const url = target(hop.url, response.headers.get("location") ?? "");
  if (hop.url.protocol === "https:" && url.protocol !== "https:") {
    throw refused(hop.url, `from https to ${url.protocol.slice(0, -1)}`, url);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw refused(hop.url, `to ${url.protocol}`);
  }
  if (url.username || url.password) {
    throw refused(hop.url, "to a URL with a user name or a password");
  }
  const sameOrigin = url.origin === hop.url.origin;
  const becomesGet = response.status === 303 && hop.method !== "HEAD" ||
    (response.status === 301 || response.status === 302) &&
      hop.method === "POST";
  const body = becomesGet ? undefined : hop.body;
  if (!sameOrigin && body !== undefined) {
    const where = `to ${url.origin} with a request that has a body`;
    throw refused(hop.url, where, url);
  }
  return {
    url,
    method: becomesGet ? "GET" : hop.method,
    body,
    trusted: hop.trusted && sameOrigin,
  };
}

/** There are more redirects than are followed: more than `limit`. */
export function tooManyRedirects(url: URL, limit = REDIRECTS): NanoctlError {
  const times = limit === 1 ? "once" : `${limit} times`;
  return refused(url, limit === 0 ? "elsewhere" : `more than ${times}`);
}

function target(from: URL, location: string): URL {
  try {
    return new URL(location, from);
  } catch {
    throw refused(from, "to something that is not a URL");
  }
}

/** The error for a redirect to another host, which may be a portal; `to` is its URL, if known. */
function refused(from: URL, where: string, to = from): NanoctlError {
  return new NanoctlError(
    "redirect_refused",
    `${from.origin} redirects ${where}, which is not followed`,
    to.hostname === from.hostname
      ? "check the URL of the service"
      : REDIRECT_HINT,
  );
}
