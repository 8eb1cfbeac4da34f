import { isObject } from "../../json.ts";
import { isProfileName } from "../profile_name.ts";
import { faultOfKeyInfo, type KeyInfo } from "./key_info.ts";

/** More keys than one file needs: a hostile file must not have us derive thousands. */
export const MOST_SLOTS = 16;

/** The most that a command may print for a wrapped key, in bytes. */
export const MOST_WRAPPED = 64 * 1024;

/** What the file says about the key of a slot. A command's id is that of the slot, as its key stays with it. */
export type SlotKey = KeyInfo | { source: "command"; id: string };

/** One of the keys that open a file of version 2: it holds the data key, wrapped. */
export type KeySlot = SlotKey & {
  name: string;
  /** RFC 3339. */
  added_at: string;
  /** In base64. */
  wrapped: string;
};

/** The `key` of a file of version 2: the id of the data key, and what opens it. */
export interface DataKeyInfo {
  id: string;
  slots: KeySlot[];
}

/** What the credential file says about its key, in version 1 or 2. */
export type FileKey = KeyInfo | DataKeyInfo;

/** The key of a file that is ready for use, with what the file says about it. */
export interface OpenKey {
  key: CryptoKey;
  info: FileKey;
}

/** The versions of the credential file that this program writes and reads. */
export type FileVersion = 1 | 2;

/** Whether several keys can open the file. */
export function isDataKey(key: FileKey): key is DataKeyInfo {
  return !("source" in key);
}

/** The version of a file with such a key. */
export function versionOf(key: FileKey): FileVersion {
  return isDataKey(key) ? 2 : 1;
}

/** What tells the key of one file from every other. */
export function fileKeyOf(key: FileKey): string {
  return `${isDataKey(key) ? "data key" : key.source} ${key.id}`;
}

/** What is wrong with the `key` of a file of version 2: the name of the field, empty for all of it. */
export function faultOfDataKey(key: unknown): string | undefined {
  if (!isObject(key)) return "";
  // The mark of version 1.
  if ("source" in key) return "source";
  if (!isId(key.id)) return "id";
  const { slots } = key;
  const isList = Array.isArray(slots) && slots.length > 0 &&
    slots.length <= MOST_SLOTS;
  if (!isList) return "slots";
  const names = new Set<unknown>();
  for (const [number, slot] of slots.entries()) {
    const fault = faultOfSlot(slot) ??
      (names.has(slot.name) ? "name" : undefined);
    if (fault !== undefined) return `slots.${number}.${fault}`;
    names.add(slot.name);
  }
  return undefined;
}

function faultOfSlot(slot: unknown): string | undefined {
  if (!isObject(slot)) return "";
  const fault = slot.source === "command"
    ? isId(slot.id) ? undefined : "id"
    : faultOfKeyInfo(slot);
  if (fault !== undefined) return fault;
  const { name, added_at, wrapped } = slot;
  if (typeof name !== "string" || !isProfileName(name)) return "name";
  if (typeof added_at !== "string" || Number.isNaN(Date.parse(added_at))) {
    return "added_at";
  }
  const fits = typeof wrapped === "string" && wrapped !== "" &&
    wrapped.length % 4 === 0 && wrapped.length / 4 * 3 <= MOST_WRAPPED + 2 &&
    /^[A-Za-z0-9+/]+={0,2}$/.test(wrapped);
  return fits ? undefined : "wrapped";
}

function isId(value: unknown): boolean {
  return typeof value === "string" && /^[0-9a-f]{32}$/.test(value);
}
