import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { argumentList } from "../../src/process/argument_list.ts";
import { thrownBy } from "../support/fake_context.ts";

/** What /bin/sh makes of the same line. */
function shellList(line: string): string[] {
  const { success, stdout } = new Deno.Command("/bin/sh", {
    args: ["-c", `printf '%s\\0' ${line}`],
  }).outputSync();
  assertEquals(success, true, line);
  return new TextDecoder().decode(stdout).split("\0").slice(0, -1);
}

/** Lines that a shell splits in the same way, as nothing in them is for a shell alone. */
const LINES: [what: string, line: string, list: string[]][] = [
  ["a program alone", "token-helper", ["token-helper"]],
  [
    "arguments",
    "pass show work/nano",
    ["pass", "show", "work/nano"],
  ],
  ["blanks around", "  pass \t show   nano ", ["pass", "show", "nano"]],
  ["single quotes", "pass show 'my token'", ["pass", "show", "my token"]],
  ["double quotes", 'pass show "my token"', ["pass", "show", "my token"]],
  ["quotes in quotes", `a "it's" 'say "x"'`, ["a", "it's", 'say "x"']],
  ["quotes within a word", `a --q='x y'"z 1"w`, ["a", "--q=x yz 1w"]],
  ["empty arguments", `a '' "" b`, ["a", "", "", "b"]],
  ["an empty piece of a word", `a ''b`, ["a", "b"]],
  ["an escaped blank", "a my\\ token", ["a", "my token"]],
  ["an escaped quote", `a \\" \\' \\\\`, ["a", '"', "'", "\\"]],
  ["a backslash in single quotes", `a 'x\\y'`, ["a", "x\\y"]],
  [
    "backslashes in double quotes",
    `a "\\$x \\\\ \\" \\\` \\n"`,
    ["a", '$x \\ " ` \\n'],
  ],
  ["a line that goes on", "a b\\\nc \\\n d", ["a", "bc", "d"]],
  ["such a line in double quotes", 'a "b\\\nc"', ["a", "bc"]],
  ["a line break in quotes", "a 'b\nc'", ["a", "b\nc"]],
  ["letters of other languages", "a 'schlüssel 鍵'", ["a", "schlüssel 鍵"]],
];

describe("argumentList", () => {
  for (const [what, line, list] of LINES) {
    it(`splits a line with ${what} as a shell does`, () => {
      assertEquals(argumentList(line, "--x"), list);
      assertEquals(shellList(line), list);
    });
  }

  it("ends an argument at a line break", () => {
    assertEquals(argumentList("a b\nc\r\nd\n", "--x"), ["a", "b", "c", "d"]);
  });

  it("expands nothing, and has no pipes, comments or lists of commands", () => {
    assertEquals(
      argumentList("a $HOME `id` $(id) ~ * {b,c} | d; e && f > g #h", "--x"),
      [
        ...["a", "$HOME", "`id`", "$(id)", "~", "*", "{b,c}", "|", "d;", "e"],
        ...["&&", "f", ">", "g", "#h"],
      ],
    );
  });

  it("takes a JSON list as it is", () => {
    for (
      const list of [
        ["pass"],
        ["C:\\Program Files\\op.exe", "read", "op://a/b c/d"],
        ["a", "", "it's", 'say "x"', "\n"],
      ]
    ) {
      assertEquals(argumentList(JSON.stringify(list), "--x"), list);
      assertEquals(argumentList(` ${JSON.stringify(list)}\n`, "--x"), list);
    }
  });

  const REFUSED: [what: string, line: string, message: string][] = [
    ["an unfinished single quote", "pass 'x", "mark without its partner"],
    ["an unfinished double quote", 'pass "x', "mark without its partner"],
    ["a quote that is escaped", 'pass "x\\"', "mark without its partner"],
    ["a backslash at the end", "pass x\\", "ends in a backslash"],
    ["nothing", "", "names no program"],
    ["nothing but blanks", " \t\n", "names no program"],
    ["nothing but a line that goes on", "\\\n", "names no program"],
    ["an empty program", "'' x", "names no program"],
    ["a NUL", "pass x\0y", "has a NUL character in it"],
    ["a NUL in JSON", '["pass","\\u0000"]', "has a NUL character in it"],
    ["an empty list", "[]", "names no program"],
    ["a list with an empty program", '["","x"]', "names no program"],
    ["a list that is cut short", '["pass"', "is no JSON list of strings"],
    ["a list of other things", '["pass",1]', "is no JSON list of strings"],
    ["a list in a list", '[["pass"]]', "is no JSON list of strings"],
    ["something behind a list", '["pass"] x', "is no JSON list of strings"],
  ];
  for (const [what, line, message] of REFUSED) {
    it(`refuses ${what}, and names where it came from`, () => {
      const error = thrownBy(() => argumentList(line, "--key-source"));
      assertEquals([error.code, error.exitCode], ["usage", 2]);
      assertEquals(error.message.startsWith("--key-source "), true);
      assertEquals(error.message.endsWith(message), true, error.message);
    });
  }

  it("repeats nothing of what it refuses", () => {
    for (const line of ["s3cret '", '["s3cret"', "s3cret\0", "s3cret\\"]) {
      const { message, hint = "" } = thrownBy(() => argumentList(line, "--x"));
      assertEquals(`${message}${hint}`.includes("s3cret"), false);
    }
  });
});
