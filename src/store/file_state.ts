import { ownSystem } from "../process/system/systems.ts";

/** What a folder with secrets in it may be open to, in permission bits: the user alone. */
export const FOLDER_MODE = 0o700;
/** The same for a file. */
export const FILE_MODE = 0o600;
/** What no file of ours comes near to: more than 100,000 logins, in bytes. */
export const FILE_LIMIT = 64 * 2 ** 20;

/** Whether a file or a folder is open to more than a mode allows. Without modes the folder's access list counts. */
export function isLoose({ mode }: Deno.FileInfo, allowed: number): boolean {
  return mode !== null && ownSystem.hasModes && (mode & 0o777 & ~allowed) !== 0;
}

/** What tells a file from any that takes its place. */
export function identityOf({ ino, mtime, size }: Deno.FileInfo): string {
  return `${ino} ${mtime?.getTime()} ${size}`;
}

/**
 * Whether a file and its folder are the user's alone; false if that is not
 * certain. `checkPrivate` of permissions.ts says what is wrong. Throws if there is
 * none.
 */
export function isPrivate(folder: string, path: string): boolean {
  const [around, info] = [Deno.lstatSync(folder), Deno.lstatSync(path)];
  return around.isDirectory && !isLoose(around, FOLDER_MODE) &&
    info.isFile && !isLoose(info, FILE_MODE) && info.size <= FILE_LIMIT;
}
