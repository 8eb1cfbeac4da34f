import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { type DevEnv, onlyMethods, ownOrigin } from "../guards.ts";
import { problem } from "../problems.ts";
import { DEFAULT_SCOPES } from "../state.ts";
import {
  type ClientRequest,
  limitedForm,
  parameter,
  readClientRequest,
  requiredParameter,
} from "./client_request.ts";
import {
  CLIENT_CREDENTIALS,
  DEVICE_CODE,
  GRANT_TYPES,
  type GrantType,
  REFRESH_TOKEN,
  TOKEN_EXCHANGE,
} from "./clients.ts";
import type { IssuedTokens } from "./grants.ts";
import { answerOAuthErrors, OAuthError } from "./oauth_errors.ts";
import type { OAuthState } from "./oauth_state.ts";
import { redeemDeviceCode, redeemRefreshToken } from "./redemption.ts";
import { grantedScopes } from "./scopes.ts";
import { ACCESS_TOKEN_TYPE, exchangeToken } from "./token_exchange.ts";

const PATH = "/oauth/token";

/** How a grant is answered. */
type Answer = (c: Context<DevEnv>, request: ClientRequest) => Promise<Response>;

/** The token endpoint (RFC 6749, section 3.2). */
export function tokenRoutes(oauth: OAuthState): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  const answers = answersOf(oauth);
  answerOAuthErrors(app);
  app.post(PATH, limitedForm, async (c) => {
    const request = await readClientRequest(c, oauth.clients);
    const asked = requiredParameter(request.form, "grant_type");
    const grantType = GRANT_TYPES.find((known) => known === asked);
    if (grantType === undefined) {
      throw new OAuthError(
        "unsupported_grant_type",
        "The service does not know this grant.",
      );
    }
    if (!request.client.grants.includes(grantType)) {
      throw new OAuthError(
        "unauthorized_client",
        "The client may not use this grant.",
      );
    }
    return await answers[grantType](c, request);
  });
  onlyMethods(app, PATH, "POST");
  return app;
}

function answersOf(oauth: OAuthState): Record<GrantType, Answer> {
  const { grants, settings } = oauth;
  return {
    [DEVICE_CODE]: async (c, request) =>
      granted(c, await redeemDeviceCode(oauth, request)),
    [REFRESH_TOKEN]: async (c, request) => {
      const issued = await redeemRefreshToken(oauth, request);
      if (settings.failRefresh === null) return granted(c, issued);
      return problem("unavailable", "The answer is lost, as rehearsed.");
    },
    [CLIENT_CREDENTIALS]: async (c, { client, form }) => {
      const scope = parameter(form, "scope");
      const scopes = grantedScopes(scope, DEFAULT_SCOPES, DEFAULT_SCOPES);
      const chosen = { client, username: client.id, scopes };
      return granted(c, await grants.start(chosen, { withRefresh: false }));
    },
    [TOKEN_EXCHANGE]: async (c, request) => {
      const issued = await exchangeToken(oauth, request, ownOrigin(c));
      return granted(c, issued, { issued_token_type: ACCESS_TOKEN_TYPE });
    },
  };
}

/** RFC 6749, section 5.1. */
function granted(
  c: Context,
  { accessToken, refreshToken, expiresIn, scopes }: IssuedTokens,
  members: Record<string, string> = {},
): Response {
  c.header("Pragma", "no-cache");
  return c.json({
    access_token: accessToken.reveal(),
    token_type: "Bearer",
    expires_in: expiresIn,
    refresh_token: refreshToken?.reveal(),
    scope: scopes.join(" "),
    ...members,
  });
}
