import { Command } from "@cliffy/command";
import type { Context } from "../context.ts";
import {
  asCliCommand,
  type CliCommand,
  type GlobalOptions,
} from "./options.ts";
import { runToken } from "./token_run.ts";

/** `nanoctl token`: the active token, for a script. */
export function tokenCommand(context: Context): CliCommand {
  return asCliCommand(
    new Command<GlobalOptions>()
      .description("Print the active token, for scripts.")
      .example(
        "With curl",
        'curl -H "Authorization: Bearer $(nanoctl token)" …',
      )
      .action((options) => runToken(context, options)),
  );
}
