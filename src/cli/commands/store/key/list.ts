import type { GlobalOptions } from "../../../command_line/shared_options.ts";
import {
  type Command,
  flag,
  type OptionsOf,
} from "../../../command_line/spec.ts";
import { hasCode, NanoctlError } from "../../../../errors.ts";
import type { Context } from "../../../../process/context.ts";
import type { KeyChanges, ListedKey } from "../../../../store/key_changes.ts";
import { Output } from "../../../output.ts";

const OPTIONS = {
  check: flag("Check whether each opens the file here."),
};

/** The options of `store key list`. */
export type StoreKeyListOptions = GlobalOptions & OptionsOf<typeof OPTIONS>;

/** `nanoctl store key list`: the keys that open the file. */
export const storeKeyList: Command<StoreKeyListOptions> = {
  description:
    "With --check, asks for passphrases on a terminal and runs key commands.",
  options: OPTIONS,
  examples: [
    ["At a glance", "nanoctl store key list"],
    ["Which of them work here", "nanoctl store key list --check"],
    ["For a script", "nanoctl store key list --json"],
  ],
  run: runStoreKeyList,
};

/** What trying a key came to. */
interface Tried extends ListedKey {
  /** Undefined if it was not tried, or opens. */
  fault: NanoctlError | undefined;
}

/** Prints the keys. Throws what reading the file throws, and `interrupted`. */
export async function runStoreKeyList(
  context: Context,
  options: StoreKeyListOptions,
): Promise<void> {
  const { CredentialStore } = await import(
    "../../../../store/credential_store.ts"
  );
  const output = new Output(context, options);
  const check = options.check === true;
  const keys = await new CredentialStore(context).keys();
  const listed: Tried[] = [];
  for (const key of await keys.list()) {
    const fault = check ? await faultOf(keys, key.name) : undefined;
    listed.push({ ...key, fault });
  }
  if (output.json) {
    return await output.dataJson({
      keys: listed.map((key) => listedJson(key, check)),
    });
  }
  if (listed.length === 0) {
    return await output.say("There is no credential file yet, and no key.");
  }
  const { describeKey } = await import("../../../../store/key_source.ts");
  const { table } = await import("../../../table.ts");
  await output.data(
    await table([
      ["NAME", "SOURCE", "ID", "ADDED", ...check ? ["OPENS HERE"] : []],
      ...listed.map(({ name, key, addedAt, fault }) => [
        name,
        describeKey(key),
        key.id,
        addedAt?.slice(0, 10) ?? "-",
        ...check ? [fault ? `no: ${fault.message}` : "yes"] : [],
      ]),
    ]),
  );
}

/** Why a key doesn't open the file here; undefined if it does. Throws `interrupted`. */
async function faultOf(
  keys: KeyChanges,
  name: string,
): Promise<NanoctlError | undefined> {
  try {
    await keys.check(name);
    return undefined;
  } catch (error) {
    const isOurs = error instanceof NanoctlError;
    if (!isOurs || hasCode(error, "interrupted")) throw error;
    return error;
  }
}

function listedJson(
  { name, key, addedAt, fault }: Tried,
  check: boolean,
): Record<string, unknown> {
  return {
    name,
    source: key.source,
    id: key.id,
    ...("helper" in key ? { helper: key.helper } : {}),
    added_at: addedAt ?? null,
    ...check
      ? { opens: fault === undefined, reason: fault?.message ?? null }
      : {},
  };
}
