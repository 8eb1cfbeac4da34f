import { NanoctlError } from "../errors.ts";
import { changedMeanwhile, changeFile, hasKey } from "./file_change.ts";
import type { CredentialFile } from "./file_format.ts";
import { type KeyChoice, retireKey } from "./key_source.ts";
import { type DataKey, openDataKey, openSlot } from "./keys/data_key.ts";
import { importKey } from "./keys/key_bytes.ts";
import {
  type DataKeyInfo,
  type FileKey,
  isDataKey,
  type KeySlot,
  MOST_SLOTS,
  type SlotKey,
} from "./keys/key_slots.ts";
import { newDataKey, newSlot, ownSlot } from "./keys/new_slots.ts";
import { rekeyFile, rekeySlots } from "./rekey.ts";
import { reseal } from "./reseal.ts";
import { checkWritable } from "./read_only.ts";
import type { StoreAccess } from "./store_access.ts";

/** One of the keys that open the credential file, as it is listed. */
export interface ListedKey {
  name: string;
  key: SlotKey;
  /** RFC 3339; undefined for the one key of version 1, which doesn't say. */
  addedAt: string | undefined;
}

/** What looks after the keys that open the credential file. */
export class KeyChanges {
  readonly #store: StoreAccess;

  constructor(store: StoreAccess) {
    this.#store = store;
  }

  /** The keys that open the file, none if there is no file. Throws what reading throws. */
  async list(): Promise<ListedKey[]> {
    const { key } = await this.#store.read();
    if (!key) return [];
    if (!isDataKey(key)) {
      return [{ name: key.source, key, addedAt: undefined }];
    }
    return key.slots.map((slot) => ({
      name: slot.name,
      key: slot,
      addedAt: slot.added_at,
    }));
  }

  /** Opens the file with the key of this name alone. Throws why it doesn't open it here, and `interrupted`. */
  async check(name: string): Promise<void> {
    const { key } = await this.#store.read();
    if (!key) return;
    if (!isDataKey(key)) {
      await this.#store.openKey(key);
      return;
    }
    const { context, openOwnKey } = this.#store;
    const slot = named(key.slots, name);
    const of = `the key ${name}`;
    (await openSlot(context, key, [slot], openOwnKey, { of })).bytes.fill(0);
  }

  /**
   * Adds a key; a file of version 1 becomes one of version 2, encrypted anew with
   * a data key that the key before and the new one wrap. Gives the new slot.
   *
   * Throws `not_logged_in` if there is no file, `usage` if the name or the key is
   * there already, and what opening, making a key and saving throw.
   */
  async add(choice: KeyChoice, name?: string): Promise<KeySlot> {
    checkWritable(this.#store.context, this.#store.path);
    const before = await this.#key();
    const slots = isDataKey(before) ? before.slots : [];
    const names = isDataKey(before)
      ? slots.map((slot) => slot.name)
      : [before.source];
    const newName = name ?? freeName(choice.source, names);
    checkFree(newName, names);
    const { context } = this.#store;
    const added_at = context.now().toISOString();
    const content = isDataKey(before)
      ? { dataKey: (await this.#open(before)).bytes, dataKeyId: before.id }
      : await newDataKey();
    try {
      const first = isDataKey(before) ? undefined : await ownSlot(
        await this.#store.openOwnKey(before),
        { ...content, name: before.source, added_at },
      );
      const fresh = await newSlot(
        context,
        choice,
        { ...content, name: newName, added_at },
        {
          any: true,
          sameSource: [before, ...slots].some((key) =>
            "source" in key && key.source === choice.source
          ),
          replaced: false,
        },
      );
      await this.#keepingTidy([fresh], async () => {
        checkNew(fresh, first ? [first] : slots);
        if (first) await this.#upgrade(before, content.dataKey, [first, fresh]);
        else await this.#insert(before, fresh);
      });
      return fresh;
    } finally {
      content.dataKey.fill(0);
    }
  }

  /**
   * Removes the key of this name, once another one has opened the file here. Throws
   * `usage` if there is no such key or it is the only one, `file_key` if no other
   * one opens the file here, and what saving throws.
   */
  async remove(name: string): Promise<void> {
    checkWritable(this.#store.context, this.#store.path);
    const before = await this.#key();
    if (!isDataKey(before)) {
      named([{ name: before.source }], name);
      throw lastKey(name);
    }
    const removed = named(before.slots, name);
    const others = before.slots.filter((slot) => slot !== removed);
    if (others.length === 0) throw lastKey(name);
    const { slot: proven, bytes } = await this.#open({
      ...before,
      slots: others,
    });
    bytes.fill(0);
    await this.#change(before, (file, key) => {
      const isThere = ({ id, wrapped }: KeySlot): boolean =>
        key.slots.some((slot) => slot.id === id && slot.wrapped === wrapped);
      if (!isThere(removed) || !isThere(proven)) {
        throw changedMeanwhile(this.#store.path);
      }
      const slots = key.slots.filter((slot) => slot.name !== name);
      return { ...file, key: { ...key, slots } };
    });
    await retireKey(this.#store.context, removed).catch(() => {});
  }

  /**
   * Re-encrypts everything with a new key. In version 1 it comes from the chosen
   * source, or from the current one; in version 2 it is a new data key, which
   * every slot has to wrap apart from the `dropped` ones, and with a choice the
   * key of that source is a new one too.
   *
   * Throws as opening and saving do, `not_logged_in` when there is no file,
   * `file_key` when a slot can't wrap it here, and `usage` for names and choices
   * that don't fit.
   */
  async rekey(wanted?: KeyChoice, dropped: string[] = []): Promise<FileKey> {
    checkWritable(this.#store.context, this.#store.path);
    const { key } = await this.#store.read();
    if (!key) throw nothingThere();
    if (isDataKey(key)) {
      return await rekeySlots(this.#store, key, wanted, dropped);
    }
    for (const name of dropped) {
      named([{ name: key.source }], name);
      throw lastKey(name);
    }
    return await rekeyFile(this.#store, key, wanted);
  }

  async #key(): Promise<FileKey> {
    const { key } = await this.#store.read();
    if (!key) throw nothingThere();
    return key;
  }

  async #open(key: DataKeyInfo): Promise<DataKey> {
    const { context, openOwnKey } = this.#store;
    return await openDataKey(context, key, openOwnKey);
  }

  async #upgrade(
    before: FileKey,
    dataKey: Uint8Array<ArrayBuffer>,
    slots: KeySlot[],
  ): Promise<void> {
    const { path } = this.#store;
    const old = await this.#store.openKey(before);
    const { key, id } = await importKey(dataKey);
    const fresh = { key, info: { id, slots } };
    await changeFile(this.#store, async (file) => {
      if (!file || !hasKey(file, before)) throw changedMeanwhile(path);
      return await reseal(file, { old, fresh, path });
    });
    this.#store.keepKey(fresh);
  }

  async #insert(before: FileKey, fresh: KeySlot): Promise<void> {
    await this.#change(before, (file, key) => {
      checkFree(fresh.name, key.slots.map(({ name }) => name));
      return { ...file, key: { ...key, slots: [...key.slots, fresh] } };
    });
  }

  /** Changes a file of version 2 that still has the data key from before. */
  async #change(
    before: FileKey,
    change: (file: CredentialFile, key: DataKeyInfo) => CredentialFile,
  ): Promise<void> {
    await changeFile(this.#store, (file) => {
      if (!file || !hasKey(file, before) || !isDataKey(file.key)) {
        throw changedMeanwhile(this.#store.path);
      }
      return change(file, file.key);
    });
  }

  /** Has nobody keep what a slot needs that came to nothing. */
  async #keepingTidy(
    slots: KeySlot[],
    work: () => Promise<void>,
  ): Promise<void> {
    try {
      await work();
    } catch (error) {
      for (const slot of slots) {
        await retireKey(this.#store.context, slot).catch(() => {});
      }
      throw error;
    }
  }
}

/** The one of this name. Throws `usage` if there is none. */
export function named<T extends { name: string }>(
  keys: readonly T[],
  name: string,
): T {
  const found = keys.find((key) => key.name === name);
  if (found) return found;
  throw new NanoctlError(
    "usage",
    `there is no key ${name}; there is ${
      keys.map((key) => key.name).join(", ")
    }`,
    "see 'nanoctl store key list'",
  );
}

/** A name that no key has yet: the source, or that with a number. */
export function freeName(source: string, names: readonly string[]): string {
  let name = source;
  for (let count = 2; names.includes(name); count++) {
    name = `${source}-${count}`;
  }
  return name;
}

function checkFree(name: string, names: readonly string[]): void {
  if (names.includes(name)) {
    throw new NanoctlError(
      "usage",
      `there is a key ${name} already`,
      "give another name with --name",
    );
  }
  if (names.length < MOST_SLOTS) return;
  throw new NanoctlError(
    "usage",
    `the credential file has ${MOST_SLOTS} keys, and can't have more`,
    "remove one with 'nanoctl store key remove'",
  );
}

function checkNew(fresh: KeySlot, slots: readonly KeySlot[]): void {
  const same = slots.find(({ source, id }) =>
    source === fresh.source && id === fresh.id
  );
  if (!same) return;
  throw new NanoctlError(
    "usage",
    `the key is there already: it is ${same.name}`,
    "give another one",
  );
}

function lastKey(name: string): NanoctlError {
  return new NanoctlError(
    "usage",
    `${name} is the only key: without it nothing would open the credential file`,
    "add another one first, with 'nanoctl store key add'",
  );
}

function nothingThere(): NanoctlError {
  return new NanoctlError(
    "not_logged_in",
    "there is no credential file yet, so no key to change",
    "log in first with 'nanoctl login'; it takes --key-source too",
  );
}
