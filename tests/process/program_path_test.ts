import { assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { findProgram, pathFolders } from "../../src/process/program_path.ts";

describe("a program", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await Deno.makeTempDir({ prefix: "nanoctl_path_" });
    for (const name of ["one", "two", "none"]) {
      await Deno.mkdir(`${folder}/${name}`);
    }
    await Deno.writeTextFile(`${folder}/one/both`, "", { mode: 0o755 });
    await Deno.writeTextFile(`${folder}/two/both`, "", { mode: 0o755 });
    await Deno.writeTextFile(`${folder}/one/text`, "", { mode: 0o644 });
    await Deno.writeTextFile(`${folder}/two/text`, "", { mode: 0o100 });
    await Deno.writeTextFile(`${folder}/one/notes`, "", { mode: 0o644 });
    await Deno.mkdir(`${folder}/one/folder`);
    await Deno.symlink(`${folder}/two/both`, `${folder}/one/link`);
    await Deno.symlink(`${folder}/nowhere`, `${folder}/one/broken`);
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  /** Where a name is found, with `~` for the test's folder. */
  function found(name: string, path?: string): string | undefined {
    const env = path === undefined
      ? {}
      : { PATH: path.replaceAll("~", folder) };
    const place = findProgram(name, env, "linux");
    return place?.path?.replace(folder, "~");
  }

  it("is found in the first folder that has it", () => {
    assertEquals(found("both", "~/none:~/one:~/two"), "~/one/both");
    assertEquals(found("both", "~/two/:~/one"), "~/two/both");
    assertEquals(found("link", "~/one"), "~/one/link");
  });

  it("is a file that can be run: any other is passed by", () => {
    assertEquals(found("text", "~/one:~/two"), "~/two/text");
    for (const name of ["notes", "folder", "broken", "gone", "..", "a\0b"]) {
      assertEquals(found(name, "~/one:~/two"), undefined, name);
    }
  });

  it("is what a path says that it is, whatever PATH says", () => {
    for (const name of ["./both", "/no/such", "one/both", "a/"]) {
      for (const path of ["~/one", "", undefined]) {
        assertEquals(found(name, path), name);
      }
    }
  });

  it("is nowhere without a PATH", () => {
    assertEquals(found("both"), undefined);
    assertEquals(found("both", ""), undefined);
  });
});

/** The search with no file system but these paths. */
function searched(
  os: string,
  name: string,
  env: Record<string, string>,
  files: string[],
): string | undefined {
  const place = findProgram(name, env, os, (path) => files.includes(path));
  return place?.path ?? (place && `not ${place.passedOver}`);
}

describe("an empty or relative entry of PATH", () => {
  const cases: [path: string, files: string[], found: string | undefined][] = [
    ["", ["./it"], undefined],
    [":/bin", ["./it"], "not ./it"],
    ["/bin:", ["./it"], "not ./it"],
    ["/bin::/usr/bin", ["./it"], "not ./it"],
    [".", ["./it"], "not ./it"],
    ["bin", ["bin/it"], "not bin/it"],
    ["../bin/", ["../bin/it"], "not ../bin/it"],
    ["~/bin", ["~/bin/it"], "not ~/bin/it"],
    [":bin:/bin", ["./it", "bin/it", "/bin/it"], "/bin/it"],
    [":bin", ["bin/it", "./it"], "not ./it"],
    [":/bin", [], undefined],
  ];
  for (const [PATH, files, found] of cases) {
    it(`of ${JSON.stringify(PATH)} finds ${found} of ${files.join()}`, () => {
      assertEquals(searched("linux", "it", { PATH }, files), found);
    });
  }
});

describe("on Windows a program", () => {
  const PATH = "C:\\a;C:\\b";
  const cases: [
    what: string,
    name: string,
    env: Record<string, string>,
    files: string[],
    found: string | undefined,
  ][] = [
    [
      "has an ending",
      "it",
      { PATH },
      ["C:\\a\\it", "C:\\b\\it.exe"],
      "C:\\b\\it.exe",
    ],
    [
      "may be named with it",
      "it.exe",
      { PATH },
      ["C:\\b\\it.exe"],
      "C:\\b\\it.exe",
    ],
    [
      "may have two",
      "it.v1",
      { PATH },
      ["C:\\a\\it.v1.cmd"],
      "C:\\a\\it.v1.cmd",
    ],
    [
      "has one of PATHEXT, in its order",
      "it",
      { Path: PATH, PathExt: ".PS1;.EXE;" },
      ["C:\\a\\it.com", "C:\\b\\it.exe", "C:\\b\\it.ps1"],
      "C:\\b\\it.ps1",
    ],
    ["is not run from the current folder", "it", { PATH: ".;;x" }, [
      ".\\it.exe",
    ], "not .\\it.exe"],
    [
      "nor from there without an entry",
      "it",
      { PATH },
      [".\\it.exe", "it.exe"],
      undefined,
    ],
    ["nor from a folder of the current drive", "it", { PATH: "\\a" }, [
      "\\a\\it.exe",
    ], "not \\a\\it.exe"],
    ["nor from the current folder of a drive", "it", { PATH: "C:a" }, [
      "C:a\\it.exe",
    ], "not C:a\\it.exe"],
    ["is found in a share", "it", { PATH: "\\\\host\\a" }, [
      "\\\\host\\a\\it.exe",
    ], "\\\\host\\a\\it.exe"],
    [
      "is found with slashes",
      "it",
      { PATH: "c:/a" },
      ["c:/a\\it.exe"],
      "c:/a\\it.exe",
    ],
    [
      "is found where quotes hold a semicolon",
      "it",
      { PATH: '"C:\\a;b";C:\\b\\' },
      ["C:\\a;b\\it.exe"],
      "C:\\a;b\\it.exe",
    ],
    ["is found behind one", "it", { PATH: '"C:\\a;b";C:\\b\\' }, [
      "C:\\b\\it.exe",
    ], "C:\\b\\it.exe"],
    ["is what a path says", "a\\it", { PATH }, [], "a\\it"],
    ["is what a drive says", "c:it", { PATH }, [], "c:it"],
  ];
  for (const [what, name, env, files, found] of cases) {
    it(what, () => {
      assertEquals(searched("windows", name, env, files), found);
    });
  }

  it("is looked for in no folder where PATH is not set", () => {
    assertEquals(pathFolders({}, "windows"), []);
    assertEquals(pathFolders({ Path: "" }, "windows"), []);
  });
});
