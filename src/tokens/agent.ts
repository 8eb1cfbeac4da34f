import type { Context } from "../process/context.ts";
import { NanoctlError } from "../errors.ts";
import type { TokenProvider } from "../http/token_provider.ts";
import type { ServiceName } from "../services/names.ts";
import { AGENT_AUTHS, type AgentAuth } from "./agent_auths.ts";
import { tokenFile } from "./file.ts";
import { fixedToken } from "./fixed.ts";
import { loadProof } from "./instance_identity/clouds.ts";
import {
  type IdentityContext,
  instanceIdentity,
} from "./instance_identity/exchange.ts";
import { isStandardInput, standardInputToken } from "./standard_input.ts";
import { readToken } from "./token_text.ts";

/** The command line's agent options. */
export type AgentOptions = {
  agentToken?: string | undefined;
  agentTokenFile?: string | undefined;
  agentUrl?: string | undefined;
  agentName?: string | undefined;
  auth?: string | undefined;
};

/** An agent setting and where it came from. */
interface Setting {
  value: string;
  /** The option or variable's name, for messages. */
  source: string;
  /** The service that the variable's prefix implies; undefined for an option. */
  service: ServiceName | undefined;
}

/** The agent that a command runs as. */
export interface Agent {
  /** The agent's service URL, if given. */
  url: string | undefined;
  /** The service that the prefix of its variables implies. */
  service: ServiceName | undefined;
  auth: AgentAuth;
  /** Picks one of several agents on an instance; undefined when not given. */
  name: string | undefined;
  token: Setting | undefined;
  tokenFile: Setting | undefined;
}

const SPELLINGS: readonly [prefix: string, service: ServiceName][] = [
  ["NANOSERVICES_AGENT_", "nanoservices"],
  ["CODER_AGENT_", "coder"],
];

/**
 * The agent described by the options and variables, or undefined if none is
 * set. Options take precedence over variables, and `NANOSERVICES_*` over
 * `CODER_*`.
 *
 * Throws `usage` for an unknown `--auth` value, or if both a token and a token
 * file are given.
 */
export function agentOf(
  { env }: Pick<Context, "env">,
  options: AgentOptions,
): Agent | undefined {
  if (
    options.agentToken !== undefined && options.agentTokenFile !== undefined
  ) {
    throw new NanoctlError(
      "usage",
      "--agent-token and --agent-token-file are both given",
      "give one of them",
    );
  }
  const url = settingOf(env, options.agentUrl, "--agent-url", "URL");
  const auth = settingOf(env, options.auth, "--auth", "AUTH");
  const name = agentName(env, options);
  const given = givenToken(env, options);
  const settings = [url, given.token ?? given.tokenFile, auth, name];
  if (settings.every((setting) => setting === undefined)) return undefined;
  return {
    url: url?.value,
    service: settings.find((setting) => setting?.service)?.service,
    auth: agentAuth(auth),
    name: name?.value.trim(),
    ...given,
  };
}

/** Treats a blank name as not given, like Coder. */
function agentName(
  env: Context["env"],
  { agentName }: AgentOptions,
): Setting | undefined {
  const setting = settingOf(env, agentName, "--agent-name", "NAME");
  return setting?.value.trim() ? setting : undefined;
}

function settingOf(
  env: Context["env"],
  given: string | undefined,
  option: string,
  name: string,
): Setting | undefined {
  if (given !== undefined) {
    return { value: given, source: option, service: undefined };
  }
  for (const [prefix, service] of SPELLINGS) {
    const found = variable(env, prefix + name, service);
    if (found) return found;
  }
  return undefined;
}

/**
 * The token or token file to use: an option overrides every variable,
 * `NANOSERVICES_*` override `CODER_*`, and a file overrides a token, as for
 * users.
 */
function givenToken(
  env: Context["env"],
  { agentToken: value, agentTokenFile: path }: AgentOptions,
): Pick<Agent, "token" | "tokenFile"> {
  const none = { token: undefined, tokenFile: undefined };
  const option = { service: undefined };
  if (value !== undefined) {
    return { ...none, token: { value, source: "--agent-token", ...option } };
  }
  if (path !== undefined) {
    const source = "--agent-token-file";
    return { ...none, tokenFile: { value: path, source, ...option } };
  }
  for (const [prefix, service] of SPELLINGS) {
    const file = variable(env, `${prefix}TOKEN_FILE`, service);
    if (file) return { ...none, tokenFile: file };
    const token = variable(env, `${prefix}TOKEN`, service);
    if (token) return { ...none, token };
  }
  return none;
}

function variable(
  env: Context["env"],
  source: string,
  service: ServiceName,
): Setting | undefined {
  const value = env.get(source);
  return value ? { value, source, service } : undefined;
}

function agentAuth(setting: Setting | undefined): AgentAuth {
  const found = AGENT_AUTHS.find((auth) =>
    auth === (setting?.value ?? "token")
  );
  if (found) return found;
  throw new NanoctlError(
    "usage",
    `what ${setting?.source} gives is no way for an agent to authenticate`,
    `the ways are: ${AGENT_AUTHS.join(", ")}`,
  );
}

/**
 * The provider of the agent's token. A given token or token file overrides
 * `--auth`, so that a child process that inherits the token doesn't exchange
 * the identity again.
 *
 * Throws `not_logged_in` if no token was given, and `token_invalid` if the
 * given value can't be a token.
 */
export function agentProvider(
  context: IdentityContext,
  agent: Agent,
): TokenProvider {
  const { token, tokenFile: file, auth, name } = agent;
  if (token) {
    const origin = token.service ? "agent-environment" : "agent-token";
    return fixedToken(
      readToken(token.value, token.source),
      origin,
      token.source,
    );
  }
  if (file) {
    if (file.service) return tokenFile(file.value, "agent-environment-file");
    return isStandardInput(file.value)
      ? standardInputToken(context.context, "agent-token-file")
      : tokenFile(file.value, "agent-token-file");
  }
  if (auth !== "token") {
    return instanceIdentity(context, auth, () => loadProof(auth), name);
  }
  throw new NanoctlError(
    "not_logged_in",
    "there is no token for the agent",
    "give --agent-token-file, or set NANOSERVICES_AGENT_TOKEN or NANOSERVICES_AGENT_TOKEN_FILE",
  );
}
