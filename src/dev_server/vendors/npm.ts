import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { Secret } from "../../secret.ts";
import { authenticate, type Refusal, type Wire } from "../authentication.ts";
import type { DevEnv, Guard } from "../guards.ts";
import { randomText } from "../random.ts";
import type { DevState, Token } from "../state.ts";
import { noTrailingSlash, tokenWithScheme, type Vendor } from "./vendor.ts";

const NOTICE = "Access token expired or revoked. Please try logging in again.";
const PROFILE = "/-/npm/v1/user";
const TOKENS = "/-/npm/v1/tokens";

/**
 * The API of an npm registry for accounts and tokens. Without the scope
 * `write` a token is a read-only one, without `account` a granular one, which
 * may not look at its account, and with `otp` its account asks for one-time
 * passwords to write.
 */
export const npm: Vendor = {
  name: "npm",
  newToken: () => `npm_${randomText(36)}`,
  scopes: ["read", "write", "account"],
  tokenPattern: /npm_\w{16,}/g,
  tokenPage: "/settings/~/tokens/granular-access-tokens/new",
  routes,
};

const wire: Wire = {
  presented: (c) => tokenWithScheme(c, "Bearer"),
  refuse,
};

function routes(state: DevState): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  const anyToken = authenticate(state, wire);
  const account = authenticate(state, wire, "account");
  app.use("*", noTrailingSlash(notFound));
  app.get("/-/ping", (c) => c.json({}));
  app.get("/-/whoami", anyToken, (c) => {
    return c.json({ username: c.get("token").user.username });
  });
  app.get(PROFILE, account, (c) => c.json(profileOf(c.get("token"))));
  app.get(TOKENS, account, (c) => listTokens(c, state));
  app.delete(`${TOKENS}/token/:key`, account, mayWrite, async (c) => {
    const own = ownTokens(c.get("token"), state);
    const keys = await Promise.all(own.map((token) => keyOf(c, token)));
    const token = own[keys.indexOf(c.req.param("key"))];
    if (token === undefined) return notFound();
    state.change(token, { state: "revoked" });
    return c.body(null, 204);
  });
  app.delete("/-/user/token/:token", anyToken, mayWrite, async (c) => {
    const token = await state.find(new Secret(c.req.param("token")));
    if (token?.user !== c.get("token").user) return notFound();
    state.change(token, { state: "revoked" });
    return c.json({ ok: true });
  });
  app.all("*", notFound);
  return app;
}

/** A token and its account decide about destructive methods. */
const mayWrite: Guard = async (c, next) => {
  const { scopes } = c.get("token");
  if (!scopes.includes("write")) return answer(403, { message: "Forbidden" });
  const password = c.req.header("npm-otp") ?? "";
  if (scopes.includes("otp") && !/^\d{6}$/.test(password)) {
    const error = "This operation requires a one-time password.";
    return answer(401, { error }, { "www-authenticate": "OTP" });
  }
  return await next();
};

function refuse(refusal: Refusal): Response {
  switch (refusal.reason) {
    case "absent":
      return answer(401, { message: "Unauthorized" });
    case "unknown":
    case "other_kind":
    case "expired":
    case "revoked":
      return answer(401, { message: "Unauthorized" }, { "npm-notice": NOTICE });
    case "insufficient_scope":
      return answer(403, { message: "Forbidden" });
    case "rate_limited":
      return answer(
        429,
        { error: "rate limited exceeded" },
        retryAfter(refusal.retryAfter),
      );
    case "failing":
      return answer(500, { error: "Internal Server Error" });
    case "stopping":
      return answer(503, { error: "Service Unavailable" });
    case "unavailable":
      return answer(
        503,
        { error: "Service Unavailable" },
        retryAfter(refusal.retryAfter),
      );
  }
}

function retryAfter(seconds: number | undefined): Record<string, string> {
  return seconds === undefined ? {} : { "retry-after": `${seconds}` };
}

function notFound(): Response {
  return answer(404, { error: "Not found" });
}

function answer(
  status: number,
  body: Record<string, unknown>,
  headers: Record<string, string> = {},
): Response {
  return Response.json(body, { status, headers });
}

function profileOf({ user, scopes }: Token): Record<string, unknown> {
  const { username, email, createdAt } = user;
  return {
    tfa: scopes.includes("otp")
      ? { mode: "auth-and-writes", pending: false }
      : false,
    name: username,
    email,
    email_verified: true,
    created: createdAt,
    updated: createdAt,
    cidr_whitelist: null,
    fullname: username,
  };
}

/** A page of the tokens that the account has. */
async function listTokens(
  c: Context<DevEnv>,
  state: DevState,
): Promise<Response> {
  const own = ownTokens(c.get("token"), state);
  const { page = "0", perPage = "10" } = c.req.query();
  const [at, count] = [page, perPage].map((text) =>
    /^\d{1,4}$/.test(text) ? Number(text) : undefined
  );
  if (at === undefined || !count || at > 0 && at * count >= own.length) {
    return answer(400, { message: "There is no such page." });
  }
  const pathOf = (number: number): string =>
    `${TOKENS}?page=${number}&perPage=${count}`;
  const shown = own.slice(at * count, (at + 1) * count);
  return c.json({
    objects: await Promise.all(shown.map((token) => describe(c, token))),
    total: own.length,
    urls: {
      ...(at + 1) * count < own.length ? { next: pathOf(at + 1) } : {},
      ...at > 0 ? { prev: pathOf(at - 1) } : {},
    },
  });
}

function ownTokens({ user }: Token, state: DevState): Token[] {
  return state.tokens().filter((token) =>
    token.user === user &&
    !["expired", "revoked"].includes(state.stateOf(token))
  );
}

async function describe(
  c: Context<DevEnv>,
  token: Token,
): Promise<Record<string, unknown>> {
  const { name, createdAt, expiresAt, scopes } = token;
  return {
    token: valueOf(c, token)?.slice(0, 6) ?? "[REDACTED]",
    key: await keyOf(c, token),
    name,
    cidr_whitelist: null,
    readonly: !scopes.includes("write"),
    created: createdAt,
    updated: createdAt,
    expires: expiresAt,
  };
}

/** The SHA-512 of a token, in hexadecimal; of others than the presented one only the id is known. */
async function keyOf(c: Context<DevEnv>, token: Token): Promise<string> {
  const bytes = new TextEncoder().encode(valueOf(c, token) ?? token.id);
  return new Uint8Array(await crypto.subtle.digest("SHA-512", bytes)).toHex();
}

function valueOf(c: Context<DevEnv>, token: Token): string | undefined {
  if (token !== c.get("token")) return undefined;
  return tokenWithScheme(c, "Bearer")?.reveal();
}
