import { DEFAULT_SCOPES } from "../state.ts";
import { OAuthError } from "./oauth_errors.ts";

/** Every scope that a device login can ask for (RFC 8414, section 2: `scopes_supported`). */
export const SUPPORTED_SCOPES: readonly string[] = [
  ...DEFAULT_SCOPES,
  "offline_access",
];

/**
 * The scopes that a request asks for (RFC 6749, section 3.3), each of them once.
 *
 * @param possible The scopes that can be granted.
 * @param usual The scopes if it asks for none.
 * @throws {OAuthError} `invalid_scope` for any scope that can't be granted.
 */
export function grantedScopes(
  scope: string | undefined,
  possible: readonly string[],
  usual: readonly string[],
): readonly string[] {
  if (scope === undefined) return usual;
  const asked = [...new Set(scope.split(" "))];
  if (asked.every((one) => possible.includes(one))) return asked;
  throw new OAuthError(
    "invalid_scope",
    `The scope is malformed or has more than ${possible.join(" ")}.`,
  );
}
