import { hasCode, NanoctlError } from "../errors.ts";
import type { Secret } from "../secret.ts";
import type { ExternalAuth } from "../services/service.ts";
import { type Session, withRefusalHint } from "./session/session.ts";

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
 * The token for a host: the session's own where that is the service, else that
 * of the external provider that the service has for the host. Undefined where
 * there is none.
 *
 * Throws `external_auth_required` if someone must authenticate with the provider
 * first, and what asking the service throws.
 */
export async function loginForHost(
  session: Session,
  url: URL,
): Promise<HostLogin | undefined> {
  if (url.origin === new URL(session.target.url).origin) {
    return await ownLogin(session);
  }
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
  const isLocal = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  const isSafe = url.protocol === "https:" ||
    url.protocol === "http:" && isLocal;
  return isSafe ? url : undefined;
}

async function ownLogin(
  { provider, target, stored }: Session,
): Promise<HostLogin> {
  const { secret, expiresAt } = await provider.getToken();
  const isStored = provider.origin === "store" && stored?.url === target.url;
  return {
    login: { secret, expiresAt },
    username: isStored ? stored.username : undefined,
  };
}

/** What the service says of the provider for a URL; undefined where it has none. */
async function providerFor(
  session: Session,
  match: string,
): Promise<ExternalAuth | undefined> {
  const { service, client } = session;
  if (service.name === "oauth") return undefined;
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
