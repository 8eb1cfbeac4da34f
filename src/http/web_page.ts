import type { HttpAnswer } from "./messages.ts";

const PERHAPS = "perhaps a sign-in page or a captive portal";

/** What an answer is that is for a person and not for us, as a message names it. */
export const WEB_PAGE = `a web page, ${PERHAPS}`;

/** What to do about one, as a hint. */
export const WEB_PAGE_HINT =
  "open the service's URL in a browser and sign in there, or check --url and the network";

/** The same for a redirect that may lead to one. */
export const REDIRECT_HINT = `that is ${PERHAPS}: ${WEB_PAGE_HINT}`;

/**
 * Whether an answer is a web page: by its content type, unless its body is JSON
 * all the same, or by how its body begins (WHATWG HTML, section 13.1).
 */
export function isWebPage(
  { headers, text }: Pick<HttpAnswer, "headers" | "text">,
): boolean {
  // To `\s` a byte order mark is white space.
  if (/^\s*<(!doctype\s+html|html)[\s>]/i.test(text)) return true;
  const type = headers.get("content-type") ?? "";
  return /^(text\/html|application\/xhtml\+xml)\s*(;|$)/i.test(type) &&
    !/^\s*[[{]/.test(text);
}
