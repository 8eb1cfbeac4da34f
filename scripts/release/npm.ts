/** npm packages: one for each system, with the program, and one that depends on all of them. */

import { type ArchivedFile, tarGz } from "./archive.ts";
import { PRODUCT } from "./product.ts";
import type { Publisher } from "./publisher.ts";

/** What the packages are made of. */
export interface NpmSubject {
  programs: readonly { target: string; bytes: Uint8Array<ArrayBuffer> }[];
  version: string;
  /** The other files of the archives, of which the licences and README.md are taken. */
  texts: readonly ArchivedFile[];
  publisher: Publisher;
  /** In seconds since 1970. */
  date: number;
}

/** The words of npm for the parts of a target's name. */
const SYSTEMS: Readonly<Record<string, string>> = {
  linux: "linux",
  macos: "darwin",
  windows: "win32",
};

/** The file names of the packages, as `npm pack` makes them, and their contents. */
export async function npmPackages(
  subject: NpmSubject,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const { programs, version } = subject;
  const made = new Map([
    [`${PRODUCT.name}-${version}.tgz`, await mainPackage(subject)],
  ]);
  for (const { target, bytes } of programs) {
    made.set(
      `${PRODUCT.name}-${target}-${version}.tgz`,
      await platformPackage(subject, target, bytes),
    );
  }
  return made;
}

/** The scoped name of a target's package; the launcher knows it, too. */
function nameOf(target: string): string {
  return `@${PRODUCT.name}/${target}`;
}

async function mainPackage(
  subject: NpmSubject,
): Promise<Uint8Array<ArrayBuffer>> {
  const { programs, version } = subject;
  const launcher = "bin/nanoctl.cjs";
  return await packed(subject, {
    name: PRODUCT.name,
    bin: { [PRODUCT.name]: launcher },
    engines: { node: ">=18" },
    // Exactly these: a launcher of one version starts no other.
    optionalDependencies: Object.fromEntries(
      programs.map(({ target }) => [nameOf(target), version]),
    ),
  }, [{
    path: launcher,
    bytes: await Deno.readFile(new URL("./launcher.cjs", import.meta.url)),
    executable: true,
  }]);
}

function platformPackage(
  subject: NpmSubject,
  target: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const [system = "", machine = ""] = target.split("-");
  const program = system === "windows" ? "nanoctl.exe" : "nanoctl";
  return packed(subject, {
    name: nameOf(target),
    // By itself it is a nanoctl without Node in front.
    bin: { [PRODUCT.name]: program },
    os: [SYSTEMS[system] ?? system],
    cpu: [machine],
    ...system === "linux" ? { libc: ["glibc"] } : {},
    preferUnplugged: true,
  }, [{ path: program, bytes, executable: true }]);
}

function packed(
  { version, texts, publisher, date }: NpmSubject,
  fields: Record<string, unknown> & { name: string },
  files: readonly ArchivedFile[],
): Promise<Uint8Array<ArrayBuffer>> {
  const { name, ...rest } = fields;
  const manifest = {
    name,
    version,
    description: PRODUCT.summary,
    license: PRODUCT.licence,
    ...publisher.homepage ? { homepage: publisher.homepage } : {},
    ...publisher.repository
      ? { repository: `github:${publisher.repository}` }
      : {},
    ...rest,
  };
  const wanted = ["LICENSE", "README.md", "THIRD_PARTY_LICENSES"];
  const all = [
    ...files,
    ...texts.filter(({ path }) => wanted.includes(path)),
    {
      path: "package.json",
      bytes: new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`),
      executable: false,
    },
  ];
  return tarGz({
    files: all.map((file) => ({ ...file, path: `package/${file.path}` })),
    mtime: date,
  });
}
