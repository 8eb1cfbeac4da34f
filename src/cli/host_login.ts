import { hasCode, NanoctlError } from "../errors.ts";
import { isLoopback } from "../http/service_url.ts";
import type { Secret } from "../secret.ts";
import type { ExternalAuth, Service } from "../services/service.ts";
import type { Context } from "../process/context.ts";
import type { AgentCommandOptions } from "./command_line/shared_options.ts";
import type { Output } from "./output.ts";
import type { Holder } from "./session/holder.ts";
import type { Session } from "./session/session.ts";

/** A host that a tool wants to log in to. */
export interface Host {
  /** `https`, or `http` on this machine. */
  protocol: string;
  /** With its port, if it has one. */
  host: string;
  path?: string | undefined;
}

/** What logs in to a host. */
export interface HostLogin {
  login: { secret: Secret; expiresAt: Date | undefined };
  /** The user name that the service says goes with it. */
  username: string | undefined;
}

/**
 * The token for a host: the holder's own where that is the service, else that of
 * the external provider that the service has for the host. Undefined where there
 * is none.
 *
 * Throws `external_auth_required` if someone must authenticate with the provider
 * first, and what opening a session and asking the service throw.
 */
export async function loginForHost(
  context: Context,
  options: AgentCommandOptions,
  output: Output,
  url: URL,
): Promise<HostLogin | undefined> {
  const { agentOrPersonHolder, openAgentOrPersonSession } = await import(
    "./session/agent_session.ts"
  );
  const holder = await agentOrPersonHolder(context, options, output);
  if (url.origin === new URL(holder.target.url).origin) {
    const { serviceOf } = await import("./session/services.ts");
    return await ownLogin(
      holder,
      await serviceOf(context, holder.target.service),
    );
  }
  const session = await openAgentOrPersonSession(context, options, output);
  const auth = await providerFor(session, url.href);
  if (!auth) return undefined;
  if (!auth.token) {
    throw new NanoctlError(
      "external_auth_required",
      `not authenticated with the provider of ${url.host}`,
      `open ${auth.url} and run this again`,
    );
  }
  const { accessToken, expiresAt } = auth.token;
  const { username, password } = auth.git ?? {};
  const named = username && username.reveal() !== "" ? username : undefined;
  return {
    // Some hosts take the token as the user name, and nothing as the password.
    login: { secret: named && password ? password : accessToken, expiresAt },
    username: named?.reveal(),
  };
}

/** The URL of a host, if a token may go there: over TLS, or on this machine. */
export function hostUrl({ protocol, host, path = "" }: Host): URL | undefined {
  const url = URL.parse(`${protocol}://${host}/${path}`);
  if (!url || url.host === "") return undefined;
  const isSafe = url.protocol === "https:" ||
    url.protocol === "http:" && isLoopback(url.hostname);
  return isSafe ? url : undefined;
}

async function ownLogin(
  { provider, target, stored }: Holder,
  service: Service,
): Promise<HostLogin> {
  const { secret, expiresAt } = await provider.getToken();
  const isStored = provider.origin === "store" && stored?.url === target.url;
  const { username, password } = service.gitLogin?.(secret) ?? {};
  return {
    login: { secret: password ?? secret, expiresAt },
    username: username ?? (isStored ? stored.username : undefined),
  };
}

/** What the service says of the provider for a URL; undefined where it has none. */
async function providerFor(
  session: Session,
  match: string,
): Promise<ExternalAuth | undefined> {
  const { service, client } = session;
  if (service.name === "oauth" || service.description) return undefined;
  const { withRefusalHint } = await import("./session/session.ts");
  try {
    return await withRefusalHint(
      session,
      () => service.externalAuth(client, { match }),
    );
  } catch (error) {
    if (hasCode(error, "provider_unknown")) return undefined;
    throw error;
  }
}
