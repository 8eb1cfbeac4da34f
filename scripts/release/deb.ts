/** Debian packages: deb(5), deb-control(5) and the Debian Policy Manual 4.6. */

import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { BASH } from "../../src/cli/completion/bash.ts";
import { FISH } from "../../src/cli/completion/fish.ts";
import { ZSH } from "../../src/cli/completion/zsh.ts";
import { SetupError } from "../process.ts";
import { type ArchivedFile, tar } from "./archive.ts";
import { highest, needsOf } from "./symbol_versions.ts";
import { PRODUCT } from "./product.ts";
import type { Publisher } from "./publisher.ts";
import { xz } from "./xz.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** What a package is made of. */
export interface DebSubject {
  program: Bytes;
  /** The architecture in Debian's words. */
  architecture: "amd64" | "arm64";
  /** nanoctl's version, as in the archive names. */
  version: string;
  /** The other files of the archives: licences, changelog, manual pages. */
  texts: readonly ArchivedFile[];
  publisher: Publisher;
  trial: boolean;
  /** In seconds since 1970. */
  date: number;
}

/** Where completions are looked for without anyone's help. */
const COMPLETIONS: Readonly<Record<string, string>> = {
  "usr/share/bash-completion/completions/nanoctl": BASH,
  "usr/share/fish/vendor_completions.d/nanoctl.fish": FISH,
  "usr/share/zsh/vendor-completions/_nanoctl": ZSH,
};

const DOC = "usr/share/doc/nanoctl";

/** A version in which a trial build comes before its release (deb-version(7)). */
export function debVersion(version: string): string {
  return `${version.replace("-", "~")}-1`;
}

/** Makes a package. Throws a SetupError if a text is missing, or the program's libraries are strange. */
export async function deb(subject: DebSubject): Promise<Bytes> {
  const { trial, date: mtime } = subject;
  const files = filesOf(subject);
  const control = await xz(
    tar({ files: controlFiles(subject, files), mtime, folders: true }),
    trial,
  );
  const data = await xz(tar({ files, mtime, folders: true }), trial);
  return await ar([
    ["debian-binary", bytes("2.0\n")],
    ["control.tar.xz", control],
    ["data.tar.xz", data],
  ], mtime);
}

/** What dpkg unpacks. Paths begin with "./", as its own archives have it. */
function filesOf(subject: DebSubject): ArchivedFile[] {
  const { program, texts } = subject;
  const manual = texts.filter(({ path }) => path.startsWith(PRODUCT.manual));
  const plain = (path: string, text: string): ArchivedFile => ({
    path: `./${path}`,
    bytes: bytes(text),
    executable: false,
  });
  const gzipped = (path: string, content: Bytes | string): ArchivedFile => ({
    path: `./${path}.gz`,
    bytes: gzip(content),
    executable: false,
  });
  return [
    { path: "./usr/bin/nanoctl", bytes: program, executable: true },
    ...Object.entries(COMPLETIONS).map(([path, text]) =>
      plain(path, `${text}\n`)
    ),
    ...manual.map(({ path, bytes }) =>
      gzipped(`usr/share/man/man1/${path.split("/").at(-1)}`, bytes)
    ),
    plain(`${DOC}/copyright`, copyright(textIn(texts, "LICENSE"))),
    gzipped(`${DOC}/changelog`, textIn(texts, "CHANGELOG.md")),
    gzipped(`${DOC}/changelog.Debian`, debianChangelog(subject)),
    gzipped(
      `${DOC}/THIRD_PARTY_LICENSES`,
      textIn(texts, "THIRD_PARTY_LICENSES"),
    ),
    plain("usr/share/lintian/overrides/nanoctl", OVERRIDES),
  ];
}

function controlFiles(
  subject: DebSubject,
  files: readonly ArchivedFile[],
): ArchivedFile[] {
  const sums = files.map(({ path, bytes }) =>
    `${createHash("md5").update(bytes).digest("hex")}  ${path.slice(2)}\n`
  );
  return [
    { path: "./control", text: control(subject, files) },
    { path: "./md5sums", text: sums.join("") },
  ].map(({ path, text }) => ({ path, bytes: bytes(text), executable: false }));
}

function control(subject: DebSubject, files: readonly ArchivedFile[]): string {
  const { architecture, version, publisher, program } = subject;
  // In KiB, as dpkg-gencontrol counts.
  const size = files.reduce(
    (total, { bytes }) => total + Math.ceil(bytes.length / 1024),
    0,
  );
  const fields = {
    Package: PRODUCT.name,
    Version: debVersion(version),
    Architecture: architecture,
    Maintainer: publisher.maintainer,
    "Installed-Size": size,
    Depends: dependsOf(program),
    // Beside the authorities that the program brings, it trusts the system's.
    Recommends: "ca-certificates",
    Section: "utils",
    Priority: "optional",
    ...publisher.homepage ? { Homepage: publisher.homepage } : {},
    Description: [PRODUCT.summary, ...PRODUCT.description.map(folded)]
      .join("\n")
      .replaceAll("\n\n", "\n .\n"),
  };
  return Object.entries(fields).map(([name, value]) => `${name}: ${value}\n`)
    .join("");
}

/** A paragraph of a description, wrapped; the second and later begin with an empty line. */
function folded(paragraph: string, index: number): string {
  const lines = paragraph.match(/\S.{0,76}(?=\s|$)/g) ?? [];
  const text = lines.map((line) => ` ${line.trim()}`).join("\n");
  return index === 0 ? text : `\n${text}`;
}

/** By the newest versions of symbols, as dpkg-shlibdeps does. */
function dependsOf(program: Bytes): string {
  const needs = needsOf(program);
  const glibc = highest(needs, "GLIBC_");
  const gcc = highest(needs, "GCC_");
  if (!glibc) throw new SetupError("the program does not need glibc");
  const depends = [`libc6 (>= ${glibc})`];
  // Any of them is new enough; before Debian 11 it had the other name.
  if (gcc) depends.push("libgcc-s1 | libgcc1");
  return depends.join(", ");
}

/** Of copyright-format 1.0. */
function copyright(licence: string): string {
  const [, ...rest] = licence.trim().split("\n").slice(1);
  const [holder = "", ...text] = rest;
  const indented = text.join("\n").trim().split("\n")
    .map((line) => line === "" ? " ." : ` ${line}`).join("\n");
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: ${PRODUCT.name}
Comment: The program contains other works, and a runtime. Their licences are in
 /${DOC}/THIRD_PARTY_LICENSES.gz.

Files: *
Copyright: ${holder.replace(/^Copyright \(c\) /, "")}
License: Expat
${indented}
`;
}

function debianChangelog({ version, publisher, date }: DebSubject): string {
  const when = new Date(date * 1000).toUTCString().replace("GMT", "+0000");
  return `nanoctl (${debVersion(version)}) unstable; urgency=medium

  * As released; changelog.gz says what is new.

 -- ${publisher.maintainer}  ${when}
`;
}

/** What lintian says rightly of such a package, and why it stays. */
const OVERRIDES = `# Deno's runtime brings its libraries; it is not built here.
nanoctl: embedded-library lcms2 *
# It is not uploaded to Debian, where a bug would ask for it.
nanoctl: initial-upload-closes-no-bugs *
`;

function textIn(texts: readonly ArchivedFile[], path: string): string {
  const found = texts.find((text) => text.path === path);
  if (found) return new TextDecoder().decode(found.bytes);
  throw new SetupError(`a package needs ${path}, which is not there`);
}

/** Neither a name nor a time in the header, and the best compression, as Debian wants it. */
function gzip(content: Bytes | string): Bytes {
  return new Uint8Array(gzipSync(content, { level: 9 }));
}

/** An ar archive in the form of deb(5). */
async function ar(
  members: readonly (readonly [name: string, content: Bytes])[],
  mtime: number,
): Promise<Bytes> {
  const parts = members.flatMap(([name, content]) => [
    name.padEnd(16) + String(mtime).padEnd(12) + "0     0     100644  " +
    String(content.length).padEnd(10) + "`\n",
    content,
    content.length % 2 === 1 ? "\n" : "",
  ]);
  const blob = new Blob(["!<arch>\n", ...parts]);
  return new Uint8Array(await blob.arrayBuffer());
}

function bytes(text: string): Bytes {
  return new TextEncoder().encode(text);
}
