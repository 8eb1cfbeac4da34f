import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { Secret } from "../../secret.ts";
import { authenticate, type Refusal, type Wire } from "../authentication.ts";
import {
  type DevEnv,
  type Guard,
  ownOrigin,
  refuseOtherMethods,
} from "../guards.ts";
import { OAuthState } from "../oauth/oauth_state.ts";
import { randomHex, randomText } from "../random.ts";
import type { DevState, Token, User } from "../state.ts";
import { gitlabOAuthRoutes, isOAuthToken } from "./gitlab_oauth.ts";
import {
  basicCredentials,
  epochSeconds,
  noTrailingSlash,
  numberOf,
  tokenWithScheme,
  type Vendor,
} from "./vendor.ts";

const API = "/api/v4";
const SELF = `${API}/personal_access_tokens/self`;
/** Requests a minute with one token. */
const LIMIT = 600;

/** GitLab, self-managed, its tokens being personal access tokens. */
export const gitlab: Vendor = {
  name: "gitlab",
  newToken: () => `glpat-${randomText(20)}`,
  scopes: ["api", "read_user"],
  tokenPattern: /glpat-[\w.-]{20,}|\b[\da-f]{64}\b/g,
  tokenPage: "/-/user_settings/personal_access_tokens",
  routes,
};

function routes(state: DevState): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  const oauth = new OAuthState(state, {
    accessToken: () => randomHex(64),
    refreshToken: () => randomHex(64),
  });
  const wire: Wire = {
    presented,
    refuse: (refusal, c) => refuse(refusal, c, state),
  };
  app.use("*", gitlabHeaders);
  app.use(`${API}/*`, noTrailingSlash(noRoute));
  app.get(
    `${API}/version`,
    authenticate(state, wire),
    (c) => c.json({ version: "18.5.0", revision: "0123456789a" }),
  );
  app.get(
    `${API}/user`,
    authenticate(state, wire, "api", "read_api", "read_user"),
    (c) => c.json(describeUser(c.get("token").user, ownOrigin(c))),
  );
  app.get(
    SELF,
    authenticate(state, wire),
    personalOnly(oauth),
    (c) => c.json(describeToken(state, c.get("token"))),
  );
  app.delete(SELF, authenticate(state, wire), personalOnly(oauth), (c) => {
    state.change(c.get("token"), { state: "revoked" });
    return c.body(null, 204);
  });
  for (
    const [path, ...methods] of [
      [`${API}/version`, "GET", "HEAD"],
      [`${API}/user`, "GET", "HEAD"],
      [SELF, "GET", "HEAD", "DELETE"],
    ] as const
  ) {
    refuseOtherMethods(
      app,
      path,
      methods,
      (_, allow) =>
        Response.json({ error: "405 Not Allowed" }, {
          status: 405,
          headers: { Allow: allow },
        }),
    );
  }
  app.all(`${API}/*`, noRoute);
  app.route("/", gitlabOAuthRoutes(state, oauth, wire));
  app.all(
    "*",
    (c) => c.html("<!doctype html><title>Not Found</title>", 404),
  );
  return app;
}

/** A personal token is taken in its own header too, and as a password; one of OAuth only as a bearer's. */
function presented(c: Context): Secret | undefined {
  const own = c.req.header("private-token");
  const personal = own ? new Secret(own) : basicCredentials(c)?.password;
  if (personal) return isOAuthToken(personal) ? undefined : personal;
  return tokenWithScheme(c, "Bearer");
}

/** The headers on each answer. */
const gitlabHeaders: Guard = async (c, next) => {
  await next();
  const id = crypto.randomUUID().replaceAll("-", "").toUpperCase().slice(0, 26);
  const meta = { correlation_id: id, version: "1" };
  c.header("X-Gitlab-Meta", JSON.stringify(meta));
  c.header("X-Request-Id", id);
};

/** Refuses the tokens of OAuth. */
function personalOnly({ grants }: OAuthState): Guard {
  return async (c, next) => {
    if (grants.ofAccessToken(c.get("token")) === undefined) return await next();
    const why =
      "This endpoint requires token type to be a personal access token";
    return Response.json({ message: `400 Bad request - ${why}` }, {
      status: 400,
    });
  };
}

function refuse(
  refusal: Refusal,
  c: Context<DevEnv>,
  state: DevState,
): Response {
  switch (refusal.reason) {
    case "absent":
      return message(401, "401 Unauthorized");
    case "unknown":
    case "other_kind":
      return tokenWithScheme(c, "Bearer")
        ? invalid("Bad Access Token.")
        : message(401, "401 Unauthorized");
    case "expired":
      return invalid(
        "Token is expired. You can either do re-authorization or token refresh.",
      );
    case "revoked":
      return invalid(
        "Token was revoked. You have to re-authorize from the user.",
      );
    case "insufficient_scope":
      return Response.json({
        error: "insufficient_scope",
        error_description:
          "The request requires higher privileges than provided by the access token.",
        scope: refusal.scope,
      }, { status: 403 });
    case "rate_limited":
      return throttled(state, refusal.retryAfter);
    case "failing":
      return message(500, "500 Internal Server Error");
    case "stopping":
    case "unavailable":
      return message(503, "503 Service Unavailable");
  }
}

/** The answer of the throttle before the API, which is no JSON. */
function throttled(state: DevState, retryAfter: number): Response {
  const reset = state.fromNow(retryAfter);
  return new Response("Retry later\n", {
    status: 429,
    headers: {
      "Content-Type": "text/plain",
      "RateLimit-Name": "throttle_authenticated_api",
      "RateLimit-Limit": `${LIMIT}`,
      "RateLimit-Observed": `${LIMIT + 1}`,
      "RateLimit-Remaining": "0",
      "RateLimit-Reset": `${epochSeconds(reset)}`,
      "RateLimit-ResetTime": reset.toUTCString(),
      "Retry-After": `${retryAfter}`,
    },
  });
}

/** RFC 6750, section 3.1. */
function invalid(description: string): Response {
  const error = "invalid_token";
  const challenge =
    `Bearer realm="The API", error="${error}", error_description="${description}"`;
  return Response.json({ error, error_description: description }, {
    status: 401,
    headers: { "WWW-Authenticate": challenge },
  });
}

function message(status: number, text: string): Response {
  return Response.json({ message: text }, { status });
}

function noRoute(): Response {
  return Response.json({ error: "404 Not Found" }, { status: 404 });
}

function describeToken(
  state: DevState,
  token: Token,
): Record<string, unknown> {
  const { name, createdAt, scopes, user, lastUsed, expiresAt } = token;
  return {
    id: state.tokens().indexOf(token) + 1,
    name,
    revoked: false,
    created_at: createdAt,
    description: null,
    scopes,
    user_id: numberOf(user.id),
    last_used_at: lastUsed,
    active: true,
    expires_at: expiresAt && midnightFrom(expiresAt),
    last_used_ips: ["127.0.0.1"],
  };
}

/** The day that starts at this moment or next: GitLab's tokens end at midnight. */
function midnightFrom(date: Date): string {
  const day = 24 * 60 * 60 * 1000;
  const midnight = new Date(Math.ceil(Number(date) / day) * day);
  return midnight.toISOString().slice(0, 10);
}

function describeUser(
  { id, username, email, createdAt }: User,
  origin: string,
): Record<string, unknown> {
  const created = createdAt.toISOString();
  return {
    id: numberOf(id),
    username,
    name: username,
    state: "active",
    locked: false,
    avatar_url: null,
    web_url: `${origin}/${username}`,
    created_at: created,
    bio: "",
    location: null,
    public_email: null,
    organization: null,
    job_title: "",
    bot: false,
    last_sign_in_at: created,
    confirmed_at: created,
    last_activity_on: created.slice(0, 10),
    email,
    projects_limit: 100_000,
    current_sign_in_at: created,
    identities: [],
    can_create_group: true,
    can_create_project: true,
    two_factor_enabled: false,
    external: false,
    private_profile: false,
    commit_email: email,
  };
}
