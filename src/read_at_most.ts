import { interruptibly } from "./process/interrupt.ts";

/** What was read, and whether it is from a regular file, not a pipe or a device. */
export interface ReadFile {
  bytes: Uint8Array<ArrayBuffer>;
  isFile: boolean;
}

/**
 * Reads a file up to a limit in bytes, and one byte more to detect a longer one: a
 * device may have no end. Throws what Deno throws.
 */
export async function readAtMost(
  path: string,
  limit: number,
): Promise<ReadFile> {
  using file = await interruptibly(() => Deno.open(path));
  const bytes = new Uint8Array(limit + 1);
  let length = 0;
  while (length < bytes.length) {
    const read = await file.read(bytes.subarray(length));
    if (read === null) break;
    length += read;
  }
  return {
    bytes: bytes.subarray(0, length),
    isFile: (await file.stat()).isFile,
  };
}
