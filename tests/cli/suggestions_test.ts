import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { suggestion } from "../../src/cli/suggestions.ts";

const COMMANDS = [
  "login",
  "logout",
  "whoami",
  "status",
  "token",
  "external-auth",
  "api",
  "exec",
  "use",
  "store",
  "dev-server",
];

describe("the command that was meant", () => {
  const cases: [words: string, meant: string | undefined][] = [
    ["extern", "external-auth"],
    ["who", "whoami"],
    ["dev", "dev-server"],
    ["log", undefined],
    ["st", undefined],
    ["ex", undefined],
    ["auth login", "login"],
    ["auth logout", "logout"],
    ["auth status", "status"],
    ["auth token", "token"],
    ["auth switch", "use"],
    ["auth anything", "login"],
    ["auth", "login"],
    ["version", "--version"],
    ["switch work", "use"],
    ["contexts", "status"],
    ["access-token github", "external-auth access-token"],
    ["loginn", "login"],
    ["lgoin", "login"],
    ["tokn", "token"],
    ["statsu", "status"],
    ["apo", "api"],
    ["xyzzy", undefined],
    ["config", undefined],
    ["delete", undefined],
    ["constructor", undefined],
    ["a", "api"],
    ["x", undefined],
  ];
  for (const [words, meant] of cases) {
    it(`is ${meant ?? "none"} by ${words}`, () => {
      assertEquals(suggestion(words.split(" "), COMMANDS), meant);
    });
  }

  it("is one of its group's there", () => {
    const names = ["access-token", "list"];
    assertEquals(suggestion(["acess-token"], names), "access-token");
    assertEquals(suggestion(["li"], names), "list");
    assertEquals(suggestion(["version"], names), "--version");
    assertEquals(suggestion(["switch"], names), undefined);
  });
});
