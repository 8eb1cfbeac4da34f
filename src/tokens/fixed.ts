import type { TokenOrigin, TokenProvider } from "../http/token_provider.ts";
import type { Secret } from "../secret.ts";

/** A token that was given as it is and does not change. */
export function fixedToken(
  secret: Secret,
  origin: TokenOrigin,
  source: string,
): TokenProvider {
  return {
    origin,
    source,
    getToken: () => Promise.resolve({ secret }),
  };
}
