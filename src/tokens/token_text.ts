import { NanoctlError } from "../errors.ts";
import type { SessionToken } from "../http/token_provider.ts";
import { Secret } from "../secret.ts";

/** How long a token may be, in characters. Real ones, JWTs included, stay far below. */
export const TOKEN_LIMIT = 16 * 1024;
/**
 * How much of a file is read for a token, in bytes: in UTF-16 a character has
 * two, and there may be a byte order mark. One byte more tells that there is
 * more, and leaves an even number.
 */
export const TOKEN_BYTES_LIMIT = 2 * TOKEN_LIMIT + 3;

/**
 * The token in a text that someone typed, pasted or wrote to a file: without
 * the white space around it, and only if it can be a token at all. `source` is
 * how the error names where it came from; what it says never holds the text.
 *
 * Throws `not_logged_in` when nothing is there, `token_invalid` when what is
 * there can't be a token: it is never sent.
 */
export function parseToken(text: string, source: string): Secret {
  const token = text.trim();
  if (token === "") {
    throw new NanoctlError(
      "not_logged_in",
      `${source} holds no token: it is empty`,
    );
  }
  const fault = faultOf(token);
  if (!fault) return new Secret(token);
  throw new NanoctlError(
    "token_invalid",
    `${source} does not hold a token: ${fault}; it was not sent`,
    "give the token alone, as the service showed it",
  );
}

/**
 * The same token for a session, with a note where white space around it was
 * left out. The line break that ends a file is none of that.
 *
 * Throws as {@linkcode parseToken} does.
 */
export function readToken(text: string, source: string): SessionToken {
  const secret = parseToken(text, source);
  if (/^\S+(\r?\n)?$/.test(text)) return { secret };
  return {
    secret,
    note: `the white space around the token from ${source} was left out`,
  };
}

function faultOf(token: string): string | undefined {
  if (token.length > TOKEN_LIMIT) {
    return `it is longer than ${TOKEN_LIMIT} characters`;
  }
  if (/^bearer\s/i.test(token)) return 'it begins with "Bearer"';
  if (/^(["'`]).*\1$/s.test(token)) return "it has quotation marks around it";
  if (/[\r\n]/.test(token)) return "it has more than one line";
  if (/\s/.test(token)) return "it has a space in it";
  // deno-lint-ignore no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(token)) {
    return "it has a control character in it";
  }
  // RFC 6750 and RFC 9110 leave no room for more than visible ASCII.
  if (/[^\u0021-\u007e]/.test(token)) {
    return "it has a character outside of ASCII in it";
  }
  if (/^["'`]|["'`]$/.test(token)) return "it has a quotation mark at one end";
  return undefined;
}
