import { assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { runDeno } from "../../scripts/process.ts";

const CONFIG = fromFileUrl(new URL("../../deno.json", import.meta.url));

/** Both are to do the same: by the npm route the installed one is a copy of ours, by the other route it is the real one. */
const MODULES: Record<string, string> = {
  "the npm route's own bdd":
    new URL("../../scripts/npm_route/bdd.ts", import.meta.url).href,
  "the bdd that is installed": "@std/testing/bdd",
};

async function runTests(
  module: string,
  source: string,
): Promise<{ success: boolean; said: string }> {
  const folder = await Deno.makeTempDir({ prefix: "nanoctl_bdd_" });
  const file = `${folder}/probe_test.ts`;
  try {
    await Deno.writeTextFile(
      file,
      `import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "${module}";\n` +
        `const log: string[] = [];\n` +
        `const fail = (): void => { throw new Error("on purpose"); };\n` +
        `const mark = (letter: string) => (): void => { log.push(letter); };\n` +
        `globalThis.addEventListener("unload", () => console.log("order " + log.join("") + "."));\n` +
        source,
    );
    const args = ["test", "-A", "--no-check", "--config", CONFIG, file];
    const { success, stdout, stderr } = await runDeno(args);
    return { success, said: stdout + stderr };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A file of tests, what its hooks and tests leave in their order, and how it ends. */
interface Probe {
  name: string;
  source: string;
  order: string;
  ends: string;
  /** Deno fails what leaves tests out by `only`. */
  isAlone?: boolean;
}

const PROBES: Probe[] = [
  {
    name: "runs the hooks of every suite around a test, in order",
    source: `
      describe("outer", () => {
        beforeAll(mark("A")); beforeEach(mark("B")); afterEach(mark("C")); afterAll(mark("D"));
        it("one", mark("1"));
        describe("inner", () => {
          beforeAll(mark("a")); beforeEach(mark("b")); afterEach(mark("c")); afterAll(mark("d"));
          it("two", async () => { await Promise.resolve(); log.push("2"); });
        });
      });`,
    order: "AB1CaBb2cCdD",
    ends: "ok | 1 passed (3 steps)",
  },
  {
    name: "makes one test of a file with hooks outside any suite",
    source: `
      beforeAll(mark("A")); beforeEach(mark("B")); afterAll(mark("Z"));
      it("one", mark("1"));
      describe("suite", () => { it("two", mark("2")); });
      afterEach(mark("C"));`,
    order: "AB1CB2CZ",
    ends: "ok | 1 passed (3 steps)",
  },
  {
    name: "takes a hook behind the tests of its suite",
    source:
      `describe("s", () => { it("one", mark("1")); beforeEach(mark("B")); });`,
    order: "B1",
    ends: "ok | 1 passed (1 step)",
  },
  {
    name: "fails as a whole when one nested test does, and runs the rest",
    source: `
      describe("outer", () => {
        describe("inner", () => { it("bad", fail); it("good", mark("1")); });
      });`,
    order: "1",
    ends: "FAILED | 0 passed (1 step) | 1 failed (2 steps)",
  },
  {
    name: "fails when an afterAll does",
    source: `describe("s", () => { afterAll(fail); it("good", mark("1")); });`,
    order: "1",
    ends: "FAILED | 0 passed (1 step) | 1 failed",
  },
  {
    name: "leaves out the tests and afterAll where beforeAll fails",
    source: `
      describe("s", () => { beforeAll(fail); afterAll(mark("Z")); it("one", mark("1")); });`,
    order: "",
    ends: "FAILED | 0 passed | 1 failed",
  },
  {
    name:
      "leaves out a suite's own afterEach, but not the outer one, where its beforeEach fails",
    source: `
      describe("outer", () => {
        beforeEach(mark("B")); afterEach(mark("C"));
        describe("inner", () => {
          beforeEach(fail); afterEach(mark("c"));
          it("one", mark("1"));
        });
      });`,
    order: "BC",
    ends: "FAILED | 0 passed | 1 failed (2 steps)",
  },
  {
    name: "runs afterEach where the test fails",
    source: `describe("s", () => { afterEach(mark("C")); it("bad", fail); });`,
    order: "C",
    ends: "FAILED | 0 passed | 1 failed (1 step)",
  },
  {
    name:
      "leaves out what is skipped, and does not run the body of a suite that is",
    source: `
      describe("s", () => {
        it.skip("bad", fail); it.ignore("bad", fail); it("good", mark("1"));
        describe.skip("never", () => { log.push("X"); it("bad", fail); });
      });
      describe.ignore("never", () => { log.push("Y"); it("bad", fail); });`,
    order: "1",
    ends: "ok | 1 passed (1 step) | 0 failed | 2 ignored (2 steps)",
  },
  {
    name: "runs alone what is to, and fails for that",
    source: `
      describe("s", () => {
        it("one", mark("1")); it.only("two", mark("2")); it("three", mark("3"));
        describe("inner", () => { it("four", mark("4")); });
      });
      describe("other", () => { it("five", mark("5")); });`,
    order: "2",
    ends: "ok | 1 passed (1 step) | 0 failed | 1 filtered out",
    isAlone: true,
  },
  {
    name:
      "runs alone a suite that is to, without the suites in it that are not",
    source: `
      describe.only("s", () => {
        it("one", mark("1"));
        describe("inner", () => { it("two", mark("2")); });
      });
      it("three", mark("3"));`,
    order: "1",
    ends: "ok | 1 passed (1 step) | 0 failed | 1 filtered out",
    isAlone: true,
  },
  {
    name: "finds what a nested test alone is to run in",
    source: `
      describe("s", () => {
        it("one", mark("1"));
        describe("inner", () => { it.only("two", mark("2")); it("three", mark("3")); });
      });`,
    order: "2",
    ends: "ok | 1 passed (2 steps)",
    isAlone: true,
  },
];

const REFUSED: { name: string; source: string; says: string }[] = [
  {
    name: "a hook of the whole file behind a suite",
    source:
      `describe("s", () => { it("one", () => {}); }); beforeAll(() => {});`,
    says: "Cannot add global hooks after a global test is registered",
  },
  {
    name: "a hook of the whole file behind a test",
    source: `it("one", () => {}); afterEach(() => {});`,
    says: "Cannot add global hooks after a global test is registered",
  },
  {
    name: "a hook of the whole file behind a suite that is skipped",
    source: `describe.skip("s", () => {}); beforeEach(() => {});`,
    says: "Cannot add global hooks after a global test is registered",
  },
  {
    name: "an asynchronous suite",
    source: `describe("s", async () => { await Promise.resolve(); });`,
    says: "promise",
  },
  {
    name: "a test that a test declares",
    source: `it("one", () => { it("two", () => {}); });`,
    says: "Cannot register new test cases after",
  },
  {
    name: "a test that a hook declares",
    source:
      `describe("s", () => { beforeEach(() => { it("two", () => {}); }); it("one", () => {}); });`,
    says: "Cannot register new test cases after",
  },
  {
    name: "a suite that a test declares",
    source:
      `describe("s", () => { it("one", () => { describe("t", () => {}); }); });`,
    says: "Cannot register new test suites after",
  },
];

for (const [what, module] of Object.entries(MODULES)) {
  describe(what, () => {
    for (const { name, source, order, ends, isAlone } of PROBES) {
      it(name, async () => {
        const { success, said } = await runTests(module, source);
        assertStringIncludes(said, `order ${order}.`);
        assertStringIncludes(said, ends);
        assertEquals(success, ends.startsWith("ok") && !isAlone, said);
      });
    }

    for (const { name, source, says } of REFUSED) {
      it(`refuses ${name}`, async () => {
        const { success, said } = await runTests(module, source);
        assertEquals(success, false, said);
        assertStringIncludes(said.toLowerCase(), says.toLowerCase());
      });
    }
  });
}

describe("the npm route's own bdd, of forms that it does not have", () => {
  const forms = [
    `it("one", { ignore: true }, () => {});`,
    `it(() => {});`,
    `it({ name: "one", fn: () => {} });`,
    `describe("s");`,
    `describe({ name: "s", fn: () => {} });`,
  ];
  for (const form of forms) {
    it(`refuses ${form}`, async () => {
      const module = MODULES["the npm route's own bdd"] ?? "";
      const { success, said } = await runTests(module, form);
      assertEquals(success, false, said);
      assertStringIncludes(said, "a name and a function, and nothing else");
    });
  }
});
