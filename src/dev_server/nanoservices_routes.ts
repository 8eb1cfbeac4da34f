import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { Secret } from "../secret.ts";
import { type DevEnv, type Guard, onlyMethods } from "./guards.ts";
import { problem } from "./problems.ts";
import {
  ACCOUNT_READ,
  type DevState,
  type Token,
  type TokenState,
} from "./state.ts";

const REALM = 'Bearer realm="nanoctl dev-server"';

/** The nanoservices API, version 1, as far as the service speaks it: `/v1/me` and `/v1/logout`. */
export function nanoservicesRoutes(state: DevState): Hono<DevEnv> {
  const app = new Hono<DevEnv>();
  app.get("/v1/me", authenticate(state, ACCOUNT_READ), (c) => {
    const { id, name, user, expiresAt, scopes } = c.get("token");
    const token = { id, name, expires_at: expiresAt, scopes };
    return c.json({ username: user.username, email: user.email, token });
  });
  app.post("/v1/logout", authenticate(state), (c) => {
    state.change(c.get("token"), { state: "revoked" });
    return c.body(null, 204);
  });
  onlyMethods(app, "/v1/me", "GET", "HEAD");
  onlyMethods(app, "/v1/logout", "POST");
  return app;
}

/**
 * Lets a request on whose bearer token (RFC 6750) is good, and gives every
 * other token the answer of its state.
 *
 * @param scope What the token must be allowed; nothing in particular if left out.
 */
export function authenticate(state: DevState, scope?: string): Guard {
  return async (c, next) => {
    const secret = bearer(c.req.header("authorization"));
    if (secret === undefined) {
      return unauthorized("token_invalid", "The request has no bearer token.");
    }
    const token = await state.find(secret);
    if (token === undefined) {
      return unauthorized("token_invalid", "The token is not known.", true);
    }
    c.set("token", token);
    const refusal = await outcome(state, token, c);
    if (refusal) return refusal;
    if (scope !== undefined && !token.scopes.includes(scope)) {
      return problem(
        "insufficient_scope",
        `The token lacks the scope ${scope}.`,
        {
          "WWW-Authenticate":
            `${REALM}, error="insufficient_scope", scope="${scope}"`,
        },
      );
    }
    return await next();
  };
}

/** RFC 6750, section 2.1; the scheme is in any case (RFC 9110, section 11.1). */
function bearer(header = ""): Secret | undefined {
  const [, value] = /^Bearer +([\w.~+/-]+=*)$/i.exec(header) ?? [];
  return value === undefined ? undefined : new Secret(value);
}

/** RFC 6750, section 3: an error is named only when there was a token to judge. */
function unauthorized(
  code: "token_invalid" | "token_expired" | "token_revoked",
  detail: string,
  judged = false,
): Response {
  const reason = `, error="invalid_token", error_description="${detail}"`;
  const challenge = judged ? REALM + reason : REALM;
  return problem(code, detail, { "WWW-Authenticate": challenge });
}

/** The answer that a token's state calls for; undefined when the request may go on. */
async function outcome(
  state: DevState,
  token: Token,
  c: Context,
): Promise<Response | undefined> {
  const answers: Record<TokenState, () => Response | undefined> = {
    valid: () => undefined,
    slow: () => undefined,
    expired: () =>
      unauthorized("token_expired", "The token has expired.", true),
    revoked: () =>
      unauthorized("token_revoked", "The token was revoked.", true),
    rate_limited: () =>
      problem("rate_limited", "Too many requests with this token.", {
        "Retry-After": `${token.retryAfter ?? 1}`,
      }),
    failing: () => problem("internal", "The service failed, as rehearsed."),
    unavailable: () =>
      problem(
        "unavailable",
        "The service is not available, as rehearsed.",
        token.retryAfter === undefined
          ? {}
          : { "Retry-After": `${token.retryAfter}` },
      ),
    garbled: () => c.html("<!doctype html><title>Sign in to the Wi-Fi</title>"),
    misshapen: () => c.json({ username: 42, email: null, token: "none" }),
  };
  const answer = state.use(token);
  if (answer === "slow" && !await pause(token.delay, c, state)) {
    return problem("unavailable", "The service is stopping.");
  }
  return answers[answer]();
}

/** Waits so many seconds; false if the client left or the service stops before. */
async function pause(
  seconds: number,
  c: Context,
  { stopping }: DevState,
): Promise<boolean> {
  const ended = AbortSignal.any([c.req.raw.signal, stopping]);
  if (ended.aborted) return false;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(true), seconds * 1000);
  ended.addEventListener("abort", () => resolve(false), { once: true });
  return await promise.finally(() => clearTimeout(timer));
}
