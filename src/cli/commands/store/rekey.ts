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
  keySource: text("source", "Where the new key is.", KEY_SOURCE),
  drop: texts("name", "Leave out a key that can't be opened here."),
};

/** The options of `store rekey`. */
export type StoreRekeyOptions = GlobalOptions & OptionsOf<typeof OPTIONS>;

/** `nanoctl store rekey`: changes the key, and where it comes from. */
export const storeRekey: Command<StoreRekeyOptions> = {
  description:
    "Without --key-source the key still comes from where it came from.\n" +
    "A new passphrase or key is read from NANOCTL_NEW_PASSPHRASE or\n" +
    "NANOCTL_NEW_ENCRYPTION_KEY, or from the file that the same name with\n" +
    "_FILE at its end gives; a passphrase is otherwise asked for.\n\n" +
    "Where several keys open the file, all of them do afterwards, too; with\n" +
    "--key-source the one of that source is a new one.",
  options: OPTIONS,
  examples: [
    ["A new key from the same source", "nanoctl store rekey"],
    [
      "From the key file to a passphrase",
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
