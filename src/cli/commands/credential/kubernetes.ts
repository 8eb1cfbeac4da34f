import type { AgentCommandOptions } from "../../command_line/shared_options.ts";
import type { Command } from "../../command_line/spec.ts";
import type { Context } from "../../../process/context.ts";
import { Output } from "../../output.ts";

/** `nanoctl credential kubernetes`: an exec credential plugin of kubectl. */
export const credentialKubernetes: Command<AgentCommandOptions> = {
  description:
    "Prints an ExecCredential with the active token, in the version that\n" +
    "KUBERNETES_EXEC_INFO asks for, otherwise v1. kubectl calls it.",
  takesAgent: true,
  examples: [
    ["What kubectl gets", "nanoctl credential kubernetes"],
    ["As another profile", "nanoctl credential kubernetes --profile work"],
  ],
  usesToken: "hands over",
  run: runCredentialKubernetes,
};

/**
 * Prints the token that a command would use, without asking the service, as an
 * ExecCredential.
 *
 * Throws `usage` for a version that it doesn't know, `token_expired` for a stored
 * token that has expired, and what the session throws.
 */
export async function runCredentialKubernetes(
  context: Context,
  options: AgentCommandOptions,
): Promise<void> {
  const output = new Output(context, options);
  const { EXEC_INFO_VARIABLE, execCredential, execVersion } = await import(
    "../../../tools/kubernetes.ts"
  );
  const version = execVersion(context.env.get(EXEC_INFO_VARIABLE));
  const { agentOrPersonHolder } = await import(
    "../../session/agent_session.ts"
  );
  const holder = await agentOrPersonHolder(context, options, output);
  const { tokenOf } = await import("../../session/current_token.ts");
  const token = await tokenOf(context, holder, output);
  await output.dataJson(execCredential(version, token));
}
