import { NanoctlError } from "../errors.ts";

/** How much of a body that we parse is read at most, in bytes: 10 MiB. */
export const BODY_LIMIT = 10 * 1024 * 1024;
/** How many levels of objects and lists a body that we parse may have: more could be read, but not printed. */
export const LEVELS_LIMIT = 500;

/**
 * Reads a body as text and stops at `limit` bytes, however they came: what is
 * counted is what decompression gives.
 *
 * Throws `service_response` when the body is longer.
 */
export async function readText(
  response: Response,
  limit = BODY_LIMIT,
): Promise<string> {
  if (!response.body) return "";
  // Read at once it takes 2 ms less of a start. A length is that of what is sent, compressed or not.
  const length = response.headers.get("content-length");
  const isPlain = !response.headers.has("content-encoding");
  if (length !== null && isPlain && Number(length) <= limit) {
    return await response.text();
  }
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.length;
    if (size > limit) {
      throw new NanoctlError(
        "service_response",
        `the service answered with more than ${sizeOf(limit)}`,
      );
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** Whether parsed JSON has no more levels of objects and lists than these. */
export function isNestedWithin(value: unknown, levels = LEVELS_LIMIT): boolean {
  if (typeof value !== "object" || value === null) return true;
  return levels > 0 &&
    Object.values(value).every((member) => isNestedWithin(member, levels - 1));
}

/** A number of bytes in the largest unit that holds it without a fraction. */
function sizeOf(bytes: number): string {
  if (bytes % 2 ** 20 === 0) return `${bytes / 2 ** 20} MiB`;
  if (bytes % 2 ** 10 === 0) return `${bytes / 2 ** 10} KiB`;
  return `${bytes} bytes`;
}
