import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { compiledAtOnce } from "../../scripts/eager.ts";

/** What a module exports, as it is and with its functions compiled at once. */
async function bothWays(
  code: string,
): Promise<[before: unknown, after: unknown]> {
  const load = async (text: string): Promise<unknown> => {
    const url = `data:text/javascript,${encodeURIComponent(text)}`;
    return { ...await import(url) };
  };
  return [await load(code), await load(compiledAtOnce(code))];
}

describe("functions that are compiled at once", () => {
  it("stand in parentheses, all that the module declares", () => {
    const code = "var a=f();function f(){return g}async function*g(){}";
    assertEquals(
      compiledAtOnce(code),
      "var f=(function f(){return g});var g=(async function*g(){});var a=f();",
    );
  });

  it("do what they did", async () => {
    const [before, after] = await bothWays(`
      import * as again from "data:text/javascript,export var x=1";
      export var early = twice(20) + later.length;
      function twice(n) { return n > 9 ? helper(n) : n * 2 }
      class Kept { static made = twice(1); #a = 4; get a() { return this.#a } }
      async function later(a, b) { return [a, b] }
      function helper(n) { return twice(n / 10) + again.x }
      export var late = new Kept().a + Kept.made;
      export var text = "function no(){}" + /function no\\(\\)\\{/.source;
      export var name = helper.name;
    `);
    assert(typeof before === "object" && before !== null && "early" in before);
    assertEquals(before.early, 7);
    assertEquals(after, before);
  });

  it("are left where they are within others", () => {
    const code = "var a=()=>{function b(){}};class C{d(){function e(){}}}";
    assertEquals(compiledAtOnce(code), code);
  });
});
