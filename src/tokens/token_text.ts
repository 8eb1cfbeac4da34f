import { NanoctlError } from "../errors.ts";
import type { SessionToken } from "../http/token_provider.ts";
import { Secret } from "../secret.ts";

/** The maximum token length, in characters: far above real tokens, even JWTs. */
export const TOKEN_LIMIT = 16 * 1024;
/**
 * The maximum size of a token file, in bytes: in UTF-16, two per character and
 * two for the byte order mark. The last one keeps the count even, as readers ask
 * for one byte more to detect a longer file.
 */
export const TOKEN_BYTES_LIMIT = 2 * TOKEN_LIMIT + 3;

/**
 * Extracts the token from text that was typed, pasted or read from a file,
 * trimming white space. `source` names the text's origin in errors, which never
 * quote the text.
 *
 * Throws `not_logged_in` if the text is blank, and `token_invalid` if it can't
 * be a token, so that it is never sent.
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
 * Like {@linkcode parseToken}, with a note if white space was trimmed. A single
 * trailing line break doesn't count.
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
  // RFC 6750 and RFC 9110 allow only visible ASCII.
  if (/[^\u0021-\u007e]/.test(token)) {
    return "it has a character outside of ASCII in it";
  }
  if (/^["'`]|["'`]$/.test(token)) return "it has a quotation mark at one end";
  return undefined;
}
