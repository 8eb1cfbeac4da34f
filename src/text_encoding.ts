import { type ErrorCode, NanoctlError } from "./errors.ts";

/**
 * The text in the bytes of a file that a person wrote; the bytes are zeroed.
 * It is UTF-8, or the UTF-16 that PowerShell's `>` writes, each with or without
 * a byte order mark (RFC 3629, section 6; RFC 2781, section 4). Without a mark
 * only ASCII in UTF-16 is recognised, by its NUL bytes. `source` is how the
 * error names where the bytes came from.
 *
 * Throws `code` for what looks like UTF-16 and can't be decoded for certain.
 */
export function takeText(
  bytes: Uint8Array<ArrayBuffer>,
  source: string,
  code: ErrorCode,
): string {
  try {
    const text = decoded(bytes);
    if (text !== undefined) return text;
  } finally {
    bytes.fill(0);
  }
  throw new NanoctlError(
    code,
    `${source} looks like UTF-16, but is cut short or mixed with another encoding`,
    "write it anew in UTF-8: in PowerShell with '| Set-Content -Encoding utf8 <file>' instead of '> <file>'",
  );
}

/** Undefined for damaged UTF-16. */
function decoded(bytes: Uint8Array<ArrayBuffer>): string | undefined {
  const encoding = encodingOf(bytes);
  if (encoding === "utf-8") return new TextDecoder().decode(bytes);
  if (encoding === undefined) return undefined;
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    // UTF-32 has a mark that begins like that of UTF-16.
    return text.includes("\0") ? undefined : text;
  } catch {
    return undefined;
  }
}

/** Undefined where so much ASCII stands between NUL bytes that it must be UTF-16, but not of one byte order. */
function encodingOf(
  bytes: Uint8Array,
): "utf-8" | "utf-16le" | "utf-16be" | undefined {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return "utf-16le";
  if (first === 0xfe && second === 0xff) return "utf-16be";
  if (!bytes.includes(0)) return "utf-8";
  if (bytes.length % 2 === 0) {
    if (bytes.every((byte, at) => (byte === 0) === (at % 2 === 1))) {
      return "utf-16le";
    }
    if (bytes.every((byte, at) => (byte === 0) === (at % 2 === 0))) {
      return "utf-16be";
    }
  }
  // A stray NUL or a program has few such places, or many NUL bytes in a row.
  const between = bytes.filter((byte, at) =>
    byte >= 0x20 && byte < 0x7f && bytes[at - 1] === 0 && bytes[at + 1] === 0
  );
  return 4 * between.length > bytes.length ? undefined : "utf-8";
}
