import { NanoctlError } from "../errors.ts";
import { FILE_VERSION } from "./envelope.ts";
import {
  faultOfKeyInfo,
  isObject,
  type KeyInfo,
  OR_START_ANEW,
} from "./keys/key_info.ts";

// Checked by hand: with a schema library `nanoctl token` starts 1.3 ms later (docs/performance.md).

/** One profile as the credential file holds it. */
export interface FileEntry {
  service: string;
  url: string;
  account: { username: string };
  /** RFC 3339, or null for a token without an end. */
  expires_at: string | null;
  stored_at: string;
  /** In base64. */
  sealed: string;
  /** Whatever a later version of the format added. */
  [later: string]: unknown;
}

/** The credential file, with whatever a later version of the format added to it. */
export interface CredentialFile {
  version: typeof FILE_VERSION;
  key: KeyInfo;
  active: string;
  /** Checked one by one when they are used: there may be thousands. */
  profiles: Record<string, unknown>;
  [later: string]: unknown;
}

/**
 * Reads the text of a credential file.
 *
 * Throws `file_corrupt` with the path, the reason and what to do.
 */
export function parseFile(text: string, path: string): CredentialFile {
  const data = parseJson(text, path);
  checkVersion(data, path);
  if (!isFile(data)) throw wrongField(path, faultOfFile(data) ?? "");
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
  if (isEntry(entry)) return entry;
  throw wrongField(path, `profiles.${profile}.${faultOfEntry(entry) ?? ""}`);
}

/**
 * The text of a credential file: indented, for whoever looks into it.
 *
 * Throws `file_corrupt` where something in it is nested deeper than can be
 * written again: reading it is possible at any depth.
 */
export function formatFile(file: CredentialFile, path: string): string {
  try {
    return JSON.stringify(file, null, 2) + "\n";
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw corrupt(path, "something in it is nested too deeply");
  }
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
  if (typeof version !== "number" || version <= FILE_VERSION) return;
  throw new NanoctlError(
    "file_corrupt",
    `the credential file ${path} has version ${version}; this nanoctl knows version ${FILE_VERSION}`,
    "update nanoctl, or name another folder with NANOCTL_CONFIG_DIR",
  );
}

function wrongField(path: string, field: string): NanoctlError {
  const where = field.replace(/\.$/, "") || "the whole file";
  return corrupt(path, `${where} is missing or wrong`);
}

function isFile(data: unknown): data is CredentialFile {
  return faultOfFile(data) === undefined;
}

function isEntry(entry: unknown): entry is FileEntry {
  return faultOfEntry(entry) === undefined;
}

/** The first field that is missing or wrong; empty for the whole file. */
function faultOfFile(data: unknown): string | undefined {
  if (!isObject(data)) return "";
  if (data.version !== FILE_VERSION) return "version";
  const key = faultOfKeyInfo(data.key);
  if (key !== undefined) return `key.${key}`;
  if (typeof data.active !== "string") return "active";
  return isObject(data.profiles) ? undefined : "profiles";
}

/** The first field that is missing or wrong; empty for the whole entry. */
function faultOfEntry(entry: unknown): string | undefined {
  if (!isObject(entry)) return "";
  const { account } = entry;
  if (typeof entry.service !== "string") return "service";
  if (!isHttpUrl(entry.url)) return "url";
  if (!isObject(account)) return "account";
  if (typeof account.username !== "string") return "account.username";
  if (entry.expires_at !== null && !isDate(entry.expires_at)) {
    return "expires_at";
  }
  if (!isDate(entry.stored_at)) return "stored_at";
  return isBase64(entry.sealed) ? undefined : "sealed";
}

function isHttpUrl(value: unknown): boolean {
  return typeof value === "string" && /^https?:\/\/./.test(value) &&
    URL.canParse(value);
}

function isDate(value: unknown): boolean {
  return typeof value === "string" && !Number.isNaN(Date.parse(value));
}

function isBase64(value: unknown): boolean {
  return typeof value === "string" && value !== "" && value.length % 4 === 0 &&
    /^[A-Za-z0-9+/]+={0,2}$/.test(value);
}
