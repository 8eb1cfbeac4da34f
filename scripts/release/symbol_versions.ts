/** What a Linux program needs of its system, read from its ELF file (System V ABI, gABI 4.1). */

/** The libraries of a program, and the symbol versions that it takes from each. */
export type Needs = Map<string, string[]>;

/** `SHT_GNU_verneed`, of the GNU extensions (LSB Core, "Symbol Versioning"). */
const VERNEED = 0x6ffffffe;

/** Reads a 64-bit little-endian file. Throws a RangeError for any other. */
export function needsOf(program: Uint8Array<ArrayBuffer>): Needs {
  const view = new DataView(program.buffer, program.byteOffset, program.length);
  const isElf = view.getUint32(0) === 0x7f454c46;
  if (!isElf || program[4] !== 2 || program[5] !== 1) {
    throw new RangeError("no 64-bit little-endian ELF file");
  }
  const sections = sectionsOf(view);
  const versions = sections.find(({ type }) => type === VERNEED);
  const names = versions && sections[versions.link];
  if (!versions || !names) return new Map();
  const nameAt = (at: number): string => textAt(program, names.offset + at);
  const needs: Needs = new Map();
  let file = versions.offset;
  for (let left = versions.info; left > 0; left--) {
    const taken: string[] = [];
    let symbol = file + view.getUint32(file + 8, true);
    for (let more = view.getUint16(file + 2, true); more > 0; more--) {
      taken.push(nameAt(view.getUint32(symbol + 8, true)));
      symbol += view.getUint32(symbol + 12, true);
    }
    needs.set(nameAt(view.getUint32(file + 4, true)), taken);
    file += view.getUint32(file + 12, true);
  }
  return needs;
}

/** The highest version with this prefix, such as `2.27` for `GLIBC_`; undefined if there is none. */
export function highest(needs: Needs, prefix: string): string | undefined {
  const form = new RegExp(`^${prefix}(\\d+(?:\\.\\d+)*)$`);
  return [...needs.values()].flat()
    .flatMap((version) => version.match(form)?.[1] ?? [])
    .sort(byNumbers).at(-1);
}

function byNumbers(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

interface Section {
  type: number;
  offset: number;
  link: number;
  info: number;
}

function sectionsOf(view: DataView): Section[] {
  const table = Number(view.getBigUint64(40, true));
  const size = view.getUint16(58, true);
  return Array.from({ length: view.getUint16(60, true) }, (_, index) => {
    const at = table + index * size;
    return {
      type: view.getUint32(at + 4, true),
      offset: Number(view.getBigUint64(at + 24, true)),
      link: view.getUint32(at + 40, true),
      info: view.getUint32(at + 44, true),
    };
  });
}

function textAt(bytes: Uint8Array, at: number): string {
  return new TextDecoder().decode(bytes.subarray(at, bytes.indexOf(0, at)));
}
