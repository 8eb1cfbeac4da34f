import { NanoctlError } from "../errors.ts";
import { ownSystem } from "../process/system/systems.ts";
import { FILE_LIMIT, FILE_MODE, FOLDER_MODE, isLoose } from "./file_state.ts";

/** What moves the credential file, and what the key file: for a hint. */
export const OTHER_FOLDERS =
  "other folders with NANOCTL_CONFIG_DIR and XDG_DATA_HOME";

/**
 * Makes sure that a file with secrets and its folder are the user's alone. A
 * file that is not there is fine.
 *
 * Throws `file_permissions`, with the command that mends it, and
 * `file_corrupt` for a file that is too large to be one of ours.
 */
export function checkPrivate(folder: string, path: string): void {
  if (checkFolder(folder)) checkFile(path);
}

/** As {@linkcode checkPrivate}, of the folder alone. False if it is not there. */
export function checkFolder(folder: string): boolean {
  const info = lstat(folder);
  if (!info) return false;
  const target = info.isSymlink ? linkTarget(folder) : info;
  if (!target?.isDirectory) throw wrongKind(folder, "is not a folder");
  checkMode(folder, target, FOLDER_MODE);
  return true;
}

/** As {@linkcode checkPrivate}, of the file alone. */
export function checkFile(path: string): void {
  const info = lstat(path);
  if (!info) return;
  if (info.isSymlink) throw wrongKind(path, "is a symbolic link");
  if (!info.isFile) throw wrongKind(path, "is not a file");
  checkMode(path, info, FILE_MODE);
  checkSize(path, info);
}

/** Throws `file_corrupt` for a file that is too large to be one of ours. */
export function checkSize(path: string, { size }: Deno.FileInfo): void {
  if (size <= FILE_LIMIT) return;
  throw new NanoctlError(
    "file_corrupt",
    `${path} is larger than ${FILE_LIMIT / 2 ** 20} MiB`,
    "that is not what nanoctl wrote: move it away, or put the right one back",
  );
}

/**
 * Makes sure that replacing a file would not take it away from another user.
 *
 * Throws `file_permissions`.
 */
export function checkOwner(path: string): void {
  if (!ownSystem.hasModes) return;
  const uid = lstat(path)?.uid ?? null;
  if (uid === null || uid === Deno.uid()) return;
  throw new NanoctlError(
    "file_permissions",
    `${path} belongs to another user (uid ${uid}); nothing was changed`,
    `run nanoctl as that user, or name ${OTHER_FOLDERS}`,
  );
}

/**
 * Makes a private folder, with the folders above it; one that is there stays
 * as it is.
 *
 * Throws `file_unwritable`.
 */
export function makePrivateFolder(folder: string): void {
  try {
    Deno.mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
  } catch {
    throw new NanoctlError(
      "file_unwritable",
      `the folder ${folder} can't be made; nothing was changed`,
      `check who owns the folder above it and whether its file system is read-only, or name ${OTHER_FOLDERS}`,
    );
  }
}

/** What a symbolic link leads to; undefined when it leads nowhere. */
function linkTarget(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}

/** What is at a path; undefined when nothing is. Throws `file_permissions`. */
export function lstat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Deno.errors.NotADirectory) {
      throw wrongKind(path, "is below something that is not a folder");
    }
    throw new NanoctlError(
      "file_permissions",
      `${path} can't be looked at: permission denied`,
      "check who owns the folders above it",
    );
  }
}

function checkMode(path: string, info: Deno.FileInfo, wanted: number): void {
  if (!isLoose(info, wanted)) return;
  throw new NanoctlError(
    "file_permissions",
    `${path} is open to others: its mode is ${octal(info.mode ?? 0)}, not ${
      octal(wanted)
    }`,
    `chmod ${octal(wanted)} ${shellQuote(path)}`,
  );
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, "0");
}

/** The path as a POSIX shell takes it, so that the hint can be pasted. */
function shellQuote(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path)
    ? path
    : `'${path.replaceAll("'", `'\\''`)}'`;
}

/** The error if something else is at the path of a file or a folder of ours. */
export function wrongKind(path: string, what: string): NanoctlError {
  return new NanoctlError(
    "file_permissions",
    `${path} ${what}`,
    `move it away, or name ${OTHER_FOLDERS}`,
  );
}
