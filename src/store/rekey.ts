import { hasCode, NanoctlError } from "../errors.ts";
import { changedMeanwhile, changeFile, hasKey } from "./file_change.ts";
import {
  choiceText,
  isOfChoice,
  type KeyChoice,
  retireKey,
} from "./key_source.ts";
import { openDataKey } from "./keys/data_key.ts";
import { importKey } from "./keys/key_bytes.ts";
import type { KeyInfo } from "./keys/key_info.ts";
import {
  type DataKeyInfo,
  type FileKey,
  fileKeyOf,
  isDataKey,
  type KeySlot,
} from "./keys/key_slots.ts";
import type { SlotContent } from "./keys/command_slot.ts";
import {
  createFileKey,
  newDataKey,
  newSlot,
  ownSlot,
} from "./keys/new_slots.ts";
import { reseal } from "./reseal.ts";
import type { StoreAccess } from "./store_access.ts";

/** Changes the key of a file of version 1; a command makes it one of version 2. See `KeyChanges.rekey`. */
export async function rekeyFile(
  store: StoreAccess,
  oldInfo: KeyInfo,
  wanted?: KeyChoice,
): Promise<FileKey> {
  const { context, path } = store;
  const choice = wanted ?? sameSource(oldInfo);
  const old = await store.openKey(oldInfo);
  const fresh = await createFileKey(context, choice, {
    any: true,
    sameSource: oldInfo.source === choice.source,
    replaced: true,
  });
  if (fileKeyOf(fresh.info) === fileKeyOf(oldInfo)) throw sameKey();
  try {
    await changeFile(store, async (file) => {
      if (!file || !hasKey(file, oldInfo)) throw changedMeanwhile(path);
      return await reseal(file, { old, fresh, path });
    });
  } catch (error) {
    await retireAll(store, slotsOf(fresh.info));
    throw error;
  }
  store.keepKey(fresh);
  await retireAll(store, [oldInfo]);
  return fresh.info;
}

/** Changes the data key of a file of version 2. See `KeyChanges.rekey`. */
export async function rekeySlots(
  store: StoreAccess,
  before: DataKeyInfo,
  wanted: KeyChoice | undefined,
  dropped: readonly string[],
): Promise<FileKey> {
  const { context, path } = store;
  const kept = keptOf(before.slots, dropped);
  const target = wanted && targetOf(kept, wanted);
  const { bytes, slot: opening } = await openDataKey(
    context,
    before,
    store.openOwnKey,
  );
  const old = { key: (await importKey(bytes)).key, info: before };
  const content = await newDataKey();
  const slots: KeySlot[] = [];
  try {
    const faults: [name: string, error: NanoctlError][] = [];
    for (const slot of kept) {
      try {
        slots.push(
          wanted && slot === target
            ? await replacing(store, slot, wanted, content, kept)
            : await rewrapped(store, slot, content, slot === opening),
        );
      } catch (error) {
        const isOurs = error instanceof NanoctlError;
        if (!isOurs || hasCode(error, "interrupted") || slot === target) {
          throw error;
        }
        faults.push([slot.name, error]);
      }
    }
    if (faults.length > 0) throw cannotKeep(faults);
    const { key } = await importKey(content.dataKey);
    const fresh = { key, info: { id: content.dataKeyId, slots } };
    await changeFile(store, async (file) => {
      if (!file || !isUnchanged(file.key, before)) throw changedMeanwhile(path);
      return await reseal(file, { old, fresh, path });
    });
    store.keepKey(fresh);
  } catch (error) {
    await retireAll(store, newIn(slots, before.slots));
    throw error;
  } finally {
    content.dataKey.fill(0);
  }
  await retireAll(store, newIn(before.slots, slots));
  return { id: content.dataKeyId, slots };
}

/** The slots that stay. Throws `usage` for a name that there is not, and if none stays. */
function keptOf(
  slots: readonly KeySlot[],
  dropped: readonly string[],
): KeySlot[] {
  const unknown = dropped.find((name) =>
    !slots.some((slot) => slot.name === name)
  );
  if (unknown !== undefined) {
    throw new NanoctlError(
      "usage",
      `there is no key ${unknown} to drop`,
      "see 'nanoctl store key list'",
    );
  }
  const kept = slots.filter(({ name }) => !dropped.includes(name));
  if (kept.length > 0) return kept;
  throw new NanoctlError(
    "usage",
    "every key would be dropped, and nothing would open the credential file",
    "keep one of them, or add another one first with 'nanoctl store key add'",
  );
}

/** The slot whose own key is to be a new one. Throws `usage` unless it is clear which. */
function targetOf(slots: readonly KeySlot[], choice: KeyChoice): KeySlot {
  const same = slots.filter((slot) => isOfChoice(slot, choice));
  const [target, ...others] = same.length === 0 ? slots : same;
  if (target && others.length === 0) return target;
  throw new NanoctlError(
    "usage",
    same.length === 0
      ? "the credential file has several keys, and none from this source"
      : `several keys are from this source: ${
        same.map(({ name }) => name).join(", ")
      }`,
    same.length === 0
      ? `add one with 'nanoctl store key add --key-source ${
        choiceText(choice)
      }'`
      : "add the new one with 'nanoctl store key add', then remove the old one with 'nanoctl store key remove'",
  );
}

/** A slot with a new key of its own in the place of this one. */
async function replacing(
  { context }: StoreAccess,
  slot: KeySlot,
  choice: KeyChoice,
  content: Pick<SlotContent, "dataKey" | "dataKeyId">,
  slots: readonly KeySlot[],
): Promise<KeySlot> {
  const sameSource = slot.source === choice.source;
  const taken = slots.map(({ name }) => name);
  const name = slot.name === slot.source && !taken.includes(choice.source)
    ? choice.source
    : slot.name;
  const fresh = await newSlot(
    context,
    choice,
    { ...content, name, added_at: context.now().toISOString() },
    { any: true, sameSource, replaced: true },
  );
  if (fresh.id === slot.id && fresh.source === slot.source) throw sameKey();
  return fresh;
}

/** A slot with the new data key, wrapped by the same key of its own. */
async function rewrapped(
  { context, openOwnKey }: StoreAccess,
  slot: KeySlot,
  data: Pick<SlotContent, "dataKey" | "dataKeyId">,
  isOpen: boolean,
): Promise<KeySlot> {
  const { name, added_at } = slot;
  const content = { ...data, name, added_at };
  if (slot.source === "command") {
    const { commandOf } = await import("./keys/command_file.ts");
    const { makeCommandSlot } = await import("./keys/command_slot.ts");
    return await makeCommandSlot(context, commandOf(context, slot.id), content);
  }
  const of = isOpen ? undefined : `the key ${name}`;
  return await ownSlot(await openOwnKey(slot, of ? { of } : {}), content);
}

/** Whether it is the same data key in the same slots. */
function isUnchanged(now: FileKey, before: DataKeyInfo): boolean {
  return isDataKey(now) && now.id === before.id &&
    now.slots.length === before.slots.length &&
    now.slots.every(({ wrapped }, at) => wrapped === before.slots[at]?.wrapped);
}

/** What only the first of these lists has. */
function newIn(
  slots: readonly KeySlot[],
  others: readonly KeySlot[],
): KeySlot[] {
  return slots.filter((slot) =>
    !others.some(({ source, id }) => source === slot.source && id === slot.id)
  );
}

function slotsOf(key: FileKey): (KeyInfo | KeySlot)[] {
  return isDataKey(key) ? key.slots : [key];
}

async function retireAll(
  { context }: StoreAccess,
  keys: readonly (KeyInfo | KeySlot)[],
): Promise<void> {
  for (const key of keys) await retireKey(context, key).catch(() => {});
}

function sameSource(info: KeyInfo): KeyChoice {
  return info.source === "helper"
    ? { source: "helper", helper: info.helper }
    : { source: info.source };
}

function sameKey(): NanoctlError {
  return new NanoctlError(
    "file_key",
    "the new key is the one that the credential file has already",
    "give another one",
  );
}

function cannotKeep(
  faults: [name: string, error: NanoctlError][],
): NanoctlError {
  const drops = faults.map(([name]) => `--drop ${name}`).join(" ");
  return new NanoctlError(
    "file_key",
    `the new key can't be given to every key here: ${
      faults.map(([name, { message }]) => `${name}: ${message}`).join("; ")
    }; nothing was changed`,
    `make them available, or leave them out with '${drops}'; they then no longer open the file`,
  );
}
