import type { GlobalOptions } from "../command_line/shared_options.ts";
import type { Command } from "../command_line/spec.ts";
import type { Context } from "../../process/context.ts";
import { Output, plainText } from "../output.ts";
import { accountJson } from "../account_json.ts";
import { warnOfClock } from "../clock_warning.ts";

/** `nanoctl whoami`: asks the service whose token this is. */
export const whoami: Command<GlobalOptions> = {
  examples: [
    ["The user name", "nanoctl whoami"],
    ["In a script", "nanoctl whoami --json | jq -r .account.email"],
  ],
  usesToken: "sends",
  run: runWhoami,
};

/** Prints the user name, or with `--json` the account. Throws as the session does. */
export async function runWhoami(
  context: Context,
  options: GlobalOptions,
): Promise<void> {
  const { openPersonSession } = await import("../session/person_session.ts");
  const output = new Output(context, options);
  const session = await openPersonSession(context, options, output);
  const { whoami: ask } = await import("../session/session.ts");
  const account = await ask(session);
  await warnOfClock(output, account);
  if (output.json) {
    await output.dataJson(
      accountJson(account, session.target, session.provider),
    );
    return;
  }
  await output.data(plainText(account.username));
}
