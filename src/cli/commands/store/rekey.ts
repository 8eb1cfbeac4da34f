import {
  type GlobalOptions,
  KEY_SOURCE,
} from "../../command_line/shared_options.ts";
import {
  type Command,
  type OptionsOf,
  text,
  texts,
} from "../../command_line/spec.ts";
import type { Context } from "../../../process/context.ts";
import { Output } from "../../output.ts";
import { encryptionJson } from "./info.ts";

const OPTIONS = {
  keySource: text("source", "Where to keep the new key.", KEY_SOURCE),
  drop: texts("name", "Drop a key that can't be opened here."),
};

/** The options of `store rekey`. */
export type StoreRekeyOptions = GlobalOptions & OptionsOf<typeof OPTIONS>;

/** `nanoctl store rekey`: changes the key, and where it comes from. */
export const storeRekey: Command<StoreRekeyOptions> = {
  description: "Without --key-source, keeps the source of the key.\n" +
    "Reads a new passphrase or key from NANOCTL_NEW_PASSPHRASE or\n" +
    "NANOCTL_NEW_ENCRYPTION_KEY, or from the file that the same name with _FILE\n" +
    "gives; otherwise asks for a passphrase.\n\n" +
    "If several keys open the file, all of them open it afterwards; --key-source\n" +
    "replaces the one of that source.",
  options: OPTIONS,
  examples: [
    ["A new key from the same source", "nanoctl store rekey"],
    [
      "Switch to a passphrase",
      "nanoctl store rekey --key-source passphrase",
    ],
  ],
  writesStore: true,
  run: runStoreRekey,
};

/**
 * Changes the key. Interrupted anywhere, the file still opens.
 *
 * Throws `usage` for an unknown source, `not_logged_in` when there is no file,
 * and what the store throws.
 */
export async function runStoreRekey(
  context: Context,
  options: StoreRekeyOptions,
): Promise<void> {
  const { CredentialStore } = await import(
    "../../../store/credential_store.ts"
  );
  const { describeKey } = await import("../../../store/key_source.ts");
  const { parseKeyChoice } = await import("../../../store/key_choice.ts");
  const output = new Output(context, options);
  const choice = options.keySource === undefined
    ? undefined
    : parseKeyChoice(options.keySource);
  const key = await new CredentialStore(context).rekey(choice, options.drop);
  if (output.json) {
    return await output.dataJson({ encryption: encryptionJson(key) });
  }
  await output.say(
    `Everything is encrypted with a new key: ${
      describeKey(key)
    }, key ${key.id}.`,
  );
}
