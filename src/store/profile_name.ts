import { NanoctlError } from "../errors.ts";

/**
 * A profile's name as it was given.
 *
 * Throws `usage` unless it is 1 to 64 letters, digits, `.`, `_` and `-`.
 */
export function checkProfileName(name: string): string {
  if (/^[A-Za-z0-9._-]{1,64}$/.test(name)) return name;
  throw new NanoctlError(
    "usage",
    `${JSON.stringify(name.slice(0, 80))} can't be a profile's name`,
    "a name is 1 to 64 letters, digits, dots, underscores and hyphens",
  );
}
