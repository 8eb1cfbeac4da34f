/**
 * Joins chunks that are loaded together. The bundler makes a chunk for each set of
 * commands that shares code, some thirty for the program's entry alone, and each
 * adds 30 µs to a start (docs/performance.md).
 */

import { reason, runDeno, SetupError } from "./process.ts";

/** A file of the bundle: its imports and the code after them. */
interface BundleFile {
  imports: { names: Rename[]; from: string }[];
  code: string;
}

/** A name in one module, and its name in the other. */
interface Rename {
  outer: string;
  inner: string;
}

/**
 * Joins the chunks that the file `top` imports into the file `into`, keeping code
 * and order. A name `a` of the first chunk becomes `c0_a`.
 *
 * Throws a SetupError if the bundle has an unexpected form.
 */
export async function joinChunks(
  folder: string,
  top: string,
  env: Record<string, string> = {},
  into = "start.js",
): Promise<void> {
  const entry = `entry_${into}`;
  const files = readBundle(folder);
  const chunks = chunksOf(files, top);
  if (chunks.length < 2) return;
  await Deno.writeTextFile(`${folder}/${entry}`, entryText(files, chunks));
  const { success, stderr } = await runDeno(
    ["bundle", "--quiet", "--minify", ...lazy(files), "-o", into, entry],
    { cwd: folder, env },
  );
  if (!success) throw new SetupError(`deno bundle: ${reason(stderr)}`);
  for (const name of [entry, ...chunks]) await Deno.remove(`${folder}/${name}`);
  for (const [name, file] of files) {
    if (chunks.includes(name)) continue;
    const text = relinked(file, chunks, into);
    if (chunks.some((chunk) => text.includes(chunk))) {
      throw new SetupError(`${name} of the bundle names a chunk in a new way`);
    }
    await Deno.writeTextFile(`${folder}/${name}`, text);
  }
}

function readBundle(folder: string): Map<string, BundleFile> {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => name.endsWith(".js")).sort();
  return new Map(names.map((name) => {
    const text = Deno.readTextFileSync(`${folder}/${name}`);
    return [name, parseFile(text)];
  }));
}

/** Minified files start with their imports. */
function parseFile(text: string): BundleFile {
  const imports: BundleFile["imports"] = [];
  let rest = text;
  for (;;) {
    const found = rest.match(/^import(?:\{([^{}]*)\}from)?"\.\/([^"]+)";/);
    if (!found) return { imports, code: rest };
    const [whole, names = "", from = ""] = found;
    imports.push({ names: renames(names), from });
    rest = rest.slice(whole.length);
  }
}

/** `a,b as c`. */
function renames(clause: string): Rename[] {
  return clause.split(",").filter((part) => part.trim() !== "").map((part) => {
    const [first = "", second = first] = part.trim().split(/\s+as\s+/);
    return { outer: first, inner: second };
  });
}

/** All chunks that a file needs, dependencies first. */
function chunksOf(files: Map<string, BundleFile>, top: string): string[] {
  const found = new Set<string>();
  const visit = (name: string): void => {
    for (const { from } of files.get(name)?.imports ?? []) {
      if (found.has(from) || !from.startsWith("chunk-")) continue;
      visit(from);
      found.add(from);
    }
  };
  visit(top);
  return [...found];
}

/** A module that exports all names of all chunks, each prefixed with its chunk's number. */
function entryText(files: Map<string, BundleFile>, chunks: string[]): string {
  return chunks.map((chunk, index) => {
    const names = exportsOf(files.get(chunk)?.code ?? "")
      .map((name) => `${name} as ${joinedName(index, name)}`);
    return names.length === 0
      ? `import "./${chunk}";\n`
      : `export { ${names.join()} } from "./${chunk}";\n`;
  }).join("");
}

/** Minified files end with their exports. */
function exportsOf(code: string): string[] {
  const clause = code.match(/export\{([^{}]*)\};?\s*$/)?.[1] ?? "";
  return renames(clause).map(({ inner }) => inner);
}

function joinedName(chunk: number, name: string): string {
  return `c${chunk}_${name}`;
}

/** Lazily loaded files, which stay separate. */
function lazy(files: Map<string, BundleFile>): string[] {
  return [...files.keys()].filter((name) => !name.startsWith("chunk-"))
    .flatMap((name) => ["--external", `./${name}`]);
}

function relinked(
  { imports, code }: BundleFile,
  chunks: string[],
  into: string,
): string {
  const joined = imports.filter(({ from }) => chunks.includes(from));
  const kept = imports.filter(({ from }) => !chunks.includes(from));
  const names = joined.flatMap(({ names, from }) =>
    names.map(({ outer, inner }) =>
      `${joinedName(chunks.indexOf(from), outer)} as ${inner}`
    )
  );
  return [
    joined.length > 0 ? importText(names, into) : "",
    ...kept.map(({ names, from }) =>
      importText(
        names.map(({ outer, inner }) => `${outer} as ${inner}`),
        from,
      )
    ),
    code,
  ].join("");
}

function importText(names: string[], from: string): string {
  return names.length === 0
    ? `import"./${from}";`
    : `import{${names.join()}}from"./${from}";`;
}
