/** A software bill of materials (SBOM) in CycloneDX 1.6 format (ECMA-424). */

import { type Contents, filesOf, idOf, OWN, type Package } from "./contents.ts";
import { DENO_LICENCE, licenceOf } from "./licences.ts";
import { SetupError, sha256 } from "../process.ts";

/** What the SBOM describes. */
export interface Subject {
  contents: Contents;
  /** nanoctl's version, as in the archive names. */
  version: string;
  /** The version of Deno that the program is compiled with. */
  runtime: string;
  trial: boolean;
  /** In seconds since 1970. */
  date: number;
  archives: Archive[];
}

/** An archive of the release. */
export interface Archive {
  name: string;
  sha256: string;
  /** What it contains besides the program. */
  components: Component[];
}

/** An entry in the SBOM. */
export interface Component {
  type: "application" | "library" | "platform" | "file";
  "bom-ref": string;
  name: string;
  version?: string;
  description?: string;
  group?: string;
  purl?: string;
  licenses?: ({ license: { id: string } } | { expression: string })[];
  hashes?: { alg: "SHA-256"; content: string }[];
  properties?: { name: string; value: string }[];
  components?: Component[];
}

/** The SBOM document. */
export interface Sbom {
  $schema: string;
  bomFormat: "CycloneDX";
  specVersion: "1.6";
  serialNumber: string;
  version: 1;
  metadata: {
    timestamp: string;
    tools: {
      components: { type: "application"; name: string; version: string }[];
    };
    component: Component;
    properties: { name: string; value: string }[];
  };
  components: Component[];
  dependencies: { ref: string; dependsOn: string[] }[];
}

/** Makes the SBOM, which is reproducible for the same subject. */
export async function makeSbom(subject: Subject): Promise<Sbom> {
  const { contents, version, runtime, date } = subject;
  const deno = denoComponent(runtime);
  const libraries = await Promise.all(contents.packages.map(libraryComponent));
  const refs = new Map(
    contents.packages.map((found) => [idOf(found), purlOf(found)]),
  );
  const own = `pkg:generic/nanoctl@${version}`;
  const dependencies = [...contents.needs].map(([id, needed]) => ({
    ref: id === OWN ? own : refOf(refs, id),
    dependsOn: [
      ...(id === OWN ? [deno["bom-ref"]] : []),
      ...needed.map((one) => refOf(refs, one)),
    ],
  }));
  const bill: Omit<Sbom, "serialNumber"> = {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      timestamp: new Date(date * 1000).toISOString(),
      tools: {
        components: [
          { type: "application", name: "deno", version: Deno.version.deno },
        ],
      },
      component: {
        type: "application",
        "bom-ref": own,
        name: "nanoctl",
        version,
        purl: own,
        licenses: [{ license: { id: "MIT" } }],
        components: subject.archives.map(archiveComponent),
      },
      properties: [{ name: "nanoctl:trial", value: String(subject.trial) }],
    },
    components: [deno, ...libraries],
    dependencies: [...dependencies, { ref: deno["bom-ref"], dependsOn: [] }],
  };
  const { $schema, bomFormat, specVersion, ...rest } = bill;
  const serialNumber = await serialOf(JSON.stringify(bill));
  return { $schema, bomFormat, specVersion, serialNumber, ...rest };
}

function denoComponent(version: string): Component {
  const purl = `pkg:github/denoland/deno@v${version}`;
  return {
    type: "platform",
    "bom-ref": purl,
    name: "deno",
    version,
    description: "the runtime (denort) that the program is compiled with",
    purl,
    licenses: [{ license: { id: DENO_LICENCE.spdx } }],
  };
}

async function libraryComponent(found: Package): Promise<Component> {
  const { spdx } = licenceOf(found);
  const [group, name] = found.name.startsWith("@")
    ? found.name.split("/")
    : [undefined, found.name];
  const [hash, of] = await hashOf(found);
  return {
    type: "library",
    "bom-ref": purlOf(found),
    ...(group === undefined ? {} : { group }),
    name: name ?? found.name,
    version: found.version,
    purl: purlOf(found),
    licenses: [
      /^[\w.-]+$/.test(spdx) ? { license: { id: spdx } } : { expression: spdx },
    ],
    hashes: [{ alg: "SHA-256", content: hash }],
    properties: [{ name: "nanoctl:sha-256-of", value: of }],
  };
}

/**
 * A JSR version's manifest has the checksums of its files, and Deno's lock file has
 * the manifest's own. Of an npm package only the files are available here.
 */
async function hashOf(found: Package): Promise<[hash: string, of: string]> {
  if (found.registry === "jsr") {
    const path = `${found.folder}_meta.json`;
    const manifest = await Deno.readTextFile(path);
    // Deno records the checksum of the fetched manifest before it shortens the manifest.
    const { lockfileChecksum }: { lockfileChecksum?: string } = JSON.parse(
      manifest,
    );
    const hash = lockfileChecksum ?? await sha256(manifest);
    return [hash, "the version's manifest"];
  }
  const lines = filesOf(found).map(async (path) =>
    `${await sha256(await Deno.readFile(found.folder + path))}  .${path}\n`
  );
  const list = (await Promise.all(lines)).sort().join("");
  return [await sha256(list), "the sorted output of sha256sum of its files"];
}

function archiveComponent({ name, sha256, components }: Archive): Component {
  return {
    type: "file",
    "bom-ref": `file:${name}`,
    name,
    hashes: [{ alg: "SHA-256", content: sha256 }],
    ...(components.length > 0 ? { components } : {}),
  };
}

/** A package URL, as specified; the type `jsr` is only proposed so far. */
export function purlOf(
  { registry, name, version }: Pick<Package, "registry" | "name" | "version">,
): string {
  return `pkg:${registry}/${name.replace("@", "%40")}@${
    encodeURIComponent(version)
  }`;
}

function refOf(refs: Map<string, string>, id: string): string {
  const ref = refs.get(id);
  if (ref === undefined) throw new SetupError(`${id} is not in the bill`);
  return ref;
}

/** A version 8 UUID (RFC 9562, section 5.8), derived from the SBOM itself. */
async function serialOf(text: string): Promise<string> {
  const hex = (await sha256(text)).slice(0, 32);
  const variant = (parseInt(hex[16] ?? "0", 16) & 3 | 8).toString(16);
  return "urn:uuid:" + [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    variant + hex.slice(17, 20),
    hex.slice(20, 32),
  ].join("-");
}
