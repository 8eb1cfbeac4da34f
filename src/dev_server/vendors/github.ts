import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { isObject } from "../../json.ts";
import { Secret } from "../../secret.ts";
import { limitedBody } from "../admin_body.ts";
import { authenticate, type Refusal, type Wire } from "../authentication.ts";
import { type DevEnv, type Guard, ownOrigin } from "../guards.ts";
import { randomText } from "../random.ts";
import type { DevState, Token, User } from "../state.ts";
import { githubDeviceRoutes } from "./github_device.ts";
import {
  basicCredentials,
  epochSeconds,
  noTrailingSlash,
  numberOf,
  tokenWithScheme,
  type Vendor,
} from "./vendor.ts";

/** The base path of GitHub Enterprise Server's API. */
const API = "/api/v3";
const DOCS = "https://docs.github.com/rest";
const VERSIONS = ["2022-11-28"];
/** Requests an hour with one token. */
const LIMIT = 5000;
const HOUR = 60 * 60;
const EMAIL_SCOPES = ["user:email", "user"];

/** GitHub Enterprise Server with rate limits, its tokens being classic personal access tokens. */
export const github: Vendor = {
  name: "github",
  newToken: () => `ghp_${randomText(36)}`,
  scopes: ["repo", "user"],
  tokenPattern: /gh[opsur]_\w{16,}|github_pat_\w{16,}/g,
  tokenPage: "/settings/tokens/new",
  routes,
};

function wireOf(state: DevState): Wire {
  return {
    // With Basic, the token is the password of any user name.
    presented: (c) =>
      tokenWithScheme(c, "Bearer", "token") ?? basicCredentials(c)?.password,
    refuse: (refusal, c) => refuse(refusal, c, state),
  };
}

function routes(state: DevState): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  const wire = wireOf(state);
  app.use(`${API}/*`, apiHeaders(state), wellFormed, noTrailingSlash(notFound));
  app.get(`${API}/meta`, (c) =>
    c.json({
      verifiable_password_authentication: true,
      installed_version: "3.19.0",
    }));
  app.get(`${API}/user`, authenticate(state, wire), (c) => {
    return c.json(describeUser(c.get("token").user, ownOrigin(c)));
  });
  app.get(
    `${API}/user/emails`,
    accepts(...EMAIL_SCOPES),
    authenticate(state, wire, ...EMAIL_SCOPES),
    (c) => {
      const { email } = c.get("token").user;
      const visibility = "public";
      return c.json([{ email, primary: true, verified: true, visibility }]);
    },
  );
  app.get(
    `${API}/notifications`,
    accepts("notifications", "repo"),
    authenticate(state, wire, "notifications", "repo"),
    (c) => c.json([]),
  );
  app.post(
    `${API}/credentials/revoke`,
    limitedBody,
    authenticate(state, wire),
    (c) => revoke(c, state),
  );
  app.route("/", githubDeviceRoutes(state));
  app.all(`${API}/*`, notFound);
  app.all(
    "*",
    (c) => c.html("<!doctype html><title>Page not found</title>", 404),
  );
  return app;
}

/** The headers on each answer of the API; those of a token if it is valid. */
function apiHeaders(state: DevState): Guard {
  return async (c, next) => {
    await next();
    const token = c.get("token") as Token | undefined;
    const isLimited = c.res.headers.get("X-RateLimit-Remaining") === "0";
    const used = isLimited ? LIMIT : Math.min(token?.requests ?? 0, LIMIT - 1);
    c.header("X-GitHub-Enterprise-Version", "3.19.0");
    c.header("X-GitHub-Media-Type", "github.v3; format=json");
    c.header("X-GitHub-Request-Id", crypto.randomUUID().toUpperCase());
    c.header("X-RateLimit-Limit", `${LIMIT}`);
    c.header("X-RateLimit-Remaining", `${LIMIT - used}`);
    c.header("X-RateLimit-Used", `${used}`);
    c.header("X-RateLimit-Resource", "core");
    if (!isLimited) {
      c.header("X-RateLimit-Reset", `${epochSeconds(state.fromNow(HOUR))}`);
    }
    if (token === undefined || c.res.status === 401) return;
    c.header("X-OAuth-Scopes", token.scopes.join(", "));
    if (!c.res.headers.has("X-Accepted-OAuth-Scopes")) {
      c.header("X-Accepted-OAuth-Scopes", "");
    }
    if (token.expiresAt === null) return;
    const [date, time] = token.expiresAt.toISOString().split(/[T.]/);
    c.header("GitHub-Authentication-Token-Expiration", `${date} ${time} UTC`);
  };
}

/** Names the scopes that a route takes, on each answer of it. */
function accepts(...scopes: string[]): Guard {
  return async (c, next) => {
    await next();
    c.header("X-Accepted-OAuth-Scopes", scopes.join(", "));
  };
}

/** Refuses requests without a user agent or for an unknown version of the API. */
const wellFormed: Guard = async (c, next) => {
  if (!c.req.header("user-agent")) {
    return problem(403, "Request forbidden: there is no User-Agent header.");
  }
  const version = c.req.header("x-github-api-version");
  if (version !== undefined && !VERSIONS.includes(version)) {
    return problem(400, "This version of the API is not supported.");
  }
  return await next();
};

function refuse(
  refusal: Refusal,
  c: Context<DevEnv>,
  state: DevState,
): Response {
  switch (refusal.reason) {
    case "absent":
      return problem(401, "Requires authentication");
    case "unknown":
    case "other_kind":
    case "expired":
    case "revoked":
      return problem(401, "Bad credentials");
    case "insufficient_scope":
      return c.req.path === `${API}/notifications`
        ? problem(403, "Missing the 'notifications' scope.")
        // So that nobody learns what there is.
        : notFound();
    case "rate_limited": {
      const id = numberOf(c.get("token").user.id);
      const reset = state.fromNow(refusal.retryAfter);
      return problem(403, `API rate limit exceeded for user ID ${id}.`, {
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": `${epochSeconds(reset)}`,
      });
    }
    case "failing":
      return problem(500, "Server Error");
    case "stopping":
    case "unavailable":
      return problem(503, "Service Unavailable");
  }
}

/** Ends the tokens that the body lists, whoever has them. */
async function revoke(
  c: Context<DevEnv>,
  state: DevState,
): Promise<Response> {
  const sent: unknown = await c.req.json().catch(() => undefined);
  if (sent === undefined) return problem(400, "Problems parsing JSON");
  const values = isObject(sent) ? sent.credentials : undefined;
  const isList = Array.isArray(values) && values.length > 0 &&
    values.every((value) => typeof value === "string");
  if (!isList) return problem(422, "Invalid request.");
  for (const value of values) {
    const token = await state.find(new Secret(value));
    if (token) state.change(token, { state: "revoked" });
  }
  return c.body(null, 202);
}

/** The user of a token, with the fields that are there for any scope. */
function describeUser(
  { id, username, email, createdAt }: User,
  origin: string,
): Record<string, unknown> {
  const created = createdAt.toISOString().replace(/\.\d+/, "");
  const url = `${origin}${API}/users/${username}`;
  return {
    login: username,
    id: numberOf(id),
    node_id: `U_${id.slice(0, 8)}`,
    avatar_url: `${origin}/avatars/u/${numberOf(id)}`,
    gravatar_id: "",
    url,
    html_url: `${origin}/${username}`,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type: "User",
    site_admin: false,
    name: null,
    company: null,
    blog: "",
    location: null,
    email,
    hireable: null,
    bio: null,
    public_repos: 0,
    public_gists: 0,
    followers: 0,
    following: 0,
    created_at: created,
    updated_at: created,
  };
}

function notFound(): Response {
  return problem(404, "Not Found");
}

/** An error answer. Its status is a text in the body. */
function problem(
  status: number,
  message: string,
  headers: Record<string, string> = {},
): Response {
  const body = { message, documentation_url: DOCS, status: `${status}` };
  return Response.json(body, { status, headers });
}
