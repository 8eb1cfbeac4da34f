import { NanoctlError } from "../../errors.ts";
import { importKey, parseKey } from "./key_bytes.ts";
import type { KeyContext, KeyInfo, OwnKey } from "./key_info.ts";
import { secretVariable } from "./secret_variable.ts";

/** The variable with the key; with `_FILE` at its end, the one with a file's path. */
export const KEY_VARIABLE = "NANOCTL_ENCRYPTION_KEY";
/** The variable with the key that a rotation changes to. */
export const NEW_KEY_VARIABLE = "NANOCTL_NEW_ENCRYPTION_KEY";

/**
 * The key that the environment holds.
 *
 * Throws `file_key` when it is missing, malformed or another one.
 */
export async function openEnvironmentKey(
  context: KeyContext,
  wanted: KeyInfo,
): Promise<OwnKey> {
  const open = await environmentKey(context, [KEY_VARIABLE]);
  if (open.info.id === wanted.id) return open;
  throw new NanoctlError(
    "file_key",
    `the key in ${KEY_VARIABLE} is another one: it has the id ${open.info.id}, the credential file needs ${wanted.id}`,
    "give the key that the file was encrypted with",
  );
}

/** The key of the first of these variables that is set. Throws `file_key`. */
export async function environmentKey(
  context: KeyContext,
  variables: string[],
): Promise<OwnKey> {
  for (const name of variables) {
    const given = await secretVariable(context, name);
    if (!given) continue;
    const { key, id } = await importKey(parseKey(given.text, given.source));
    return { key, info: { source: "environment", id } };
  }
  throw new NanoctlError(
    "file_key",
    `no key: ${
      variables.map((name) => `${name} and ${name}_FILE`).join(", ")
    } are not set`,
    "set one of them to 32 bytes in base64, or to the path of a file with them",
  );
}
