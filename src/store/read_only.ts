import { NanoctlError } from "../errors.ts";
import { ownSystem } from "../process/system/systems.ts";
import { READ_ONLY as VARIABLE } from "../process/variables.ts";
import { folderOf, type Place } from "./paths.ts";
import { checkPrivate, checkSize, wrongKind } from "./permissions.ts";

/** What lets the group or others write. */
const WRITABLE = 0o022;
/** In a folder with this bit nobody replaces the files of another user. */
const STICKY = 0o1000;

type Environment = Pick<Place, "env">;

/**
 * Whether what is stored is only read, as somebody else mounts it. Throws `usage`
 * if the variable is neither 0 nor 1: a misspelt one must not change who is trusted.
 */
export function isReadOnly({ env }: Environment): boolean {
  const given = env.get(VARIABLE);
  if (!given || given === "0") return false;
  if (given === "1") return true;
  throw new NanoctlError(
    "usage",
    `${VARIABLE} is neither 0 nor 1`,
    `set ${VARIABLE}=1 where the credential file is mounted, else unset it`,
  );
}

/** Makes sure that a file is ours to change. Throws `file_unwritable`, and as {@linkcode isReadOnly} does. */
export function checkWritable(environment: Environment, path: string): void {
  if (!isReadOnly(environment)) return;
  throw new NanoctlError(
    "file_unwritable",
    `${path} is read-only, as ${VARIABLE} says; nothing was changed`,
    `change what is mounted there, or unset ${VARIABLE}`,
  );
}

/**
 * Makes sure that a file may be used: that it is the user's alone, as
 * `checkPrivate` does, or, where it is only read, that nobody can change it but
 * the user and root. Then it may be a symbolic link, which is how a mounted secret
 * is replaced, and open for reading, which whoever mounts it decides.
 *
 * Throws `file_permissions`, `file_corrupt` for a file that is too large, and as
 * {@linkcode isReadOnly} does.
 */
export function checkAccess(
  environment: Environment,
  folder: string,
  path: string,
): void {
  if (!isReadOnly(environment)) return checkPrivate(folder, path);
  const around = whatIs(folder);
  if (!around) return;
  if (!around.isDirectory) throw wrongKind(folder, "is not a folder");
  checkChangers(folder, around);
  const info = whatIs(path);
  if (!info) return;
  if (!info.isFile) throw wrongKind(path, "is not a file");
  checkChangers(path, info);
  checkSize(path, info);
  const beside = folderOf(Deno.realPathSync(path));
  const target = whatIs(beside);
  if (target) checkChangers(beside, target);
}

/** What a path leads to; undefined if that is nothing. Throws `file_permissions`. */
function whatIs(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new NanoctlError(
      "file_permissions",
      `${path} can't be looked at: permission denied`,
      "check the modes of the mounted files, or the fsGroup they are for",
    );
  }
}

function checkChangers(path: string, info: Deno.FileInfo): void {
  const { mode, uid, isDirectory } = info;
  if (mode === null || !ownSystem.hasModes) return;
  const isOurs = uid === 0 || uid === Deno.uid();
  const isShared = (mode & WRITABLE) !== 0 &&
    !(isDirectory && (mode & STICKY) !== 0);
  if (isOurs && !isShared) return;
  throw new NanoctlError(
    "file_permissions",
    isOurs
      ? `${path} can be changed by others: its mode is ${
        (mode & 0o7777).toString(8).padStart(4, "0")
      }`
      : `${path} belongs to another user (uid ${uid})`,
    `with ${VARIABLE} only root and you may be able to change it`,
  );
}
