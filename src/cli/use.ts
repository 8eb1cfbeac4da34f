import { Command } from "@cliffy/command";
import type { Context } from "../context.ts";
import { Output } from "../output.ts";
import {
  asCliCommand,
  type CliCommand,
  type GlobalOptions,
} from "./options.ts";

/** The options of `use`. */
export type UseOptions = GlobalOptions;

/** `nanoctl use <profile>`: switches the active profile. */
export function useCommand(context: Context): CliCommand {
  return asCliCommand(
    new Command<GlobalOptions>()
      .description("Make a stored profile the active one.")
      .arguments("<profile:string>")
      .example("Switch", "nanoctl use work")
      .example("For one command only", "nanoctl whoami --profile work")
      .action((options, profile: string) => runUse(context, options, profile)),
  );
}

/**
 * Switches the active profile.
 *
 * Throws `usage` for a name that can't be one, `not_logged_in` when nothing is
 * stored under it, and what the store throws.
 */
export async function runUse(
  context: Context,
  options: UseOptions,
  profile: string,
): Promise<void> {
  const { CredentialStore } = await import("../store/credential_store.ts");
  const { checkProfileName } = await import("../store/profile_name.ts");
  const output = new Output(context, options);
  await new CredentialStore(context).use(checkProfileName(profile));
  if (output.json) return await output.dataJson({ active: profile });
  await output.say(`The active profile is now ${profile}.`);
}
