import { hasCode, NanoctlError } from "../../errors.ts";
import type { OpenOptions } from "../key_source.ts";
import { importNamelessKey } from "./key_bytes.ts";
import { openOnlyKey } from "./key_file.ts";
import {
  type KeyContext,
  type KeyInfo,
  OR_START_ANEW,
  type OwnKey,
} from "./key_info.ts";
import type { DataKeyInfo, KeySlot, OpenKey } from "./key_slots.ts";
import { tampered } from "./slot_fault.ts";
import { unwrapDataKey } from "./slot_seal.ts";

/** Opens the key of a slot that is one of our own, once. */
export type OpenOwnKey = (
  wanted: KeyInfo,
  options?: OpenOptions,
) => Promise<OwnKey>;

/** A data key in bytes, to be zeroed by whoever has it, and the slot that it was in. */
export interface DataKey {
  bytes: Uint8Array<ArrayBuffer>;
  slot: KeySlot;
}

/**
 * The data key of a file of version 2, from the first slot that opens here: those
 * that ask nobody are tried first.
 *
 * Throws `file_key` if none does, and says what each lacks; where there is only
 * one, what that throws. Throws `interrupted`.
 */
export async function openDataKey(
  context: KeyContext,
  info: DataKeyInfo,
  open: OpenOwnKey,
): Promise<DataKey> {
  const faults: [names: string, error: NanoctlError][] = [];
  for (
    const slots of inOrder(
      info.slots,
      await isPassphraseSet(context, info),
    )
  ) {
    try {
      return await openSlot(context, info, slots, open);
    } catch (error) {
      const isOurs = error instanceof NanoctlError;
      if (!isOurs || hasCode(error, "interrupted")) throw error;
      faults.push([slots.map(({ name }) => name).join(" and "), error]);
    }
  }
  const [first, ...others] = faults;
  if (first && others.length === 0) throw first[1];
  throw new NanoctlError(
    "file_key",
    `no key opens the credential file here: ${
      faults.map(([names, { message }]) => `${names}: ${alone(message)}`)
        .join("; ")
    }`,
    `make one of them available, ${OR_START_ANEW}`,
  );
}

/**
 * The data key in a slot; with several, in any of them, which are passphrases then.
 *
 * Throws `file_key` if it doesn't open here or was changed, and what opening the
 * slot's own key throws.
 */
export async function openSlot(
  context: KeyContext,
  info: DataKeyInfo,
  [first, ...others]: readonly [KeySlot, ...KeySlot[]],
  open: OpenOwnKey,
  options: OpenOptions = {},
): Promise<DataKey> {
  if (first.source === "command") {
    const { openCommandSlot } = await import("./command_slot.ts");
    return {
      bytes: await openCommandSlot(context, info.id, first),
      slot: first,
    };
  }
  const alternatives = others.filter((slot) => slot.source !== "command");
  const own = await open(first, { others: alternatives, ...options });
  const slot = [first, ...alternatives]
    .find(({ id }) => id === own.info.id) ?? first;
  const bytes = await unwrapDataKey(own.key, slot.wrapped, {
    dataKeyId: info.id,
    slot,
  });
  if (bytes) return { bytes, slot };
  throw tampered(slot.name);
}

/** The data key as what encrypts and decrypts; throws as {@linkcode openDataKey} does. */
export async function openFileKey(
  context: KeyContext,
  info: DataKeyInfo,
  open: OpenOwnKey,
): Promise<OpenKey> {
  const { bytes } = await openDataKey(context, info, open);
  return { key: await importNamelessKey(bytes), info };
}

/** The data key by a key file with one key; undefined if that doesn't open it. Throws as `openOnlyKey` does. */
export async function presumedDataKey(
  context: KeyContext,
  info: DataKeyInfo,
): Promise<OpenKey | undefined> {
  for (const slot of info.slots) {
    if (slot.source !== "keyfile") continue;
    const own = await openOnlyKey(context, slot);
    const bytes = own && await unwrapDataKey(own.key, slot.wrapped, {
      dataKeyId: info.id,
      slot,
    });
    if (bytes) return { key: await importNamelessKey(bytes), info };
  }
  return undefined;
}

async function isPassphraseSet(
  context: KeyContext,
  { slots }: DataKeyInfo,
): Promise<boolean> {
  if (!slots.some(({ source }) => source === "passphrase")) return false;
  return (await import("./passphrase.ts")).isPassphraseSet(context);
}

/** The slots to try, one after the other: all passphrases at once, as one question serves all. */
function inOrder(
  slots: readonly KeySlot[],
  isPassphraseSet: boolean,
): [KeySlot, ...KeySlot[]][] {
  const order: KeySlot["source"][] = isPassphraseSet
    ? ["environment", "keyfile", "passphrase", "helper", "command"]
    : ["environment", "keyfile", "helper", "command", "passphrase"];
  return order.flatMap((source): [KeySlot, ...KeySlot[]][] => {
    const [first, ...others] = slots.filter((slot) => slot.source === source);
    if (!first) return [];
    return source === "passphrase"
      ? [[first, ...others]]
      : [first, ...others].map((slot) => [slot]);
  });
}

/** Without what is true of the only key of a file. */
function alone(message: string): string {
  return message.replace(", and only it opens the credential file", "");
}
