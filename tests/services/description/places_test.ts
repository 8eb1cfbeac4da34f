import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  dateAt,
  holds,
  listAt,
  read,
  type ReadAnswer,
  textAt,
  valueAt,
} from "../../../src/services/description/places.ts";
import type { DatePlace } from "../../../src/services/description/schema.ts";

const NOW = new Date("2026-01-15T12:00:00Z");

function answerOf(
  body: unknown,
  headers: Record<string, string> = {},
  status = 200,
): ReadAnswer {
  return read({
    status,
    headers: new Headers(headers),
    receivedAt: NOW,
    url: new URL("https://api.example/x"),
    leftOrigin: false,
    text: typeof body === "string" ? body : JSON.stringify(body),
  });
}

describe("a date", () => {
  const RIGHT: [format: DatePlace["format"], value: unknown, date: string][] = [
    ["rfc3339", "2027-01-31T12:00:00Z", "2027-01-31T12:00:00.000Z"],
    ["rfc3339", "2027-01-31T12:00:00.5+02:00", "2027-01-31T10:00:00.500Z"],
    ["date", "2027-01-31", "2027-01-31T00:00:00.000Z"],
    ["http", "Sun, 31 Jan 2027 12:00:00 GMT", "2027-01-31T12:00:00.000Z"],
    ["unix", 1_801_396_800, "2027-01-31T12:00:00.000Z"],
    ["unix", "1801396800", "2027-01-31T12:00:00.000Z"],
    ["unix-ms", 1_801_396_800_000, "2027-01-31T12:00:00.000Z"],
    ["seconds", 60, "2026-01-15T12:01:00.000Z"],
    ["seconds", "1.5", "2026-01-15T12:00:01.500Z"],
    ["ratelimit", '"api";r=0;t=60', "2026-01-15T12:01:00.000Z"],
    ["github", "2027-01-31 12:00:00 UTC", "2027-01-31T12:00:00.000Z"],
    ["github", "2027-01-31 12:00:00 +0200", "2027-01-31T10:00:00.000Z"],
  ];
  for (const [format, value, date] of RIGHT) {
    it(`of the format ${format} is read: ${value}`, () => {
      const found = dateAt(answerOf({ at: value }), [{ field: "at", format }]);
      assertEquals(found?.toISOString(), date);
    });
  }

  const WRONG: [format: DatePlace["format"], value: unknown][] = [
    ["rfc3339", "2027-02-30T12:00:00Z"],
    ["rfc3339", "2027-01-31"],
    ["rfc3339", 1_801_396_800],
    ["date", "2027-02-30"],
    ["date", "31.1.2027"],
    ["http", "2027-01-31T12:00:00Z"],
    ["http", "anything 2027"],
    ["http", "Sun, 45 Jan 2027 12:00:00 GMT"],
    ["unix", "soon"],
    ["unix", -1],
    ["unix", 1e21],
    ["unix", 99_999_999_999_999],
    ["unix-ms", "2027-01-31"],
    ["seconds", "60 s"],
    ["seconds", -60],
    ["ratelimit", '"api";r=0'],
    ["ratelimit", 60],
    ["github", "2027-02-30 12:00:00 UTC"],
    ["github", "2027-01-31T12:00:00Z"],
    ["rfc3339", true],
    ["unix", [1_801_396_800]],
    ["seconds", { valueOf: 1, toString: 1 }],
    ["date", { toString: null }],
  ];
  for (const [format, value] of WRONG) {
    it(`of the format ${format} is not ${JSON.stringify(value)}`, () => {
      assertThrows(
        () => dateAt(answerOf({ at: value }), [{ field: "at", format }]),
        RangeError,
        `not a date of the format ${format}`,
      );
    });
  }

  for (const none of [undefined, null, ""]) {
    it(`is at the next place, where ${JSON.stringify(none)} is at one`, () => {
      const found = dateAt(answerOf({ at: none }, { "x-end": "60" }), [
        { field: "at", format: "rfc3339" },
        { header: "x-end", format: "seconds" },
      ]);
      assertEquals(found?.toISOString(), "2026-01-15T12:01:00.000Z");
    });
  }

  it("is none where nothing is there, and where a lifetime is zero", () => {
    assertEquals(dateAt(answerOf({}), undefined), undefined);
    for (const value of [0, "0"]) {
      assertEquals(
        dateAt(answerOf({ at: value }), [{ field: "at", format: "seconds" }]),
        undefined,
      );
    }
  });
});

describe("a place", () => {
  it("is a path of members, a number in a list, or a header", () => {
    const answer = answerOf({ a: [{ b: "c" }] }, { "x-name": "ada" });
    assertEquals(valueAt(answer, { field: "a.0.b" }), "c");
    assertEquals(valueAt(answer, { field: "a.1.b" }), undefined);
    assertEquals(valueAt(answer, { header: "x-name" }), "ada");
    assertEquals(valueAt(answer, { header: "x-other" }), null);
    assertEquals(valueAt(answerOf("<html>"), { field: "a" }), undefined);
  });

  it("does not reach into the language", () => {
    const answer = answerOf({ a: {}, list: [] });
    for (
      const field of [
        "__proto__",
        "constructor",
        "a.constructor.name",
        "a.__proto__.toString",
        "list.map",
      ]
    ) assertEquals(valueAt(answer, { field }), undefined, field);
    // A member that the service gave is one.
    const given = answerOf('{"__proto__":{"name":"mallory"}}');
    assertEquals(valueAt(given, { field: "__proto__.name" }), "mallory");
    assertEquals(valueAt(given, { field: "name" }), undefined);
  });

  it("gives a text, and a number as one, but no object", () => {
    const answer = answerOf({ a: "", b: 7, c: {}, d: [] });
    const at = (...fields: string[]): string | undefined =>
      textAt(answer, fields.map((field) => ({ field })));
    assertEquals(at("a", "b"), "7");
    assertEquals(at("c"), undefined);
    assertEquals(at("d"), undefined);
    assertEquals(at("e"), undefined);
  });

  it("gives a list, from one or from a text", () => {
    const of = (value: unknown): string[] | undefined =>
      listAt(answerOf({ a: value }), [{ field: "a" }]);
    assertEquals(of(["repo", 7, "", null, "user"]), ["repo", "user"]);
    assertEquals(of("repo, user  gist"), ["repo", "user", "gist"]);
    assertEquals(of("read"), ["read"]);
    assertEquals(of({ a: 1 }), undefined);
    assertEquals(of(undefined), undefined);
  });
});

describe("conditions", () => {
  const answer = answerOf(
    { message: "API Rate Limit exceeded", list: ["Invalid Token"], no: false },
    { "x-left": "0" },
    403,
  );
  const CASES: [holds: boolean, of: Parameters<typeof holds>[1]][] = [
    [true, {}],
    [true, { status: [403, 429] }],
    [false, { status: [401] }],
    [true, { field: "message" }],
    [false, { field: "other" }],
    [true, { field: "no", equals: "false" }],
    [true, { header: "x-left", equals: "0" }],
    [false, { header: "x-left", equals: "1" }],
    [true, { field: "message", contains: "rate limit" }],
    [false, { field: "message", contains: "expired" }],
    [true, { field: "list", contains: "invalid token" }],
    [false, { status: [401], field: "message" }],
  ];
  for (const [expected, conditions] of CASES) {
    const how = expected ? "hold" : "do not hold";
    it(`${how}: ${JSON.stringify(conditions)}`, () =>
      assertEquals(holds(answer, conditions), expected));
  }

  it("take an answer that is nested too deep to be written", () => {
    const deep = answerOf(`{"a":${"[".repeat(50_000)}${"]".repeat(50_000)}}`);
    assertEquals(holds(deep, { field: "a", contains: "x" }), false);
  });
});
