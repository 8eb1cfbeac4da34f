import { assert, assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type ErrorCode,
  EXIT_CODES,
  hasCode,
  NanoctlError,
} from "../src/errors.ts";

/** The table of docs/configuration.md, exit code by exit code. */
const TABLE: [exitCode: number, what: string, codes: ErrorCode[]][] = [
  [1, "any failure without a code of its own", ["failed"]],
  [1, "not authenticated with the provider", ["external_auth_required"]],
  [2, "wrong usage", ["usage", "provider_unknown"]],
  [3, "not logged in", ["not_logged_in"]],
  [
    4,
    "the token was refused",
    ["token_invalid", "token_expired", "token_revoked", "insufficient_scope"],
  ],
  [
    5,
    "the network",
    [
      "network_name",
      "network_refused",
      "network_tls",
      "network_timeout",
      "network_proxy",
      "network_proxy_login",
      "network",
    ],
  ],
  [
    6,
    "the service",
    [
      "service_error",
      "service_response",
      "extra_missing",
      "rate_limited",
      "redirect_refused",
    ],
  ],
  [
    7,
    "the credential file",
    [
      "file_corrupt",
      "file_key",
      "file_permissions",
      "file_locked",
      "file_unwritable",
    ],
  ],
  [126, "exec, as a shell has it", ["command_not_executable"]],
  [127, "exec, as a shell has it", ["command_not_found"]],
  [130, "interrupted", ["interrupted"]],
];

describe("an exit code", () => {
  for (const [exitCode, what, codes] of TABLE) {
    for (const code of codes) {
      it(`is ${exitCode} for ${code}: ${what}`, () => {
        assertEquals(new NanoctlError(code, "x").exitCode, exitCode);
      });
    }
  }

  it("is one of these, for every code", () => {
    const listed = TABLE.map(([exitCode]) => exitCode);
    for (const [code, exitCode] of Object.entries(EXIT_CODES)) {
      assert(
        listed.includes(exitCode),
        `${code} has the exit code ${exitCode}`,
      );
    }
  });
});

describe("NanoctlError", () => {
  it("has a code, a message and, where there is one, a hint", () => {
    const error = new NanoctlError("usage", "wrong", "right");
    assertEquals(
      [error.name, error.code, error.message, error.hint],
      ["NanoctlError", "usage", "wrong", "right"],
    );
    assertEquals(new NanoctlError("usage", "wrong").hint, undefined);
  });
});

describe("hasCode", () => {
  it("knows ours by one of the codes", () => {
    const error = new NanoctlError("token_expired", "x");
    assert(hasCode(error, "token_invalid", "token_expired"));
    assertFalse(hasCode(error, "token_invalid"));
    assertFalse(hasCode(error));
  });

  it("does not take what only looks like ours", () => {
    const alike = Object.assign(new Error("x"), { code: "usage" });
    for (const other of [alike, { code: "usage" }, "usage", null, undefined]) {
      assertFalse(hasCode(other, "usage"));
    }
  });
});
