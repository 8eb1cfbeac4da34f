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
  keySource: text("source", "Where the new key is.", KEY_SOURCE),
  name: text("name", "What to call it.", { default: "its source" }),
};

/** The options of `store key add`. */
export type StoreKeyAddOptions = GlobalOptions & OptionsOf<typeof OPTIONS>;

/** `nanoctl store key add`: one more key opens the file. */
export const storeKeyAdd: Command<StoreKeyAddOptions> = {
  description:
    "Each key alone opens the file: a passphrase, for instance, if a key file is\n" +
    "lost. A new passphrase or key is read as by 'nanoctl store rekey'.\n\n" +
    "A command line keeps the key elsewhere, in a key management service or a\n" +
    "hardware key: its last argument is wrap or unwrap (docs/key_sources.md).\n" +
    "Older versions of nanoctl can't read a file with several keys.",
  options: OPTIONS,
  examples: [
    [
      "A passphrase for a bad day",
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
