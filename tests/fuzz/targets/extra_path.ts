import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { extraAt, parseExtraPath } from "../../../src/cli/extra_path.ts";
import { anyJson, anyText } from "../inputs.ts";
import { valueOf } from "../properties.ts";
import { target } from "../target.ts";

type Input = { path: string; extra: [name: string, value: unknown][] };

const name = fc.oneof(anyText, fc.constantFrom("a", "0", "length", "-0", "00"));

/** Any path into any extra properties: a value of their own, or an error. */
export const extraPath = target<Input>({
  name: "extra-path",
  inputs: fc.record({
    path: fc.oneof(
      anyText,
      fc.array(name, { minLength: 1, maxLength: 4 })
        .map((names) => names.join(".")),
    ),
    extra: fc.array(fc.tuple(name, anyJson), { maxLength: 4 }),
  }),
  open: () =>
    Promise.resolve({
      check: ({ path, extra: members }) => {
        const names = valueOf(() => parseExtraPath(path), "usage");
        if (!names) return;
        assert(names.every((name) => name !== ""));
        assertEquals(
          parseExtraPath(
            names.map((name) => name.replace(/[\\.]/g, "\\$&")).join("."),
          ),
          names,
        );
        // As it comes off the wire: without anything that JSON can't say.
        const extra = JSON.parse(JSON.stringify(Object.fromEntries(members)));
        const value = valueOf(() => extraAt(extra, names), "extra_missing");
        if (value === undefined) return;
        assert(value !== null && typeof value !== "function");
        assert(
          allWithin(extra).some((own) => Object.is(own, value)),
          "it is none of the values that are there",
        );
      },
    }),
});

function allWithin(value: unknown): unknown[] {
  if (typeof value !== "object" || value === null) return [value];
  return [value, ...Object.values(value).flatMap(allWithin)];
}
