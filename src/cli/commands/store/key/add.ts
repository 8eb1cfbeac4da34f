import {
  type GlobalOptions,
  KEY_SOURCE,
} from "../../../command_line/shared_options.ts";
import {
  type Command,
  type OptionsOf,
  text,
} from "../../../command_line/spec.ts";
import { NanoctlError } from "../../../../errors.ts";
import type { Context } from "../../../../process/context.ts";
import { Output } from "../../../output.ts";

const OPTIONS = {
  keySource: text("source", "Where to keep the new key.", KEY_SOURCE),
  name: text("name", "The name of the key.", { default: "its source" }),
};

/** The options of `store key add`. */
export type StoreKeyAddOptions = GlobalOptions & OptionsOf<typeof OPTIONS>;

/** `nanoctl store key add`: one more key opens the file. */
export const storeKeyAdd: Command<StoreKeyAddOptions> = {
  description:
    "Any one key opens the file: a passphrase, for instance, if you lose the key\n" +
    "file. Reads a new passphrase or key as 'nanoctl store rekey' does.\n\n" +
    "A command keeps the key elsewhere, in a key management service or a hardware\n" +
    "key: nanoctl appends wrap or unwrap to it (docs/key_sources.md).\n" +
    "Older versions of nanoctl can't read a file with several keys.",
  options: OPTIONS,
  examples: [
    [
      "A recovery passphrase",
      "nanoctl store key add --name recovery --key-source passphrase",
    ],
    [
      "A key that a program keeps",
      "nanoctl store key add --key-source 'command:/usr/local/bin/age-key'",
    ],
  ],
  writesStore: true,
  run: runStoreKeyAdd,
};

/**
 * Adds a key. Interrupted anywhere, the file still opens.
 *
 * Throws `usage` without a source, `not_logged_in` when there is no file, and
 * what the store throws.
 */
export async function runStoreKeyAdd(
  context: Context,
  options: StoreKeyAddOptions,
): Promise<void> {
  const { keySource, name } = options;
  if (keySource === undefined) {
    throw new NanoctlError(
      "usage",
      "it is not said where the new key is",
      "give --key-source: keyfile, passphrase, environment, helper or command:<line>",
    );
  }
  const { checkKeyName } = await import("../../../../store/profile_name.ts");
  const { CredentialStore } = await import(
    "../../../../store/credential_store.ts"
  );
  const { describeKey } = await import("../../../../store/key_source.ts");
  const { parseKeyChoice } = await import("../../../../store/key_choice.ts");
  const output = new Output(context, options);
  const choice = parseKeyChoice(keySource);
  const keys = await new CredentialStore(context).keys();
  const added = await keys.add(
    choice,
    name === undefined ? undefined : checkKeyName(name),
  );
  if (output.json) {
    return await output.dataJson({
      name: added.name,
      source: added.source,
      id: added.id,
      added_at: added.added_at,
    });
  }
  await output.say(
    `The key ${added.name} opens the credential file too: ${
      describeKey(added)
    }, key ${added.id}.`,
  );
}
