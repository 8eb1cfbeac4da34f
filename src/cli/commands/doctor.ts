import type { GlobalOptions } from "../command_line/shared_options.ts";
import type { Command } from "../command_line/spec.ts";
import type { Context } from "../../process/context.ts";
import { Output } from "../output.ts";

/** `nanoctl doctor`: whether all that a command needs is well. */
export const doctor: Command<GlobalOptions> = {
  description: "Changes nothing and shows no secrets.",
  examples: [
    ["When something doesn't work", "nanoctl doctor"],
    ["For one service", "nanoctl doctor --url https://nano.example.com"],
    ["In a script", "nanoctl doctor --json | jq '.checks[] | .result'"],
  ],
  takesToken: true,
  run: runDoctor,
};

/**
 * Runs all checks and prints what each found. Throws an error with the code of
 * the first check that failed, and `interrupted`.
 */
export async function runDoctor(
  context: Context,
  options: GlobalOptions,
): Promise<void> {
  const { CHECKS, runChecks } = await import("../doctor/checks.ts");
  const { reportFindings } = await import("../doctor/report.ts");
  const { gatherFacts } = await import("../doctor/facts.ts");
  const output = new Output(context, options);
  const facts = gatherFacts(context, options, output);
  await reportFindings(context, output, runChecks(facts, CHECKS));
}
