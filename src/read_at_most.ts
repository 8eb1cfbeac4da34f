/** The start of a file, and whether it is one rather than a pipe or a device. */
export interface ReadFile {
  bytes: Uint8Array<ArrayBuffer>;
  isFile: boolean;
}

/**
 * Reads a file up to a limit in bytes, and one byte more to tell that there is
 * more: a device may have no end. Throws what Deno throws.
 */
export async function readAtMost(
  path: string,
  limit: number,
): Promise<ReadFile> {
  using file = await Deno.open(path);
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
