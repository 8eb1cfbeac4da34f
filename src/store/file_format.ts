import { isObject } from "../json.ts";
import { faultOfKeyInfo } from "./keys/key_info.ts";
import {
  faultOfDataKey,
  type FileKey,
  type FileVersion,
} from "./keys/key_slots.ts";

/** The latest version of the credential file that this program knows. */
export const LATEST_VERSION: FileVersion = 2;

/** One profile as the credential file holds it. */
export interface FileEntry {
  service: string;
  url: string;
  account: { username: string };
  /** RFC 3339, or null for a token without an end. */
  expires_at: string | null;
  stored_at: string;
  /** Whether the token renews itself: such a command must be able to write. */
  renewable?: true | undefined;
  /** When the token is renewed (RFC 3339); only a hint, as the time that counts is sealed. */
  renew_at?: string | undefined;
  /** Whether a program renews it: such a command must be able to run one. */
  runs_command?: true | undefined;
  /** In base64. */
  sealed: string;
  /** Whatever a later version of the format added. */
  [later: string]: unknown;
}

/** The login to one registry as the credential file holds it. */
export interface RegistryEntry {
  username: string;
  /** RFC 3339. */
  stored_at: string;
  /** In base64. */
  sealed: string;
  /** Whatever a later version of the format added. */
  [later: string]: unknown;
}

/** The credential file, with whatever a later version of the format added to it. */
export interface CredentialFile {
  version: FileVersion;
  key: FileKey;
  active: string;
  /** Checked one by one when they are used: there may be thousands. */
  profiles: Record<string, unknown>;
  /** By server URL; checked one by one too. */
  registries?: Record<string, unknown>;
  [later: string]: unknown;
}

// Checked by hand: with a schema library `nanoctl token` starts 1.3 ms later (docs/performance.md).

/** Whether a value has the form of a credential file, apart from its profiles. */
export function isCredentialFile(data: unknown): data is CredentialFile {
  return faultOfFile(data) === undefined;
}

/** Whether a value has the form of a profile's entry. */
export function isFileEntry(entry: unknown): entry is FileEntry {
  return faultOfEntry(entry) === undefined;
}

/** The first field that is missing or wrong; empty for the whole file. */
export function faultOfFile(data: unknown): string | undefined {
  if (!isObject(data)) return "";
  if (data.version !== 1 && data.version !== 2) return "version";
  const key = data.version === 1
    ? faultOfKeyInfo(data.key)
    : faultOfDataKey(data.key);
  if (key !== undefined) return `key.${key}`;
  if (typeof data.active !== "string") return "active";
  if (!isObject(data.profiles)) return "profiles";
  const { registries = {} } = data;
  return isObject(registries) ? undefined : "registries";
}

/** The first field that is missing or wrong; empty for the whole entry. */
export function faultOfEntry(entry: unknown): string | undefined {
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

/** As {@linkcode faultOfEntry} for the entry of a registry. */
export function faultOfRegistry(entry: unknown): string | undefined {
  if (!isObject(entry)) return "";
  if (typeof entry.username !== "string") return "username";
  if (!isDate(entry.stored_at)) return "stored_at";
  return isBase64(entry.sealed) ? undefined : "sealed";
}

/** Whether a value has the form of a registry's entry. */
export function isRegistryEntry(entry: unknown): entry is RegistryEntry {
  return faultOfRegistry(entry) === undefined;
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
