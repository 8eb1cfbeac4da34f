import { HttpClient } from "../../src/http/client.ts";
import type { TokenProvider } from "../../src/http/token_provider.ts";
import { Secret } from "../../src/secret.ts";
import {
  type Endpoint,
  endpointOf,
  type OAuthClient,
} from "../../src/services/oauth/server.ts";
import { oauth } from "../../src/services/oauth/service.ts";
import {
  type Answer,
  FakeContext,
  type FakeContextOptions,
  json,
  type SentRequest,
} from "./fake_context.ts";

/** The issuer of the servers that tests make up. */
export const ISSUER = "https://id.example";

/** Where the metadata of such a server may be, and its endpoints. */
export const PATHS = {
  oauthMetadata: "/.well-known/oauth-authorization-server",
  openidMetadata: "/.well-known/openid-configuration",
  device: "/device",
  token: "/token",
  revoke: "/revoke",
  userinfo: "/userinfo",
} as const;

/** The metadata of such a server (RFC 8414, section 2), with these changes. */
export function metadata(
  change: Record<string, unknown> = {},
  issuer = ISSUER,
): Endpoint["server"] {
  const server = {
    issuer,
    device_authorization_endpoint: `${issuer}${PATHS.device}`,
    token_endpoint: `${issuer}${PATHS.token}`,
    revocation_endpoint: `${issuer}${PATHS.revoke}`,
    userinfo_endpoint: `${issuer}${PATHS.userinfo}`,
    ...change,
  };
  return server as Endpoint["server"];
}

/** An answer of the device authorization endpoint (RFC 8628, section 3.2), with these changes. */
export function deviceCode(change: Record<string, unknown> = {}): Answer {
  return json({
    device_code: "a-device-code-of-a-test",
    user_code: "ABCD-EFGH",
    verification_uri: `${ISSUER}/page`,
    expires_in: 600,
    ...change,
  });
}

/** An answer of the token endpoint (RFC 6749, section 5.1), with these changes. */
export function granted(change: Record<string, unknown> = {}): Answer {
  return json({ access_token: "an-access-token", ...BEARER, ...change });
}

const BEARER = { token_type: "Bearer", expires_in: 3600 };

/** An answer that refuses a request (RFC 6749, section 5.2). */
export function refusal(
  error: unknown,
  error_description?: unknown,
  status = 400,
): Answer {
  return json({ error, error_description }, status);
}

/** Answers by path; what is missing is 404. */
export function routes(answers: Record<string, Answer>): Answer {
  const known = new Map(Object.entries(answers));
  return (request) =>
    known.get(new URL(request.url).pathname)?.(request) ??
      new Response("{}", { status: 404 });
}

/** A client without tokens, or with this provider's, whose requests are answered so. */
export function clientFor(
  answer: Answer,
  { provider, baseUrl = ISSUER, ...options }: FakeContextOptions & {
    provider?: TokenProvider;
    baseUrl?: string;
  } = {},
): { context: FakeContext; http: HttpClient } {
  const context = new FakeContext({ answer, ...options });
  const http = new HttpClient({
    context,
    baseUrl,
    present: oauth.present,
    timeoutSeconds: 30,
  });
  return { context, http: provider ? http.withTokens(provider) : http };
}

/** An endpoint of such a server, whose requests are answered so. */
export function endpointFor(
  answer: Answer,
  { client = { id: "nanoctl" }, change = {} }: {
    client?: OAuthClient;
    change?: Record<string, unknown>;
  } = {},
): { context: FakeContext; endpoint: Endpoint } {
  const { context, http } = clientFor(answer);
  return { context, endpoint: endpointOf(http, metadata(change), client) };
}

/** A confidential client. */
export function confidential(secret = "the client's own secret"): OAuthClient {
  return { id: "robot", secret: new Secret(secret) };
}

/** The fields of the form that a request holds. */
export function formOf(
  request: SentRequest | undefined,
): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(request?.body ?? ""));
}
