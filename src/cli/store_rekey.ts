import { Command } from "@cliffy/command";
import type { Context } from "../context.ts";
import { Output } from "../output.ts";
import {
  asCliCommand,
  type CliCommand,
  type GlobalOptions,
} from "./options.ts";
import { encryptionJson } from "./store_info.ts";

/** The options of `store rekey`. */
export type StoreRekeyOptions = GlobalOptions & {
  keySource?: string | undefined;
};

/** `nanoctl store rekey`: changes the key, and where it comes from. */
export function storeRekeyCommand(context: Context): CliCommand {
  return asCliCommand(
    new Command<GlobalOptions>()
      .description(
        "Encrypt everything that is stored with a new key.\n\n" +
          "Without --key-source the key still comes from where it came from.\n" +
          "A new passphrase or key is read from NANOCTL_NEW_PASSPHRASE or\n" +
          "NANOCTL_NEW_ENCRYPTION_KEY, or from the file that the same name with\n" +
          "_FILE at its end gives; a passphrase is otherwise asked for.",
      )
      .option(
        "--key-source <source:string>",
        "Where the new key is.\nOne of keyfile, passphrase, environment,\nhelper, helper:<name>.",
      )
      .example("A new key from the same source", "nanoctl store rekey")
      .example(
        "From the key file to a passphrase",
        "nanoctl store rekey --key-source passphrase",
      )
      .action((options) => runStoreRekey(context, options)),
  );
}

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
  const { CredentialStore } = await import("../store/credential_store.ts");
  const { describeKey, parseKeyChoice } = await import(
    "../store/key_source.ts"
  );
  const output = new Output(context, options);
  const choice = options.keySource === undefined
    ? undefined
    : parseKeyChoice(options.keySource);
  const key = await new CredentialStore(context).rekey(choice);
  if (output.json) {
    return await output.dataJson({ encryption: encryptionJson(key) });
  }
  await output.say(
    `Everything is encrypted with a new key: ${
      describeKey(key)
    }, key ${key.id}.`,
  );
}
