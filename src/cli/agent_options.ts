import type { AgentOptions } from "../tokens/agent.ts";
import { AGENT_AUTHS } from "../tokens/agent_auths.ts";
import type { CliCommand, GlobalOptions } from "./options.ts";

/** The options of a command that an agent may run too. */
export type AgentCommandOptions = GlobalOptions & AgentOptions;

const AGENT_OPTIONS: readonly [flags: string, description: string][] = [
  [
    "--agent-token <token:string>",
    "Agent's token. (NANOSERVICES_AGENT_TOKEN)\nThese variables can begin with CODER_ too.",
  ],
  [
    "--agent-token-file <path:string>",
    "Its file. (NANOSERVICES_AGENT_TOKEN_FILE)\nA hyphen stands for standard input.",
  ],
  [
    "--agent-name <name:string>",
    "Agent's name. (NANOSERVICES_AGENT_NAME)",
  ],
  ["--agent-url <url:string>", "Agent's service. (NANOSERVICES_AGENT_URL)"],
  [
    "--auth <way:string>",
    `How it logs in. (NANOSERVICES_AGENT_AUTH)\nOne of ${
      AGENT_AUTHS.join(",\n")
    }.`,
  ],
];

/** Declares the options of an agent, which {@linkcode openAnySession} reads. */
export function withAgentOptions(command: CliCommand): CliCommand {
  for (const [flags, description] of AGENT_OPTIONS) {
    command.option(flags, description);
  }
  return command;
}
