import type { Context } from "../../process/context.ts";
import {
  createOwnKey,
  type KeyChoice,
  type PresentKeys,
} from "../key_source.ts";
import type { SlotContent } from "./command_slot.ts";
import { importNamelessKey, keyId, randomKey } from "./key_bytes.ts";
import type { KeyContext, OwnKey } from "./key_info.ts";
import type { KeySlot, OpenKey } from "./key_slots.ts";
import { wrapDataKey } from "./slot_seal.ts";

/** What making a slot needs of the outside. */
export type SlotContext = KeyContext & Pick<Context, "now">;

/** A new data key, to be zeroed by whoever has it, and its id. */
export async function newDataKey(): Promise<
  Pick<SlotContent, "dataKey" | "dataKeyId">
> {
  const dataKey = randomKey();
  return { dataKey, dataKeyId: await keyId(dataKey) };
}

/** A slot with the data key as one of our own keys wraps it. */
export async function ownSlot(
  { key, info }: OwnKey,
  { name, added_at, dataKeyId, dataKey }: SlotContent,
): Promise<KeySlot> {
  const slot = { ...info, name, added_at };
  const wrapped = await wrapDataKey(key, dataKey, { dataKeyId, slot });
  return { ...slot, wrapped };
}

/** A slot with a new key from the chosen source. Throws as `createOwnKey` and `makeCommandSlot` do. */
export async function newSlot(
  context: KeyContext,
  choice: KeyChoice,
  content: SlotContent,
  present: PresentKeys,
): Promise<KeySlot> {
  if (choice.source === "command") {
    const { makeCommandSlot } = await import("./command_slot.ts");
    return await makeCommandSlot(context, choice.command, content);
  }
  return await ownSlot(await createOwnKey(context, choice, present), content);
}

/**
 * A key for a new file: of version 1, or of version 2 with one slot for a command.
 * With `present` it is one to change to. Throws as {@linkcode newSlot} does.
 */
export async function createFileKey(
  context: SlotContext,
  choice: KeyChoice,
  present?: PresentKeys,
): Promise<OpenKey> {
  if (choice.source !== "command") {
    return await createOwnKey(context, choice, present);
  }
  const { makeCommandSlot } = await import("./command_slot.ts");
  const content = await newDataKey();
  const slot = await makeCommandSlot(context, choice.command, {
    ...content,
    name: choice.source,
    added_at: context.now().toISOString(),
  });
  const key = await importNamelessKey(content.dataKey);
  return { key, info: { id: content.dataKeyId, slots: [slot] } };
}
