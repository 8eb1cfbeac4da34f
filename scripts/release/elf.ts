/** What an ELF file needs to start: the System V ABI, chapters 4 and 5. */

/** The names in a program or a shared library of 64 bits. */
export interface ElfNames {
  /** The processor, such as 62 for x86-64 and 183 for AArch64. */
  machine: number;
  /** The absolute path of the loader; undefined of a library and a static program. */
  interpreter?: string;
  /** The shared libraries that it was linked with, as DT_NEEDED lists them. */
  needed: string[];
}

interface Segment {
  type: number;
  offset: number;
  address: number;
  size: number;
}

const LOAD = 1;
const DYNAMIC = 2;
const INTERPRETER = 3;
const NEEDED = 1;
const STRING_TABLE = 5;

/** Reads the names. Throws a TypeError unless the file is ELF of 64 bits, little-endian. */
export function readElf(bytes: Uint8Array): ElfNames {
  const isElf = [0x7f, 0x45, 0x4c, 0x46, 2, 1].every((byte, index) =>
    bytes[index] === byte
  );
  if (!isElf) throw new TypeError("this is no ELF file of 64 bits");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const segments = segmentsOf(view);
  const machine = view.getUint16(18, true);
  const found = segments.find(({ type }) => type === INTERPRETER);
  const needed = neededIn(bytes, view, segments);
  if (!found) return { machine, needed };
  return { machine, interpreter: textAt(bytes, found.offset), needed };
}

function segmentsOf(view: DataView): Segment[] {
  const start = wide(view, 32);
  const size = view.getUint16(54, true);
  return Array.from({ length: view.getUint16(56, true) }, (_, index) => {
    const at = start + index * size;
    return {
      type: view.getUint32(at, true),
      offset: wide(view, at + 8),
      address: wide(view, at + 16),
      size: wide(view, at + 32),
    };
  });
}

function neededIn(
  bytes: Uint8Array,
  view: DataView,
  segments: Segment[],
): string[] {
  const dynamic = segments.find(({ type }) => type === DYNAMIC);
  if (!dynamic) return [];
  const offsets: number[] = [];
  let strings = 0;
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16) {
    const tag = wide(view, at);
    if (tag === 0) break;
    if (tag === NEEDED) offsets.push(wide(view, at + 8));
    if (tag === STRING_TABLE) strings = wide(view, at + 8);
  }
  const loaded = segments.find(({ type, address, size }) =>
    type === LOAD && address <= strings && strings < address + size
  );
  if (!loaded) throw new TypeError("this ELF file has no table of its names");
  const table = loaded.offset + strings - loaded.address;
  return offsets.map((offset) => textAt(bytes, table + offset));
}

function textAt(bytes: Uint8Array, start: number): string {
  return new TextDecoder().decode(
    bytes.subarray(start, bytes.indexOf(0, start)),
  );
}

/** Offsets and addresses have 64 bits; those of a file that fits into memory are safe. */
function wide(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}
