import { Hono } from "hono/tiny";
import { authenticate } from "./authentication.ts";
import { type DevEnv, onlyMethods } from "./guards.ts";
import { nanoservicesWire } from "./nanoservices_wire.ts";
import { ACCOUNT_READ, type DevState } from "./state.ts";

/** The nanoservices API's routes for the token itself: `/v1/me` and `/v1/logout`. */
export function nanoservicesRoutes(state: DevState): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  const anyToken = authenticate(state, nanoservicesWire);
  const accountReader = authenticate(state, nanoservicesWire, ACCOUNT_READ);
  app.get("/v1/me", accountReader, (c) => {
    const { id, name, user, expiresAt, scopes } = c.get("token");
    const token = { id, name, expires_at: expiresAt, scopes };
    return c.json({ username: user.username, email: user.email, token });
  });
  app.post("/v1/logout", anyToken, (c) => {
    state.change(c.get("token"), { state: "revoked" });
    return c.body(null, 204);
  });
  onlyMethods(app, "/v1/me", "GET", "HEAD");
  onlyMethods(app, "/v1/logout", "POST");
  return app;
}
