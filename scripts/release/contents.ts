/** The bundle's packages, their origins and dependencies. */

import { vendorFolder } from "../dependencies.ts";
import { readJson, reason, runDeno, SetupError, walk } from "../process.ts";

/** A package version in the program. */
export interface Package {
  registry: "jsr" | "npm";
  name: string;
  version: string;
  /** The absolute path of its files. */
  folder: string;
  /** The files reachable from main.ts, relative to the folder, sorted. */
  files: string[];
}

/** The packages, sorted by name, and the ids of each one's (and `OWN`'s) dependencies. */
export interface Contents {
  packages: Package[];
  needs: Map<string, string[]>;
  /** Our own modules, relative to the root, sorted. */
  own: string[];
}

/** The id of our own modules among the packages. */
export const OWN = "nanoctl";

/** The part of `deno info --json` used here. */
export interface ModuleGraph {
  modules: {
    specifier: string;
    error?: string;
    dependencies?: {
      code?: { specifier?: string };
      type?: { specifier?: string };
    }[];
  }[];
  redirects: Record<string, string>;
}

/** The package that a module belongs to, and its file there. */
type Owner =
  | { kind: "own"; file: string }
  | { kind: "runtime" }
  | { kind: "package"; found: Omit<Package, "files">; file: string };

/** A package version's id, such as "npm:hono@4.13.19". */
export function idOf(
  { registry, name, version }: Omit<Package, "folder" | "files">,
): string {
  return `${registry}:${name}@${version}`;
}

/** The module graph of main.ts as Deno resolves it. Throws a SetupError if it is incomplete. */
export async function readGraph(root: string): Promise<ModuleGraph> {
  const { success, stdout, stderr } = await runDeno(
    ["info", "--json", "main.ts"],
    { cwd: root },
  );
  if (!success) throw new SetupError(`deno info: ${reason(stderr)}`);
  const graph: ModuleGraph = JSON.parse(stdout);
  const broken = graph.modules.find(({ error }) => error !== undefined);
  if (broken) throw new SetupError(`deno info: ${broken.error}`);
  return graph;
}

/**
 * Combines the module graph, which stops at an npm package's entry, with the
 * bundle's sources, which lack modules that have only types. `bundled` are the
 * sources in the bundle's source maps, as URLs.
 */
export function contentsOf(
  root: string,
  graph: ModuleGraph,
  bundled: readonly string[],
): Contents {
  const packages = new Map<string, Package>();
  const own = new Set<string>();
  for (
    const url of [
      ...graph.modules.map(({ specifier }) => specifier),
      ...bundled,
    ]
  ) {
    const owner = ownerOf(root, url);
    if (owner.kind === "own") own.add(owner.file);
    if (owner.kind !== "package") continue;
    const id = idOf(owner.found);
    const known = packages.get(id) ?? { ...owner.found, files: [] };
    if (!known.files.includes(owner.file)) known.files.push(owner.file);
    packages.set(id, known);
  }
  for (const { files } of packages.values()) files.sort();
  const sorted = [...packages.values()].sort((a, b) =>
    idOf(a) < idOf(b) ? -1 : 1
  );
  return {
    packages: sorted,
    needs: needsOf(root, graph, packages),
    own: [...own].sort(),
  };
}

/** The sources in a source map, as URLs. The map is in `folder`. */
export function bundledSources(
  map: { sources: string[] },
  folder: string,
): string[] {
  return map.sources.map((source) =>
    source.startsWith("deno:")
      ? source.slice("deno:".length)
      : new URL(source, `file://${folder}/`).href
  );
}

/** The owner of a module. Throws a SetupError if it is unknown. */
export function ownerOf(root: string, url: string): Owner {
  if (url.startsWith("node:")) return { kind: "runtime" };
  const jsr = url.match(
    /^(https?:\/\/[^/]+\/(?:.+?\/)?)(@[^/]+\/[^/]+)\/(\d[^/]*)\/(.+)$/,
  );
  if (jsr) {
    const [, base = "", name = "", version = "", file = ""] = jsr;
    const host = `${root}/vendor/${vendorFolder(new URL(base))}`;
    const folder = `${host}/${name}/${version}`;
    return {
      kind: "package",
      found: { registry: "jsr", name, version, folder },
      file,
    };
  }
  const path = url.startsWith("file://")
    ? decodeURIComponent(new URL(url).pathname)
    : "";
  const npm = path.match(/^(.*\/node_modules\/((?:@[^/]+\/)?[^/]+))\/(.+)$/);
  if (npm) {
    const [, folder = "", name = "", file = ""] = npm;
    const manifest = readJson<{ version: string }>(`${folder}/package.json`);
    if (!manifest) throw new SetupError(`${folder} has no package.json`);
    const { version } = manifest;
    return {
      kind: "package",
      found: { registry: "npm", name, version, folder },
      file,
    };
  }
  const file = path.slice(root.length + 1);
  if (path.startsWith(`${root}/`) && /^(main\.ts|src\/.+)$/.test(file)) {
    return { kind: "own", file };
  }
  throw new SetupError(`${url} belongs to no package and is not ours`);
}

function needsOf(
  root: string,
  graph: ModuleGraph,
  packages: Map<string, Package>,
): Map<string, string[]> {
  const needs = new Map<string, Set<string>>([[OWN, new Set()]]);
  for (const id of packages.keys()) needs.set(id, new Set());
  for (const { specifier, dependencies = [] } of graph.modules) {
    const from = idOfOwner(ownerOf(root, specifier));
    for (const { code, type } of dependencies) {
      for (const target of [code?.specifier, type?.specifier]) {
        if (target === undefined) continue;
        const resolved = graph.redirects[target] ?? target;
        const to = idOfOwner(ownerOf(root, resolved));
        if (from && to && from !== to && packages.has(to)) {
          needs.get(from)?.add(to);
        }
      }
    }
  }
  for (const [id, found] of packages) {
    if (found.registry !== "npm") continue;
    for (const needed of npmNeeds(found, packages)) needs.get(id)?.add(needed);
  }
  return new Map([...needs].map(([id, ids]) => [id, [...ids].sort()]));
}

function idOfOwner(owner: Owner): string | undefined {
  if (owner.kind === "own") return OWN;
  return owner.kind === "package" ? idOf(owner.found) : undefined;
}

/** The dependencies in its package.json that are in the bundle. */
function* npmNeeds(
  { folder }: Package,
  packages: Map<string, Package>,
): Generator<string> {
  const manifest = readJson<{ dependencies?: Record<string, string> }>(
    `${folder}/package.json`,
  );
  const top = folder.slice(
    0,
    folder.indexOf("/node_modules/") + "/node_modules".length,
  );
  for (const name of Object.keys(manifest?.dependencies ?? {})) {
    for (const place of [`${folder}/node_modules`, top]) {
      const found = readJson<{ version: string }>(
        `${place}/${name}/package.json`,
      );
      if (!found) continue;
      const id = idOf({ registry: "npm", name, version: found.version });
      if (packages.has(id)) yield id;
      break;
    }
  }
}

/** All files of a package except nested packages, with a leading slash. */
export function filesOf({ folder }: Package): string[] {
  return [...walk(folder)].filter((path) => !path.includes("/node_modules/"));
}
