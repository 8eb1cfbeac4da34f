import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { wordsBelow } from "../../src/cli/command_line/table.ts";
import { type Help, readHelp } from "../support/help.ts";

/** How wide a line of a help may be: the terminal of old. */
const WIDTH = 80;

/** What is said of an option: beside it, and below that. */
const ROW = /^ {2}-\S.*? {2,}(\S.*(?:\n {20,}.+)*)/gm;

const HELPS = await readHelp();

function nameOf({ path }: Help): string {
  return ["nanoctl", ...path].join(" ");
}

/** The help of the command that a command line calls: as many words as name one. */
function called(line: string): Help | undefined {
  const words = line.slice(line.indexOf("nanoctl ")).split(/[\s)"]+/).slice(1);
  return HELPS.findLast(({ path }) =>
    path.length > 0 && path.every((word, index) => words[index] === word)
  );
}

describe("the help", () => {
  it("is there for every command", () => {
    const names = HELPS.map(nameOf);
    for (const name of ["nanoctl api", "nanoctl store rekey"]) {
      assert(names.includes(name), `${names}`);
    }
  });

  it("lists every command of the first level once, by what it is for", () => {
    const listed = HELPS[0]?.commands ?? [];
    assertEquals([...listed].sort(), wordsBelow().sort());
  });

  for (const help of HELPS) {
    it(`of ${nameOf(help)} fits a terminal`, () =>
      assert(help.width <= WIDTH, `${help.width} columns`));

    it(`of ${nameOf(help)} names the options of every command, after its own`, () => {
      // An option of its own takes the place of one of every command's.
      const own = help.options.flat();
      assertEquals(
        help.globalOptions,
        HELPS[0]?.globalOptions.filter((flags) =>
          !flags.some((flag) => own.includes(flag))
        ),
      );
      assert(help.globalOptions.length >= 11);
      assertEquals(help.options[0], ["-h", "--help"]);
    });

    it(`of ${nameOf(help)} says what it is for, in sentences`, () => {
      const [first = "", ...others] = help.text.split("\n\n");
      assertMatch(first, /^[A-Z][^\n]*\.$/);
      const rows = others.filter((part) => part.startsWith("Options"));
      assert(rows.length >= 2);
      for (const row of rows.join("\n").matchAll(ROW)) {
        assertMatch(row[1] ?? "", /^[A-Z][^]*[.)]$/);
      }
    });

    if (help.commands.length > 0) {
      it(`of ${nameOf(help)} says that a command is to follow`, () =>
        assertMatch(
          help.text,
          new RegExp(`\nUsage:\n  ${nameOf(help)} <command>\n`),
        ));
      continue;
    }
    it(`of ${nameOf(help)} has an example, with options that there are`, () => {
      const own = help.examples.filter((line) => called(line) === help);
      assert(own.length > 0 && help.examples.length >= 2, help.text);
      for (const line of help.examples) {
        const { options, globalOptions } = called(line) ?? help;
        const [ours = ""] = line.slice(line.indexOf("nanoctl ")).split(
          / -- | \| /,
        );
        for (const [flag] of ours.matchAll(/(?<= )--?[a-zA-Z][\w-]*/g)) {
          assert([...options, ...globalOptions].flat().includes(flag), line);
        }
      }
    });
  }
});
