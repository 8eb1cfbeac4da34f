import type { AgentCommandOptions } from "../../command_line/shared_options.ts";
import type { Command } from "../../command_line/spec.ts";
import type { Context } from "../../../process/context.ts";
import { Output } from "../../output.ts";
import type { Cell } from "../../table.ts";

/** `nanoctl external-auth list`: the providers that the service knows. */
export const externalAuthList: Command<AgentCommandOptions> = {
  takesAgent: true,
  examples: [
    ["As a table", "nanoctl external-auth list"],
    [
      "For a script",
      "nanoctl external-auth list --json | jq -r '.providers[].id'",
    ],
  ],
  usesToken: "sends",
  run: runExternalAuthList,
};

/** Prints the providers as a table or as JSON. Throws as the session does. */
export async function runExternalAuthList(
  context: Context,
  options: AgentCommandOptions,
): Promise<void> {
  const { openAgentOrPersonSession } = await import(
    "../../session/agent_session.ts"
  );
  const output = new Output(context, options);
  const session = await openAgentOrPersonSession(context, options, output);
  const { withRefusalHint } = await import("../../session/session.ts");
  const providers = await withRefusalHint(
    session,
    () => session.service.listExternalAuth(session.client),
  );
  if (output.json) return await output.dataJson({ providers });
  if (providers.length === 0) {
    return await output.say("The service knows no external providers.");
  }
  const rows = providers.map(({ id, name, authenticated }): Cell[] => [
    id,
    name,
    {
      text: authenticated ? "yes" : "no",
      style: authenticated ? "green" : "yellow",
    },
  ]);
  const { table } = await import("../../table.ts");
  const { styling } = await import("../../style.ts");
  await output.data(
    await table([["ID", "NAME", "AUTHENTICATED"], ...rows], {
      columns: context.stdout.columns,
      style: styling(context, options),
    }),
  );
}
