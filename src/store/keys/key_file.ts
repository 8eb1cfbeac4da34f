import { NanoctlError } from "../../errors.ts";
import { takeText } from "../../text_encoding.ts";
import { below, dataDir, folderOf, noPlace } from "../paths.ts";
import { checkAccess } from "../read_only.ts";
import {
  importKey,
  importNamelessKey,
  keyLines,
  parseKey,
} from "./key_bytes.ts";
import {
  type KeyContext,
  type KeyInfo,
  OR_START_ANEW,
  type OwnKey,
} from "./key_info.ts";

const MALFORMED_HINT =
  "put the right key file back; without it, move this one away and start anew with 'nanoctl login --force'";

/** The path of the key file. Throws `usage` if there is no place for it. */
export function keyFilePath(context: Pick<KeyContext, "env" | "os">): string {
  const folder = dataDir(context);
  if (!folder) throw noPlace("key file", "XDG_DATA_HOME", context);
  return below(folder, "key");
}

/**
 * The key of this id in the key file. The file holds one key a line, the
 * newest first: those that a rotation replaced stay, because the credential
 * file of another config folder may need them.
 *
 * Throws `file_key` when it is missing, malformed or another one,
 * `file_permissions` when it is open to others, and `usage` where there is no
 * place for it.
 */
export async function openKeyFile(
  context: KeyContext,
  wanted: KeyInfo,
): Promise<OwnKey> {
  const path = keyFilePath(context);
  const keys = readKeyFile(context, path);
  if (!keys) {
    throw new NanoctlError(
      "file_key",
      `the key file ${path} is missing, and only it opens the credential file`,
      `put it back, ${OR_START_ANEW}`,
    );
  }
  const ids: string[] = [];
  let found: OwnKey | undefined;
  for (const bytes of keys) {
    const { key, id } = await importKey(bytes);
    ids.push(id);
    if (id === wanted.id) found = { key, info: { source: "keyfile", id } };
  }
  if (found) return found;
  throw new NanoctlError(
    "file_key",
    `the key in ${path} is another one: it has the id ${
      ids.join(", ")
    }, the credential file needs ${wanted.id}`,
    `put the right key file back, ${OR_START_ANEW}`,
  );
}

/**
 * The key in the key file where it holds only one, taken for the one of this
 * id: whether it is shows when it opens something, as the id is part of what
 * everything is bound to. Undefined if the file is missing or holds more.
 *
 * Throws `file_key` when it is malformed, `file_permissions`, and `usage` where
 * there is no place for it.
 */
export async function openOnlyKey(
  context: KeyContext,
  info: KeyInfo,
): Promise<OwnKey | undefined> {
  const path = keyFilePath(context);
  const [bytes, ...others] = readKeyFile(context, path) ?? [];
  if (!bytes || others.length > 0) return undefined;
  return { key: await importNamelessKey(bytes), info };
}

/** The keys in the file; undefined when there is none. Throws `file_key` and `file_permissions`. */
export function readKeyFile(
  context: Pick<KeyContext, "env">,
  path: string,
): Uint8Array<ArrayBuffer>[] | undefined {
  checkAccess(context, folderOf(path), path);
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new NanoctlError(
      "file_key",
      `the key file ${path} can't be read`,
      "check who owns it",
    );
  }
  const source = `the key file ${path}`;
  return keyLines(takeText(bytes, source, "file_key")).map((line) => {
    try {
      return parseKey(line, source);
    } catch (error) {
      if (!(error instanceof NanoctlError)) throw error;
      throw new NanoctlError(error.code, error.message, MALFORMED_HINT);
    }
  });
}
