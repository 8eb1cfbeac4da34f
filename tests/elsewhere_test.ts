import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { missingOn, skippedOn, testFiles } from "../scripts/test.ts";

/** How systems are called, and their tests. */
const SIDES = [
  { os: "darwin", side: "macos" },
  { os: "windows", side: "windows" },
];
const skipped = skippedOn(Deno.build.os);

describe("what this system can't run", () => {
  for (const [path, needs] of skipped) {
    it.skip(`${path} (skipped: there is no such thing here as ${needs})`, () => {});
  }

  it("is nothing on Linux", () => {
    assertEquals(skippedOn("linux"), []);
    if (Deno.build.os === "linux") assertEquals(skipped, []);
  });
});

describe("elsewhere", () => {
  for (const { os, side } of SIDES) {
    it(`most tests run on ${os}`, () => {
      const { length } = skippedOn(os);
      assert(length < testFiles().length / 2, String(length));
    });

    it(`the tests of its own side run on ${os}`, () => {
      const paths = skippedOn(os).map(([path]) => path);
      assert(!paths.includes(`tests/process/system/${side}_test.ts`));
    });
  }

  const cases: [text: string, darwin: string, windows: string][] = [
    [
      'import { Terminal } from "../support/terminal.ts";',
      "script(1) of util-linux",
      "script(1) of util-linux",
    ],
    ['assertEquals(home.mode(KEY), "0600");', "", "modes and owners of files"],
    ['child.kill("SIGTERM");', "", "signals"],
    ['child.kill("SIGINT");', "", ""],
    ['await run(["whoami"], { home });', "", ""],
  ];
  for (const [text, darwin, windows] of cases) {
    it(`a test is known by ${text}`, () => {
      assertEquals(missingOn("darwin", text) ?? "", darwin);
      assertEquals(missingOn("windows", text) ?? "", windows);
      assertEquals(missingOn("linux", text), undefined);
    });
  }
});
