/** Above this size, in bytes, parsing the whole credential file is what takes longest. */
export const LARGE = 128 * 1024;

const CHUNK = 64 * 1024;
/** The layout that `formatFile` writes. Within a string, JSON has no line break. */
const PROFILES = '\n  "profiles": {';
const ENTRY_END = "\n    }";

/**
 * A credential file with the entries of `profile` and of the active profile only.
 * Undefined unless both are there and the file has the layout that nanoctl writes.
 *
 * Nothing else of the file is parsed. That is safe to do: an entry opens only as
 * the profile that it was sealed for. Throws if the file can't be read, or what it
 * reads is not JSON.
 */
export function readPart(path: string, profile?: string): unknown {
  using file = Deno.openSync(path);
  const next = chunksOf(file);
  let text = next();
  const end = text.indexOf(PROFILES);
  if (end < 0) return undefined;
  const head = text.slice(0, end) + PROFILES;
  const { active } = JSON.parse(`${head}}}`);
  const missing = new Set([active, profile ?? active]);
  const entries: string[] = [];
  for (text = text.slice(end);;) {
    for (const name of missing) {
      const entry = entryIn(text, name);
      if (entry === undefined) continue;
      entries.push(entry);
      missing.delete(name);
    }
    if (missing.size === 0) return JSON.parse(`${head}${entries}}}`);
    const more = next();
    if (more === "") return undefined;
    text = text.slice(Math.max(0, text.lastIndexOf(ENTRY_END))) + more;
  }
}

/** The entry of a name as text, if all of it is there. */
function entryIn(text: string, name: unknown): string | undefined {
  const start = text.indexOf(`\n    ${JSON.stringify(name)}: {\n`);
  const end = start < 0 ? -1 : text.indexOf(ENTRY_END, start);
  return end < 0 ? undefined : `${text.slice(start, end)}}`;
}

/** Gives one chunk of the text after the other, then empty ones. One buffer serves all: fresh memory is slow. */
function chunksOf(file: Deno.FsFile): () => string {
  const buffer = new Uint8Array(CHUNK);
  const decoder = new TextDecoder();
  return () => {
    const read = file.readSync(buffer) ?? 0;
    return decoder.decode(buffer.subarray(0, read), { stream: read > 0 });
  };
}
