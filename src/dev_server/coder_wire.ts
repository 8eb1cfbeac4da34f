import { Secret } from "../secret.ts";
import type { Refusal, Wire } from "./authentication.ts";

/** For the routes that require a user's session. */
export const coderUserWire: Wire = coderWire("user");

/** For the routes that require a workspace agent. */
export const coderAgentWire: Wire = coderWire("agent");

/** Coder's value for "no date": Go's zero time. */
export const NO_DATE = "0001-01-01T00:00:00Z";

/** A date in Coder's format. */
export function coderDate(date: Date | null): string {
  return date === null ? NO_DATE : date.toISOString();
}

/**
 * An error answer in Coder's format.
 *
 * @param message One sentence for a person; never holds a token.
 * @param detail A second sentence that says why.
 */
export function coderError(
  status: number,
  message: string,
  detail: string,
  headers: Record<string, string> = {},
): Response {
  return Response.json({ message, detail }, { status, headers });
}

/** Tokens are in `Coder-Session-Token`; every 401 is the same except for its detail. */
function coderWire(kind: "user" | "agent"): Wire {
  const wanted = kind === "user" ? "a user's session" : "a workspace agent";
  const unauthorized = (detail: string): Response =>
    coderError(401, `This is for ${wanted} that is signed in.`, detail);
  return {
    kind,
    presented: (c) => {
      const value = c.req.header("coder-session-token") ?? "";
      return value === "" ? undefined : new Secret(value);
    },
    refuse: (refusal) => refuse(refusal, kind, unauthorized),
  };
}

function refuse(
  refusal: Refusal,
  kind: "user" | "agent",
  unauthorized: (detail: string) => Response,
): Response {
  switch (refusal.reason) {
    case "absent":
      return unauthorized("There is no Coder-Session-Token header.");
    case "unknown":
      return unauthorized("The token is invalid.");
    case "other_kind":
      return unauthorized(
        kind === "agent"
          ? "The token is a user's, not an agent's."
          : "The token is an agent's, not a user's.",
      );
    case "expired": {
      const at = coderDate(refusal.expiresAt);
      return unauthorized(`The token expired at ${at}.`);
    }
    case "revoked":
      return unauthorized("The token was revoked.");
    case "insufficient_scope":
      return coderError(
        403,
        "The token is not allowed to do this.",
        `It lacks the scope ${refusal.scope}.`,
      );
    case "rate_limited":
      return coderError(
        429,
        "There were too many requests.",
        "The service was told to say so.",
        { "Retry-After": `${refusal.retryAfter}` },
      );
    case "failing":
      return coderError(
        500,
        "The service failed.",
        "The service was told to say so.",
      );
    case "stopping":
      return coderError(503, "The service is stopping.", "Start it again.");
    case "unavailable":
      return coderError(
        503,
        "The service is not available.",
        "The service was told to say so.",
        refusal.retryAfter === undefined
          ? {}
          : { "Retry-After": `${refusal.retryAfter}` },
      );
  }
}
