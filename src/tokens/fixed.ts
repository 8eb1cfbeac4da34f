import type {
  SessionToken,
  TokenOrigin,
  TokenProvider,
} from "../http/token_provider.ts";

/** A provider for a token that was passed directly and never changes. */
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
