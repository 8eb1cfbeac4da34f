import type { Context } from "../../process/context.ts";
import { NanoctlError } from "../../errors.ts";
import type { Output } from "../output.ts";
import { DEFAULT_SERVICE } from "../../services/names.ts";
import { namedServiceOf } from "./services.ts";
import { parseServiceUrl } from "../../http/service_url.ts";
import { DEFAULT_PROFILE } from "../../store/snapshot.ts";
import { type Agent, agentOf, agentProvider } from "../../tokens/agent.ts";
import type { AgentCommandOptions } from "../command_line/shared_options.ts";
import type { Holder } from "./holder.ts";
import { openPersonSession, personHolder } from "./person_session.ts";
import type { Session, SessionTarget } from "./session.ts";
import { namedService } from "../../tokens/variables.ts";
import { resolveTarget } from "./target.ts";

/**
 * The session of a command that an agent can run too: the agent's if options or
 * variables name one, else the person's.
 *
 * Throws `usage` if both are given, `not_logged_in` for an agent without a
 * token, and what opening throws.
 */
export async function openAgentOrPersonSession(
  context: Context,
  options: AgentCommandOptions,
  output: Output,
): Promise<Session> {
  const agent = chosenAgent(context, options);
  if (!agent) return await openPersonSession(context, options, output);
  const place = await placeOf(context, options, agent);
  const { openSession } = await import("./session.ts");
  return await openSession(
    context,
    options,
    output,
    place,
    (given) => agentProvider(given, agent),
  );
}

/**
 * Whose token a command has that an agent can run too, without asking anyone. A
 * person's comes without a client, which only a request needs.
 *
 * Throws as {@linkcode openAgentOrPersonSession} does.
 */
export async function agentOrPersonHolder(
  context: Context,
  options: AgentCommandOptions,
  output: Output,
): Promise<Holder> {
  return chosenAgent(context, options)
    ? await openAgentOrPersonSession(context, options, output)
    : await personHolder(context, options, output);
}

/** A person's token on the command line takes precedence over an agent in variables. */
function chosenAgent(
  context: Context,
  options: AgentCommandOptions,
): Agent | undefined {
  const { token, tokenFile, tokenCommand } = options;
  if ((token ?? tokenFile ?? tokenCommand) === undefined) {
    return agentOf(context, options);
  }
  const { agentToken, agentTokenFile, agentUrl, agentName, auth } = options;
  if (
    [agentToken, agentTokenFile, agentUrl, agentName, auth]
      .every((option) => option === undefined)
  ) {
    return undefined;
  }
  throw new NanoctlError(
    "usage",
    "both a person's token and an agent are given",
    "give either --token, --token-file or --token-command, or the options of the agent",
  );
}

/** Throws `usage` if the command line and a variable give different URLs: neither is silently ignored. */
function checkOneUrl(
  { url, agentUrl }: AgentCommandOptions,
  ofAgent: string,
): void {
  if (url === undefined || agentUrl !== undefined) return;
  if (parseServiceUrl(url) === parseServiceUrl(ofAgent)) return;
  throw new NanoctlError(
    "usage",
    "--url is given, but the agent has another URL in the environment",
    "name the agent's service with --agent-url",
  );
}

/** The agent's target. With a URL of its own it needs nothing that a person stored, not even a home folder. */
async function placeOf(
  context: Context,
  options: AgentCommandOptions,
  agent: Agent,
): Promise<SessionTarget> {
  const service = options.service ?? agent.service;
  if (agent.url === undefined) {
    const { target, note } = await resolveTarget(
      context,
      { ...options, service },
      () => true,
    );
    return { target, note };
  }
  checkOneUrl(options, agent.url);
  const named = namedService(context, { service }) ?? DEFAULT_SERVICE;
  return {
    target: {
      profile: DEFAULT_PROFILE,
      service: await namedServiceOf(context, named),
      url: parseServiceUrl(agent.url),
    },
  };
}
