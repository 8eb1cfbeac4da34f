import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { styling } from "../../src/cli/style.ts";
import { FakeContext } from "../support/fake_context.ts";

describe("colours", () => {
  const cases: [
    what: string,
    options: { env?: Record<string, string>; terminals?: boolean },
    noColor: boolean | undefined,
    styled: boolean,
  ][] = [
    ["a terminal", { terminals: true }, undefined, true],
    [
      "an empty NO_COLOR",
      { terminals: true, env: { NO_COLOR: "" } },
      false,
      true,
    ],
    ["a pipe", {}, undefined, false],
    ["--no-color", { terminals: true }, true, false],
    ["NO_COLOR", { terminals: true, env: { NO_COLOR: "0" } }, undefined, false],
    [
      "a dumb terminal",
      { terminals: true, env: { TERM: "dumb" } },
      undefined,
      false,
    ],
  ];
  for (const [what, options, noColor, styled] of cases) {
    it(`are ${styled ? "" : "not "}used with ${what}`, () => {
      const style = styling(new FakeContext(options), { noColor });
      assertEquals(style("x", "red"), styled ? "\x1b[31mx\x1b[0m" : "x");
      assertEquals(style("x", undefined), "x");
    });
  }
});
