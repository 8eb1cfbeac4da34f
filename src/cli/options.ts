import type { Command } from "@cliffy/command";

/** The options that every command takes. */
export type GlobalOptions = {
  url?: string | undefined;
  service?: string | undefined;
  profile?: string | undefined;
  token?: string | undefined;
  tokenFile?: string | undefined;
  json?: boolean | undefined;
  quiet?: boolean | undefined;
  verbose?: boolean | undefined;
  timeout?: number | undefined;
  caFile?: string | undefined;
  insecureHttp?: boolean | undefined;
  header?: string[] | undefined;
};

/** The options of an agent, which may also stand before the command. */
export const AGENT_FLAGS: readonly string[] = [
  "--agent-name",
  "--agent-token",
  "--agent-token-file",
  "--agent-url",
  "--auth",
];

/** Those options that take a value and may stand before the command. */
export const WITH_VALUE: readonly string[] = [
  "--url",
  "--service",
  "--profile",
  "--token",
  "--token-file",
  "--timeout",
  "--ca-file",
  "--header",
  ...AGENT_FLAGS,
];

/** The commands that have commands. */
export const GROUP_COMMANDS: Readonly<Record<string, readonly string[]>> = {
  "external-auth": ["access-token", "list"],
  "store": ["info", "rekey"],
};

/** The names of those. */
export const GROUPS: readonly string[] = Object.keys(GROUP_COMMANDS);

/**
 * A command as the tree takes it. Inside its own file a command keeps Cliffy's
 * exact types; outside nobody needs them.
 */
export type CliCommand = Command;

/** Forgets the exact types of a command's options, once it is declared. */
export function asCliCommand(command: unknown): CliCommand {
  return command as CliCommand;
}
