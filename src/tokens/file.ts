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
 * The token in a file. The file is re-read on every use, so token rotation just
 * works; a pipe, such as a shell's `<(command)`, can only be read once.
 *
 * The provider throws `not_logged_in` if the file can't be read or is empty,
 * and `token_invalid` if its content can't be a token or is malformed UTF-16.
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
      `the token file ${path} can't be read: ${whyUnreadable(error)}`,
    );
  }
}

/** Why a file can't be read, for an error message. */
export function whyUnreadable(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  // Deno throws this for any dangling symbolic link.
  if (error instanceof Deno.errors.FilesystemLoop) {
    return "it is a link that leads nowhere";
  }
  // Deno throws this for devices and /proc, which need --allow-all.
  if (error instanceof Deno.errors.NotCapable) {
    return "it is a device or a pipe; give it to --token-stdin";
  }
  return error instanceof Error ? error.name : "unknown reason";
}
