import type { GlobalOptions } from "../../command_line/shared_options.ts";
import type { Command } from "../../command_line/spec.ts";
import type { Context } from "../../../process/context.ts";
import { Output } from "../../output.ts";

/** `nanoctl service test <name or file>`: whether a description fits the real service. */
export const serviceTest: Command<GlobalOptions> = {
  description:
    "Sends the service an invalid token, then the given or stored one, and asks\n" +
    "whose it is. Takes a file, too, before you add it.",
  arguments: ["name-or-file"],
  argumentChoices: ["services"],
  examples: [
    [
      "Before adding it",
      "nanoctl service test garden.json --token-file token",
    ],
    ["An added service", "nanoctl service test garden --profile green"],
  ],
  usesToken: "sends",
  run: (context, options, [which = ""]) =>
    runServiceTest(context, options, which),
};

/**
 * Runs the checks and prints what each found. Throws an error with the code of
 * the first that failed, `usage` if there is no such description, or no URL to
 * test it at, and `interrupted`.
 */
export async function runServiceTest(
  context: Context,
  options: GlobalOptions,
  which: string,
): Promise<void> {
  const { serviceChecks } = await import("../../service_checks.ts");
  const { serviceUnderTest } = await import("../../service_under_test.ts");
  const { reportFindings } = await import("../../doctor/report.ts");
  const output = new Output(context, options);
  const found = await serviceUnderTest(context, options, output, which);
  await reportFindings(
    context,
    output,
    serviceChecks(context, options, output, found),
  );
}
