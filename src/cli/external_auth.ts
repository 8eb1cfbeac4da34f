import { Command } from "@cliffy/command";
import type { Context } from "../context.ts";
import { accessTokenCommand } from "./external_auth_access_token.ts";
import { externalAuthListCommand } from "./external_auth_list.ts";
import {
  asCliCommand,
  type CliCommand,
  type GlobalOptions,
} from "./options.ts";

/** `nanoctl external-auth`: the tokens of external providers. */
export function externalAuthCommand(context: Context): CliCommand {
  return asCliCommand(
    new Command<GlobalOptions>()
      .usage("<command>")
      .description("Get tokens of external providers, such as GitHub.")
      .action(function (): void {
        this.showHelp();
      })
      .command("access-token", accessTokenCommand(context))
      .command("list", externalAuthListCommand(context))
      .reset(),
  );
}
