import { NanoctlError } from "../../errors.ts";

/** The length of the key of the credential file, in bytes: AES-256. */
export const KEY_BYTES = 32;

const ID_LABEL = "nanoctl key id\n";

/** A key that is ready for use. */
export interface ImportedKey {
  key: CryptoKey;
  /** The first 16 bytes of SHA-256 over a label and the key, in hex. */
  id: string;
}

/** A new key. */
export function randomKey(): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(KEY_BYTES));
}

/**
 * 32 bytes in base64. `source` is how the error names where they came from.
 *
 * Throws `file_key` with what is wrong.
 */
export function parseKey(
  text: string,
  source: string,
): Uint8Array<ArrayBuffer> {
  const bytes = decodeKey(text);
  if (bytes?.length === KEY_BYTES) return bytes;
  throw new NanoctlError(
    "file_key",
    bytes
      ? `${source} holds ${bytes.length} bytes, not ${KEY_BYTES}`
      : `${source} does not hold a key in base64`,
    "a key is 32 bytes in base64, as 'head -c 32 /dev/urandom | base64' makes one",
  );
}

/** The bytes of a key in base64, few or many as they are; undefined if it is not base64. */
export function decodeKey(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.fromBase64(text.trim());
  } catch {
    return undefined;
  }
}

/** The lines of a key file that hold a key; an empty one of a file without any. */
export function keyLines(text: string): [first: string, ...others: string[]] {
  const [first = "", ...others] = text.split("\n")
    .filter((line) => line.trim() !== "");
  return [first, ...others];
}

/** Turns the bytes into a key that can't be taken out again, and zeroes them. */
export async function importKey(
  bytes: Uint8Array<ArrayBuffer>,
): Promise<ImportedKey> {
  const [id, key] = await Promise.all([keyId(bytes), cryptoKey(bytes)]);
  bytes.fill(0);
  return { key, id };
}

/** {@linkcode importKey} without the key's id, which takes as long to tell as a token to open. */
export async function importNamelessKey(
  bytes: Uint8Array<ArrayBuffer>,
): Promise<CryptoKey> {
  const key = await cryptoKey(bytes);
  bytes.fill(0);
  return key;
}

function cryptoKey(bytes: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  const usages: KeyUsage[] = ["encrypt", "decrypt"];
  return crypto.subtle.importKey("raw", bytes, "AES-GCM", false, usages);
}

/** The id of a key: the first 16 bytes of SHA-256 over a label and the key, in hex. */
export async function keyId(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const label = new TextEncoder().encode(ID_LABEL);
  const labelled = new Uint8Array(label.length + bytes.length);
  labelled.set(label);
  labelled.set(bytes, label.length);
  const digest = await crypto.subtle.digest("SHA-256", labelled);
  labelled.fill(0);
  return new Uint8Array(digest, 0, 16).toHex();
}
