import type {
  SessionToken,
  TokenOrigin,
  TokenProvider,
} from "../http/token_provider.ts";

/** A token that was given as it is and does not change. */
export function fixedToken(
  token: SessionToken,
  origin: TokenOrigin,
  source: string,
): TokenProvider {
  return {
    origin,
    source,
    getToken: () => Promise.resolve(token),
  };
}
