import type { Account } from "../services/service.ts";
import { serviceLabel } from "../services/names.ts";
import type { TokenProvider } from "../http/token_provider.ts";
import type { Target } from "../tokens/resolve.ts";

/** Who is logged in where, as `whoami --json` and `login --json` print it. */
export function accountJson(
  account: Account,
  target: Target,
  provider: TokenProvider,
): Record<string, unknown> {
  return {
    account: { username: account.username, email: account.email },
    service: serviceLabel(target.service),
    url: target.url,
    profile: target.profile,
    origin: provider.origin,
    ...(account.scopes ? { scopes: account.scopes } : {}),
    expires_at: account.expiresAt?.toISOString() ?? null,
  };
}
