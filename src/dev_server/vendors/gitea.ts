import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { Secret } from "../../secret.ts";
import { authenticate, type Refusal, type Wire } from "../authentication.ts";
import { type DevEnv, ownOrigin } from "../guards.ts";
import { randomHex } from "../random.ts";
import type { DevState, Token, User } from "../state.ts";
import {
  basicCredentials,
  noTrailingSlash,
  numberOf,
  tokenWithScheme,
  type Vendor,
} from "./vendor.ts";

const API = "/api/v1";
const READ_USER = ["read:user", "write:user", "all"];

/** What Forgejo does otherwise, or an older Gitea. */
interface Dialect {
  readonly version: string;
  readonly isForgejo: boolean;
}

/** Gitea 1.27, whose tokens end only when they are deleted: an expired one is unknown. */
export const gitea: Vendor = giteaLike({ version: "1.27.0", isForgejo: false });

/** Forgejo, to nanoctl a Gitea. A token can neither end itself nor ask for its scopes. */
export const forgejo: Vendor = giteaLike({
  version: "11.0.1+gitea-1.22.0",
  isForgejo: true,
});

function giteaLike(dialect: Dialect): Vendor {
  return {
    name: "gitea",
    newToken: () => randomHex(40),
    scopes: ["read:user", "write:repository"],
    tokenPattern: /\b[\da-f]{40}\b/g,
    tokenPage: "/user/settings/applications",
    routes: (state) => routes(state, dialect),
  };
}

function routes(state: DevState, dialect: Dialect): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  const { version, isForgejo } = dialect;
  const wire: Wire = {
    presented,
    refuse: (refusal, c) => refuse(refusal, c, dialect),
  };
  const notFound = (c: Context): Response =>
    isForgejo
      ? problem(c, 404, "The target couldn't be found.", { errors: [] })
      : problem(c, 404, "not found", { errors: null });
  app.use(`${API}/*`, noTrailingSlash(notFound));
  app.get(`${API}/version`, (c) => c.json({ version }));
  if (isForgejo) {
    app.get("/api/forgejo/v1/version", (c) => c.json({ version }));
  }
  app.get(
    `${API}/user`,
    authenticate(state, wire, ...READ_USER),
    (c) => {
      const described = describeUser(c.get("token").user, ownOrigin(c));
      return c.json(isForgejo ? { ...described, pronouns: "" } : described);
    },
  );
  if (!isForgejo) app.route("/", tokenRoutes(state, wire));
  for (const path of ["/users/:name/tokens", "/users/:name/tokens/:id"]) {
    // They take a password only, which no user has here.
    app.all(
      `${API}${path}`,
      authenticate(state, wire),
      (c) => problem(c, 401, "auth required"),
    );
  }
  app.all(`${API}/*`, notFound);
  app.all(
    "*",
    (c) => c.html("<!doctype html><title>Page Not Found</title>", 404),
  );
  return app;
}

/** A token has its own scheme or a bearer's, or is the password, or the user name without one. */
function presented(c: Context): Secret | undefined {
  const { username, password } = basicCredentials(c) ?? {};
  const isNameAlone = password === undefined ||
    password.reveal() === "x-oauth-basic";
  const inBasic = isNameAlone && username ? new Secret(username) : password;
  return tokenWithScheme(c, "token", "Bearer") ?? inBasic;
}

/** What a token is, and its end. */
function tokenRoutes(state: DevState, wire: Wire): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  // Neither takes a scope, nor a token that is a password.
  app.get(
    `${API}/token`,
    authenticate(state, wire),
    (c) =>
      isInHeader(c)
        ? c.json(describeToken(state, c.get("token")))
        : problem(c, 404, "invalid personal token"),
  );
  app.delete(`${API}/token`, authenticate(state, wire), (c) => {
    if (!isInHeader(c)) return problem(c, 404, "invalid personal token");
    state.change(c.get("token"), { state: "revoked" });
    return c.body(null, 204);
  });
  return app;
}

function isInHeader(c: Context): boolean {
  return tokenWithScheme(c, "token", "Bearer") !== undefined;
}

function refuse(
  refusal: Refusal,
  c: Context<DevEnv>,
  { isForgejo }: Dialect,
): Response {
  switch (refusal.reason) {
    case "absent":
      return problem(c, 401, "token is required");
    case "unknown":
    case "other_kind":
    case "expired":
    case "revoked":
      return problem(c, 401, "invalid username, password or token");
    case "insufficient_scope": {
      const [required] = refusal.scope.split(" ");
      const granted = c.get("token").scopes.join(",");
      const which = isForgejo
        ? `: [${required}]`
        : `, required=[${required}], token scope=${granted}`;
      const lacks = "token does not have at least one of required scope(s)";
      return problem(c, 403, lacks + which);
    }
    case "rate_limited":
      // Gitea has no limits of its own: this is a proxy's.
      return new Response("Too Many Requests\n", {
        status: 429,
        headers: {
          "Content-Type": "text/plain",
          "Retry-After": `${refusal.retryAfter}`,
        },
      });
    case "failing":
      return problem(c, 500, "");
    case "stopping":
    case "unavailable":
      return new Response("Service Unavailable\n", {
        status: 503,
        headers: { "Content-Type": "text/plain" },
      });
  }
}

/** An error answer, which names the page that documents the API. */
function problem(
  c: Context,
  status: number,
  message: string,
  members: Record<string, unknown> = {},
): Response {
  const url = `${ownOrigin(c)}/api/swagger`;
  return Response.json({ message, url, ...members }, { status });
}

function describeToken(
  state: DevState,
  token: Token,
): Record<string, unknown> {
  const { name, scopes, createdAt, lastUsed, user } = token;
  return {
    id: state.tokens().indexOf(token) + 1,
    name,
    scopes,
    created_at: goDate(createdAt),
    last_used_at: goDate(lastUsed ?? createdAt),
    user: { id: numberOf(user.id), login: user.username },
  };
}

function describeUser(
  { id, username, email, createdAt }: User,
  origin: string,
): Record<string, unknown> {
  return {
    id: numberOf(id),
    login: username,
    login_name: "",
    source_id: 0,
    full_name: "",
    email,
    avatar_url: `${origin}/avatars/${id.replaceAll("-", "")}`,
    html_url: `${origin}/${username}`,
    language: "en-US",
    is_admin: false,
    last_login: goDate(createdAt),
    created: goDate(createdAt),
    restricted: false,
    active: true,
    prohibit_login: false,
    location: "",
    website: "",
    description: "",
    visibility: "public",
    followers_count: 0,
    following_count: 0,
    starred_repos_count: 0,
    username,
  };
}

/** A date to the second, as Go's encoder prints it. */
function goDate(date: Date): string {
  return date.toISOString().replace(/\.\d+/, "");
}
