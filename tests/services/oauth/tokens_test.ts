import { assert, assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { GrantedTokens } from "../../../src/grant.ts";
import { Secret, withoutSecrets } from "../../../src/secret.ts";
import { clientCredentials } from "../../../src/services/oauth/machine_login.ts";
import { tokensIn } from "../../../src/services/oauth/tokens.ts";
import { json, rejectionOf, START } from "../../support/fake_context.ts";
import {
  confidential,
  endpointFor,
  granted,
  ISSUER,
} from "../../support/fake_oauth.ts";

/** The tokens in an answer of the token endpoint. */
async function tokensOf(
  change: Record<string, unknown>,
): Promise<GrantedTokens> {
  const { context, endpoint } = endpointFor(granted(change), {
    client: confidential(),
  });
  return await clientCredentials(endpoint, {}, () => context.now());
}

function secondsTo(date: Date | undefined): number | undefined {
  return date && (date.getTime() - START.getTime()) / 1000;
}

describe("the life of a granted token", () => {
  const lives: [given: unknown, ends: number, renewed: number][] = [
    [3600, 3600, 3540],
    [86_400, 86_400, 86_340],
    // A minute before its end, or after four fifths if that is later.
    [300, 300, 240],
    [100, 100, 80],
    [10, 10, 8],
    [1, 1, 0.8],
    [0, 0, 0],
    [0.5, 0.5, 0.4],
    ["3600", 3600, 3540],
    ["3600.0", 3600, 3540],
  ];
  for (const [given, ends, renewed] of lives) {
    it(`ends after ${ends} s where expires_in is ${JSON.stringify(given)}`, async () => {
      const { expiresAt, renewAt } = await tokensOf({ expires_in: given });
      assertEquals([secondsTo(expiresAt), secondsTo(renewAt)], [ends, renewed]);
    });
  }

  // More than a hundred years is not what a date of ours can hold, or soon not.
  for (const given of [undefined, 1e10, 1e300, Number.MAX_SAFE_INTEGER]) {
    it(`has no known end where expires_in is ${given}`, async () => {
      const tokens = await tokensOf({ expires_in: given });
      assertFalse("expiresAt" in tokens || "renewAt" in tokens);
    });
  }

  it("may be a century", async () => {
    const { expiresAt } = await tokensOf({ expires_in: 3_000_000_000 });
    assertEquals(expiresAt?.getUTCFullYear(), 2121);
  });

  for (const given of [-1, "soon", "", {}, [], true]) {
    it(`is a wrong answer: ${JSON.stringify(given)}`, async () => {
      const error = await rejectionOf(tokensOf({ expires_in: given }));
      assertEquals([error.code, error.exitCode], ["service_response", 6]);
      assert(error.message.includes('"expires_in"'), error.message);
    });
  }
});

describe("a granted token", () => {
  for (const token_type of ["Bearer", "bearer", "BEARER"]) {
    it(`may be of the type ${token_type}`, async () => {
      const { token } = await tokensOf({ token_type });
      assertEquals(token.reveal(), "an-access-token");
    });
  }

  const wrong: [field: string, values: unknown[]][] = [
    ["token_type", ["DPoP", "mac", "N_A", "", "Bearer ", 1, null, undefined]],
    ["access_token", [
      "",
      " ",
      "a token",
      "a-token\n",
      "a-token\r\nX-Admin: yes",
      "a-token\u0000",
      "a-tökén",
      "\u{1f600}",
      1,
      null,
      {},
      ["a-token"],
      undefined,
    ]],
    ["refresh_token", ["", 1, null, {}]],
    ["scope", [1, {}]],
  ];
  for (const [field, values] of wrong) {
    for (const value of values) {
      it(`is a wrong answer: ${field} ${JSON.stringify(value)}`, async () => {
        const error = await rejectionOf(tokensOf({ [field]: value }));
        assertEquals([error.code, error.exitCode], ["service_response", 6]);
        assertFalse(error.message.includes("X-Admin"), error.message);
      });
    }
  }

  for (const body of [null, [], 1, "text", {}]) {
    it(`is not in ${JSON.stringify(body)}`, async () => {
      const { context, endpoint } = endpointFor(json(body));
      const error = await rejectionOf(
        clientCredentials(endpoint, {}, () => context.now()),
      );
      assertEquals(error.code, "service_response");
      assert(error.message.startsWith(`${ISSUER} answered in the wrong shape`));
    });
  }

  it("is a secret of this process, as its refresh token is", async () => {
    await tokensOf({
      access_token: "this-one-is-not-shown",
      refresh_token: "nor this one",
    });
    assertEquals(
      withoutSecrets("this-one-is-not-shown, nor this one"),
      "[secret], [secret]",
    );
  });

  // An ID token that we could not check is none that we use.
  for (const id_token of ["", "no.jwt", "e30.e30.", 1, {}, null]) {
    it(`may come with the ID token ${JSON.stringify(id_token)}`, async () => {
      const { token } = await tokensOf({ id_token });
      assertEquals(token.reveal(), "an-access-token");
    });
  }
});

describe("a refresh token", () => {
  const old = new Secret("the old refresh token");
  const answer = { access_token: "a", token_type: "bearer" as const };

  it("goes on where the server gives no new one", () => {
    const { refreshToken } = tokensIn(answer, START, old);
    assertEquals(refreshToken?.reveal(), "the old refresh token");
  });

  it("gives way to a new one", () => {
    const { refreshToken } = tokensIn(
      { ...answer, refresh_token: "the new refresh token" },
      START,
      old,
    );
    assertEquals(refreshToken?.reveal(), "the new refresh token");
  });

  it("is missing where there never was one", () => {
    assertFalse("refreshToken" in tokensIn(answer, START));
  });
});
