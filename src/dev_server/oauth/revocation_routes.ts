import { Hono } from "hono/tiny";
import { Secret } from "../../secret.ts";
import { type DevEnv, onlyMethods } from "../guards.ts";
import type { DevState, Token } from "../state.ts";
import {
  limitedForm,
  readClientRequest,
  requiredParameter,
} from "./client_request.ts";
import type { Client } from "./clients.ts";
import type { Grant, RefreshToken } from "./grants.ts";
import { answerOAuthErrors, OAuthError } from "./oauth_errors.ts";
import type { OAuthState } from "./oauth_state.ts";

const REVOCATION_PATH = "/oauth/revoke";
const INTROSPECTION_PATH = "/oauth/introspect";

/** The endpoints that take a token as a parameter: revocation (RFC 7009, section 2) and introspection (RFC 7662, section 2). */
export function revocationRoutes(
  state: DevState,
  { clients, grants }: OAuthState,
): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  answerOAuthErrors(app);
  app.post(REVOCATION_PATH, limitedForm, async (c) => {
    const { client, form } = await readClientRequest(c, clients);
    const secret = new Secret(requiredParameter(form, "token"));
    const refreshToken = await grants.refreshToken(secret);
    const token = await state.find(secret);
    if (refreshToken !== undefined) {
      checkOwner(refreshToken.grant, client);
      grants.revoke(refreshToken.grant);
    } else if (token !== undefined) {
      checkOwner(grants.ofAccessToken(token), client);
      state.change(token, { state: "revoked" });
    }
    return c.body(null, 200);
  });
  app.post(INTROSPECTION_PATH, limitedForm, async (c) => {
    const { form } = await readClientRequest(c, clients);
    const secret = new Secret(requiredParameter(form, "token"));
    const refreshToken = await grants.refreshToken(secret);
    if (refreshToken !== undefined && grants.isActive(refreshToken)) {
      return c.json(describeRefreshToken(refreshToken));
    }
    const token = await state.find(secret);
    if (token === undefined || hasEnded(state, token)) {
      return c.json({ active: false });
    }
    return c.json(describe(token, grants.ofAccessToken(token)));
  });
  onlyMethods(app, REVOCATION_PATH, "POST");
  onlyMethods(app, INTROSPECTION_PATH, "POST");
  return app;
}

/** Only the client that a token was issued to can revoke it (RFC 7009, section 2.1). */
function checkOwner(grant: Grant | undefined, client: Client): void {
  if (grant?.client === client) return;
  throw new OAuthError(
    "invalid_grant",
    "The token was not issued to this client.",
  );
}

function hasEnded(state: DevState, token: Token): boolean {
  return ["expired", "revoked"].includes(state.stateOf(token));
}

/** RFC 7662, section 2.2. */
function describe(
  { scopes, user, expiresAt }: Token,
  grant: Grant | undefined,
): Record<string, unknown> {
  return {
    active: true,
    scope: scopes.join(" "),
    client_id: grant?.client.id,
    username: user.username,
    exp: expiresAt === null ? undefined : seconds(expiresAt),
    token_type: "Bearer",
  };
}

/** Without a `token_type`, which is one of access tokens (RFC 6749, section 7.1). */
function describeRefreshToken(
  { grant, expiresAt }: RefreshToken,
): Record<string, unknown> {
  return {
    active: true,
    scope: grant.scopes.join(" "),
    client_id: grant.client.id,
    username: grant.username,
    exp: seconds(expiresAt),
  };
}

function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
