/** The archive that is unpacked into `/` of an image that has nothing. */

import { SetupError } from "../process.ts";
import { type ArchivedFile, tarGz } from "./archive.ts";
import { type Libraries, librariesFor } from "./libraries.ts";
import type { Component } from "./sbom.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The archive, and what the bill of materials says that it contains. */
export interface RootArchive {
  archive: Bytes;
  components: Component[];
}

/** Where the texts are in the root. */
const DOC = "usr/share/doc/nanoctl";

/**
 * The program with the loader and the libraries that it needs, and all their licences.
 * `texts` are our own files of the other archives, of which the licences are taken;
 * `mtime` is in seconds since 1970. Returns why it can't be made here if a library
 * can't be had.
 */
export async function rootArchive(
  program: Bytes,
  texts: readonly ArchivedFile[],
  mtime: number,
): Promise<RootArchive | string> {
  let found: Libraries;
  try {
    found = await librariesFor(program);
  } catch (error) {
    if (error instanceof SetupError) return error.message;
    throw error;
  }
  const files: ArchivedFile[] = [
    { path: "usr/local/bin/nanoctl", bytes: program, executable: true },
    ...found.libraries.map(({ path, bytes }) => ({
      path,
      bytes,
      // The kernel starts the loader only if it is executable.
      executable: /\/ld-[^/]+$/.test(path),
    })),
    ...texts.filter(({ path }) => /LICENSE/.test(path)).map((text) => ({
      ...text,
      path: `${DOC}/${text.path}`,
    })),
    ...licenceFiles(found).map(([name, content]) => ({
      path: `${DOC}/libraries/${name}`,
      bytes: new TextEncoder().encode(content),
      executable: false,
    })),
  ];
  const archive = await tarGz({ files, mtime });
  return { archive, components: componentsOf(found) };
}

function licenceFiles({ packages, libraries }: Libraries): [string, string][] {
  const texts = new Map(packages.flatMap(({ licences }) => [...licences]));
  const chapters = packages.map(({ name, version, source, spdx }) => {
    const files = libraries.filter(({ from }) => from.name === name)
      .map(({ path }) => `  /${path}\n`).sort();
    return `${name} ${version}\nSPDX-License-Identifier: ${spdx}\n` +
      `Source: apt-get source ${source}\n${files.join("")}`;
  });
  const head =
    "These libraries are unchanged files of Debian packages. Replace them with\n" +
    "others that are compatible as you like. <package>.copyright says who made\n" +
    "them and on which terms.\n";
  return [
    ["README", [head, ...chapters].join("\n")],
    ...packages.map(({ name, copyright }): [string, string] => [
      `${name}.copyright`,
      copyright,
    ]),
    ...texts,
  ];
}

function componentsOf({ packages }: Libraries): Component[] {
  return packages.map((found) => {
    const { name, version, architecture, distribution, spdx } = found;
    const id = `${name}@${encodeURIComponent(version)}`;
    const purl = `pkg:deb/${distribution}/${id}?arch=${architecture}`;
    return {
      type: "library",
      "bom-ref": purl,
      name,
      version,
      purl,
      licenses: [
        / /.test(spdx) ? { expression: spdx } : { license: { id: spdx } },
      ],
    };
  });
}
