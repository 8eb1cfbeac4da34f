import { NanoctlError } from "../errors.ts";
import type {
  SessionToken,
  TokenOrigin,
  TokenProvider,
} from "../http/token_provider.ts";
import { readToken, TOKEN_LIMIT } from "./token_text.ts";

/**
 * The token in a file, read again whenever it is needed, so that a file that
 * someone rotates just works. A pipe, such as a shell's `<(command)`, gives it
 * only once.
 */
export function tokenFile(path: string, origin: TokenOrigin): TokenProvider {
  const source = `the file ${path}`;
  let piped: SessionToken | undefined;
  const getToken = async (): Promise<SessionToken> => {
    if (piped) return piped;
    const { text, isFile } = await readStart(path);
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

/** As much of the file as a token may have, and one byte to tell that there is more. */
async function readStart(
  path: string,
): Promise<{ text: string; isFile: boolean }> {
  const bytes = new Uint8Array(TOKEN_LIMIT + 1);
  try {
    using file = await Deno.open(path);
    let length = 0;
    while (length < bytes.length) {
      const read = await file.read(bytes.subarray(length));
      if (read === null) break;
      length += read;
    }
    const text = new TextDecoder().decode(bytes.subarray(0, length));
    return { text, isFile: (await file.stat()).isFile };
  } catch (error) {
    throw new NanoctlError(
      "not_logged_in",
      `the token file ${path} can't be read: ${reason(error)}`,
    );
  } finally {
    bytes.fill(0);
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
