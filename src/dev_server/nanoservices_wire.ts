import { Secret } from "../secret.ts";
import type { Refusal, Wire } from "./authentication.ts";
import { problem } from "./problems.ts";

const REALM = 'Bearer realm="nanoctl dev-server"';

/** The nanoservices wire: bearer tokens (RFC 6750), problem details (RFC 9457). */
export const nanoservicesWire: Wire = {
  presented: (c) => bearer(c.req.header("authorization")),
  refuse,
};

/** RFC 6750, section 2.1; the scheme is case-insensitive (RFC 9110, section 11.1). */
function bearer(header = ""): Secret | undefined {
  const [, value] = /^Bearer +([\w.~+/-]+=*)$/i.exec(header) ?? [];
  return value === undefined ? undefined : new Secret(value);
}

function refuse(refusal: Refusal): Response {
  switch (refusal.reason) {
    case "absent":
      return unauthorized("token_invalid", "The request has no bearer token.");
    case "unknown":
      return unauthorized("token_invalid", "The token is not known.", true);
    case "other_kind":
      return unauthorized("token_invalid", "The token is not for this.", true);
    case "expired":
      return unauthorized("token_expired", "The token has expired.", true);
    case "revoked":
      return unauthorized("token_revoked", "The token was revoked.", true);
    case "insufficient_scope":
      return lacking(refusal.scope);
    case "rate_limited":
      return problem("rate_limited", "Too many requests with this token.", {
        "Retry-After": `${refusal.retryAfter}`,
      });
    case "failing":
      return problem("internal", "The service failed, as rehearsed.");
    case "stopping":
      return problem("unavailable", "The service is stopping.");
    case "unavailable":
      return problem(
        "unavailable",
        "The service is not available, as rehearsed.",
        refusal.retryAfter === undefined
          ? {}
          : { "Retry-After": `${refusal.retryAfter}` },
      );
  }
}

/** RFC 6750, section 3: the challenge has an error only if the request had a token. */
function unauthorized(
  code: "token_invalid" | "token_expired" | "token_revoked",
  detail: string,
  judged = false,
): Response {
  const reason = `, error="invalid_token", error_description="${detail}"`;
  const challenge = judged ? REALM + reason : REALM;
  return problem(code, detail, { "WWW-Authenticate": challenge });
}

function lacking(scope: string): Response {
  return problem("insufficient_scope", `The token lacks the scope ${scope}.`, {
    "WWW-Authenticate":
      `${REALM}, error="insufficient_scope", scope="${scope}"`,
  });
}
