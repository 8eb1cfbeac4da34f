/** The shared libraries that a program for Linux needs, from the Debian packages of this machine. */

import { readIfThere, run, SetupError } from "../process.ts";
import { readElf } from "./elf.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A library or the loader, and the package that it is from. */
export interface Library {
  /** Where it goes below the root, without a leading slash. */
  path: string;
  bytes: Bytes;
  from: DebianPackage;
}

/** A Debian package that libraries are taken from. */
export interface DebianPackage {
  name: string;
  version: string;
  architecture: string;
  /** The distribution's id, such as "debian", as os-release(5) has it. */
  distribution: string;
  /** The source package and its version, as `apt-get source` takes them. */
  source: string;
  /** An SPDX expression. */
  spdx: string;
  /** debian/copyright, and the texts of licences that it refers to by name. */
  copyright: string;
  licences: Map<string, string>;
}

/** What a program needs to start where there is nothing. */
export interface Libraries {
  libraries: Library[];
  packages: DebianPackage[];
}

/** Debian's names for the processors of ELF files. */
const MULTIARCH: Record<number, string> = {
  62: "x86_64-linux-gnu",
  183: "aarch64-linux-gnu",
};

/** What the copyright files of these packages say of their libraries, in SPDX's words. */
const SPDX: Record<string, string> = {
  "libc6": "LGPL-2.1-or-later",
  "libgcc-s1": "GPL-3.0-or-later WITH GCC-exception-3.1",
};

/**
 * The loader and all libraries that a program is linked with, directly or not; names
 * are looked up by glibc itself, which loads nothing for that.
 *
 * Throws a SetupError that says what this machine lacks.
 */
export async function librariesFor(program: Bytes): Promise<Libraries> {
  const { machine, interpreter, needed } = readElf(program);
  const folder = MULTIARCH[machine];
  if (interpreter === undefined || folder === undefined) {
    throw new SetupError("the program has no loader that is known here");
  }
  const libraries = [await libraryAt(interpreter, interpreter)];
  const seen = new Set([interpreter.slice(interpreter.lastIndexOf("/") + 1)]);
  const queue = [...needed];
  for (const name of queue) {
    if (seen.has(name)) continue;
    seen.add(name);
    // Not in /lib, which is a symbolic link in many images and a folder in others.
    const path = `/usr/lib/${folder}/${name}`;
    const found = await libraryAt(path, path, `/lib/${folder}/${name}`);
    libraries.push(found);
    queue.push(...readElf(found.bytes).needed);
  }
  const packages = new Map(libraries.map(({ from }) => [from.name, from]));
  return {
    libraries,
    packages: [...packages.values()].sort((a, b) => a.name < b.name ? -1 : 1),
  };
}

/** Reads a library where it is on this machine, for a place in the root. */
async function libraryAt(
  place: string,
  ...candidates: string[]
): Promise<Library> {
  for (const candidate of candidates) {
    const bytes = await Deno.readFile(candidate).catch(() => undefined);
    if (!bytes) continue;
    const from = await packageOf(candidate);
    return { path: place.slice(1), bytes, from };
  }
  throw new SetupError(`${place} is not on this machine`);
}

async function packageOf(path: string): Promise<DebianPackage> {
  const id = await idOfPackage(path);
  const { stdout } = await run("dpkg-query", [
    "--show",
    "--showformat",
    "${Package} ${Version} ${Architecture} ${source:Package}=${source:Version}",
    id,
  ]);
  const [name = "", version = "", architecture = "", source = ""] = stdout
    .split(" ");
  const spdx = SPDX[name];
  const copyright = readIfThere(`/usr/share/doc/${name}/copyright`);
  if (spdx === undefined || copyright === undefined) {
    throw new SetupError(`the licence of the package ${name} is not known`);
  }
  const [, distribution = "debian"] =
    readIfThere("/etc/os-release")?.match(/^ID=(\w+)$/m) ?? [];
  return {
    name,
    version,
    architecture,
    distribution,
    source,
    spdx,
    copyright,
    licences: licencesIn(copyright),
  };
}

/** The package of a file. Where /lib is a link to /usr/lib, dpkg may know the file by either name. */
async function idOfPackage(path: string): Promise<string> {
  const bare = path.replace(/^\/usr/, "");
  for (const known of [path, bare, `/usr${bare}`]) {
    const { success, stdout } = await run("dpkg-query", ["--search", known]);
    if (success) return stdout.slice(0, stdout.indexOf(": "));
  }
  throw new SetupError(`${path} is of no Debian package`);
}

function licencesIn(copyright: string): Map<string, string> {
  const named = copyright.matchAll(
    /\/usr\/share\/common-licenses\/([\w.+-]*\w)/g,
  );
  const names = new Set([...named].map(([, name = ""]) => name));
  return new Map(
    [...names].sort().map((name) => {
      const text = readIfThere(`/usr/share/common-licenses/${name}`);
      if (text === undefined) {
        throw new SetupError(`the text of ${name} is not on this machine`);
      }
      return [name, text];
    }),
  );
}
