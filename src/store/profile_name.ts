import { NanoctlError } from "../errors.ts";
import { looksLikeToken } from "../secret.ts";

/** Whether a text can be a profile's name. */
export function isProfileName(text: string): boolean {
  return /^[A-Za-z0-9._-]{1,64}$/.test(text) && !looksLikeToken(text);
}

/**
 * A profile's name as it was given.
 *
 * Throws `usage` unless it is 1 to 64 letters, digits, `.`, `_` and `-`, and
 * for what looks like a token: a name is stored as it is.
 */
export function checkProfileName(name: string): string {
  return checkName(name, "profile");
}

/** The name of a key as it was given, of which the same holds. Throws as {@linkcode checkProfileName} does. */
export function checkKeyName(name: string): string {
  return checkName(name, "key");
}

function checkName(name: string, what: string): string {
  if (looksLikeToken(name)) {
    throw new NanoctlError(
      "usage",
      `what is given as the ${what}'s name looks like a token`,
      "give a token with --token-stdin, --token-file or --token",
    );
  }
  if (isProfileName(name)) return name;
  throw new NanoctlError(
    "usage",
    `${JSON.stringify(name.slice(0, 80))} can't be a ${what}'s name`,
    "a name is 1 to 64 letters, digits, dots, underscores and hyphens",
  );
}
