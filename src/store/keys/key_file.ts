import { dirname, join } from "@std/path";
import { NanoctlError } from "../../errors.ts";
import { removeLeftovers, writeAtomic } from "../atomic_file.ts";
import { withExclusiveLock } from "../file_lock.ts";
import { dataDir, noPlace } from "../paths.ts";
import { checkPrivate, makePrivateFolder } from "../permissions.ts";
import { importKey, parseKey, randomKey } from "./key_bytes.ts";
import {
  type KeyContext,
  type KeyInfo,
  type OpenKey,
  OR_START_ANEW,
} from "./key_info.ts";

/** The path of the key file. Throws `usage` where there is no place for it. */
export function keyFilePath(context: Pick<KeyContext, "env" | "os">): string {
  const folder = dataDir(context);
  if (!folder) throw noPlace("key file", "XDG_DATA_HOME");
  return join(folder, "key");
}

/**
 * The key of this id in the key file. The file holds one key a line, the
 * newest first: those that a rotation replaced stay, because the credential
 * file of another config folder may need them.
 *
 * Throws `file_key` when it is missing, malformed or another one, and
 * `file_permissions` when it is open to others.
 */
export async function openKeyFile(
  context: KeyContext,
  wanted: KeyInfo,
): Promise<OpenKey> {
  const path = keyFilePath(context);
  const keys = readKeyFile(path);
  if (!keys) {
    throw new NanoctlError(
      "file_key",
      `the key file ${path} is missing, and only it opens the credential file`,
      `put it back, ${OR_START_ANEW}`,
    );
  }
  const ids: string[] = [];
  let found: OpenKey | undefined;
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
 * The key for a new credential file: the newest in the key file, which is made
 * on first use.
 *
 * Throws `file_key`, `file_permissions` and `file_unwritable`.
 */
export async function createKeyFile(context: KeyContext): Promise<OpenKey> {
  const path = keyFilePath(context);
  const newest = readKeyFile(path)?.[0] ??
    await changed(context, path, () => {
      // Another process may have made it while we waited for the lock.
      const present = readKeyFile(path)?.[0];
      if (present) return present;
      const fresh = randomKey();
      write(context, path, [fresh]);
      return fresh;
    });
  return keyFileKey(await importKey(newest));
}

/**
 * Adds a new key to the key file, for a rotation. Throws as
 * {@linkcode createKeyFile} does, and `file_locked`.
 */
export async function rotateKeyFile(context: KeyContext): Promise<OpenKey> {
  const path = keyFilePath(context);
  const fresh = await changed(context, path, () => {
    const key = randomKey();
    write(context, path, [key, ...readKeyFile(path) ?? []]);
    return key;
  });
  return keyFileKey(await importKey(fresh));
}

/** Changes the key file while no other process does, and tidies up what a killed one left. */
async function changed<T>(
  context: KeyContext,
  path: string,
  change: () => T,
): Promise<T> {
  makePrivateFolder(dirname(path));
  return await withExclusiveLock(`${path}.lock`, () => {
    removeLeftovers(context.fs, path);
    return Promise.resolve(change());
  });
}

function write(
  context: KeyContext,
  path: string,
  keys: Uint8Array[],
): void {
  const text = formatKeys(keys);
  try {
    writeAtomic(context.fs, path, text);
  } finally {
    text.fill(0);
  }
}

function keyFileKey({ key, id }: { key: CryptoKey; id: string }): OpenKey {
  return { key, info: { source: "keyfile", id } };
}

function formatKeys(keys: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const lines = keys.map((key) => `${key.toBase64()}\n`);
  return new TextEncoder().encode(lines.join(""));
}

function readKeyFile(path: string): Uint8Array<ArrayBuffer>[] | undefined {
  checkPrivate(dirname(path), path);
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new NanoctlError(
      "file_key",
      `the key file ${path} can't be read`,
      "check who owns it",
    );
  }
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return (lines.length === 0 ? [""] : lines)
    .map((line) => parseKey(line, `the key file ${path}`));
}
