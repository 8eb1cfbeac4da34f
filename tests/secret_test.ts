import { assert, assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { format, inspect } from "node:util";
import {
  looksLikeToken,
  namesSecret,
  Secret,
  treatAsSecret,
  withoutSecrets,
} from "../src/secret.ts";

const VALUE = "nano_hidden";

/** Every way in which a secret could get into a text by accident. */
const WAYS: [way: string, print: (secret: Secret) => string][] = [
  ["a template", (secret) => `${secret}`],
  ["a concatenation", (secret) => "" + secret],
  ["String()", (secret) => String(secret)],
  ["toString()", (secret) => secret.toString()],
  ["toLocaleString()", (secret) => secret.toLocaleString()],
  ["join()", (secret) => [secret].join()],
  ["Deno.inspect", (secret) => Deno.inspect(secret)],
  ["Deno.inspect of an object", (secret) => Deno.inspect({ a: [secret] })],
  ["Deno.inspect of a map", (secret) => Deno.inspect(new Map([[1, secret]]))],
  [
    "Deno.inspect with everything on",
    (secret) =>
      Deno.inspect(secret, { showHidden: true, getters: true, depth: 9 }),
  ],
  ["util.inspect", (secret) => inspect(secret)],
  ["console formatting with %s", (secret) => format("%s", secret)],
  ["console formatting with %o", (secret) => format("%o", secret)],
  ["console formatting with %O", (secret) => format("%O", secret)],
  ["console formatting with %j", (secret) => format("%j", secret)],
  ["console formatting without a place", (secret) => format("a", secret)],
  ["JSON", (secret) => JSON.stringify(secret)],
  ["JSON of an object", (secret) => JSON.stringify({ a: [secret] })],
  ["an error's message", (secret) => new Error(`${secret}`).message],
  [
    "an error's cause",
    (secret) => Deno.inspect(new Error("x", { cause: secret })),
  ],
  [
    "an error's property",
    (secret) => Deno.inspect(Object.assign(new Error("x"), { secret })),
  ],
];

/** Ways that leave nothing, so that there is nothing to show. */
const EMPTY: [way: string, print: (secret: Secret) => string][] = [
  ["an object spread", (secret) => JSON.stringify({ ...secret })],
  ["its keys", (secret) => JSON.stringify(Reflect.ownKeys(secret))],
  ["its entries", (secret) => JSON.stringify(Object.entries(secret))],
  ["a structured clone", (secret) => Deno.inspect(structuredClone(secret))],
  [
    "util.inspect without our word",
    (secret) => inspect(secret, { customInspect: false, showHidden: true }),
  ],
];

describe("a secret", () => {
  it("gives its value to whoever asks for it by name", () => {
    assertEquals(new Secret(VALUE).reveal(), VALUE);
  });

  for (const [way, print] of WAYS) {
    it(`is [secret] in ${way}`, () => {
      const text = print(new Secret(VALUE));
      assert(text.includes("[secret]"), text);
      assertFalse(text.includes(VALUE), text);
    });
  }

  for (const [way, print] of EMPTY) {
    it(`is not in ${way}`, () => {
      const text = print(new Secret(VALUE));
      assertFalse(text.includes(VALUE), text);
    });
  }

  it("equals another one with the same value, and no other", () => {
    assert(new Secret("a").equals(new Secret("a")));
    assertFalse(new Secret("a").equals(new Secret("b")));
    assertFalse(new Secret("a").equals(new Secret("[secret]")));
  });
});

describe("a text without secrets", () => {
  it("has none of those that this process knows, wherever they are in it", () => {
    const value = "a-value-of-no-known-form";
    const text = `x ${value} y${value}`;
    assertEquals(withoutSecrets(text), text);
    void new Secret(value);
    assertEquals(withoutSecrets(text), "x [secret] y[secret]");
  });

  it("knows the latest ones only, so that a service's memory stays as it is", () => {
    for (let i = 0; i < 100; i++) void new Secret(`one-of-many-values-${i}.`);
    assertEquals(withoutSecrets("one-of-many-values-99."), "[secret]");
    assertEquals(
      withoutSecrets("one-of-many-values-3."),
      "one-of-many-values-3.",
    );
  });

  it("has none of what goes into a request, nor of its forms in a URL", () => {
    const value = "a value/of a+query";
    treatAsSecret(value);
    const forms = [
      value,
      "a%20value%2Fof%20a%2Bquery",
      "a+value%2Fof+a%2Bquery",
    ];
    assertEquals(withoutSecrets(forms.join()), "[secret],[secret],[secret]");
  });

  it("has no token, however much went into requests after it", () => {
    void new Secret("the token of this test");
    for (let count = 0; count < 100; count++) {
      treatAsSecret(`a value of a field, ${count}`);
    }
    assertEquals(withoutSecrets("the token of this test"), "[secret]");
  });

  it("has none that holds half of a surrogate pair", () => {
    treatAsSecret("a value with \ud800 in it");
    assertEquals(
      withoutSecrets(
        "a value with \ud800 in it,a%20value%20with%20%EF%BF%BD%20in%20it",
      ),
      "[secret],[secret]",
    );
  });

  it("keeps what is too short to be told from other text", () => {
    void new Secret("ada");
    assertEquals(withoutSecrets("ada lovelace"), "ada lovelace");
  });

  const tokens = [
    "nano_0123456789abcdefghij0123456789abcdefghij",
    "NANO_0123456789ABCDEFGHIJ",
    "AbCdEfGh01-0123456789abcdefghijkl",
  ];
  for (const token of tokens) {
    it(`has nothing of the form of ${token.slice(0, 12)}…`, () => {
      assert(looksLikeToken(token));
      for (
        const text of [token, `a "${token}"`, `/a/${token}.pem`, `=${token},`]
      ) {
        assertEquals(withoutSecrets(text), text.replace(token, "[secret]"));
      }
    });
  }

  const names = [
    "work",
    "nano_dev",
    "production-eu-west-1-of-the-second-kind",
    "/tmp/nanoctl-1b2c3d4e5f6a/token",
    "0123456789abcdef0123456789abcdef",
    "6f8cbcd5-54a1-4d3a-9f0e-0c8f8e8d7c6b",
    "https://nano.example.com/v1/me",
  ];
  for (const name of names) {
    it(`has ${name} as it was`, () => {
      assertFalse(looksLikeToken(name));
      assertEquals(withoutSecrets(name), name);
    });
  }
});

describe("a name", () => {
  it("tells that its value is a secret", () => {
    for (
      const name of ["access_token", "X-Api-Key", "client_secret", "Password"]
    ) assert(namesSecret(name));
    for (const name of ["Authorization", "Set-Cookie", "code", "signature"]) {
      assert(namesSecret(name));
    }
    for (const name of ["page", "name", "accept"]) {
      assertFalse(namesSecret(name));
    }
  });
});
