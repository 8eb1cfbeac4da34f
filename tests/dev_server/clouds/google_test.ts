import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type JWTPayload, SignJWT } from "jose";
import {
  IdentityRefused,
  makeSigningKey,
} from "../../../src/dev_server/clouds/cloud.ts";
import {
  checkGoogleToken,
  signGoogleToken,
} from "../../../src/dev_server/clouds/google.ts";

const key = await makeSigningKey();
const now = new Date("2030-01-01T00:00:00Z");
const seconds = now.getTime() / 1000;
const google = { compute_engine: { instance_id: "17" } };
const GOOD: JWTPayload = {
  iss: "https://accounts.google.com",
  aud: "coder",
  iat: seconds,
  exp: seconds + 1,
  google,
};

/** A JWT of these claims, by our key unless another is given. */
async function signed(
  claims: JWTPayload,
  { privateKey } = key,
): Promise<string> {
  return await new SignJWT(claims)
    .setProtectedHeader({ alg: "RS256" })
    .sign(privateKey);
}

function without(claim: string): JWTPayload {
  const { [claim]: _, ...rest } = GOOD;
  return rest;
}

function base64url(value: string): string {
  return new TextEncoder().encode(value)
    .toBase64({ alphabet: "base64url", omitPadding: true });
}

function check(token: string): Promise<string> {
  return checkGoogleToken(key, token, { audience: "coder", now });
}

const good = await signed(GOOD);
const [header = "", payload = "", signature = ""] = good.split(".");
const others = base64url(JSON.stringify({ ...GOOD, aud: "a" }));
const secret = new TextEncoder().encode("a secret of thirty-two bytes long");
const cases: [string, string, string][] = [
  [
    "another audience",
    await signed({ ...GOOD, aud: "nanoservices" }),
    "audience",
  ],
  ["no audience", await signed(without("aud")), "audience"],
  [
    "another issuer",
    await signed({ ...GOOD, iss: "https://accounts.google.com/" }),
    "issuer",
  ],
  ["no issuer", await signed(without("iss")), "issuer"],
  ["an expiry that is past", await signed({ ...GOOD, exp: 1 }), "expired"],
  ["no expiry", await signed(without("exp")), "expiry"],
  ["no time of issue", await signed(without("iat")), "time of issue"],
  [
    "another key",
    await signed(GOOD, await makeSigningKey()),
    "signature",
  ],
  [
    "a changed payload",
    `${header}.${others}.${signature}`,
    "signature",
  ],
  [
    "a changed signature",
    `${header}.${payload}.${
      signature.replace(/^./, (c) => c === "A" ? "B" : "A")
    }`,
    "signature",
  ],
  [
    "no signature, alg none",
    `${base64url('{"alg":"none"}')}.${payload}.`,
    "RS256",
  ],
  [
    "a signature with a shared secret",
    await new SignJWT(GOOD).setProtectedHeader({ alg: "HS256" }).sign(secret),
    "RS256",
  ],
  ["no instance", await signed(without("google")), "no instance"],
  [
    "an instance that is no text",
    await signed({
      ...GOOD,
      google: { compute_engine: { instance_id: 17 } },
    }),
    "no instance",
  ],
  ["what is no JWT", "a.b.c", "not a signed JWT"],
  ["what is no JWT at all", "x", "not a signed JWT"],
];
describe("a Google identity", () => {
  it("holds", async () => {
    assertEquals(await check(await signed(GOOD)), "17");
    const token = await signGoogleToken(key, {
      audience: "coder",
      instanceId: "17",
      full: true,
      now,
      created: now,
    });
    assertEquals(await check(token), "17");
  });

  it("holds until its last second", async () => {
    const until = async (milliseconds: number): Promise<string> =>
      await checkGoogleToken(key, await signed(GOOD), {
        audience: "coder",
        now: new Date(now.getTime() + milliseconds),
      });
    assertEquals(await until(999), "17");
    const error = await assertRejects(() => until(1000), IdentityRefused);
    assertStringIncludes(error.message, "expired");
  });

  for (const [name, token, reason] of cases) {
    it(`is refused for ${name}`, async () => {
      const error = await assertRejects(() => check(token), IdentityRefused);
      assertStringIncludes(error.message, reason);
    });
  }
});
