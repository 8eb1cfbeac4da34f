import type { Context } from "../process/context.ts";
import { NanoctlError } from "../errors.ts";
import type {
  SessionToken,
  TokenOrigin,
  TokenProvider,
} from "../http/token_provider.ts";
import { takeText } from "../text_encoding.ts";
import { readToken, TOKEN_BYTES_LIMIT } from "./token_text.ts";

const SOURCE = "standard input";

/** Whether a path means standard input, as in `nanoctl --token-file -`. */
export function isStandardInput(path: string): boolean {
  return ["-", "/dev/stdin", "/dev/fd/0"].includes(path);
}

/**
 * The token on standard input, which can be read only once.
 *
 * The provider throws `usage` if standard input is a terminal, `not_logged_in`
 * if it is empty or unreadable, and `token_invalid` if its content can't be a
 * token.
 */
export function standardInputToken(
  { stdin }: Pick<Context, "stdin">,
  origin: TokenOrigin = "stdin",
): TokenProvider {
  let read: Promise<SessionToken> | undefined;
  return {
    origin,
    source: SOURCE,
    getToken: () => read ??= readInput(stdin),
  };
}

/** Throws `usage` if standard input is a terminal, which would echo the token. */
async function readInput(stdin: Context["stdin"]): Promise<SessionToken> {
  if (stdin.isTerminal) {
    throw new NanoctlError(
      "usage",
      "standard input is a terminal, where a token would be seen",
      "pipe the token in, or run 'nanoctl login' for a masked prompt",
    );
  }
  const bytes = await stdin.readAll(TOKEN_BYTES_LIMIT + 1).catch(() => {
    throw new NanoctlError(
      "not_logged_in",
      "standard input can't be read: it may be a folder, or closed",
      "pipe the token in",
    );
  });
  return readToken(takeText(bytes, SOURCE, "token_invalid"), SOURCE);
}
