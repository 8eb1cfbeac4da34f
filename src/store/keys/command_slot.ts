import { NanoctlError } from "../../errors.ts";
import { commandOf } from "./command_file.ts";
import { keyId } from "./key_bytes.ts";
import { unwrapByCommand, wrapByCommand } from "./key_command.ts";
import type { KeyContext } from "./key_info.ts";
import type { KeySlot } from "./key_slots.ts";
import { tampered } from "./slot_fault.ts";

type CommandSlot = Extract<KeySlot, { source: "command" }>;

const ID_LABEL = "nanoctl command slot id\n";

/** What a slot is to hold. */
export interface SlotContent {
  name: string;
  /** RFC 3339. */
  added_at: string;
  dataKeyId: string;
  dataKey: Uint8Array<ArrayBuffer>;
}

/**
 * The data key that a command unwraps. Before it is run, the slot's id shows that
 * the slot is the one that this command was stored for: anyone can wrap a key for
 * a public one, and would have new tokens encrypted with it.
 *
 * Throws `file_key` when the slot was changed, there is no command here, or it
 * fails or gives another key, and `interrupted`.
 */
export async function openCommandSlot(
  context: KeyContext,
  dataKeyId: string,
  slot: CommandSlot,
): Promise<Uint8Array<ArrayBuffer>> {
  const wrapped = Uint8Array.fromBase64(slot.wrapped);
  const { name } = slot;
  if (await commandSlotId(dataKeyId, name, wrapped) !== slot.id) {
    throw tampered(name);
  }
  const command = commandOf(context, slot.id);
  const bytes = await unwrapByCommand(context, command, wrapped);
  const id = await keyId(bytes);
  if (id === dataKeyId) return bytes;
  bytes.fill(0);
  throw new NanoctlError(
    "file_key",
    `the key command ${
      command[0]
    } gave another key: it has the id ${id}, the credential file needs ${dataKeyId}`,
    "use the command, and its key, that wrapped it",
  );
}

/**
 * A slot with the data key as a command wraps it, whose command line is stored in
 * the data folder. Throws as `wrapByCommand` and `storeCommand` do.
 */
export async function makeCommandSlot(
  context: KeyContext,
  command: readonly string[],
  { name, added_at, dataKeyId, dataKey }: SlotContent,
): Promise<KeySlot> {
  const wrapped = await wrapByCommand(context, command, dataKey);
  const id = await commandSlotId(dataKeyId, name, wrapped);
  const { storeCommand } = await import("./command_file_changes.ts");
  await storeCommand(context, id, command);
  return { source: "command", id, name, added_at, wrapped: wrapped.toBase64() };
}

/** The first 16 bytes of SHA-256 over a label, the data key's id, the name and what was wrapped, in hex. */
async function commandSlotId(
  dataKeyId: string,
  name: string,
  wrapped: Uint8Array<ArrayBuffer>,
): Promise<string> {
  const head = new TextEncoder().encode(`${ID_LABEL}${dataKeyId}\n${name}\n`);
  const all = new Uint8Array(head.length + wrapped.length);
  all.set(head);
  all.set(wrapped, head.length);
  const digest = await crypto.subtle.digest("SHA-256", all);
  return new Uint8Array(digest, 0, 16).toHex();
}
