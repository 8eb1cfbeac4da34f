import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { runDeno } from "../../scripts/process.ts";

const BDD = new URL("../../scripts/npm_route/bdd.ts", import.meta.url).href;

async function runTests(
  source: string,
): Promise<{ success: boolean; said: string }> {
  const folder = await Deno.makeTempDir({ prefix: "nanoctl_bdd_" });
  const file = `${folder}/probe_test.ts`;
  try {
    await Deno.writeTextFile(
      file,
      `import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "${BDD}";\n` +
        `const log: string[] = [];\n${source}`,
    );
    const args = ["test", "-A", "--no-config", "--no-check", file];
    const { success, stdout, stderr } = await runDeno(args);
    return { success, said: stdout + stderr };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

describe("the npm route's own bdd", () => {
  it("runs the hooks of every suite around a test, in order", async () => {
    const { success, said } = await runTests(`
      describe("outer", () => {
        beforeAll(() => { log.push("A"); });
        beforeEach(() => { log.push("B"); });
        afterEach(() => { log.push("C"); });
        afterAll(() => { log.push("D"); console.log("order " + log.join("")); });
        it("one", () => { log.push("1"); });
        describe("inner", () => {
          beforeAll(() => { log.push("a"); });
          beforeEach(() => { log.push("b"); });
          afterEach(() => { log.push("c"); });
          afterAll(() => { log.push("d"); });
          it("two", async () => { await Promise.resolve(); log.push("2"); });
        });
      });`);
    assertEquals(success, true, said);
    assertStringIncludes(said, "order AB1CaBb2cCdD");
    assertStringIncludes(said, "1 passed (3 steps)");
  });

  it("runs hooks outside any suite for the whole file", async () => {
    const { said } = await runTests(`
      beforeAll(() => { log.push("A"); });
      beforeEach(() => { log.push("B"); });
      afterAll(() => { console.log("order " + log.join("")); });
      it("one", () => { log.push("1"); });
      describe("suite", () => { it("two", () => { log.push("2"); }); });`);
    assertStringIncludes(said, "order AB1B2");
  });

  it("fails as a whole when one nested test does", async () => {
    const { success, said } = await runTests(`
      describe("outer", () => {
        describe("inner", () => {
          it("bad", () => { throw new Error("the reason"); });
          it("good", () => {});
        });
      });`);
    assertEquals(success, false);
    assertStringIncludes(said, "the reason");
    assertStringIncludes(said, "0 passed (1 step) | 1 failed (2 steps)");
  });

  it("fails when a hook does", async () => {
    const { success } = await runTests(`
      describe("outer", () => {
        afterAll(() => { throw new Error("hook"); });
        it("good", () => {});
      });`);
    assertEquals(success, false);
  });

  it("leaves out what is skipped", async () => {
    const { success, said } = await runTests(`
      describe("outer", () => {
        it.skip("bad", () => { throw new Error("ran"); });
        it("good", () => {});
      });
      describe.ignore("ignored", () => { it("bad", () => { throw new Error("ran"); }); });`);
    assertEquals(success, true, said);
  });
});
