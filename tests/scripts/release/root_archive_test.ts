import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { beforeAll, describe } from "@std/testing/bdd";
import { readElf } from "../../../scripts/release/elf.ts";
import {
  type RootArchive,
  rootArchive,
} from "../../../scripts/release/root_archive.ts";
import { BINARY } from "../../support/nanoctl.ts";
import { itWith, programs } from "../../support/store_files.ts";
import { unpackedFiles } from "../../support/tar.ts";

const DATE = 1_700_000_000;
const DOC = "usr/share/doc/nanoctl";
const LICENCE = {
  path: "LICENSE",
  bytes: new TextEncoder().encode("ours\n"),
  executable: false,
};
const README = { ...LICENCE, path: "README.md" };

async function outputOf(command: string, ...args: string[]): Promise<string> {
  const { success, stdout } = await new Deno.Command(command, { args })
    .output();
  assert(success);
  return new TextDecoder().decode(stdout);
}

describe("the archive for images", () => {
  const needs = [programs("dpkg-query", "ldd", "readelf")];
  let program: Uint8Array<ArrayBuffer>;
  let made: RootArchive;
  let files: Map<string, Uint8Array<ArrayBuffer>>;

  beforeAll(async () => {
    if (needs.some((need) => need() !== undefined)) return;
    program = await Deno.readFile(BINARY);
    const found = await rootArchive(program, [LICENCE, README], DATE);
    assert(typeof found !== "string", `${found}`);
    made = found;
    files = await unpackedFiles(found.archive);
  });

  itWith(needs, "has what ldd finds for the program, and no more", async () => {
    const found = await outputOf("ldd", BINARY);
    const names = [...found.matchAll(/([^\s/]+) \(0x/g)]
      .map(([, name = ""]) => name).filter((name) => name.includes(".so"));
    const expected = names.filter((name) => name !== "linux-vdso.so.1");
    assert(expected.length >= 3, found);
    const libraries = [...files.keys()].filter((path) => path.includes(".so"));
    assertEquals(
      libraries.map((path) => path.slice(path.lastIndexOf("/") + 1)).sort(),
      expected.sort(),
    );
    for (const path of libraries) {
      assertEquals(files.get(path), await Deno.readFile(`/${path}`), path);
    }
    assertEquals(files.get("usr/local/bin/nanoctl"), program);
  });

  itWith(
    needs,
    "puts no library into /lib, where an image may have a link",
    () => {
      const interpreter = readElf(program).interpreter?.slice(1);
      const outside = [...files.keys()].filter((path) =>
        !path.startsWith("usr/")
      );
      assertEquals(outside, [interpreter]);
      return Promise.resolve();
    },
  );

  itWith(needs, "has the licences and says where the sources are", () => {
    const read = (name: string): string =>
      new TextDecoder().decode(files.get(`${DOC}/${name}`));
    assertEquals(read("LICENSE"), "ours\n");
    assert(!files.has(`${DOC}/README.md`));
    assertMatch(read("libraries/LGPL-2.1"), /GNU LESSER GENERAL PUBLIC/);
    assertMatch(
      read("libraries/libgcc-s1.copyright"),
      /RUNTIME LIBRARY EXCEPTION/,
    );
    const readme = read("libraries/README");
    for (const { name, version } of made.components) {
      assert(readme.includes(`\n${name} ${version}\n`), name);
      assert(files.has(`${DOC}/libraries/${name}.copyright`), name);
    }
    assertMatch(readme, /^Source: apt-get source glibc=\d/m);
    for (const path of files.keys()) {
      if (!path.includes(".so")) continue;
      assert(readme.includes(`  /${path}\n`), path);
    }
    return Promise.resolve();
  });

  itWith(
    needs,
    "is left out, and why is said, of a program that can't be had here",
    async () => {
      const [machine, interpreter] = [program.slice(), program.slice()];
      // e_machine of another processor, and a loader that no machine has.
      machine[18] = 243;
      interpreter.set(new TextEncoder().encode("/lib64/ld-other"), 0x2e0);
      assertEquals(
        readElf(interpreter).interpreter?.slice(0, 15),
        "/lib64/ld-other",
      );
      for (const other of [machine, interpreter]) {
        assertMatch(
          `${await rootArchive(other, [], DATE)}`,
          /^the program has no loader that is known here$|^\/lib64\/ld-other\S* is not on this machine$/,
        );
      }
    },
  );

  itWith(needs, "is made of what readelf sees", async () => {
    const { machine, interpreter, needed } = readElf(program);
    const seen = await outputOf("readelf", "-W", "-h", "-l", "-d", BINARY);
    assertEquals(machine, /Machine:.*X86-64/.test(seen) ? 62 : 183);
    assert(seen.includes(`program interpreter: ${interpreter}]`));
    const names = [...seen.matchAll(/\(NEEDED\).*\[(.*)\]/g)]
      .map(([, name]) => name);
    assertEquals(needed, names);
    assertThrows(() => readElf(new Uint8Array(64)), TypeError);
  });
});
