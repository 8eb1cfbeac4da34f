import type { TokenEndpointResponse } from "oauth4webapi";
import { NanoctlError } from "../../errors.ts";
import { Secret } from "../../secret.ts";
import { type GrantedTokens, renewalTime } from "../../grant.ts";

/** A token that lives longer, in seconds, has no end that matters; one that lives far longer has none that a date can hold. */
const MOST_LIFE = 100 * 365 * 24 * 60 * 60;

/**
 * The tokens of an answer of the token endpoint (RFC 6749, section 5.1). Without
 * a new refresh token the old one goes on (section 6).
 *
 * Throws `service_response` for tokens that no header can carry.
 */
export function tokensIn(
  answer: TokenEndpointResponse,
  receivedAt: Date,
  old?: Secret,
): GrantedTokens {
  const { access_token, refresh_token, token_type, expires_in } = answer;
  if (token_type !== "bearer") {
    throw unusable(`its type is not Bearer`);
  }
  if (!isVisible(access_token)) throw unusable("no header can carry it");
  if (refresh_token !== undefined && refresh_token === "") {
    throw unusable("its refresh token is empty");
  }
  const refreshToken = refresh_token === undefined
    ? old
    : new Secret(refresh_token);
  return {
    token: new Secret(access_token),
    ...(refreshToken ? { refreshToken } : {}),
    ...lifeOf(expires_in, receivedAt),
  };
}

/** When a token that lives so long, in seconds, ends and is to be renewed. */
function lifeOf(
  seconds: number | undefined,
  receivedAt: Date,
): Pick<GrantedTokens, "expiresAt" | "renewAt"> {
  if (seconds === undefined || seconds > MOST_LIFE) return {};
  const expiresAt = new Date(receivedAt.getTime() + seconds * 1000);
  return { expiresAt, renewAt: renewalTime(expiresAt, receivedAt) };
}

function isVisible(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

function unusable(reason: string): NanoctlError {
  return new NanoctlError(
    "service_response",
    `the server issued a token that can't be used: ${reason}`,
  );
}
