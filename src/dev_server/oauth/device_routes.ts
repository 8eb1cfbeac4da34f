import { Hono } from "hono/tiny";
import { type DevEnv, onlyMethods, ownOrigin } from "../guards.ts";
import { DEFAULT_SCOPES } from "../state.ts";
import { limitedForm, parameter, readClientRequest } from "./client_request.ts";
import { DEVICE_CODE } from "./clients.ts";
import { answerOAuthErrors, OAuthError } from "./oauth_errors.ts";
import type { OAuthState } from "./oauth_state.ts";
import { grantedScopes, SUPPORTED_SCOPES } from "./scopes.ts";
import { VERIFICATION_PATH } from "./verification_page.ts";

const PATH = "/oauth/device";

/** The device authorization endpoint (RFC 8628, section 3.1). */
export function deviceRoutes(
  { clients, devices, settings }: OAuthState,
): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  answerOAuthErrors(app);
  app.post(PATH, limitedForm, async (c) => {
    const { client, form } = await readClientRequest(c, clients);
    if (!client.grants.includes(DEVICE_CODE)) {
      throw new OAuthError(
        "unauthorized_client",
        "The client may not use this grant.",
      );
    }
    const scope = parameter(form, "scope");
    const scopes = grantedScopes(scope, SUPPORTED_SCOPES, DEFAULT_SCOPES);
    const { deviceCode, login } = await devices.start(client, scopes);
    const { userCode, interval } = login;
    const page = `${ownOrigin(c)}${VERIFICATION_PATH}`;
    return c.json({
      device_code: deviceCode.reveal(),
      user_code: userCode,
      verification_uri: page,
      verification_uri_complete: `${page}?user_code=${userCode}`,
      expires_in: settings.deviceExpiresIn,
      interval,
    });
  });
  onlyMethods(app, PATH, "POST");
  return app;
}
