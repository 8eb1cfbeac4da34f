/** The packages of a release, all made of one description. */

import type { ArchivedFile } from "./archive.ts";
import { deb, debVersion } from "./deb.ts";
import { formula } from "./homebrew.ts";
import { npmPackages } from "./npm.ts";
import type { Publisher } from "./publisher.ts";
import { type Located, scoopManifest } from "./scoop.ts";

type Files = Map<string, Uint8Array<ArrayBuffer>>;

/** What the packages are made of. */
export interface PackageSubject {
  programs: readonly { target: string; bytes: Uint8Array<ArrayBuffer> }[];
  version: string;
  texts: readonly ArchivedFile[];
  publisher: Publisher;
  trial: boolean;
  /** In seconds since 1970. */
  date: number;
}

const DEBIAN = { "linux-x64": "amd64", "linux-arm64": "arm64" } as const;

/** The packages that contain the program, and npm's that starts it. Throws as `deb` does. */
export async function makePackages(subject: PackageSubject): Promise<Files> {
  const files = await npmPackages(subject);
  for (const { target, bytes } of subject.programs) {
    if (target !== "linux-x64" && target !== "linux-arm64") continue;
    const architecture = DEBIAN[target];
    const name = `nanoctl_${debVersion(subject.version)}_${architecture}.deb`;
    files.set(name, await deb({ ...subject, program: bytes, architecture }));
  }
  return files;
}

/** The descriptions that say where the archives are; none if nobody has said that. */
export function makeDescriptions(
  version: string,
  { url, homepage }: Publisher,
  sums: Located["sums"],
): Files {
  const files: Files = new Map();
  if (url === undefined) return files;
  const release = { version, url, homepage: homepage ?? url, sums };
  const made = {
    "nanoctl.rb": formula(release),
    "nanoctl.json": scoopManifest(release),
  };
  for (const [name, text] of Object.entries(made)) {
    if (text) files.set(name, new TextEncoder().encode(text));
  }
  return files;
}
