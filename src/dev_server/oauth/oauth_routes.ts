import { Hono } from "hono/tiny";
import type { DevEnv } from "../guards.ts";
import type { DevState } from "../state.ts";
import { deviceRoutes } from "./device_routes.ts";
import { oauthMetadataRoutes } from "./metadata_routes.ts";
import { oauthAdminRoutes } from "./oauth_admin.ts";
import { OAuthState } from "./oauth_state.ts";
import { revocationRoutes } from "./revocation_routes.ts";
import { tokenRoutes } from "./token_routes.ts";
import { userinfoRoutes } from "./userinfo_routes.ts";
import { verificationRoutes } from "./verification_page.ts";

/** The OAuth 2.0 authorization server (RFC 6749): its endpoints, its page and its admin routes. */
export function oauthRoutes(state: DevState): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  const oauth = new OAuthState(state);
  app.route("/", oauthMetadataRoutes(oauth));
  app.route("/", deviceRoutes(oauth));
  app.route("/", tokenRoutes(oauth));
  app.route("/", revocationRoutes(state, oauth));
  app.route("/", userinfoRoutes(state));
  app.route("/", verificationRoutes(state, oauth));
  app.route("/", oauthAdminRoutes(oauth));
  return app;
}
