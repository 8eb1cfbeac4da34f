import { systemOf } from "../process/system/systems.ts";
import { unwritable } from "./atomic_file.ts";
import { withExclusiveLock } from "./file_lock.ts";
import { checkOwner, lstat } from "./permissions.ts";
import { checkWritable } from "./read_only.ts";
import type { StoreAccess } from "./store_access.ts";

/** See {@linkcode CredentialStore.moveAside}. */
export async function moveAside(
  store: StoreAccess,
  identity: string | undefined,
): Promise<string | undefined> {
  const { path, context } = store;
  checkWritable(context, path);
  checkOwner(path);
  return await withExclusiveLock(store.lockPath, () => {
    if (!identity || store.identity() !== identity) {
      return Promise.resolve(undefined);
    }
    const aside = unusedName(path, context.now());
    try {
      systemOf(context.os).rename(context.fs, path, aside);
    } catch (error) {
      throw unwritable(path, error);
    }
    return Promise.resolve(aside);
  });
}

/** Puts a file back that was moved aside, unless there is another one by now. */
export async function putBack(
  { path, lockPath, context }: StoreAccess,
  aside: string,
): Promise<void> {
  await withExclusiveLock(lockPath, () => {
    if (!lstat(path)) systemOf(context.os).rename(context.fs, aside, path);
    return Promise.resolve();
  });
}

/** A name that no file has: a rename would replace it. */
function unusedName(path: string, now: Date): string {
  const stamp = now.toISOString().replace(/[-:]|\.\d+/g, "");
  for (let count = 1;; count++) {
    const suffix = count === 1 ? "" : `.${count}`;
    const aside = `${path}.${stamp}${suffix}.broken`;
    if (!lstat(aside)) return aside;
  }
}
