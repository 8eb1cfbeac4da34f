import type { GlobalOptions } from "../command_line/shared_options.ts";
import type { Command } from "../command_line/spec.ts";
import type { Context } from "../../process/context.ts";
import { Output } from "../output.ts";

/** `nanoctl use <profile>`: switches the active profile. */
export const use: Command<GlobalOptions> = {
  arguments: ["profile"],
  argumentChoices: ["profiles"],
  examples: [
    ["Switch", "nanoctl use work"],
    ["For one command only", "nanoctl whoami --profile work"],
  ],
  writesStore: true,
  run: (context, options, [profile = ""]) => runUse(context, options, profile),
};

/**
 * Switches the active profile.
 *
 * Throws `usage` for a name that can't be one, `not_logged_in` when nothing is
 * stored under it, and what the store throws.
 */
export async function runUse(
  context: Context,
  options: GlobalOptions,
  profile: string,
): Promise<void> {
  const { CredentialStore } = await import("../../store/credential_store.ts");
  const { checkProfileName } = await import("../../store/profile_name.ts");
  const output = new Output(context, options);
  await new CredentialStore(context).use(checkProfileName(profile));
  if (output.json) return await output.dataJson({ active: profile });
  await output.say(`The active profile is now ${profile}.`);
}
