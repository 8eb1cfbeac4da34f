import { NanoctlError } from "../errors.ts";
import { isObject } from "../json.ts";
import {
  type CredentialFile,
  faultOfEntry,
  faultOfFile,
  type FileEntry,
  isCredentialFile,
  isFileEntry,
  LATEST_VERSION,
} from "./file_format.ts";
import { OR_START_ANEW } from "./keys/key_info.ts";

/**
 * Reads the text of a credential file.
 *
 * Throws `file_corrupt` with the path, the reason and what to do.
 */
export function parseFile(text: string, path: string): CredentialFile {
  const data = parseJson(text, path);
  checkVersion(data, path);
  if (!isCredentialFile(data)) throw wrongField(path, faultOfFile(data) ?? "");
  const { profiles, active } = data;
  if (Object.hasOwn(profiles, active) || Object.keys(profiles).length === 0) {
    return data;
  }
  throw corrupt(path, `its active profile ${active} is not in it`);
}

/** One profile of the file; undefined when it has none of that name. Throws `file_corrupt`. */
export function entryOf(
  file: CredentialFile,
  profile: string,
  path: string,
): FileEntry | undefined {
  if (!Object.hasOwn(file.profiles, profile)) return undefined;
  const entry = file.profiles[profile];
  if (isFileEntry(entry)) return entry;
  throw wrongField(path, `profiles.${profile}.${faultOfEntry(entry) ?? ""}`);
}

/**
 * The text of a credential file, indented for people who look into it. Before the
 * profiles it says when the first one that renews itself expires and is renewed, and
 * whether a program renews one, which a start has to know without parsing the file.
 *
 * Throws `file_corrupt` if something in it is nested deeper than can be
 * written again: reading it is possible at any depth.
 */
export function formatFile(file: CredentialFile, path: string): string {
  try {
    const {
      version,
      key,
      active,
      next_expiry: _,
      next_renewal: __,
      runs_command: ___,
      ...others
    } = file;
    const hints = { ...nextDates(file), ...runsCommand(file) };
    const top = { version, key, ...hints, active };
    return JSON.stringify({ ...top, ...others }, null, 2) + "\n";
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw corrupt(path, "something in it is nested too deeply");
  }
}

/** When the first login that renews itself expires, null if that is not known, and when the first is renewed; nothing if none does. */
function nextDates(
  { profiles }: CredentialFile,
): { next_expiry?: string | null; next_renewal?: string } {
  const entries = Object.values(profiles)
    .filter(isObject).filter(({ renewable }) => renewable === true);
  if (entries.length === 0) return {};
  const renewal = earliest(entries.map(({ renew_at }) => renew_at));
  return {
    next_expiry: earliest(entries.map(({ expires_at }) => expires_at)) ?? null,
    ...(renewal === undefined ? {} : { next_renewal: renewal }),
  };
}

function earliest(dates: unknown[]): string | undefined {
  return dates.filter((date) => typeof date === "string")
    .sort((a, b) => Date.parse(a) - Date.parse(b))[0];
}

/** Whether a program renews any login; nothing if none does. */
function runsCommand({ profiles }: CredentialFile): { runs_command?: true } {
  const some = Object.values(profiles).some((entry) =>
    isObject(entry) && entry.runs_command === true
  );
  return some ? { runs_command: true } : {};
}

/** The credential file at this path can't be used, and why. */
export function corrupt(path: string, reason: string): NanoctlError {
  return new NanoctlError(
    "file_corrupt",
    `the credential file ${path} can't be used: ${reason}; it was left as it is`,
    `restore it from a backup, ${OR_START_ANEW}`,
  );
}

function parseJson(text: string, path: string): unknown {
  if (text.trim() === "") throw corrupt(path, "it is empty");
  try {
    return JSON.parse(text);
  } catch {
    throw corrupt(path, "it is not JSON, or only a part of it");
  }
}

function checkVersion(data: unknown, path: string): void {
  const version = isObject(data) ? data.version : undefined;
  if (typeof version !== "number" || version <= LATEST_VERSION) return;
  throw new NanoctlError(
    "file_corrupt",
    `the credential file ${path} has version ${version}; this nanoctl knows versions 1 to ${LATEST_VERSION}`,
    "update nanoctl, or name another folder with NANOCTL_CONFIG_DIR",
  );
}

/** A field of the credential file at this path is missing or wrong. */
export function wrongField(path: string, field: string): NanoctlError {
  const where = field.replace(/\.$/, "") || "the whole file";
  return corrupt(path, `${where} is missing or wrong`);
}
