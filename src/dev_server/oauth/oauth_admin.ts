import { Hono } from "hono/tiny";
import * as v from "valibot";
import { Secret } from "../../secret.ts";
import {
  BadBody,
  guardAdmin,
  integer,
  number,
  only,
  readBody,
  text,
} from "../admin_body.ts";
import { type DevEnv, onlyMethods, ownOrigin } from "../guards.ts";
import { problem } from "../problems.ts";
import type { OAuthState } from "./oauth_state.ts";

const PATH = "/dev/oauth";
const DAY = 24 * 60 * 60;
const YEAR = 366 * DAY;
const Change = only({
  access_expires_in: v.optional(integer(1, YEAR)),
  refresh_expires_in: v.optional(integer(1, YEAR)),
  device_expires_in: v.optional(integer(1, DAY)),
  interval: v.optional(number(0, 3600)),
  rotate: v.optional(v.boolean("must be true or false")),
  fail_refresh: v.optional(
    v.nullable(v.literal("after", "must be after or null")),
  ),
});
const Register = only({
  client_id: v.pipe(
    text,
    v.regex(
      /^[A-Za-z\d][\w.-]{0,63}$/,
      "must be letters, digits, dots, hyphens and underscores, at most 64",
    ),
  ),
  client_secret: v.optional(v.pipe(
    text,
    // RFC 6749, appendix A.2.
    v.regex(/^[\x20-\x7e]+$/, "must be printable ASCII"),
  )),
});
const Approval = only({
  user_code: text,
  choice: v.picklist(["approve", "deny"], "must be approve or deny"),
  username: v.optional(text),
});
const WorkloadToken = only({
  subject: text,
  audience: v.optional(text),
  expires_in: v.optional(integer(-YEAR, YEAR)),
});

/**
 * The admin routes of the authorization server, for rehearsals. They change its
 * settings, register clients (RFC 6749, section 2), decide device logins (RFC
 * 8628, section 3.3), and make the workload tokens that it takes in exchange
 * (RFC 8693, section 2.1).
 */
export function oauthAdminRoutes(oauth: OAuthState): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  const { clients, devices, settings, workloadKey } = oauth;
  guardAdmin(app, `${PATH}/*`);
  app.get(PATH, (c) => c.json(describe(oauth)));
  app.patch(PATH, async (c) => {
    const change = await readBody(c, Change);
    settings.accessExpiresIn = change.access_expires_in ??
      settings.accessExpiresIn;
    settings.refreshExpiresIn = change.refresh_expires_in ??
      settings.refreshExpiresIn;
    settings.deviceExpiresIn = change.device_expires_in ??
      settings.deviceExpiresIn;
    settings.interval = change.interval ?? settings.interval;
    settings.rotate = change.rotate ?? settings.rotate;
    if (change.fail_refresh !== undefined) {
      settings.failRefresh = change.fail_refresh;
    }
    return c.json(describe(oauth));
  });
  app.post(`${PATH}/clients`, async (c) => {
    const { client_id, client_secret } = await readBody(c, Register);
    if (clients.byId(client_id)) {
      throw new BadBody(
        "client_id is that of a client that is there.",
        "client_id",
      );
    }
    const chosen = client_secret === undefined
      ? undefined
      : new Secret(client_secret);
    const secret = await clients.register(client_id, chosen);
    return c.json({ client_id, client_secret: secret.reveal() }, 201);
  });
  app.post(`${PATH}/approvals`, async (c) => {
    const { user_code, choice, username } = await readBody(c, Approval);
    if (username !== undefined && choice === "deny") {
      throw new BadBody("username goes with a choice of approve.", "username");
    }
    const login = devices.byUserCode(user_code);
    if (login === undefined || !devices.isOpen(login)) {
      return problem("not_found", "No login with this code can be decided.");
    }
    login.decision = choice;
    login.username = username ?? login.username;
    return c.body(null, 204);
  });
  app.post(`${PATH}/workload-tokens`, async (c) => {
    const { subject, audience, expires_in } = await readBody(c, WorkloadToken);
    const token = await workloadKey.sign({
      subject,
      audience: audience ?? ownOrigin(c),
      expiresIn: expires_in ?? 10 * 60,
    });
    return c.json({ token: token.reveal() });
  });
  onlyMethods(app, PATH, "GET", "HEAD", "PATCH");
  onlyMethods(app, `${PATH}/clients`, "POST");
  onlyMethods(app, `${PATH}/approvals`, "POST");
  onlyMethods(app, `${PATH}/workload-tokens`, "POST");
  return app;
}

/** The settings and counters as the admin routes return them. */
function describe(
  { settings, grants }: OAuthState,
): Record<string, unknown> {
  return {
    access_expires_in: settings.accessExpiresIn,
    refresh_expires_in: settings.refreshExpiresIn,
    device_expires_in: settings.deviceExpiresIn,
    interval: settings.interval,
    rotate: settings.rotate,
    fail_refresh: settings.failRefresh,
    refreshes: grants.refreshes,
    reuses: grants.reuses,
  };
}
