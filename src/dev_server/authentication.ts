import type { Context } from "hono";
import type { Secret } from "../secret.ts";
import type { DevEnv, Guard } from "./guards.ts";
import type { DevState, Token, TokenState } from "./state.ts";

/** Why a request is refused. `retryAfter` is in seconds. */
export type Refusal =
  | { reason: "absent" | "unknown" | "revoked" | "failing" | "stopping" }
  /** A user's token where an agent's is required, or vice versa. */
  | { reason: "other_kind" }
  | { reason: "expired"; expiresAt: Date }
  | { reason: "rate_limited"; retryAfter: number }
  | { reason: "unavailable"; retryAfter: number | undefined }
  /** Any one of these scopes, separated by spaces, would do. */
  | { reason: "insufficient_scope"; scope: string };

/** How a wire protocol carries tokens and reports refusals. */
export interface Wire {
  /** Whose tokens it accepts; both kinds if omitted. */
  readonly kind?: "user" | "agent";
  /** The token in a request; undefined if it has none, or a malformed one. */
  presented(c: Context): Secret | undefined;
  /** The answer to a refused request. */
  refuse(refusal: Refusal, c: Context<DevEnv>): Response;
}

/**
 * Passes requests with a valid token, and answers all others according to the
 * token's state, in the wire's error format.
 *
 * @param anyOf The token must have one of these scopes; none if omitted.
 */
export function authenticate(
  state: DevState,
  wire: Wire,
  ...anyOf: readonly string[]
): Guard {
  return async (c, next) => {
    const secret = wire.presented(c);
    if (secret === undefined) return wire.refuse({ reason: "absent" }, c);
    const token = await state.find(secret);
    if (token === undefined) return wire.refuse({ reason: "unknown" }, c);
    c.set("token", token);
    const answer = await outcome(state, wire, token, c);
    if (answer) return answer;
    const kind = token.agent === null ? "user" : "agent";
    if (kind !== (wire.kind ?? kind)) {
      return wire.refuse({ reason: "other_kind" }, c);
    }
    const lacks = !anyOf.some((scope) => token.scopes.includes(scope));
    if (anyOf.length > 0 && lacks) {
      const scope = anyOf.join(" ");
      return wire.refuse({ reason: "insufficient_scope", scope }, c);
    }
    return await next();
  };
}

/** The answer for the token's state; undefined if the request may go on. */
async function outcome(
  state: DevState,
  wire: Wire,
  token: Token,
  c: Context<DevEnv>,
): Promise<Response | undefined> {
  const { retryAfter, expiresAt } = token;
  const refuse = (refusal: Refusal): Response => wire.refuse(refusal, c);
  const answers: Record<TokenState, () => Response | undefined> = {
    valid: () => undefined,
    slow: () => undefined,
    expired: () =>
      refuse({ reason: "expired", expiresAt: expiresAt ?? state.now() }),
    revoked: () => refuse({ reason: "revoked" }),
    rate_limited: () =>
      refuse({ reason: "rate_limited", retryAfter: retryAfter ?? 1 }),
    failing: () => refuse({ reason: "failing" }),
    unavailable: () => refuse({ reason: "unavailable", retryAfter }),
    garbled: () => c.html("<!doctype html><title>Sign in to the Wi-Fi</title>"),
    misshapen: () => c.json(MISSHAPEN),
  };
  const answer = state.use(token);
  if (answer === "slow" && !await pause(token.delay, c, state)) {
    return refuse({ reason: "stopping" });
  }
  return answers[answer]();
}

/** An invalid answer for every route of every wire. */
const MISSHAPEN = {
  id: 42,
  username: 42,
  email: null,
  token: "none",
  expires_at: 42,
  providers: "none",
  access_token: 42,
  url: 42,
};

/** Waits; false if the client disconnects or the service stops first. */
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
