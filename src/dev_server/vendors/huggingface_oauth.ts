import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { Secret } from "../../secret.ts";
import { type DevEnv, ownOrigin } from "../guards.ts";
import {
  limitedForm,
  parameter,
  readClientRequest,
} from "../oauth/client_request.ts";
import type { IssuedTokens } from "../oauth/grants.ts";
import { oauthAdminRoutes } from "../oauth/oauth_admin.ts";
import { answerOAuthErrors } from "../oauth/oauth_errors.ts";
import type { OAuthState } from "../oauth/oauth_state.ts";
import { redeem } from "../oauth/redemption.ts";
import { grantedScopes } from "../oauth/scopes.ts";
import { verificationRoutes } from "../oauth/verification_page.ts";
import type { DevState } from "../state.ts";

/** The page for people, and with POST the device authorization endpoint. */
const UNKNOWN_GRANT = "The service does not know this grant.";
const DEVICE = "/oauth/device";
const SCOPES = [
  "openid",
  "profile",
  "email",
  "read-billing",
  "read-memberships",
  "read-repos",
  "gated-repos",
  "contribute-repos",
  "write-repos",
  "manage-repos",
  "read-collections",
  "write-collections",
  "inference-api",
  "read-endpoints",
  "write-endpoints",
  "jobs",
  "webhooks",
  "write-discussions",
];
/** Those that the app is set up with, for who asks for none. */
const USUAL_SCOPES = ["profile", "email"];

/** Hugging Face's OAuth endpoints: the device flow (RFC 8628) and refreshes. */
export function huggingfaceOAuthRoutes(
  state: DevState,
  oauth: OAuthState,
): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  const { clients, devices, settings } = oauth;
  settings.deviceExpiresIn = 15 * 60;
  settings.accessExpiresIn = 8 * 60 * 60;
  answerOAuthErrors(app);
  app.route("/", oauthAdminRoutes(oauth));
  app.post(DEVICE, limitedForm, async (c, next) => {
    // The page posts its form to this path too.
    const sent = new URLSearchParams(await c.req.text());
    if (sent.has("form_token")) return await next();
    const { client, form } = await readClientRequest(c, clients);
    const scope = parameter(form, "scope");
    const scopes = grantedScopes(scope, SCOPES, USUAL_SCOPES);
    const { deviceCode, login } = await devices.start(client, scopes);
    const page = `${ownOrigin(c)}${DEVICE}`;
    return c.json({
      device_code: deviceCode.reveal(),
      user_code: login.userCode,
      verification_uri: page,
      verification_uri_complete: `${page}?user_code=${login.userCode}`,
      expires_in: settings.deviceExpiresIn,
      interval: login.interval,
    });
  });
  app.route("/", verificationRoutes(state, oauth, DEVICE));
  app.post("/oauth/token", limitedForm, async (c) => {
    const request = await readClientRequest(c, clients);
    const issued = await redeem(oauth, request, UNKNOWN_GRANT);
    const token = await state.find(issued.accessToken);
    const idToken = issued.scopes.includes("openid")
      ? await oauth.workloadKey.sign({
        subject: token?.user.id ?? "",
        audience: request.client.id,
        expiresIn: issued.expiresIn,
      })
      : undefined;
    return granted(c, issued, idToken);
  });
  return app;
}

/** RFC 6749, section 5.1, with the ID token for the scope openid. */
function granted(
  c: Context,
  { accessToken, refreshToken, expiresIn, scopes }: IssuedTokens,
  idToken: Secret | undefined,
): Response {
  return c.json({
    access_token: accessToken.reveal(),
    token_type: "bearer",
    expires_in: expiresIn,
    scope: scopes.join(" "),
    refresh_token: refreshToken?.reveal(),
    id_token: idToken?.reveal(),
  });
}
