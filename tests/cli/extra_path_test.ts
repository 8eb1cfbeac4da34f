import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { extraAt, parseExtraPath } from "../../src/cli/extra_path.ts";
import { thrownBy } from "../support/fake_context.ts";

/** A name as it stands in a path. */
function escaped(name: string): string {
  return name.replace(/[\\.]/g, "\\$&");
}

describe("a path of extra properties", () => {
  const paths: [path: string, names: string[]][] = [
    ["id", ["id"]],
    ["authed_user.id", ["authed_user", "id"]],
    ["teams.0.name", ["teams", "0", "name"]],
    ["a\\.b.c", ["a.b", "c"]],
    ["\\.", ["."]],
    ["\\\\", ["\\"]],
    ["a\\\\.b", ["a\\", "b"]],
    ["a\\\\\\.b", ["a\\.b"]],
    ["\\n", ["n"]],
    ["a b", ["a b"]],
    ["a\nb.c", ["a\nb", "c"]],
    ["a\\\nb", ["a\nb"]],
    ["größe.名前.\u{1f600}", ["größe", "名前", "\u{1f600}"]],
    ["\\\u{1f600}", ["\u{1f600}"]],
    ["__proto__", ["__proto__"]],
  ];
  for (const [path, names] of paths) {
    it(`is for ${JSON.stringify(path)} the names ${JSON.stringify(names)}`, () => {
      assertEquals(parseExtraPath(path), names);
    });
  }

  for (const path of ["", ".", ".a", "a.", "a..b", "a\\\\..b"]) {
    it(`is a usage error for ${JSON.stringify(path)}: a name is empty`, () => {
      const error = thrownBy(() => parseExtraPath(path));
      assertEquals([error.code, error.message], [
        "usage",
        "what --extra gives is not a path: one of its names is empty",
      ]);
    });
  }

  for (const path of ["\\", "a\\", "a.\\", "a\\\\\\"]) {
    it(`is a usage error for ${JSON.stringify(path)}: it ends in the middle`, () => {
      const error = thrownBy(() => parseExtraPath(path));
      assertEquals([error.code, error.message], [
        "usage",
        "what --extra gives is not a path: it ends with a backslash",
      ]);
    });
  }

  it("gives back any names that were escaped, whatever is in them", () => {
    fc.assert(fc.property(
      fc.array(fc.string({ unit: "binary", minLength: 1 }), { minLength: 1 }),
      (names) => {
        assertEquals(parseExtraPath(names.map(escaped).join(".")), names);
      },
    ));
  });
});

describe("the value at a path", () => {
  const extra = JSON.parse(`{
    "authed_user": {"id": "U1", "admin": false},
    "teams": [{"name": "one"}, {"name": "two"}, null],
    "a.b": {"c\\\\d": 1},
    "0": "zero",
    "none": null,
    "empty": "",
    "nothing": 0,
    "größe": "xl",
    "null": {"none": null}
  }`);

  const there: [path: string, value: unknown][] = [
    ["authed_user.id", "U1"],
    ["authed_user.admin", false],
    ["authed_user", { id: "U1", admin: false }],
    ["teams.0.name", "one"],
    ["teams.1", { name: "two" }],
    ["a\\.b.c\\\\d", 1],
    ["0", "zero"],
    ["empty", ""],
    ["nothing", 0],
    ["größe", "xl"],
  ];
  for (const [path, value] of there) {
    it(`is ${JSON.stringify(value)} at ${path}`, () => {
      assertEquals(extraAt(extra, parseExtraPath(path)), value);
    });
  }

  const missing = [
    "nobody",
    "none",
    "none.deeper",
    "null.none",
    "authed_user.id.length",
    "authed_user.id.0",
    "authed_user.admin.valueOf",
    "a.b",
    "teams.3",
    "teams.2",
    "teams.-1",
    "teams.00",
    "teams.01",
    "teams.1e0",
    "teams.0x1",
    "teams. 1",
    "teams.1 ",
    "teams.+1",
    "teams.4294967295",
    "teams.99999999999999999999999",
    "teams.length",
    "teams.map",
    "teams.name",
    "teams.constructor",
    "__proto__",
    "__proto__.toString",
    "constructor",
    "constructor.name",
    "toString",
    "hasOwnProperty",
    "valueOf",
    "authed_user.__proto__",
    "teams.__proto__.length",
  ];
  for (const path of missing) {
    it(`is none at ${JSON.stringify(path)}: exit 6, not 1`, () => {
      const error = thrownBy(() => extraAt(extra, parseExtraPath(path)));
      assertEquals([error.code, error.exitCode, error.hint], [
        "extra_missing",
        6,
        "see what it has with --json",
      ]);
    });
  }

  for (const name of ["__proto__", "constructor", "toString", "length"]) {
    it(`is that of a member that is really called ${name}`, () => {
      const own = JSON.parse(`{"${name}": {"${name}": "own"}}`);
      assertEquals(extraAt(own, [name, name]), "own");
    });
  }

  it("is never the product of a getter", () => {
    const trap = {
      get a(): string {
        throw new Error("called");
      },
    };
    assertEquals(thrownBy(() => extraAt(trap, ["a"])).code, "extra_missing");
  });

  it("is found however deep it is", () => {
    const depth = 10_000;
    let value: unknown = "bottom";
    for (let at = 0; at < depth; at++) value = at % 2 ? { a: value } : [value];
    const names = Array.from({ length: depth }, (_, at) => at % 2 ? "0" : "a");
    assertEquals(extraAt({ top: value }, ["top", ...names]), "bottom");
  });

  it("is found by any path that was made by escaping names", () => {
    const name = fc.oneof(
      fc.string({ unit: "binary", minLength: 1 }),
      fc.constantFrom("__proto__", "constructor", "a.b", "\\", ".", "0"),
    );
    const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean());
    fc.assert(fc.property(
      fc.array(fc.oneof(name, fc.nat({ max: 3 })), {
        minLength: 1,
        maxLength: 8,
      }),
      leaf,
      (steps, value) => {
        const extra = JSON.parse(nested(["top", ...steps], value));
        const path = ["top", ...steps].map((step) => escaped(String(step)));
        assertEquals(extraAt(extra, parseExtraPath(path.join("."))), value);
      },
    ));
  });
});

/** JSON in which a value is found by these steps: a number is a place in a list. */
function nested(steps: (string | number)[], value: unknown): string {
  return steps.reduceRight<string>(
    (inner, step) =>
      typeof step === "number"
        ? `[${"null,".repeat(step)}${inner}]`
        : `{${JSON.stringify(step)}:${inner}}`,
    JSON.stringify(value),
  );
}
