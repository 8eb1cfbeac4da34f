import { Hono } from "hono/tiny";
import { authenticate } from "./authentication.ts";
import type { Provider } from "./external_auth.ts";
import { type DevEnv, onlyMethods, ownOrigin } from "./guards.ts";
import { nanoservicesWire } from "./nanoservices_wire.ts";
import { problem } from "./problems.ts";
import { type DevState, EXTERNAL_AUTH_READ } from "./state.ts";

/** The nanoservices API's routes for external providers, open to users and agents. */
export function externalAuthRoutes(state: DevState): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  const { externalAuth } = state;
  const guard = authenticate(state, nanoservicesWire, EXTERNAL_AUTH_READ);
  app.get("/v1/external-auth", guard, (c) => {
    const providers = externalAuth.providers().map((provider) => ({
      id: provider.id,
      name: provider.name,
      authenticated: externalAuth.connectionOf(provider) !== undefined,
    }));
    return c.json({ providers });
  });
  app.get("/v1/external-auth/token", guard, (c) => {
    const { id = "", match = "" } = c.req.query();
    if ((id === "") === (match === "")) {
      return problem("invalid_request", "Give either id or match.");
    }
    const provider = externalAuth.find({ id, match });
    if (provider === undefined) {
      return problem("not_found", "There is no such external provider.");
    }
    const connection = externalAuth.connectionOf(provider);
    if (connection === undefined) {
      return c.json({ url: consentUrl(ownOrigin(c), provider) });
    }
    return c.json({
      access_token: connection.accessToken.reveal(),
      token_type: connection.tokenType,
      expires_at: connection.expiresAt,
      extra: connection.extra,
    });
  });
  onlyMethods(app, "/v1/external-auth", "GET", "HEAD");
  onlyMethods(app, "/v1/external-auth/token", "GET", "HEAD");
  return app;
}

/** The page where a user connects an account. */
export function consentUrl(origin: string, { id }: Provider): string {
  return `${origin}/external-auth/${encodeURIComponent(id)}`;
}
