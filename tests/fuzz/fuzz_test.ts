import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { TARGETS } from "./targets.ts";

/** A short run that is the same each time; `deno task fuzz` goes on for longer. */
const LIMITS = { seed: 20_261_122, cases: 200 };

describe("the fuzzer, in short", () => {
  for (const target of TARGETS) {
    it(`finds nothing in ${target.name}`, async () => {
      const { cases, failure } = await target.run(LIMITS);
      assertEquals(failure, undefined);
      assert(cases >= LIMITS.cases, `only ${cases} cases were tried`);
    });
  }
});
