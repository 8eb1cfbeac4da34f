import { dirname, join } from "@std/path";
import type { Context } from "../context.ts";
import { NanoctlError } from "../errors.ts";
import { createAtomic } from "./atomic_file.ts";
import { dataDir, noPlace } from "./paths.ts";
import { checkPrivate, makePrivateFolder } from "./permissions.ts";

/** Where the key of the credential file can come from. */
export type KeySourceName = "keyfile";

/** What the credential file says of its key: where it is, and which one it is. */
export interface KeyInfo {
  source: KeySourceName;
  /** The first 16 bytes of SHA-256 over a label and the key, in hex. */
  id: string;
}

/** A key that is ready for use, with what the file is to say of it. */
export interface OpenKey {
  key: CryptoKey;
  info: KeyInfo;
}

const KEY_BYTES = 32;
const ID_LABEL = new TextEncoder().encode("nanoctl key id\n");

/** The path of the key file. Throws `usage` where there is no place for it. */
export function keyFilePath(context: Pick<Context, "env" | "os">): string {
  const folder = dataDir(context);
  if (!folder) throw noPlace("key file", "XDG_DATA_HOME");
  return join(folder, "key");
}

/**
 * The key that a credential file was encrypted with.
 *
 * Throws `file_key` when it is missing, malformed or another one, and
 * `file_permissions` when it is open to others.
 */
export async function openKey(
  context: Pick<Context, "env" | "os">,
  wanted: KeyInfo,
): Promise<OpenKey> {
  const path = keyFilePath(context);
  const bytes = readKeyFile(path);
  if (!bytes) {
    throw new NanoctlError(
      "file_key",
      `the key file ${path} is missing, and only it opens the credential file`,
      "put it back, or move the credential file away and log in again",
    );
  }
  const open = await importKey(bytes);
  if (open.info.id !== wanted.id) {
    throw new NanoctlError(
      "file_key",
      `the key in ${path} has the id ${open.info.id}, but the credential file needs the key ${wanted.id}`,
      "put the right key file back, or move the credential file away and log in again",
    );
  }
  return open;
}

/**
 * The key for a new credential file: the key file's, which is made on first use.
 *
 * Throws `file_key`, `file_permissions` and `file_unwritable`.
 */
export async function newKey(
  context: Pick<Context, "env" | "os">,
): Promise<OpenKey> {
  const path = keyFilePath(context);
  const present = readKeyFile(path);
  if (present) return await importKey(present);
  makePrivateFolder(dirname(path));
  const fresh = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  const line = new TextEncoder().encode(`${fresh.toBase64()}\n`);
  const made = createAtomic(path, line);
  line.fill(0);
  if (made) return await importKey(fresh);
  fresh.fill(0);
  return await newKey(context);
}

function readKeyFile(path: string): Uint8Array<ArrayBuffer> | undefined {
  checkPrivate(dirname(path), path);
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new NanoctlError(
      "file_key",
      `the key file ${path} can't be read`,
      "check who owns it",
    );
  }
  return parseKey(text, `the key file ${path}`);
}

/** 32 bytes in base64; throws `file_key` with what is wrong. */
function parseKey(text: string, source: string): Uint8Array<ArrayBuffer> {
  const bytes = decode(text.trim());
  if (bytes?.length === KEY_BYTES) return bytes;
  throw new NanoctlError(
    "file_key",
    bytes
      ? `${source} holds ${bytes.length} bytes, not ${KEY_BYTES}`
      : `${source} does not hold a key in base64`,
    "put the right key back, or move the credential file away and log in again",
  );
}

function decode(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    return undefined;
  }
}

/** Turns the bytes into a key that can't be taken out again, and zeroes them. */
async function importKey(bytes: Uint8Array<ArrayBuffer>): Promise<OpenKey> {
  const key = await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, [
    "encrypt",
    "decrypt",
  ]);
  const labelled = new Uint8Array([...ID_LABEL, ...bytes]);
  const digest = await crypto.subtle.digest("SHA-256", labelled);
  bytes.fill(0);
  labelled.fill(0);
  const id = new Uint8Array(digest, 0, 16).toHex();
  return { key, info: { source: "keyfile", id } };
}
