import { Hono } from "hono/tiny";
import { authenticate } from "../authentication.ts";
import { type DevEnv, onlyMethods } from "../guards.ts";
import { nanoservicesWire } from "../nanoservices_wire.ts";
import { ACCOUNT_READ, type DevState } from "../state.ts";

const PATH = "/oauth/userinfo";

/** Whose access token it is (OpenID Connect Core 1.0, section 5.3), with the errors of the nanoservices API. */
export function userinfoRoutes(state: DevState): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  const accountReader = authenticate(state, nanoservicesWire, ACCOUNT_READ);
  app.get(PATH, accountReader, (c) => {
    const { id, username, email } = c.get("token").user;
    return c.json({ sub: id, preferred_username: username, email });
  });
  onlyMethods(app, PATH, "GET", "HEAD");
  return app;
}
