import { Command } from "@cliffy/command";
import type { Context } from "../context.ts";
import {
  asCliCommand,
  type CliCommand,
  type GlobalOptions,
} from "./options.ts";
import { storeInfoCommand } from "./store_info.ts";
import { storeRekeyCommand } from "./store_rekey.ts";

/** `nanoctl store`: the commands that concern the credential file itself. */
export function storeCommand(context: Context): CliCommand {
  return asCliCommand(
    new Command<GlobalOptions>()
      .usage("<command>")
      .description("Look after the credential file.")
      .action(function (): void {
        this.showHelp();
      })
      .command("info", storeInfoCommand(context))
      .command("rekey", storeRekeyCommand(context))
      .reset(),
  );
}
