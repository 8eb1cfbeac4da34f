import { NanoctlError } from "../errors.ts";
import type { CurrentToken } from "./session/current_token.ts";

/** What a format can name in braces. */
export const FORMAT_FIELDS = [
  "token",
  "url",
  "host",
  "hostname",
  "username",
  "profile",
  "service",
  "expires_at",
] as const;

type Field = typeof FORMAT_FIELDS[number];

/** A text, or a field in its place. */
type Part = string | { field: Field };

/** What stands for a character that is hard to write between a shell's quotes. */
const ESCAPES: Readonly<Record<string, string>> = {
  "{{": "{",
  "}}": "}",
  "\\n": "\n",
  "\\t": "\t",
  "\\\\": "\\",
};

/** A text without anything special, an escape, a field, or else one character that is out of place. */
const PIECES = /[^{}\\]+|\{\{|\}\}|\\[nt\\]|\{([^{}]*)\}|[^]/g;

/**
 * Reads a format such as `Bearer {token}`. `{{` and `}}` stand for braces, and
 * `\n`, `\t` and `\\` for a line feed, a tab and a backslash.
 *
 * Throws `usage` for an unknown field, and for a brace or a backslash that is out
 * of place.
 */
export function readFormat(format: string): Part[] {
  return [...format.matchAll(PIECES)].map(([piece, name]) => {
    if (name !== undefined) return { field: knownField(name) };
    if (!/^[{}\\]/.test(piece)) return piece;
    const meant = ESCAPES[piece];
    if (meant !== undefined) return meant;
    throw badFormat(
      piece === "\\"
        ? "--format has a backslash that is out of place"
        : "--format has a brace that is out of place",
      "; {{ and }} are braces, \\n, \\t and \\\\ a line feed, a tab and a backslash",
    );
  });
}

function knownField(name: string): Field {
  const found = FORMAT_FIELDS.find((field) => field === name);
  if (found) return found;
  throw badFormat(`--format names the field {${name}}, which there is not`);
}

function badFormat(message: string, more = ""): NanoctlError {
  const fields = FORMAT_FIELDS.map((field) => `{${field}}`).join(", ");
  return new NanoctlError("usage", message, `the fields are ${fields}${more}`);
}

/**
 * Fills a format in.
 *
 * Throws `usage` if it has `{username}` and nobody knows that, and
 * `service_response` for a value with a control character or a line break, which
 * could pass for more than one value.
 */
export function fillFormat(parts: Part[], current: CurrentToken): string {
  return parts.map((part) =>
    typeof part === "string" ? part : safeValue(part.field, current)
  ).join("");
}

function safeValue(field: Field, current: CurrentToken): string {
  const value = valueOf(field, current);
  if (!/[\p{Cc}\u2028\u2029]/u.test(value)) return value;
  throw new NanoctlError(
    "service_response",
    `the value of {${field}} has a control character or a line break in it, and was not printed`,
    "log in again; if that doesn't help, tell the service's operator",
  );
}

function valueOf(
  field: Field,
  { target, token, username }: CurrentToken,
): string {
  switch (field) {
    case "token":
      return token.secret.reveal();
    case "host":
      return new URL(target.url).host;
    case "hostname":
      // Other programs have an IPv6 address without its brackets.
      return new URL(target.url).hostname.replace(/^\[(.*)\]$/, "$1");
    case "username":
      if (username !== undefined) return username;
      throw new NanoctlError(
        "usage",
        "--format has {username}, and the user name of this token is not known",
        "write the name itself; only a stored login has one",
      );
    case "expires_at":
      return token.expiresAt?.toISOString() ?? "";
    default:
      return target[field];
  }
}
