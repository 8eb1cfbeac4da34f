import { systemOf } from "../../process/system/systems.ts";
import { removeLeftovers, writeAtomic } from "../atomic_file.ts";
import { withExclusiveLock } from "../file_lock.ts";
import { folderOf } from "../paths.ts";
import { checkOwner, makePrivateFolder } from "../permissions.ts";
import { checkWritable } from "../read_only.ts";
import { importKey, randomKey } from "./key_bytes.ts";
import { keyFilePath, readKeyFile } from "./key_file.ts";
import type { KeyContext, OwnKey } from "./key_info.ts";

/**
 * The key for a new credential file: the newest in the key file, which is made
 * on first use.
 *
 * Throws `file_key`, `file_permissions`, also where it belongs to another
 * user, `file_unwritable`, `file_locked`, and `usage` if there is no place
 * for it.
 */
export async function createKeyFile(context: KeyContext): Promise<OwnKey> {
  const path = keyFilePath(context);
  // Its owner knows the key; and root can read anyone's key file.
  checkOwner(folderOf(path));
  checkOwner(path);
  const newest = readKeyFile(context, path)?.[0] ??
    await whileKeysChange(context, path, () => {
      // Another process may have made it while we waited for the lock.
      const present = readKeyFile(context, path)?.[0];
      if (present) return present;
      const fresh = randomKey();
      write(context, path, [fresh]);
      return fresh;
    });
  return keyFileKey(await importKey(newest));
}

/**
 * Adds a new key to the key file, for a rotation. Throws as
 * {@linkcode createKeyFile} does.
 */
export async function rotateKeyFile(context: KeyContext): Promise<OwnKey> {
  const path = keyFilePath(context);
  const fresh = await whileKeysChange(context, path, () => {
    const key = randomKey();
    write(context, path, [key, ...readKeyFile(context, path) ?? []]);
    return key;
  });
  return keyFileKey(await importKey(fresh));
}

/**
 * Changes the key file, or another file beside it, while no other process does,
 * and tidies up what a killed one left. Throws `file_locked` and `file_unwritable`.
 */
export async function whileKeysChange<T>(
  context: KeyContext,
  path: string,
  change: () => T,
): Promise<T> {
  checkWritable(context, path);
  makePrivateFolder(folderOf(path));
  return await withExclusiveLock(`${keyFilePath(context)}.lock`, () => {
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
    writeAtomic(context.fs, path, text, systemOf(context.os));
  } finally {
    text.fill(0);
  }
}

function keyFileKey({ key, id }: { key: CryptoKey; id: string }): OwnKey {
  return { key, info: { source: "keyfile", id } };
}

function formatKeys(keys: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const lines = keys.map((key) => `${key.toBase64()}\n`);
  return new TextEncoder().encode(lines.join(""));
}
