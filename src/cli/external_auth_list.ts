import { Command } from "@cliffy/command";
import type { Context } from "../context.ts";
import { Output, table } from "../output.ts";
import { type AgentCommandOptions, withAgentOptions } from "./agent_options.ts";
import { asCliCommand, type CliCommand } from "./options.ts";

/** The options of `external-auth list`. */
export type ExternalAuthListOptions = AgentCommandOptions;

/** `nanoctl external-auth list`: the providers that the service knows. */
export function externalAuthListCommand(context: Context): CliCommand {
  return withAgentOptions(asCliCommand(
    new Command<ExternalAuthListOptions>()
      .description("List providers, and whether you are authenticated.")
      .example("As a table", "nanoctl external-auth list")
      .example(
        "For a script",
        "nanoctl external-auth list --json | jq -r '.providers[].id'",
      )
      .action((options) => runExternalAuthList(context, options)),
  ));
}

/** Prints the providers as a table or as JSON. Throws as the session does. */
export async function runExternalAuthList(
  context: Context,
  options: ExternalAuthListOptions,
): Promise<void> {
  const { openAnySession } = await import("./any_session.ts");
  const { withRefusalHint } = await import("./session.ts");
  const output = new Output(context, options);
  const session = await openAnySession(context, options, output);
  const providers = await withRefusalHint(
    session,
    () => session.service.listExternalAuth(session.client),
  );
  if (output.json) return await output.dataJson({ providers });
  if (providers.length === 0) {
    return await output.say("The service knows no external providers.");
  }
  const rows = providers.map(({ id, name, authenticated }) => [
    id,
    name,
    authenticated ? "yes" : "no",
  ]);
  await output.data(table([["ID", "NAME", "AUTHENTICATED"], ...rows]));
}
