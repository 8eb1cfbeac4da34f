import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  closestName,
  proposedCommands,
} from "../../../src/cli/command_line/proposals.ts";

const NAMES = [
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

describe("the name that a word is close to", () => {
  const cases: [word: string, name: string | undefined][] = [
    ["extern", "external-auth"],
    ["ext", "external-auth"],
    ["who", "whoami"],
    ["stat", "status"],
    ["st", undefined],
    ["log", undefined],
    ["logi", "login"],
    ["lgin", "login"],
    ["loginn", "login"],
    ["lgoin", "login"],
    ["tokne", "token"],
    ["tokens", "token"],
    ["ues", "use"],
    ["aip", "api"],
    ["devserver", "dev-server"],
    ["externalauth", "external-auth"],
    ["statsu", "status"],
    ["sttaus", "status"],
    ["loguot", "logout"],
    // As near to one as to the other.
    ["logot", "logout"],
    ["logint", "login"],
    // Too far off for so few letters.
    ["usr", "use"],
    ["ab", undefined],
    ["ax", undefined],
    ["version", undefined],
    ["auth", undefined],
    ["switch", undefined],
    ["zzzz", undefined],
    ["frobnicate", undefined],
  ];
  for (const [word, name] of cases) {
    it(`is ${name ?? "none"} for ${word}`, () => {
      assertEquals(closestName(word, NAMES), name);
    });
  }

  it("is none where two are as close", () => {
    assertEquals(closestName("staxe", ["stare", "state"]), undefined);
    assertEquals(closestName("stat", ["stare", "state"]), "state");
    assertEquals(closestName("x", []), undefined);
  });
});

describe("a word of another program", () => {
  const cases: [word: string, next: string | undefined, proposed: string[]][] =
    [
      ["auth", "login", ["login"]],
      ["auth", "logout", ["logout"]],
      ["auth", "status", ["status"]],
      ["auth", "token", ["token"]],
      ["auth", "switch", ["use"]],
      ["auth", "setup-git", []],
      ["auth", undefined, ["login", "logout", "status", "token"]],
      ["auth", "frob", ["login", "logout", "status", "token"]],
      ["version", undefined, ["--version"]],
      ["switch", "work", ["use"]],
      ["contexts", undefined, ["status"]],
      ["config", "use-context", ["use"]],
      ["config", "get-contexts", ["status"]],
      ["print-access-token", undefined, ["token"]],
      ["access-token", "github", ["external-auth access-token"]],
      ["constructor", undefined, []],
      ["toString", undefined, []],
      ["extern", "list", ["external-auth"]],
      ["frobnicate", "login", []],
    ];
  for (const [word, next, proposed] of cases) {
    it(`${word} ${next ?? ""} proposes ${proposed.join() || "nothing"}`, () => {
      assertEquals(proposedCommands(word, next, NAMES), proposed);
    });
  }
});
