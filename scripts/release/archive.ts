/** Reproducible archives: the same files give the same bytes. */

import { crc32 } from "node:zlib";

/** A file in an archive. */
export interface ArchivedFile {
  /** Relative, with forward slashes. */
  path: string;
  bytes: Uint8Array<ArrayBuffer>;
  executable: boolean;
}

/** Entries are sorted by path, with no particular owner and a single date. */
export interface ArchiveOptions {
  files: readonly ArchivedFile[];
  /** The date of every file, in seconds since 1970. */
  mtime: number;
  /** Whether a tar has an entry for every folder, too, as dpkg wants it. */
  folders?: boolean;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** A gzipped {@linkcode tar}. */
export function tarGz(options: ArchiveOptions): Promise<Bytes> {
  // CompressionStream writes neither a name nor a time (RFC 1952, section 2.3).
  return compressed(tar(options), "gzip");
}

/** A tar in the ustar format of POSIX.1-1988. Throws a RangeError for a path over 100 bytes. */
export function tar(options: ArchiveOptions): Blob {
  const { files, mtime, folders = false } = options;
  const entries = sorted([...folders ? foldersOf(files) : [], ...files]);
  const parts = entries.flatMap((file) => [
    tarHeader(file, mtime),
    file.bytes,
    new Uint8Array(-file.bytes.length & 511),
  ]);
  return new Blob([...parts, new Uint8Array(1024)]);
}

/** An entry for each folder on the way to the files; its path ends in a slash. */
function foldersOf(files: readonly ArchivedFile[]): ArchivedFile[] {
  const paths = files.flatMap(({ path }) =>
    [...path.matchAll(/\//g)].map(({ index }) => path.slice(0, index + 1))
  );
  return [...new Set(paths)].map((path) => ({
    path,
    bytes: new Uint8Array(),
    executable: true,
  }));
}

/**
 * A zip file (APPNOTE 6.3) without extra fields. Dates are UTC, with a resolution
 * of two seconds. Throws a RangeError for a date before 1980.
 */
export async function zip(options: ArchiveOptions): Promise<Bytes> {
  const local: Bytes[] = [];
  const central: Bytes[] = [];
  let offset = 0;
  for (const file of sorted(options.files)) {
    const name = new TextEncoder().encode(file.path);
    const data = await compressed(new Blob([file.bytes]), "deflate-raw");
    const common = zipFields(file, name, data, options.mtime);
    const header = joined([little(4, 0x04034b50), common, name]);
    central.push(joined([
      little(4, 0x02014b50),
      // Made on Unix, so that the mode is respected.
      little(2, 3 << 8 | 20),
      common,
      // Comment, disk, internal attributes, then a regular file's mode.
      little(2, 0, 0, 0),
      little(4, (0o100000 | modeOf(file)) * 0x10000, offset),
      name,
    ]));
    local.push(header, data);
    offset += header.length + data.length;
  }
  const directory = joined(central);
  const end = joined([
    little(4, 0x06054b50),
    little(2, 0, 0, central.length, central.length),
    little(4, directory.length, offset),
    little(2, 0),
  ]);
  return joined([...local, directory, end]);
}

/** The fields that both headers share: "version needed" to the lengths of name and extra field. */
function zipFields(
  file: ArchivedFile,
  name: Bytes,
  data: Bytes,
  mtime: number,
): Bytes {
  const date = new Date(mtime * 1000);
  if (date.getUTCFullYear() < 1980) {
    throw new RangeError("a zip archive knows no date before 1980");
  }
  const time = date.getUTCHours() << 11 | date.getUTCMinutes() << 5 |
    date.getUTCSeconds() >> 1;
  const day = date.getUTCFullYear() - 1980 << 9 |
    date.getUTCMonth() + 1 << 5 | date.getUTCDate();
  const utf8 = 1 << 11;
  return joined([
    little(2, 20, utf8, 8, time, day),
    little(4, crc32(file.bytes), data.length, file.bytes.length),
    little(2, name.length, 0),
  ]);
}

function tarHeader(file: ArchivedFile, mtime: number): Bytes {
  const header = new Uint8Array(512);
  const put = (at: number, text: string): void => {
    header.set(new TextEncoder().encode(text), at);
  };
  const octal = (value: number, length: number): string =>
    `${value.toString(8).padStart(length - 1, "0")}\0`;
  if (new TextEncoder().encode(file.path).length > 100) {
    throw new RangeError(`${file.path} is too long for a tar archive`);
  }
  put(0, file.path);
  put(100, octal(modeOf(file), 8));
  put(108, octal(0, 8));
  put(116, octal(0, 8));
  put(124, octal(file.bytes.length, 12));
  put(136, octal(mtime, 12));
  put(148, " ".repeat(8));
  put(156, file.path.endsWith("/") ? "5" : "0");
  put(257, "ustar\x0000");
  // The checksum counts its own field as spaces.
  const sum = header.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return header;
}

function modeOf({ executable }: ArchivedFile): number {
  return executable ? 0o755 : 0o644;
}

function sorted(files: readonly ArchivedFile[]): ArchivedFile[] {
  return files.toSorted((a, b) => a.path < b.path ? -1 : 1);
}

function little(size: 2 | 4, ...values: number[]): Bytes {
  const view = new DataView(new ArrayBuffer(size * values.length));
  values.forEach((value, index) => {
    if (size === 2) view.setUint16(index * size, value, true);
    else view.setUint32(index * size, value, true);
  });
  return new Uint8Array(view.buffer);
}

function joined(parts: readonly Bytes[]): Bytes {
  const all = new Uint8Array(
    parts.reduce((total, part) => total + part.length, 0),
  );
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

async function compressed(
  data: Blob,
  format: CompressionFormat,
): Promise<Bytes> {
  const stream = data.stream().pipeThrough(new CompressionStream(format));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
