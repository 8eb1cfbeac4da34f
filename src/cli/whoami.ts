import { Command } from "@cliffy/command";
import type { Context } from "../context.ts";
import { Output, plainText } from "../output.ts";
import { accountJson } from "./account_json.ts";
import { warnOfClock } from "./clock_warning.ts";
import {
  asCliCommand,
  type CliCommand,
  type GlobalOptions,
} from "./options.ts";

/** The options of `whoami`. */
export type WhoamiOptions = GlobalOptions;

/** `nanoctl whoami`: asks the service whose token this is. */
export function whoamiCommand(context: Context): CliCommand {
  return asCliCommand(
    new Command<GlobalOptions>()
      .description("Ask the service who you are.")
      .example("The user name", "nanoctl whoami")
      .example("In a script", "nanoctl whoami --json | jq -r .account.email")
      .action((options) => runWhoami(context, options)),
  );
}

/** Prints the user name, or with `--json` the account. Throws as the session does. */
export async function runWhoami(
  context: Context,
  options: WhoamiOptions,
): Promise<void> {
  const { openUsualSession, whoami } = await import("./session.ts");
  const output = new Output(context, options);
  const session = await openUsualSession(context, options, output);
  const account = await whoami(session);
  await warnOfClock(output, account);
  if (output.json) {
    await output.dataJson(
      accountJson(account, session.target, session.provider),
    );
    return;
  }
  await output.data(plainText(account.username));
}
