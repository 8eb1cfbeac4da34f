import { systemOf } from "../process/system/systems.ts";
import { removeLeftovers, unwritable, writeAtomic } from "./atomic_file.ts";
import { withExclusiveLock } from "./file_lock.ts";
import { below, folderOf, type Place } from "./paths.ts";
import {
  checkFolder,
  checkOwner,
  checkPrivate,
  lstat,
  makePrivateFolder,
} from "./permissions.ts";
import { servicePath } from "./service_files.ts";

/**
 * Keeps a description under a name, in the place of one that is there, and gives
 * its path.
 *
 * Throws `usage` if there is no place for it, `file_permissions` if others could
 * change it, `file_locked` and `file_unwritable`.
 */
export async function writeServiceFile(
  place: Place,
  name: string,
  bytes: Uint8Array,
): Promise<string> {
  const path = servicePath(place, name);
  const folder = folderOf(path);
  checkFolder(folderOf(folder));
  makePrivateFolder(folder);
  checkPrivate(folder, path);
  checkOwner(path);
  await withExclusiveLock(lockPath(folder), () => {
    removeLeftovers(Deno, path);
    return Promise.resolve(writeAtomic(Deno, path, bytes, systemOf(place.os)));
  });
  return path;
}

/**
 * Removes the description of a name, also one that could not be read; false if
 * there is none. Throws as {@linkcode writeServiceFile} does.
 */
export async function removeServiceFile(
  place: Place,
  name: string,
): Promise<boolean> {
  const path = servicePath(place, name);
  const folder = folderOf(path);
  if (!checkFolder(folder) || !lstat(path)) return false;
  checkOwner(path);
  return await withExclusiveLock(lockPath(folder), () => {
    try {
      Deno.removeSync(path);
      return Promise.resolve(true);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return Promise.resolve(false);
      return Promise.reject(unwritable(path, error));
    }
  });
}

function lockPath(folder: string): string {
  return below(folder, ".lock");
}
