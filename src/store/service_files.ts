import { NanoctlError } from "../errors.ts";
import { systemOf } from "../process/system/systems.ts";
import { readAtMost } from "../read_at_most.ts";
import { below, configDir, noPlace, type Place } from "./paths.ts";
import { lstat } from "./permissions.ts";
import { checkAccess } from "./read_only.ts";

/** More than any description of a service has, in bytes. */
const LIMIT = 64 * 1024;

/** A service that a person added. */
export interface ServiceFile {
  name: string;
  path: string;
  bytes: Uint8Array<ArrayBuffer>;
  /** What a stored login is pinned to: SHA-256 of the bytes, in hex. */
  digest: string;
}

/** The folder of the descriptions that a person added; undefined if there is no place for it. */
export function servicesFolder(place: Place): string | undefined {
  const folder = configDir(place);
  return folder && below(folder, "services");
}

/** The path of a description. Throws `usage` if there is no place for it, and where no file can have its name. */
export function servicePath(place: Place, name: string): string {
  const folder = servicesFolder(place);
  if (!folder) {
    throw noPlace("description of a service", "NANOCTL_CONFIG_DIR", place);
  }
  if (systemOf(place.os).isFileName(`${name}.json`)) {
    return below(folder, `${name}.json`);
  }
  throw new NanoctlError(
    "usage",
    `a service can't be called ${name} here: the system has a device of that name`,
    "give the description another name",
  );
}

/** Whether a name can be that of a description, and so of a file. */
export function isServiceName(name: string): boolean {
  return /^[a-z][a-z0-9-]{0,31}$/.test(name);
}

/**
 * The description that a person added under this name; undefined if there is none.
 *
 * Throws `file_permissions` if others can change it, `file_corrupt` if it is too long,
 * and `usage` where no file can have its name.
 */
export async function readServiceFile(
  place: Place,
  name: string,
): Promise<ServiceFile | undefined> {
  const folder = servicesFolder(place);
  if (!folder || !isServiceName(name)) return undefined;
  const path = servicePath(place, name);
  checkAccess(place, folder, path);
  if (!lstat(path)) return undefined;
  const { bytes } = await readAtMost(path, LIMIT).catch(() => {
    throw new NanoctlError(
      "file_permissions",
      `${path} can't be read`,
      "check who owns it",
    );
  });
  if (bytes.length > LIMIT) {
    throw new NanoctlError(
      "file_corrupt",
      `${path} is longer than a description can be`,
      `add it again with 'nanoctl service add', or remove it: nanoctl service remove ${name}`,
    );
  }
  return { name, path, bytes, digest: await digestOf(bytes) };
}

/** The names of the descriptions that a person added, in order. Throws `file_permissions`. */
export function serviceFileNames(place: Place): string[] {
  const folder = servicesFolder(place);
  if (!folder || !lstat(folder)) return [];
  return [...Deno.readDirSync(folder)]
    .filter(({ name }) => name.endsWith(".json"))
    .map(({ name }) => name.slice(0, -".json".length))
    .filter(isServiceName)
    .sort();
}

/** SHA-256 in hex. */
export async function digestOf(
  bytes: Uint8Array<ArrayBuffer>,
): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return new Uint8Array(digest).toHex();
}
