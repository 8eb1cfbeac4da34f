import { Hono } from "hono/tiny";
import { type DevEnv, onlyMethods, ownOrigin } from "../guards.ts";
import { GRANT_TYPES } from "./clients.ts";
import type { OAuthState } from "./oauth_state.ts";
import { SUPPORTED_SCOPES } from "./scopes.ts";

const METADATA_PATH = "/.well-known/oauth-authorization-server";
const JWKS_PATH = "/oauth/jwks";
const AUTH_METHODS = ["none", "client_secret_basic", "client_secret_post"];

/** The authorization server's metadata (RFC 8414, section 3) and public key (RFC 7517, section 5). */
export function oauthMetadataRoutes({ workloadKey }: OAuthState): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  app.get(METADATA_PATH, (c) => c.json(metadata(ownOrigin(c))));
  app.get(JWKS_PATH, async (c) => c.json(await workloadKey.jwks()));
  onlyMethods(app, METADATA_PATH, "GET", "HEAD");
  onlyMethods(app, JWKS_PATH, "GET", "HEAD");
  return app;
}

/** RFC 8414, section 2. */
function metadata(issuer: string): Record<string, unknown> {
  return {
    issuer,
    device_authorization_endpoint: `${issuer}/oauth/device`,
    token_endpoint: `${issuer}/oauth/token`,
    revocation_endpoint: `${issuer}/oauth/revoke`,
    introspection_endpoint: `${issuer}/oauth/introspect`,
    userinfo_endpoint: `${issuer}/oauth/userinfo`,
    jwks_uri: `${issuer}${JWKS_PATH}`,
    grant_types_supported: GRANT_TYPES,
    // Required, although there is no authorization endpoint.
    response_types_supported: [],
    scopes_supported: SUPPORTED_SCOPES,
    token_endpoint_auth_methods_supported: AUTH_METHODS,
    // Without these, clients would assume client_secret_basic only.
    revocation_endpoint_auth_methods_supported: AUTH_METHODS,
    introspection_endpoint_auth_methods_supported: AUTH_METHODS,
  };
}
