import { decryptAesGcm, encryptAesGcm } from "@std/crypto/aes-gcm";
import type { SlotKey } from "./key_slots.ts";

/** What a wrapped data key is bound to: its id, and the slot that it is in. */
export interface SlotBinding {
  dataKeyId: string;
  slot: Pick<SlotKey, "source" | "id"> & { name: string };
}

/** Wraps a data key with the key of a slot, as `seal` seals a token; in base64. */
export async function wrapDataKey(
  key: CryptoKey,
  dataKey: Uint8Array<ArrayBuffer>,
  binding: SlotBinding,
): Promise<string> {
  const wrapped = await encryptAesGcm(key, dataKey, {
    additionalData: slotData(binding),
  });
  return wrapped.toBase64();
}

/**
 * The data key that {@linkcode wrapDataKey} wrapped; undefined when the key is
 * another, or when the wrapped key or anything of the binding was changed.
 */
export async function unwrapDataKey(
  key: CryptoKey,
  wrapped: string,
  binding: SlotBinding,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return await decryptAesGcm(key, Uint8Array.fromBase64(wrapped), {
      additionalData: slotData(binding),
    });
  } catch {
    return undefined;
  }
}

/** The associated data of a slot. It has seven elements, which no profile's and no registry's has. */
export function slotData(
  { dataKeyId, slot: { source, id, name } }: SlotBinding,
): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(
    JSON.stringify(["nanoctl", 2, "key", dataKeyId, source, id, name]),
  );
}
