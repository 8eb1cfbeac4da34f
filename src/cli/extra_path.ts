import { NanoctlError } from "../errors.ts";
import { isRawNumber, ownMember } from "../json.ts";

/**
 * The names that a path such as `authed_user.id` or `teams.0.name` is made of.
 * A backslash takes the character behind it as it is: `\.` is a dot in a name.
 *
 * Throws `usage` where a name is empty or a backslash is the last character.
 */
export function parseExtraPath(path: string): string[] {
  const names = [""];
  for (const [part] of path.matchAll(/\\.|[^]/gsu)) {
    if (part === "\\") throw badPath("it ends with a backslash");
    if (part === ".") names.push("");
    else names.push((names.pop() ?? "") + part.replace(/^\\/, ""));
  }
  if (names.includes("")) throw badPath("one of its names is empty");
  return names;
}

/**
 * The value at a path of a token's extra properties.
 *
 * Throws `extra_missing` where there is none, or null: a script must not take
 * nothing for a value.
 */
export function extraAt(
  extra: Record<string, unknown>,
  path: readonly string[],
): unknown {
  let value: unknown = extra;
  for (const name of path) value = memberOf(value, name);
  if (value !== undefined && value !== null) return value;
  throw new NanoctlError(
    "extra_missing",
    `the token has no extra property ${path.join(".")}`,
    "see what it has with --json",
  );
}

function memberOf(value: unknown, name: string): unknown {
  if (Array.isArray(value)) {
    return /^(0|[1-9]\d*)$/.test(name) ? value[Number(name)] : undefined;
  }
  return isRawNumber(value) ? undefined : ownMember(value, name);
}

function badPath(fault: string): NanoctlError {
  return new NanoctlError(
    "usage",
    `what --extra gives is not a path: ${fault}`,
    "such as authed_user.id or teams.0.name; a dot in a name is \\.",
  );
}
