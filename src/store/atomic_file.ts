import { basename } from "@std/path/basename";
import { dirname } from "@std/path/dirname";
import { join } from "@std/path/join";
import { NanoctlError } from "../errors.ts";
import type { System } from "../process/system/system.ts";
import { ownSystem } from "../process/system/systems.ts";
import type { FileSystem } from "./file_system.ts";
import { OTHER_FOLDERS } from "./permissions.ts";

/**
 * Replaces a file in one step: temporary file in the same folder, mode 0600
 * from its first byte, synced, renamed, the folder synced. Killed at any
 * instant it leaves the old file or the new one.
 *
 * Throws `file_unwritable`; the old file is then as it was.
 */
export function writeAtomic(
  fs: FileSystem,
  path: string,
  bytes: Uint8Array,
  system: System = ownSystem,
): void {
  const temporary = temporaryName(path);
  try {
    writeSynced(fs, temporary, bytes, system);
    system.rename(fs, temporary, path);
  } catch (error) {
    removeIfThere(fs, temporary);
    throw unwritable(path, error);
  }
  if (system.syncsFolders) syncFolder(fs, dirname(path));
}

/** Removes what killed runs left beside the file. Only under the exclusive lock. */
export function removeLeftovers(fs: FileSystem, path: string): void {
  const folder = dirname(path);
  const prefix = `.${basename(path)}.`;
  for (const { name } of fs.readDirSync(folder)) {
    if (name.startsWith(prefix) && name.endsWith(".tmp")) {
      removeIfThere(fs, join(folder, name));
    }
  }
}

function temporaryName(path: string): string {
  return join(
    dirname(path),
    `.${basename(path)}.${crypto.randomUUID()}.tmp`,
  );
}

function writeSynced(
  fs: FileSystem,
  path: string,
  bytes: Uint8Array,
  { sync }: System,
): void {
  using file = fs.openSync(path, {
    createNew: true,
    write: true,
    mode: 0o600,
  });
  for (let written = 0; written < bytes.length;) {
    written += file.writeSync(bytes.subarray(written));
  }
  sync(file);
}

/** So that the new name outlives a power cut; not every file system can do that. */
function syncFolder(fs: FileSystem, folder: string): void {
  try {
    using file = fs.openSync(folder);
    file.syncSync();
  } catch {
    // The file's content is safe already.
  }
}

function removeIfThere(fs: FileSystem, path: string): void {
  try {
    fs.removeSync(path);
  } catch {
    // Nothing was there, or the folder can't be written: nothing to tidy.
  }
}

/** The file at this path can't be written, and why. */
export function unwritable(path: string, error: unknown): NanoctlError {
  return new NanoctlError(
    "file_unwritable",
    `${path} can't be written: ${reason(error)}; nothing was changed`,
    `check the disk's free space and the folder's owner, or name ${OTHER_FOLDERS}`,
  );
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return "unknown reason";
  if (error instanceof Deno.errors.NotFound) return "its folder is missing";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  // Deno's text is the system's own, a sentence on Windows, and then the call with its paths.
  return error.message.replace(/\.? \(os error.*$/, "").toLowerCase();
}
