import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { Secret } from "../../secret.ts";
import { authenticate, type Wire } from "../authentication.ts";
import { type DevEnv, ownOrigin } from "../guards.ts";
import {
  limitedForm,
  parameter,
  readClientRequest,
  requiredParameter,
} from "../oauth/client_request.ts";
import type { IssuedTokens } from "../oauth/grants.ts";
import { oauthAdminRoutes } from "../oauth/oauth_admin.ts";
import { answerOAuthErrors } from "../oauth/oauth_errors.ts";
import type { OAuthState } from "../oauth/oauth_state.ts";
import { redeem } from "../oauth/redemption.ts";
import { grantedScopes } from "../oauth/scopes.ts";
import { verificationRoutes } from "../oauth/verification_page.ts";
import type { DevState } from "../state.ts";
import { epochSeconds, numberOf } from "./vendor.ts";

const UNKNOWN_GRANT = "The authorization grant type is not supported.";
const PAGE = "/oauth/device";
const SCOPES = [
  "api",
  "read_api",
  "read_user",
  "read_repository",
  "write_repository",
  "openid",
  "profile",
  "email",
];

/** Whether a token has the form of those that OAuth issues. */
export function isOAuthToken(token: Secret): boolean {
  return /^[\da-f]{64}$/.test(token.reveal());
}

/** GitLab's OAuth endpoints: the device flow (RFC 8628), refreshes, revocation, and what a token is. */
export function gitlabOAuthRoutes(
  state: DevState,
  oauth: OAuthState,
  wire: Wire,
): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  const { clients, devices, grants, settings } = oauth;
  settings.deviceExpiresIn = 5 * 60;
  settings.accessExpiresIn = 2 * 60 * 60;
  answerOAuthErrors(app);
  app.route("/", oauthAdminRoutes(oauth));
  app.route("/", verificationRoutes(state, oauth, PAGE));
  for (const name of ["openid-configuration", "oauth-authorization-server"]) {
    app.get(`/.well-known/${name}`, (c) => c.json(metadata(ownOrigin(c))));
  }
  app.post("/oauth/authorize_device", limitedForm, async (c) => {
    const { client, form } = await readClientRequest(c, clients);
    const scopes = grantedScopes(parameter(form, "scope"), SCOPES, ["api"]);
    const { deviceCode, login } = await devices.start(client, scopes);
    const user_code = login.userCode.replace("-", "");
    const page = `${ownOrigin(c)}${PAGE}`;
    return c.json({
      device_code: deviceCode.reveal(),
      user_code,
      verification_uri: page,
      verification_uri_complete: `${page}?user_code=${user_code}`,
      expires_in: settings.deviceExpiresIn,
      interval: login.interval,
    });
  });
  app.post("/oauth/token", limitedForm, async (c) => {
    const request = await readClientRequest(c, clients);
    return granted(c, state, await redeem(oauth, request, UNKNOWN_GRANT));
  });
  app.post("/oauth/revoke", limitedForm, async (c) => {
    const { client, form } = await readClientRequest(c, clients);
    const secret = new Secret(requiredParameter(form, "token"));
    const token = await state.find(secret);
    const grant = (await grants.refreshToken(secret))?.grant ??
      (token && grants.ofAccessToken(token));
    if (grant?.client === client) grants.revoke(grant);
    return c.json({});
  });
  app.get("/oauth/token/info", authenticate(state, wire), (c) => {
    const { createdAt, expiresAt, scopes, user } = c.get("token");
    const grant = grants.ofAccessToken(c.get("token"));
    if (grant === undefined) return wire.refuse({ reason: "unknown" }, c);
    const left = expiresAt && Number(expiresAt) - Number(state.now());
    const expires_in = left === null ? null : Math.floor(left / 1000);
    return c.json({
      resource_owner_id: numberOf(user.id),
      scope: scopes,
      expires_in,
      application: { uid: grant.client.id },
      created_at: epochSeconds(createdAt),
      scopes,
      expires_in_seconds: expires_in,
    });
  });
  return app;
}

/** RFC 6749, section 5.1, with the date of the tokens. */
function granted(
  c: Context,
  state: DevState,
  { accessToken, refreshToken, expiresIn, scopes }: IssuedTokens,
): Response {
  return c.json({
    access_token: accessToken.reveal(),
    token_type: "Bearer",
    expires_in: expiresIn,
    refresh_token: refreshToken?.reveal(),
    scope: scopes.join(" "),
    created_at: epochSeconds(state.now()),
  });
}

/** It does not name the endpoint of the device flow, and calls its grant by a name of its own. */
function metadata(issuer: string): Record<string, unknown> {
  return {
    issuer,
    authorization_endpoint: `${issuer}/oauth/authorize`,
    token_endpoint: `${issuer}/oauth/token`,
    revocation_endpoint: `${issuer}/oauth/revoke`,
    introspection_endpoint: `${issuer}/oauth/introspect`,
    userinfo_endpoint: `${issuer}/oauth/userinfo`,
    jwks_uri: `${issuer}/oauth/discovery/keys`,
    scopes_supported: SCOPES,
    response_types_supported: ["code"],
    response_modes_supported: ["query", "fragment", "form_post"],
    grant_types_supported: [
      "authorization_code",
      "password",
      "client_credentials",
      "device_code",
      "refresh_token",
    ],
    token_endpoint_auth_methods_supported: [
      "client_secret_basic",
      "client_secret_post",
    ],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256"],
    claim_types_supported: ["normal"],
    claims_supported: ["iss", "sub", "aud", "exp", "iat", "name", "nickname"],
    code_challenge_methods_supported: ["plain", "S256"],
  };
}
