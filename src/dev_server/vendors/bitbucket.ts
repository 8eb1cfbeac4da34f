import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { authenticate, type Refusal, type Wire } from "../authentication.ts";
import { type DevEnv, type Guard, ownOrigin } from "../guards.ts";
import { randomHex, randomText } from "../random.ts";
import type { DevState, Token, User } from "../state.ts";
import {
  basicCredentials,
  noTrailingSlash,
  tokenWithScheme,
  type Vendor,
} from "./vendor.ts";

const API = "/2.0";
const READ_USER = "read:user:bitbucket";

/** Bitbucket Cloud, its tokens being the API tokens of Atlassian accounts. */
export const bitbucket: Vendor = {
  name: "bitbucket",
  newToken: () =>
    `ATATT3xFfGF0${randomText(171)}=${randomHex(8).toUpperCase()}`,
  scopes: [READ_USER, "read:repository:bitbucket"],
  tokenPattern: /ATATT3[\w=-]{16,}/g,
  tokenPage: "/manage-profile/security/api-tokens",
  routes,
};

const wire: Wire = {
  presented: (c) =>
    basicCredentials(c)?.password ?? tokenWithScheme(c, "Bearer"),
  refuse,
};

function routes(state: DevState): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  app.use(`${API}/*`, tokenHeaders, noTrailingSlash(notFound));
  app.get(
    `${API}/user`,
    accepts(READ_USER),
    withOwnEmail(state),
    authenticate(state, wire, READ_USER),
    (c) => c.json(describeUser(c.get("token").user, ownOrigin(c))),
  );
  app.get(
    `${API}/user/emails`,
    accepts(READ_USER),
    withOwnEmail(state),
    authenticate(state, wire, READ_USER),
    (c) => {
      const { email } = c.get("token").user;
      const href = `${ownOrigin(c)}${API}/user/emails/${email}`;
      const links = { self: { href } };
      const flags = { is_primary: true, is_confirmed: true };
      const values = [{ type: "email", email, ...flags, links }];
      return c.json({ values, page: 1, size: 1, pagelen: 10 });
    },
  );
  app.all(`${API}/*`, notFound);
  app.all(
    "*",
    (c) => c.html("<!doctype html><title>Page not found</title>", 404),
  );
  return app;
}

/** Refuses a token that does not come with its owner's e-mail address, as a user name or a bearer's. */
function withOwnEmail(state: DevState): Guard {
  return async (c, next) => {
    const { username, password } = basicCredentials(c) ?? {};
    const token = password && await state.find(password);
    if (token && token.user.email === username) return await next();
    if (wire.presented(c) === undefined) return await next();
    return wrongCredentials(c);
  };
}

/** What a token is, on each answer to one that is valid. */
const tokenHeaders: Guard = async (c, next) => {
  await next();
  const token = c.get("token") as Token | undefined;
  if (token === undefined || c.res.status === 401) return;
  c.header("X-OAuth-Scopes", token.scopes.join(", "));
  c.header("X-Credential-Type", "api_token");
};

/** Names the scopes that a route takes, on each answer of it. */
function accepts(...scopes: string[]): Guard {
  return async (c, next) => {
    await next();
    c.header("X-Accepted-OAuth-Scopes", scopes.join(", "));
  };
}

function refuse(refusal: Refusal, c: Context<DevEnv>): Response {
  switch (refusal.reason) {
    case "absent":
    case "unknown":
    case "other_kind":
    case "expired":
    case "revoked":
      return wrongCredentials(c);
    case "insufficient_scope": {
      const granted = c.get("token").scopes;
      if (granted.length === 0) {
        const error = "API Token provided has no Bitbucket scopes.";
        return Response.json({ error }, { status: 401 });
      }
      return problem(
        403,
        "Your credentials lack one or more required privilege scopes.",
        { detail: { required: [refusal.scope], granted } },
      );
    }
    case "rate_limited":
      // Without a time: the limit is one of a rolling hour.
      return new Response("Rate limit for this resource has been exceeded", {
        status: 429,
        headers: { "Content-Type": "text/plain" },
      });
    case "failing":
      return problem(500, "Something went wrong");
    case "stopping":
    case "unavailable":
      return problem(503, "Service Unavailable");
  }
}

/** Only Basic credentials get a challenge. */
function wrongCredentials(c: Context): Response {
  const headers: HeadersInit = tokenWithScheme(c, "Bearer")
    ? {}
    : { "WWW-Authenticate": 'Basic realm="Bitbucket.org HTTP"' };
  const why = "Token is invalid, expired, or not supported for this endpoint.";
  return problem(401, why, {}, headers);
}

function notFound(): Response {
  return problem(404, "Resource not found", {
    detail: "There is no API hosted at this URL.",
  });
}

function problem(
  status: number,
  message: string,
  members: Record<string, unknown> = {},
  headers: HeadersInit = {},
): Response {
  const body = { type: "error", error: { message, ...members } };
  return Response.json(body, { status, headers });
}

function describeUser(
  { id, username, createdAt }: User,
  origin: string,
): Record<string, unknown> {
  const uuid = `{${id}}`;
  const own = `users/${encodeURIComponent(uuid)}`;
  const href = (path: string): { href: string } => ({
    href: `${origin}${path}`,
  });
  return {
    display_name: username,
    links: {
      self: href(`${API}/${own}`),
      avatar: href(`/account/${username}/avatar/`),
      repositories: href(`${API}/repositories/${encodeURIComponent(uuid)}`),
      snippets: href(`${API}/snippets/${encodeURIComponent(uuid)}`),
      html: href(`/${encodeURIComponent(uuid)}/`),
      hooks: href(`${API}/workspaces/${encodeURIComponent(uuid)}/hooks`),
    },
    created_on: createdAt.toISOString().replace("Z", "000+00:00"),
    type: "user",
    uuid,
    has_2fa_enabled: null,
    username,
    is_staff: false,
    account_id: `712020:${id}`,
    nickname: username,
    account_status: "active",
    location: null,
  };
}
