import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { directRun } from "../../src/cli/direct.ts";
import { plainOptions } from "../../src/cli/plain_options.ts";
import { run } from "../../src/cli/run.ts";
import { runTree } from "../../src/cli/tree.ts";
import type { GlobalOptions } from "../../src/cli/options.ts";
import { FakeContext } from "../support/fake_context.ts";

const ENV = { NANOSERVICES_TOKEN: "nano_1", HOME: "/nowhere" };

function contextFor(): FakeContext {
  return new FakeContext({ env: ENV });
}

describe("a plain command line", () => {
  const plain: [args: string[], options: GlobalOptions][] = [
    [[], {}],
    [["--json"], { json: true }],
    [["--profile", "work"], { profile: "work" }],
    [["--url", "https://a.example", "--json"], {
      url: "https://a.example",
      json: true,
    }],
    [["--service", "coder", "--url", "a.example", "--profile", "w"], {
      service: "coder",
      url: "a.example",
      profile: "w",
    }],
  ];
  for (const [args, options] of plain) {
    it(`is ${JSON.stringify(args)}, and says the same as the tree`, async () => {
      assertEquals(plainOptions(args), options);
      const [direct, byTree] = [contextFor(), contextFor()];
      await directRun(direct, ["token", ...args])?.();
      await runTree(byTree, ["token", ...args]);
      assert(direct.stdout.text !== "");
      assertEquals(direct.stdout.text, byTree.stdout.text);
      assertEquals(direct.stderr.text, byTree.stderr.text);
    });
  }

  const others: string[][] = [
    ["--profile"],
    ["--profile", ""],
    ["--profile", "--json"],
    ["--profile", "-x"],
    ["--profile=work"],
    ["--profile", "a", "--profile", "b"],
    ["--json", "--json"],
    ["--token", "x"],
    ["-t", "x"],
    ["-q"],
    ["--help"],
    ["--"],
    ["-"],
    [""],
    ["more"],
    ["--constructor", "x"],
  ];
  for (const args of others) {
    it(`is not ${JSON.stringify(args)}: the tree decides`, () => {
      assertEquals(plainOptions(args), undefined);
      assertEquals(directRun(contextFor(), ["token", ...args]), undefined);
    });
  }

  it("is one of token alone", () => {
    for (const args of [[], ["whoami"], ["toString"], ["--json", "token"]]) {
      assertEquals(directRun(contextFor(), args), undefined);
    }
  });

  it("fails as it does in the tree", async () => {
    const args = ["token", "--service", "none-such"];
    const [direct, byTree] = [contextFor(), contextFor()];
    assertEquals(await run(args, direct), 2);
    assertEquals(await run([...args, "--quiet"], byTree), 2);
    assertEquals(direct.stderr.text, byTree.stderr.text);
  });
});
