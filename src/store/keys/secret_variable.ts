import type { Context } from "../../process/context.ts";
import { NanoctlError } from "../../errors.ts";
import { readAtMost } from "../../read_at_most.ts";
import { takeText } from "../../text_encoding.ts";

/** More than any key or passphrase has, in bytes. */
const FILE_LIMIT = 64 * 1024;

/** A secret that the environment gave, and how an error names where from. */
export interface GivenSecret {
  text: string;
  source: string;
}

/**
 * The secret of a variable, or of the file that the variable with `_FILE` at
 * its end names; the file goes first. Undefined when neither is set.
 *
 * Throws `file_key` when the file can't be read, is too large or is damaged
 * UTF-16.
 */
export async function secretVariable(
  { env }: Pick<Context, "env">,
  name: string,
): Promise<GivenSecret | undefined> {
  const path = env.get(`${name}_FILE`);
  if (path) return { text: await readFile(path), source: `the file ${path}` };
  const text = env.get(name);
  return text ? { text, source: name } : undefined;
}

async function readFile(path: string): Promise<string> {
  const { bytes } = await readAtMost(path, FILE_LIMIT).catch((error) => {
    throw new NanoctlError(
      "file_key",
      `the file ${path} can't be read: ${
        error instanceof Deno.errors.NotFound
          ? "there is no such file"
          : "permission denied, or it is not a file"
      }`,
    );
  });
  if (bytes.length <= FILE_LIMIT) {
    return takeText(bytes, `the file ${path}`, "file_key");
  }
  bytes.fill(0);
  throw new NanoctlError("file_key", `the file ${path} is too large`);
}
