import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { Secret } from "../../secret.ts";
import { type DevEnv, ownOrigin } from "../guards.ts";
import { limitedForm, parameter } from "../oauth/client_request.ts";
import { type Client, DEVICE_CODE } from "../oauth/clients.ts";
import { oauthAdminRoutes } from "../oauth/oauth_admin.ts";
import { OAuthError, type OAuthErrorCode } from "../oauth/oauth_errors.ts";
import { OAuthState } from "../oauth/oauth_state.ts";
import { verificationRoutes } from "../oauth/verification_page.ts";
import { randomHex, randomText } from "../random.ts";
import type { DevState } from "../state.ts";

const PAGE = "/login/device";
const ERROR_URI =
  "https://docs.github.com/developers/apps/authorizing-oauth-apps#error-codes-for-the-device-flow";
/** In seconds. */
const LIFETIME = 900;
/** What GitHub calls an error that has another name in RFC 8628. */
const OWN_CODES: Partial<Record<OAuthErrorCode, string>> = {
  invalid_grant: "incorrect_device_code",
  invalid_client: "incorrect_client_credentials",
};

/**
 * GitHub's device flow (RFC 8628) with its oddities: an error has status 200,
 * and each answer is a form unless the client accepts JSON. Its clients are
 * those of the admin routes, without their secrets.
 */
export function githubDeviceRoutes(state: DevState): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  const oauth = new OAuthState(state);
  const { clients, devices, settings } = oauth;
  settings.deviceExpiresIn = LIFETIME;
  app.route("/", oauthAdminRoutes(oauth));
  app.route("/", verificationRoutes(state, oauth, PAGE));
  app.post("/login/device/code", limitedForm, async (c) => {
    const form = new URLSearchParams(await c.req.text());
    const client = clients.byId(form.get("client_id") ?? "");
    if (client === undefined) return answer(c, { error: "Not Found" }, 404);
    const scopes = (form.get("scope") ?? "").split(/[ ,]+/).filter(Boolean);
    const { deviceCode, login } = await devices.start(
      client,
      [...new Set(scopes)],
      new Secret(randomHex(40)),
    );
    return answer(c, {
      device_code: deviceCode.reveal(),
      user_code: login.userCode,
      verification_uri: `${ownOrigin(c)}${PAGE}`,
      expires_in: settings.deviceExpiresIn,
      interval: login.interval,
    });
  });
  app.post("/login/oauth/access_token", limitedForm, async (c) => {
    const form = new URLSearchParams(await c.req.text());
    try {
      const client = clients.byId(form.get("client_id") ?? "");
      return answer(c, await redeem(state, oauth, form, client));
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error;
      return answer(c, describe(error));
    }
  });
  return app;
}

/** The token for an approved device code, which never expires. Throws an `OAuthError`. */
async function redeem(
  state: DevState,
  { devices }: OAuthState,
  form: URLSearchParams,
  client: Client | undefined,
): Promise<Record<string, string>> {
  if (client === undefined) {
    throw new OAuthError("invalid_client", "The client_id is incorrect.");
  }
  if (form.get("grant_type") !== DEVICE_CODE) {
    throw new OAuthError("unsupported_grant_type", "Only device codes.");
  }
  const code = new Secret(parameter(form, "device_code") ?? "none");
  const { scopes, username } = await devices.redeem(client, code);
  const { secret } = await state.mint({
    name: `oauth ${client.id}`,
    value: new Secret(`gho_${randomText(36)}`),
    expiresAt: null,
    username,
    scopes,
  });
  return {
    access_token: secret.reveal(),
    token_type: "bearer",
    scope: scopes.join(","),
  };
}

/** An error's fields; `slow_down` has the new interval. */
function describe(
  { code, description, interval }: OAuthError,
): Record<string, string | number> {
  return {
    error: OWN_CODES[code] ?? code,
    error_description: description,
    error_uri: ERROR_URI,
    ...interval === undefined ? {} : { interval },
  };
}

/** In JSON if the client accepts it, and otherwise as a form. */
function answer(
  c: Context,
  fields: Record<string, string | number>,
  status: 200 | 404 = 200,
): Response {
  if (/\bjson\b/.test(c.req.header("accept") ?? "")) {
    return c.json(fields, status);
  }
  const texts = Object.entries(fields).map(([name, value]) => [
    name,
    `${value}`,
  ]);
  const type = "application/x-www-form-urlencoded; charset=utf-8";
  const form = new URLSearchParams(texts).toString();
  return c.body(form, status, { "Content-Type": type });
}
