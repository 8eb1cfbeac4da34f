import type { Context } from "hono";
import type { Secret } from "../secret.ts";
import type { DevEnv, Guard } from "./guards.ts";
import type { DevState, Token, TokenState } from "./state.ts";

/** Why a request is not let on. Times to wait are in seconds. */
export type Refusal =
  | { reason: "absent" | "unknown" | "revoked" | "failing" | "stopping" }
  /** A user's token where an agent's is wanted, or the other way round. */
  | { reason: "other_kind" }
  | { reason: "expired"; expiresAt: Date }
  | { reason: "rate_limited"; retryAfter: number }
  | { reason: "unavailable"; retryAfter: number | undefined }
  | { reason: "insufficient_scope"; scope: string };

/** How a wire has tokens presented, and what it says of those it refuses. */
export interface Wire {
  /** Whose tokens it takes; both kinds if left out. */
  readonly kind?: "user" | "agent";
  /** The token that a request presents; undefined for none, or none of that form. */
  presented(c: Context): Secret | undefined;
  /** The answer to a request that is not let on. */
  refuse(refusal: Refusal): Response;
}

/**
 * Lets a request on whose token is good, and gives every other token the
 * answer of its state, in the words of the wire.
 *
 * @param scope What the token must be allowed; nothing in particular if left out.
 */
export function authenticate(
  state: DevState,
  wire: Wire,
  scope?: string,
): Guard {
  return async (c, next) => {
    const secret = wire.presented(c);
    if (secret === undefined) return wire.refuse({ reason: "absent" });
    const token = await state.find(secret);
    if (token === undefined) return wire.refuse({ reason: "unknown" });
    c.set("token", token);
    const answer = await outcome(state, wire, token, c);
    if (answer) return answer;
    const kind = token.agent === null ? "user" : "agent";
    if (kind !== (wire.kind ?? kind)) {
      return wire.refuse({ reason: "other_kind" });
    }
    if (scope !== undefined && !token.scopes.includes(scope)) {
      return wire.refuse({ reason: "insufficient_scope", scope });
    }
    return await next();
  };
}

/** The answer that a token's state calls for; undefined when the request may go on. */
async function outcome(
  state: DevState,
  wire: Wire,
  token: Token,
  c: Context<DevEnv>,
): Promise<Response | undefined> {
  const { retryAfter, expiresAt } = token;
  const answers: Record<TokenState, () => Response | undefined> = {
    valid: () => undefined,
    slow: () => undefined,
    expired: () =>
      wire.refuse({ reason: "expired", expiresAt: expiresAt ?? state.now() }),
    revoked: () => wire.refuse({ reason: "revoked" }),
    rate_limited: () =>
      wire.refuse({ reason: "rate_limited", retryAfter: retryAfter ?? 1 }),
    failing: () => wire.refuse({ reason: "failing" }),
    unavailable: () => wire.refuse({ reason: "unavailable", retryAfter }),
    garbled: () => c.html("<!doctype html><title>Sign in to the Wi-Fi</title>"),
    misshapen: () => c.json(MISSHAPEN),
  };
  const answer = state.use(token);
  if (answer === "slow" && !await pause(token.delay, c, state)) {
    return wire.refuse({ reason: "stopping" });
  }
  return answers[answer]();
}

/** Wrong for every route of every wire. */
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
