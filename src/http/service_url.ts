import { NanoctlError } from "../errors.ts";

/**
 * Whether a host name or address is this machine's own: 127.0.0.0/8, ::1 or
 * localhost. Not names below localhost: some resolvers ask the network for them.
 */
export function isLoopback(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  if (name === "localhost" || name === "::1") return true;
  return /^127(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/.test(name);
}

/**
 * The normal form of a service's URL: scheme, host, port where it is not the
 * default, path prefix without a trailing slash. Without a scheme it is https,
 * on loopback http.
 *
 * Throws `usage` when the text is not the URL of a service.
 */
export function parseServiceUrl(text: string): string {
  const url = parse(text.trim());
  if (url.username || url.password) {
    throw notAUrl("the URL", "it holds a user name or a password");
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw notAUrl(shown(text), `${url.protocol} is not http: or https:`);
  }
  if (url.search || url.hash) {
    throw notAUrl("the URL", "it has a query or a fragment");
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

function parse(text: string): URL {
  // "https:/host" is a slip of the hand, not a host of the name "https".
  if (/^([a-z][a-z0-9+.-]*:\/\/|https?:)/i.test(text)) {
    return parseWhole(text, text);
  }
  const url = parseWhole(`https://${text}`, text);
  return isLoopback(url.hostname) ? parseWhole(`http://${text}`, text) : url;
}

function parseWhole(url: string, given: string): URL {
  try {
    return new URL(url);
  } catch {
    throw notAUrl(shown(given), "it does not parse");
  }
}

/** How a message names an invalid URL: not repeated if it may hold credentials. */
function shown(text: string): string {
  return /[@?#]/.test(text) ? "the URL" : text;
}

function notAUrl(what: string, reason: string): NanoctlError {
  return new NanoctlError(
    "usage",
    `${what || "an empty text"} is not a service's URL: ${reason}`,
    "give it as https://host, with a port or a path prefix where there is one",
  );
}
