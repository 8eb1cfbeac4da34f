import type { GlobalOptions } from "../../../command_line/shared_options.ts";
import type { Command } from "../../../command_line/spec.ts";
import type { Context } from "../../../../process/context.ts";
import { Output } from "../../../output.ts";

/** `nanoctl store key remove`: a key no longer opens the file. */
export const storeKeyRemove: Command<GlobalOptions> = {
  description:
    "Another key has to open the file first, which may ask for a passphrase.\n" +
    "Someone with the removed key and an old copy of the file can open that copy\n" +
    "and later ones, until 'nanoctl store rekey' changes the data key.",
  arguments: ["name"],
  examples: [
    ["A lost laptop", "nanoctl store key remove old-laptop"],
    ["For a script", "nanoctl store key remove old-laptop --json"],
  ],
  writesStore: true,
  run: runStoreKeyRemove,
};

/**
 * Removes a key. Interrupted anywhere, the file still opens.
 *
 * Throws `usage` for a name that there is not and for the only key,
 * `not_logged_in` when there is no file, and what the store throws.
 */
export async function runStoreKeyRemove(
  context: Context,
  options: GlobalOptions,
  [given = ""]: string[],
): Promise<void> {
  const { checkKeyName } = await import("../../../../store/profile_name.ts");
  const { CredentialStore } = await import(
    "../../../../store/credential_store.ts"
  );
  const output = new Output(context, options);
  const name = checkKeyName(given);
  await (await new CredentialStore(context).keys()).remove(name);
  if (output.json) return await output.dataJson({ removed: name });
  await output.say(
    `The key ${name} no longer opens the credential file. If someone else may have it, run 'nanoctl store rekey'.`,
  );
}
