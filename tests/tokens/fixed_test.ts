import { assertEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Secret } from "../../src/secret.ts";
import { fixedToken } from "../../src/tokens/fixed.ts";

describe("a fixed token", () => {
  it("is the one that was given, each time, without an end", async () => {
    const secret = new Secret("nano_abc");
    const provider = fixedToken({ secret }, "flag", "--token");
    for (
      const token of [await provider.getToken(), await provider.getToken()]
    ) {
      assertStrictEquals(token.secret, secret);
      assertEquals(token.expiresAt, undefined);
    }
  });

  it("says where it came from", () => {
    const provider = fixedToken(
      { secret: new Secret("x") },
      "environment",
      "A_VARIABLE",
    );
    assertEquals([provider.origin, provider.source], [
      "environment",
      "A_VARIABLE",
    ]);
  });

  it("can't be renewed", () => {
    assertEquals(
      fixedToken({ secret: new Secret("x") }, "flag", "--token").renew,
      undefined,
    );
  });
});
