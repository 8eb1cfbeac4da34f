import {
  type AuthorizationServer,
  type Client,
  type ClientAuth,
  ClientSecretPost,
  discoveryRequest,
  None,
  processDiscoveryResponse,
} from "oauth4webapi";
import { NanoctlError } from "../../errors.ts";
import type { HttpClient } from "../../http/client.ts";
import { isObject } from "../../json.ts";
import type { Secret } from "../../secret.ts";
import type { OAuthGrant } from "../../grant.ts";
import { oauthProblem } from "./problem.ts";
import { type Transport, transportOf } from "./transport.ts";

/** The client of a person's login unless another is named. */
export const DEFAULT_CLIENT_ID = "nanoctl";

/** A client registered at a server. */
export interface OAuthClient {
  id: string;
  /** Of a confidential client. */
  secret?: Secret | undefined;
}

/** Everything that a request of oauth4webapi takes. */
export interface Endpoint {
  server: AuthorizationServer;
  client: Client;
  auth: ClientAuth;
  transport: Transport;
}

/**
 * The server's metadata, from the one place or the other: RFC 8414, section 3,
 * then OpenID Connect Discovery 1.0, section 4.
 *
 * Throws `service_response` if there is none, or it is for another issuer, and
 * what the client throws.
 */
export async function discover(
  client: HttpClient,
  issuer: string,
): Promise<AuthorizationServer> {
  const transport = transportOf(client);
  for (const algorithm of ["oauth2", "oidc"] as const) {
    const answer = await discoveryRequest(new URL(issuer), {
      ...transport,
      algorithm,
    });
    if (answer.status === 404 || answer.status === 405) continue;
    try {
      const expected = await expectedIssuer(answer.clone(), issuer);
      return checkedServer(await processDiscoveryResponse(expected, answer));
    } catch (error) {
      throw oauthProblem(error, issuer);
    }
  }
  throw new NanoctlError(
    "service_response",
    `${issuer} has no metadata of an OAuth server`,
    "check the URL; a server without it takes tokens only: nanoctl login",
  );
}

/** An issuer may end in a slash that our form of a URL lacks; anything else has to match (RFC 8414, section 3.3). */
async function expectedIssuer(answer: Response, issuer: string): Promise<URL> {
  const body: unknown = await answer.json().catch(() => undefined);
  const own = isObject(body) ? body["issuer"] : undefined;
  const alike = typeof own === "string" &&
    own.replace(/\/$/, "") === issuer.replace(/\/$/, "");
  return new URL(alike ? own : issuer);
}

/** Throws `service_response` for endpoints that are no web addresses: they are stored. */
function checkedServer(server: AuthorizationServer): AuthorizationServer {
  for (
    const [name, value] of Object.entries({
      token_endpoint: server.token_endpoint,
      device_authorization_endpoint: server.device_authorization_endpoint,
      revocation_endpoint: server.revocation_endpoint,
      userinfo_endpoint: server.userinfo_endpoint,
    })
  ) {
    if (value === undefined || isWebAddress(value)) continue;
    throw new NanoctlError(
      "service_response",
      `the metadata of ${server.issuer} has a wrong ${name}`,
      "check that the URL is that of an OAuth server",
    );
  }
  return server;
}

function isWebAddress(value: unknown): boolean {
  return typeof value === "string" &&
    /^https?:\/\/[\x21-\x7e]+$/.test(value) && URL.canParse(value);
}

/** A server and a client of it, with the way that the client authenticates (RFC 6749, section 2.3). */
export function endpointOf(
  http: HttpClient,
  server: AuthorizationServer,
  { id, secret }: OAuthClient,
): Endpoint {
  return {
    server,
    client: { client_id: id },
    auth: secret ? authOf(server, secret) : None(),
    transport: transportOf(http),
  };
}

function authOf(server: AuthorizationServer, secret: Secret): ClientAuth {
  const methods = server.token_endpoint_auth_methods_supported;
  return methods && !methods.includes("client_secret_basic") &&
      methods.includes("client_secret_post")
    ? ClientSecretPost(secret.reveal())
    : basic(secret);
}

/**
 * HTTP Basic (RFC 6749, section 2.3.1). The library's own also escapes characters
 * that a form leaves alone, such as "-", and not every server undoes that.
 */
function basic(secret: Secret): ClientAuth {
  return (_server, { client_id }, _body, headers) => {
    const pair = [client_id, secret.reveal()].map(formEncoded).join(":");
    headers.set("authorization", `Basic ${btoa(pair)}`);
  };
}

/** A text as a value in a form (application/x-www-form-urlencoded). */
function formEncoded(text: string): string {
  return new URLSearchParams([["", text]]).toString().slice(1);
}

/** The server of a stored login, without asking it for its metadata again. */
export function endpointOfGrant(
  http: HttpClient,
  grant: OAuthGrant,
): Endpoint {
  return endpointOf(http, {
    issuer: grant.issuer,
    token_endpoint: grant.tokenEndpoint,
    ...(grant.revocationEndpoint
      ? { revocation_endpoint: grant.revocationEndpoint }
      : {}),
  }, { id: grant.clientId, secret: grant.clientSecret });
}

/** What is stored to renew and revoke a login. Throws `service_response` if the server has no token endpoint. */
export function grantOf(
  server: AuthorizationServer,
  { id, secret }: OAuthClient,
): OAuthGrant {
  const { issuer, token_endpoint: tokenEndpoint } = server;
  if (tokenEndpoint === undefined) throw withoutEndpoint(server, "token");
  return {
    issuer,
    clientId: id,
    clientSecret: secret,
    tokenEndpoint,
    revocationEndpoint: server.revocation_endpoint,
  };
}

/** The server lacks what the login needs. */
export function withoutEndpoint(
  { issuer }: AuthorizationServer,
  what: string,
): NanoctlError {
  return new NanoctlError(
    "service_response",
    `${issuer} has no ${what} endpoint`,
    "log in another way: nanoctl login --help",
  );
}
