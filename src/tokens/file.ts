import { NanoctlError } from "../errors.ts";
import { readAtMost, type ReadFile } from "../read_at_most.ts";
import type {
  SessionToken,
  TokenOrigin,
  TokenProvider,
} from "../http/token_provider.ts";
import { takeText } from "../text_encoding.ts";
import { readToken, TOKEN_BYTES_LIMIT } from "./token_text.ts";

/**
 * The token in a file, read again whenever it is needed, so that a file that
 * someone rotates just works. A pipe, such as a shell's `<(command)`, gives it
 * only once.
 *
 * The provider throws `not_logged_in` when the file can't be read or is empty,
 * and `token_invalid` when what it holds can't be a token, or is damaged UTF-16.
 */
export function tokenFile(path: string, origin: TokenOrigin): TokenProvider {
  const source = `the file ${path}`;
  let piped: SessionToken | undefined;
  const getToken = async (): Promise<SessionToken> => {
    if (piped) return piped;
    const { bytes, isFile } = await readFile(path);
    const text = takeText(bytes, source, "token_invalid");
    const token = readToken(text, source);
    if (!isFile) piped = token;
    return token;
  };
  return {
    origin,
    source,
    getToken,
    renew: async (rejected) =>
      !(await getToken()).secret.equals(rejected.secret),
  };
}

async function readFile(path: string): Promise<ReadFile> {
  try {
    return await readAtMost(path, TOKEN_BYTES_LIMIT);
  } catch (error) {
    throw new NanoctlError(
      "not_logged_in",
      `the token file ${path} can't be read: ${reason(error)}`,
    );
  }
}

function reason(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  // What Deno says of any link whose end it does not find.
  if (error instanceof Deno.errors.FilesystemLoop) {
    return "it is a link that leads nowhere";
  }
  // What Deno says of devices and of /proc: opening them takes every permission.
  if (error instanceof Deno.errors.NotCapable) {
    return "it is a device or a pipe; give it to --token-stdin";
  }
  return error instanceof Error ? error.name : "unknown reason";
}
