import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import {
  demoTranscript,
  PICTURE,
  pictureOf,
} from "../../scripts/docs/picture.ts";
import { EXIT_CODES } from "../../src/errors.ts";
import { examplePages } from "../support/doc_examples.ts";
import { type Help, readHelp } from "../support/help.ts";
import { Home, run } from "../support/nanoctl.ts";
import { deadUrl } from "../support/servers.ts";

const ROOT = fromFileUrl(import.meta.resolve("../../"));
/** The pages for whoever uses nanoctl; together they name all that it has. */
const GUIDE = [
  "README.md",
  "docs/install.md",
  "docs/login.md",
  "docs/commands.md",
  "docs/configuration.md",
  "docs/requests.md",
  "docs/workspaces.md",
  "docs/storage.md",
  "docs/troubleshooting.md",
  "docs/dev_server.md",
].map(read).join("\n");

const COMMANDS = read("docs/commands.md");
const CONFIGURATION = read("docs/configuration.md");
const TROUBLESHOOTING = read("docs/troubleshooting.md");
const INSTALL = read("docs/install.md");

const PAGES = examplePages();

const HELPS = await readHelp();

function read(path: string): string {
  return Deno.readTextFileSync(join(ROOT, path));
}

/** What stands under a heading of a page, up to the next of its level. */
function section(page: string, heading: string): string {
  const [, found = ""] = page.split(`\n## ${heading}\n`);
  assert(found !== "", `there is no section ${heading}`);
  return found.split(/\n## /)[0] ?? "";
}

/** The blocks of code of a document, each without its indent. */
function blocks(text: string): string[] {
  const indented = [...text.matchAll(/(?:^ {4}.*\n(?:\n(?= {4}))?)+/gm)]
    .map(([block]) => block.replace(/^ {4}/gm, ""));
  const fenced = [...text.matchAll(/```sh\n([^]*?)```/g)]
    .map(([, block = ""]) => block);
  return [...indented, ...fenced];
}

/** The command lines of nanoctl in a text, outside of blocks. */
function inlineIn(text: string): string[] {
  return [...text.matchAll(/`(nanoctl [^`]+)`/g)].map(([, line = ""]) => line);
}

/** The command lines of nanoctl in blocks and in the text, each from its name to its end. */
function commandLines(): string[] {
  const shown = blocks(GUIDE).flatMap((block) => block.split("\n"))
    .flatMap((line) =>
      line.match(/(?<=^|\$ |=\S+ |\| |\$\()nanoctl [^|)]*/) ?? []
    );
  return [...inlineIn(GUIDE), ...shown].map((line) =>
    line.replace(/ +(#|&).*/, "")
  );
}

/** What is wrong with a command line, by what the help of its command says; empty if nothing is. */
function faults(line: string): string[] {
  const [own = ""] = line.replace(/"[^"]*"/g, "text").split(" -- ");
  const words = own.trim().split(/\s+/).slice(1);
  const help = HELPS.findLast(({ path }) =>
    path.length > 0 && path.every((word, index) => words[index] === word)
  );
  if (!help) return ["no such command"];
  const flags = [...help.options, ...help.globalOptions].flat();
  return words.filter((word) => /^--?[a-z]/i.test(word))
    .filter((word) => !flags.includes(word));
}

function nameOf({ path }: Help): string {
  return path.join(" ");
}

/** The texts of the sources, apart from the embedded service. */
function sources(folder = "src"): string[] {
  return [...Deno.readDirSync(join(ROOT, folder))].flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) {
      return path === "src/dev_server" ? [] : sources(path);
    }
    return [read(path)];
  });
}

/** The variables that the sources name; of the agents' what they begin with. */
function variables(): string[] {
  const code = sources().join("\n");
  const read = [...code.matchAll(/\benv\.get\(\s*["'`]([^"'`$]+)["'`]/g)];
  const spelled = [
    ...code.matchAll(
      /"((?:NANO|CODER|AWS|AZURE|GCE|XDG|HTTPS?|ALL|NO)[A-Z]*_[A-Z_0-9]+|HOME|(?:LOCAL)?APPDATA|USERPROFILE)"/g,
    ),
  ];
  return [...new Set([...read, ...spelled].map(([, name = ""]) => name))]
    .sort();
}

describe("README.md and the pages on how to use nanoctl", () => {
  it("list every command in a table", () => {
    const table = COMMANDS.split("\n\n")
      .find((part) => part.trimStart().startsWith("| command")) ?? "";
    const leaves = HELPS.filter(({ path, commands }) =>
      path.length > 0 && commands.length === 0
    );
    assert(leaves.length >= 13);
    const listed = [...table.matchAll(/`([a-z][^`<-]*(?:-[a-z][^`<-]*)*)/g)]
      .map(([, name = ""]) => name.trim());
    for (const help of leaves) {
      assert(listed.includes(nameOf(help)), nameOf(help));
    }
    const rows = table.split("\n").slice(2)
      .map((row) => row.match(/`([a-z-]+)/)?.[1] ?? "");
    const known = HELPS.map(({ path }) => path[0]);
    assertEquals(rows.filter((name) => !known.includes(name)), []);
  });

  it("list every option that all commands take", () => {
    const options = HELPS[0]?.globalOptions.flat() ?? [];
    assert(options.length >= 14);
    const listed = [
      ...section(CONFIGURATION, "Options for every command").matchAll(
        /^\| (`-.*?`) +\| /gm,
      ),
    ]
      .flatMap(([, cell = ""]) =>
        [...cell.matchAll(/--?[a-z][a-z-]*/g)].map(([flag]) => flag)
      );
    assertEquals(listed.sort(), options.sort());
  });

  it("name the options of every command", () => {
    // An option of curl is none of ours.
    const text = GUIDE.replace(/^.*\bcurl .*$/gm, "");
    const named = (flag: string): boolean =>
      new RegExp(`(?<![\\w-])${flag}(?![\\w-])`).test(text);
    const missing = HELPS.flatMap(({ path, options }) =>
      options.filter((flags) => !flags.some(named))
        .map((flags) => [...path, ...flags].join(" "))
    );
    assertEquals(missing, []);
  });

  it("show command lines that parse", () => {
    const lines = commandLines();
    assert(lines.length >= 25, lines.join("\n"));
    for (const line of lines) assertEquals(faults(line), [], line);
  });

  it("are not alone in that: no page of docs/ names other commands", () => {
    // What shells call, texts in a hash, and what is no command.
    const others = ["__complete", "key id", "command slot id", "--version"]
      .map((words) => `nanoctl ${words}`);
    const lines = PAGES.map(read).flatMap(inlineIn)
      .filter((line) => !others.includes(line));
    assert(lines.length >= 25, lines.join("\n"));
    for (const line of lines) assertEquals(faults(line), [], line);
  });

  it("would be seen to have a command line that does not parse", () => {
    assertEquals(faults("nanoctl whoami --wrong"), ["--wrong"]);
    assertEquals(faults("nanoctl logon"), ["no such command"]);
    assertEquals(faults("nanoctl whoami --save"), ["--save"]);
    assertEquals(faults("nanoctl exec --env A -- make --any"), []);
  });

  it("name every variable that the program reads", () => {
    const names = variables();
    for (const name of ["NANOCTL_CA_FILE", "XDG_DATA_HOME", "HOME"]) {
      assert(names.includes(name), `${names}`);
    }
    const missing = names
      .map((name) => name === name.toLowerCase() ? name.toUpperCase() : name)
      .filter((name) => !new RegExp(`(?<!\\w)${name}(?!_?[A-Z])`).test(GUIDE))
      // The beginnings of the agents' variables.
      .filter((name) =>
        !name.endsWith("_") || !GUIDE.includes(`${name}TOKEN_FILE`)
      );
    assertEquals(missing, []);
  });

  it("name the variables of the agents and of the installer", () => {
    for (const prefix of ["NANOSERVICES_AGENT", "CODER_AGENT"]) {
      for (const name of ["TOKEN", "TOKEN_FILE", "URL", "NAME", "AUTH"]) {
        assertMatch(GUIDE, new RegExp(`\`${prefix}_${name}\``));
      }
    }
    const installer = read("scripts/install.sh").match(/NANOCTL_[A-Z_]+/g) ??
      [];
    for (const name of new Set(installer)) assert(INSTALL.includes(name), name);
  });

  it("have the exit codes of the program", () => {
    const codes = [
      ...section(CONFIGURATION, "Exit codes").matchAll(/^\| (\d+) +\|/gm),
    ]
      .map(([, code]) => Number(code));
    assertEquals(
      codes,
      [
        ...new Set([0, ...Object.values(EXIT_CODES)]),
      ].sort((a, b) => a - b),
    );
  });

  it("name the tasks that there are", () => {
    const { tasks } = JSON.parse(read("deno.json"));
    const text = [...PAGES, "CONTRIBUTING.md"].map(read).join("\n");
    for (const [, name = ""] of text.matchAll(/\bdeno task ([a-z-]+)/g)) {
      assert(Object.hasOwn(tasks, name), name);
    }
    for (const name of Object.keys(tasks)) {
      assertMatch(
        section(INSTALL, "Build it"),
        new RegExp(`deno task ${name}\\b`),
      );
    }
  });

  it("show what doctor prints on a new machine", async () => {
    using home = new Home();
    const { stdout, stderr } = await run(["doctor"], {
      home,
      env: { NANOSERVICES_URL: deadUrl() },
    });
    const printed = `${stdout}${stderr}`.replaceAll(home.path, "/home/ada")
      .replace("from NANOSERVICES_URL", "the default");
    const [, shown = ""] = blocks(TROUBLESHOOTING).join("\n")
      .match(/\$ nanoctl doctor\n([^]*?\nhint: .*\n)/) ?? [];
    assertEquals(asWords(shown), asWords(printed));
  });

  // The demo needs script(1).
  const onPosix = Deno.build.os === "windows" ? it.skip : it;
  onPosix("show a fresh picture of the demo", async () => {
    assert(GUIDE.includes(`](${PICTURE})`));
    assertEquals(
      Deno.readTextFileSync(join(ROOT, PICTURE)),
      pictureOf(await demoTranscript(ROOT)),
      "deno task picture draws it anew",
    );
  });
});

/** What doctor says, however it is broken into lines, without what differs from machine to machine. */
function asWords(text: string): string {
  return text.replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1:PORT")
    .replace(/^ok +authorities [^]*?(?=^failed)/m, "")
    .replaceAll(/\s+/g, " ");
}
