import { NanoctlError } from "../errors.ts";
import { waiting } from "../process/progress.ts";
import { lstat, OTHER_FOLDERS, wrongKind } from "./permissions.ts";

/** How long to wait for another process that holds the lock, in seconds. */
export const LOCK_TIMEOUT_SECONDS = 10;

/**
 * Runs a change while no other process reads or changes. The lock is the
 * system's (flock), so that a holder that is killed frees it.
 *
 * Throws `file_locked` after {@linkcode LOCK_TIMEOUT_SECONDS}, and
 * `file_unwritable` if the lock file can't be made.
 */
export async function withExclusiveLock<T>(
  lockPath: string,
  change: () => Promise<T>,
): Promise<T> {
  return await inTurn(lockPath, async () => {
    using file = openForLocking(lockPath);
    await locked(file, true, lockPath);
    return await change();
  });
}

/**
 * Runs a read while no other process changes. Where there is no lock file, or
 * none can be opened, no change can be under way that a rename does not cover.
 *
 * Throws `file_locked`.
 */
export async function withSharedLock<T>(
  lockPath: string,
  read: () => Promise<T>,
): Promise<T> {
  return await inTurn(lockPath, async () => {
    using file = openIfThere(lockPath);
    if (file) await locked(file, false, lockPath);
    return await read();
  });
}

/**
 * Runs an action under an exclusive lock, with so many seconds to get it; without
 * one if the lock file can't be made. Throws `file_locked`.
 */
export async function withLockIfPossible<T>(
  lockPath: string,
  seconds: number,
  action: () => Promise<T>,
): Promise<T> {
  return await inTurn(lockPath, async () => {
    using file = openOrMake(lockPath);
    if (file) await locked(file, true, lockPath, seconds);
    return await action();
  });
}

const turns = new Map<string, Promise<unknown>>();

/**
 * One at a time within this process: each wait for the system's lock takes up a
 * thread, and the holder needs one to encrypt.
 */
function inTurn<T>(lockPath: string, action: () => Promise<T>): Promise<T> {
  const before = turns.get(lockPath);
  const turn = before ? before.catch(() => {}).then(action) : action();
  turns.set(lockPath, turn);
  return turn;
}

/** Opening a named pipe blocks until its other end is opened. Throws `file_permissions`. */
function checkKind(lockPath: string): void {
  const info = lstat(lockPath);
  if (info && !info.isFile && !info.isSymlink) {
    throw wrongKind(lockPath, "is not a file");
  }
}

function openForLocking(lockPath: string): Deno.FsFile {
  checkKind(lockPath);
  try {
    return Deno.openSync(lockPath, { create: true, write: true, mode: 0o600 });
  } catch {
    throw new NanoctlError(
      "file_unwritable",
      `${lockPath} can't be made, so nothing can be stored there`,
      `check the folder's owner and whether its file system is read-only, or name ${OTHER_FOLDERS}`,
    );
  }
}

/** On a read-only file system, a lock file that is there already serves as well. */
function openOrMake(lockPath: string): Deno.FsFile | undefined {
  try {
    return openForLocking(lockPath);
  } catch (error) {
    // Where we dropped the permission to write, nothing is to be tried.
    if (isWithoutPermission(lockPath)) throw error;
    return openIfThere(lockPath);
  }
}

function isWithoutPermission(path: string): boolean {
  const { state } = Deno.permissions.querySync({ name: "write", path });
  return state !== "granted";
}

function openIfThere(lockPath: string): Deno.FsFile | undefined {
  checkKind(lockPath);
  try {
    return Deno.openSync(lockPath);
  } catch {
    return undefined;
  }
}

async function locked(
  file: Deno.FsFile,
  exclusive: boolean,
  lockPath: string,
  seconds = LOCK_TIMEOUT_SECONDS,
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(lockTimeout(lockPath, seconds)),
      seconds * 1000,
    );
  });
  try {
    await waiting(
      "Waiting for another nanoctl",
      () => Promise.race([file.lock(exclusive), timeout]),
    );
  } finally {
    clearTimeout(timer);
  }
}

function lockTimeout(lockPath: string, seconds: number): NanoctlError {
  return new NanoctlError(
    "file_locked",
    `another process has held ${lockPath} for ${seconds} s`,
    "wait for the other nanoctl, or end it, and try again",
  );
}
