import { NanoctlError } from "../errors.ts";
import { systemOf } from "../process/system/systems.ts";
import { removeLeftovers, writeAtomic } from "./atomic_file.ts";
import { formatFile } from "./credential_file.ts";
import type { CredentialFile } from "./file_format.ts";
import { withExclusiveLock } from "./file_lock.ts";
import { type FileKey, fileKeyOf } from "./keys/key_slots.ts";
import { folderOf } from "./paths.ts";
import { checkOwner, checkPrivate, makePrivateFolder } from "./permissions.ts";
import { checkWritable } from "./read_only.ts";
import type { StoreAccess } from "./store_access.ts";

/**
 * Changes the credential file while no other process reads or changes it; it
 * stays as it is if the change gives undefined.
 *
 * Throws `file_unwritable`, `file_locked`, `file_permissions`, what reading throws,
 * and what the change throws; the file is then as it was.
 */
export async function changeFile(
  { path, lockPath, load, context }: StoreAccess,
  change: (
    file: CredentialFile | undefined,
  ) => Promise<CredentialFile | undefined> | CredentialFile | undefined,
): Promise<void> {
  checkWritable(context, path);
  makePrivateFolder(folderOf(path));
  checkPrivate(folderOf(path), path);
  await withExclusiveLock(lockPath, async () => {
    checkOwner(folderOf(path));
    checkOwner(path);
    removeLeftovers(context.fs, path);
    const changed = await change(load());
    if (!changed) return;
    const bytes = new TextEncoder().encode(formatFile(changed, path));
    writeAtomic(context.fs, path, bytes, systemOf(context.os));
  });
}

/** Whether this is still the file's key: the same bytes, from the same source. */
export function hasKey(
  file: CredentialFile | undefined,
  key: FileKey | undefined,
): boolean {
  return file && key ? fileKeyOf(file.key) === fileKeyOf(key) : !file && !key;
}

/** The error if another process came first. */
export function changedMeanwhile(path: string): NanoctlError {
  return new NanoctlError(
    "file_locked",
    `another process changed the key of ${path} meanwhile; nothing was changed`,
    "try again",
  );
}
