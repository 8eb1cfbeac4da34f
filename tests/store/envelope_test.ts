import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Secret } from "../../src/secret.ts";
import {
  associatedData,
  type Binding,
  open,
  seal,
} from "../../src/store/envelope.ts";
import { importKey } from "../../src/store/keys/key_bytes.ts";

const BINDING: Binding = {
  keyId: "00".repeat(16),
  profile: "default",
  service: "nanoservices",
  url: "https://nano.example.com",
  username: "ada",
  expiresAt: "2027-01-31T12:00:00.000Z",
};

async function key(fill: number): Promise<CryptoKey> {
  return (await importKey(new Uint8Array(32).fill(fill))).key;
}

describe("envelope", () => {
  it("gives back what was sealed", async () => {
    const sealed = await seal(await key(1), {
      token: new Secret("the token"),
      refreshToken: new Secret("the refresh token"),
    }, BINDING);
    const opened = await open(await key(1), sealed, BINDING);
    assertEquals(opened?.token.reveal(), "the token");
    assertEquals(opened?.refreshToken?.reveal(), "the refresh token");
  });

  it("gives back tokens of any length and letters", async () => {
    for (const text of ["nano_ünïcödé_🔑", "x", "x".repeat(300_000)]) {
      const tokens = { token: new Secret(text) };
      const sealed = await seal(await key(1), tokens, BINDING);
      const opened = await open(await key(1), sealed, BINDING);
      assertEquals(opened?.token.reveal(), text);
    }
  });

  it("has a nonce of its own each time", async () => {
    const tokens = { token: new Secret("the token") };
    const first = await seal(await key(1), tokens, BINDING);
    const second = await seal(await key(1), tokens, BINDING);
    assertNotEquals(first.slice(0, 16), second.slice(0, 16));
    assertNotEquals(first.slice(16), second.slice(16));
  });

  it("does not open with another key", async () => {
    const sealed = await seal(
      await key(1),
      { token: new Secret("t") },
      BINDING,
    );
    assertEquals(await open(await key(2), sealed, BINDING), undefined);
  });

  const changes: Partial<Binding>[] = [
    { keyId: "01".repeat(16) },
    { profile: "other" },
    { service: "coder" },
    { url: "http://nano.example.com" },
    { url: "https://nano.example.com:8443" },
    { username: "grace" },
    { expiresAt: "2028-01-31T12:00:00.000Z" },
    { expiresAt: null },
  ];
  for (const change of changes) {
    it(`does not open with ${JSON.stringify(change)}`, async () => {
      const sealed = await seal(
        await key(1),
        { token: new Secret("t") },
        BINDING,
      );
      assert(await open(await key(1), sealed, BINDING));
      const changed = { ...BINDING, ...change };
      assertEquals(await open(await key(1), sealed, changed), undefined);
    });
  }

  it("does not open when any bit of it was changed", async () => {
    const sealed = await seal(
      await key(1),
      { token: new Secret("t") },
      BINDING,
    );
    const bytes = Uint8Array.fromBase64(sealed);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = bytes.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      const opened = await open(await key(1), changed.toBase64(), BINDING);
      assertEquals(opened, undefined, `bit ${bit}`);
    }
  });

  it("is bound to what the documentation says, byte by byte", () => {
    assertEquals(
      new TextDecoder().decode(associatedData({ ...BINDING, username: "ådä" })),
      '["nanoctl",1,"00000000000000000000000000000000","default",' +
        '"nanoservices","https://nano.example.com","ådä",' +
        '"2027-01-31T12:00:00.000Z"]',
    );
  });
});
