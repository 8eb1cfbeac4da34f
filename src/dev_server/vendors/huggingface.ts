import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { isObject } from "../../json.ts";
import { Secret } from "../../secret.ts";
import { limitedBody } from "../admin_body.ts";
import { authenticate, type Refusal, type Wire } from "../authentication.ts";
import type { DevEnv, Guard } from "../guards.ts";
import { OAuthState } from "../oauth/oauth_state.ts";
import { randomHex, randomText } from "../random.ts";
import type { DevState, Token } from "../state.ts";
import { huggingfaceOAuthRoutes } from "./huggingface_oauth.ts";
import {
  basicCredentials,
  noTrailingSlash,
  tokenWithScheme,
  type Vendor,
} from "./vendor.ts";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** Requests with one token in a window. */
const LIMIT = 1000;
/** How long a window is, in seconds. */
const WINDOW = 300;
const BAD_TOKEN = "Invalid credentials in Authorization header";
/** Permissions of fine-grained tokens that are for no resource. */
const GLOBAL = ["discussion.write", "post.write"];

/**
 * The Hugging Face Hub. The scopes of a user access token are its role `read`
 * or `write`, or else the permissions of a fine-grained one.
 */
export const huggingface: Vendor = {
  name: "huggingface",
  newToken: () => `hf_${randomText(34, LETTERS)}`,
  scopes: ["read"],
  tokenPattern: /hf_[\w.-]{16,}/g,
  tokenPage: "/settings/tokens/new",
  routes,
};

function routes(state: DevState): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  const oauth = new OAuthState(state, {
    // What follows the prefix is a JWT.
    accessToken: () =>
      `hf_oauth_${[20, 80, 43].map((length) => randomText(length)).join(".")}`,
    refreshToken: () => `hf_oauth_refresh${randomText(40)}`,
  });
  app.use("*", requestId);
  app.use("/api/*", rateHeaders(state), noTrailingSlash(notFound));
  const wire: Wire = { presented, refuse: (refusal) => refuse(refusal) };
  app.get("/api/whoami-v2", authenticate(state, wire), (c) => {
    const token = c.get("token");
    const isOAuth = oauth.grants.ofAccessToken(token) !== undefined;
    return c.json(isOAuth ? describeOAuth(token) : describePersonal(token));
  });
  app.get(
    "/api/settings/webhooks",
    authenticate(
      state,
      wire,
      "read",
      "write",
      "webhooks",
      "user.webhooks.read",
    ),
    (c) => c.json([]),
  );
  app.post(
    "/api/credentials/revoke",
    limitedBody,
    (c) => revokeCredentials(c, state),
  );
  app.all("/api/*", notFound);
  app.route("/", huggingfaceOAuthRoutes(state, oauth));
  app.all(
    "*",
    (c) => c.html("<!doctype html><title>404 - Hugging Face</title>", 404),
  );
  return app;
}

/** A token is a bearer's, or the password of any user name. */
function presented(c: Context): Secret | undefined {
  return tokenWithScheme(c, "Bearer") ?? basicCredentials(c)?.password;
}

const requestId: Guard = async (c, next) => {
  await next();
  c.header("X-Request-Id", `Root=1-${randomHex(8)}-${randomHex(24)}`);
};

/** The headers on each answer of the API (draft-ietf-httpapi-ratelimit-headers-09). */
function rateHeaders(state: DevState): Guard {
  return async (c, next) => {
    await next();
    c.header("RateLimit-Policy", `"fixed window";"api";q=${LIMIT};w=${WINDOW}`);
    if (c.res.headers.has("RateLimit")) return;
    const token = c.get("token") as Token | undefined;
    const left = LIMIT - Math.min(token?.requests ?? 1, LIMIT);
    const passed = Math.floor(Number(state.now()) / 1000) % WINDOW;
    c.header("RateLimit", `"api";r=${left};t=${WINDOW - passed}`);
  };
}

function refuse(refusal: Refusal): Response {
  switch (refusal.reason) {
    case "absent":
      return problem(401, "Invalid username or password.");
    case "unknown":
    case "other_kind":
    case "expired":
    case "revoked":
      return problem(401, BAD_TOKEN);
    case "insufficient_scope":
      return problem(
        403,
        "This authentication method does not have sufficient permissions to list webhooks",
      );
    case "rate_limited":
      return problem(429, "You have reached your 'api' rate limit.", {
        RateLimit: `"api";r=0;t=${refusal.retryAfter}`,
      });
    case "failing":
      return problem(
        500,
        "Internal Error - We're working hard to fix this as soon as possible!",
      );
    case "stopping":
      return problem(503, "Service Unavailable");
    case "unavailable":
      return problem(
        503,
        "Service Unavailable",
        refusal.retryAfter === undefined
          ? {}
          : { "Retry-After": `${refusal.retryAfter}` },
      );
  }
}

function notFound(): Response {
  return problem(404, "Sorry, we can't find the page you are looking for.");
}

/** An error answer, whose text is in a header too. */
function problem(
  status: number,
  error: string,
  headers: Record<string, string> = {},
): Response {
  return Response.json({ error }, {
    status,
    headers: { ...headers, "X-Error-Message": error },
  });
}

/** Ends the listed tokens, for whoever found them, and tells nothing of them. */
async function revokeCredentials(
  c: Context<DevEnv>,
  state: DevState,
): Promise<Response> {
  const sent: unknown = await c.req.json().catch(() => undefined);
  const values = isObject(sent) ? sent.credentials : undefined;
  const isList = Array.isArray(values) && values.length > 0 &&
    values.every((value) => typeof value === "string");
  if (!isList) return problem(400, '"credentials" must be a list of texts');
  for (const value of values) {
    const token = await state.find(new Secret(value));
    if (token) state.change(token, { state: "revoked" });
  }
  return c.body(null, 202);
}

/** A user access token has a name and no end. Fine-grained ones don't show the e-mail. */
function describePersonal(token: Token): Record<string, unknown> {
  const { name, createdAt, scopes, user } = token;
  const classic = ["write", "read"].find((role) => scopes.includes(role));
  const scoped = scopes.filter((scope) => !GLOBAL.includes(scope));
  const accessToken = {
    displayName: name,
    role: classic ?? "fineGrained",
    createdAt,
    ...classic ? {} : {
      fineGrained: {
        canReadGatedRepos: false,
        global: scopes.filter((scope) => GLOBAL.includes(scope)),
        scoped: [{
          entity: { _id: idOf(token), type: "user", name: user.username },
          permissions: scoped,
        }],
      },
    },
  };
  return {
    ...describeUser(token, classic !== undefined),
    auth: { type: "access_token", accessToken },
  };
}

/** A token of OAuth has an end, and shows the e-mail only for its scope. */
function describeOAuth(token: Token): Record<string, unknown> {
  return {
    ...describeUser(token, token.scopes.includes("email")),
    auth: { type: "oauth", expiresAt: token.expiresAt },
  };
}

function describeUser(
  token: Token,
  showsEmail: boolean,
): Record<string, unknown> {
  const { username, email } = token.user;
  return {
    type: "user",
    id: idOf(token),
    name: username,
    fullname: username,
    ...showsEmail ? { email, emailVerified: true } : {},
    canPay: false,
    billingMode: "prepaid",
    periodEnd: null,
    isPro: false,
    avatarUrl: `/avatars/${idOf(token)}.svg`,
    orgs: [],
  };
}

/** Ids are 24 hexadecimal digits. */
function idOf({ user }: Token): string {
  return user.id.replaceAll("-", "").slice(0, 24);
}
