import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { authenticate } from "./authentication.ts";
import {
  coderAgentWire,
  coderDate,
  coderError,
  coderUserWire,
  NO_DATE,
} from "./coder_wire.ts";
import type { Connection, ExternalAuth, Provider } from "./external_auth.ts";
import { consentUrl } from "./external_auth_routes.ts";
import { type DevEnv, ownOrigin, refuseOtherMethods } from "./guards.ts";
import {
  ACCOUNT_READ,
  type DevState,
  EXTERNAL_AUTH_READ,
  type Token,
  type User,
} from "./state.ts";

const ME = "/api/v2/users/me";
const KEY = "/api/v2/users/me/keys/:id";
const LOGOUT = "/api/v2/users/logout";
const PROVIDERS = "/api/v2/external-auth";
const AGENT_TOKEN = "/api/v2/workspaceagents/me/external-auth";

/** The part of Coder's API that nanoctl uses, with the shapes from Coder's API reference. */
export function coderRoutes(state: DevState): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  const { externalAuth } = state;
  const user = (...anyOf: string[]): ReturnType<typeof authenticate> =>
    authenticate(state, coderUserWire, ...anyOf);
  app.get(ME, user(ACCOUNT_READ), (c) => {
    return c.json(describeUser(c.get("token").user, state.now()));
  });
  app.get(KEY, user(ACCOUNT_READ), (c) => {
    const key = state.byId(c.req.param("id"));
    const isOwn = key?.user === c.get("token").user && key.agent === null;
    // Coder deletes revoked keys.
    if (!isOwn || key.behaviour === "revoked") return noResource();
    return c.json(describeKey(key));
  });
  app.post(LOGOUT, user(), (c) => {
    state.change(c.get("token"), { state: "revoked" });
    return c.json({ message: "The session has ended." });
  });
  app.get(PROVIDERS, user(EXTERNAL_AUTH_READ), (c) => {
    const providers = externalAuth.providers();
    return c.json({
      providers: providers.map(describeProvider),
      links: providers.flatMap((provider) =>
        describeLink(externalAuth, provider)
      ),
    });
  });
  app.get(
    AGENT_TOKEN,
    authenticate(state, coderAgentWire, EXTERNAL_AUTH_READ),
    (c) => agentToken(c, externalAuth),
  );
  onlyCoderMethods(app, ME, "GET", "HEAD");
  onlyCoderMethods(app, KEY, "GET", "HEAD");
  onlyCoderMethods(app, LOGOUT, "POST");
  onlyCoderMethods(app, PROVIDERS, "GET", "HEAD");
  onlyCoderMethods(app, AGENT_TOKEN, "GET", "HEAD");
  return app;
}

/** The answer for a route that Coder, or this service, doesn't have. */
export function noCoderRoute(): Response {
  return coderError(404, "Route not found.", "Look at the path.");
}

function noResource(): Response {
  return coderError(
    404,
    "There is no such resource.",
    "It does not exist, or it is not the session's.",
  );
}

/** Answers 405 in Coder's format for other methods on a known path. Call it after adding the routes. */
export function onlyCoderMethods(
  app: Hono<DevEnv>,
  path: string,
  ...methods: string[]
): void {
  refuseOtherMethods(
    app,
    path,
    methods,
    (method, allow) =>
      coderError(
        405,
        `${method} is not possible here.`,
        `Possible: ${allow}.`,
        {
          Allow: allow,
        },
      ),
  );
}

/** codersdk.User */
function describeUser(user: User, now: Date): Record<string, unknown> {
  const created = coderDate(user.createdAt);
  return {
    id: user.id,
    username: user.username,
    name: "",
    email: user.email,
    avatar_url: "",
    created_at: created,
    updated_at: created,
    last_seen_at: coderDate(now),
    status: "active",
    login_type: "password",
    organization_ids: [],
    roles: [],
  };
}

/** codersdk.APIKey */
function describeKey(key: Token): Record<string, unknown> {
  const { id, name, user, createdAt, expiresAt, lastUsed, scopes } = key;
  const lifetime = expiresAt === null ? 0 : Number(expiresAt) - +createdAt;
  return {
    id,
    user_id: user.id,
    token_name: name,
    login_type: "token",
    scope: "all",
    scopes,
    allow_list: [{ type: "*", id: "*" }],
    created_at: coderDate(createdAt),
    updated_at: coderDate(createdAt),
    last_used: coderDate(lastUsed),
    expires_at: coderDate(expiresAt),
    lifetime_seconds: Math.max(0, Math.floor(lifetime / 1000)),
  };
}

/** codersdk.ExternalAuthLinkProvider */
function describeProvider({ id, name }: Provider): Record<string, unknown> {
  return {
    id,
    type: id,
    device: false,
    display_name: name,
    display_icon: "",
    allow_refresh: false,
    allow_validate: false,
    supports_revocation: false,
    code_challenge_methods_supported: [],
  };
}

/** codersdk.ExternalAuthLink; empty if the provider was never connected. */
function describeLink(
  externalAuth: ExternalAuth,
  provider: Provider,
): Record<string, unknown>[] {
  const { id, connection } = provider;
  if (connection === null) return [];
  return [{
    provider_id: id,
    created_at: coderDate(connection.createdAt),
    updated_at: coderDate(connection.updatedAt),
    has_refresh_token: false,
    expires: coderDate(connection.expiresAt),
    authenticated: externalAuth.connectionOf(provider) !== undefined,
    validate_error: "",
  }];
}

function agentToken(c: Context, externalAuth: ExternalAuth): Response {
  const { id = "", match = "" } = c.req.query();
  if ((id === "") === (match === "")) {
    return coderError(400, "The query is not complete.", "Give id or match.");
  }
  const provider = externalAuth.find({ id, match });
  if (provider === undefined) {
    return coderError(
      404,
      "There is no such external auth provider.",
      "None has this id, or is for this URL.",
    );
  }
  const connection = externalAuth.connectionOf(provider);
  return c.json(
    connection === undefined
      ? { ...NOT_CONNECTED, url: consentUrl(ownOrigin(c), provider) }
      : describeConnection(provider, connection),
  );
}

/** agentsdk.ExternalAuthResponse, except for `url`, when the user must authenticate first. */
const NOT_CONNECTED = {
  access_token: "",
  token_extra: null,
  type: "",
  username: "",
  password: "",
  expires_at: NO_DATE,
};

/** agentsdk.ExternalAuthResponse with a token; `username` is for git. */
function describeConnection(
  { id }: Provider,
  { accessToken, extra, expiresAt }: Connection,
): Record<string, unknown> {
  const token = accessToken.reveal();
  return {
    access_token: token,
    token_extra: Object.keys(extra).length === 0 ? null : extra,
    url: "",
    type: id,
    username: token,
    password: "",
    expires_at: coderDate(expiresAt),
  };
}
