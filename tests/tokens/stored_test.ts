import {
  assertEquals,
  assertFalse,
  assertNotEquals,
  assertStrictEquals,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Secret } from "../../src/secret.ts";
import { CredentialStore } from "../../src/store/credential_store.ts";
import type { NewCredential } from "../../src/store/credential.ts";
import { notLoggedIn } from "../../src/tokens/not_logged_in.ts";
import { storedToken } from "../../src/tokens/stored.ts";
import {
  FakeContext,
  rejectionOf,
  TemporaryHome,
} from "../support/fake_context.ts";

const LOGIN: NewCredential = {
  profile: "default",
  service: "nanoservices",
  url: "https://api.example",
  username: "ada",
  expiresAt: new Date("2026-02-01T00:00:00Z"),
  token: new Secret("nano_1"),
};

async function storeWith(
  home: TemporaryHome,
  ...logins: NewCredential[]
): Promise<CredentialStore> {
  const store = new CredentialStore(new FakeContext({ env: home.env }));
  for (const login of logins) await store.save(login);
  return store;
}

describe("a stored token", () => {
  it("comes out of the store with its end", async () => {
    await using home = await TemporaryHome.make();
    const store = await storeWith(home, LOGIN);
    const provider = storedToken(store, await store.read(), "default");
    const { secret, expiresAt } = await provider.getToken();
    assertEquals(secret.reveal(), "nano_1");
    assertEquals(expiresAt, LOGIN.expiresAt);
    assertEquals([provider.origin, provider.source], [
      "store",
      "the stored login of profile default",
    ]);
  });

  it("without an end has none", async () => {
    await using home = await TemporaryHome.make();
    const store = await storeWith(home, { ...LOGIN, expiresAt: undefined });
    const provider = storedToken(store, await store.read(), "default");
    assertEquals((await provider.getToken()).expiresAt, undefined);
  });

  it("is opened once, however often it is asked for", async () => {
    await using home = await TemporaryHome.make();
    const store = await storeWith(home, LOGIN);
    const provider = storedToken(store, await store.read(), "default");
    const first = await provider.getToken();
    assertStrictEquals(await provider.getToken(), first);
  });

  it("is not renewed where the store holds the refused one still", async () => {
    await using home = await TemporaryHome.make();
    const store = await storeWith(home, LOGIN);
    const provider = storedToken(store, await store.read(), "default");
    assertEquals(await provider.renew?.(await provider.getToken()), false);
  });

  it("is renewed where another process has logged in anew", async () => {
    await using home = await TemporaryHome.make();
    const store = await storeWith(home, LOGIN);
    const provider = storedToken(store, await store.read(), "default");
    const refused = await provider.getToken();
    const other = await storeWith(home);
    await other.save({ ...LOGIN, token: new Secret("nano_2") });
    assertEquals(await provider.renew?.(refused), true);
    assertEquals((await provider.getToken()).secret.reveal(), "nano_2");
  });

  const elsewhere: [what: string, change: Partial<NewCredential>][] = [
    ["another URL", { url: "https://evil.example" }],
    ["the same host over plain http", { url: "http://api.example" }],
    ["another service", { service: "coder" }],
  ];
  for (const [what, change] of elsewhere) {
    it(`is never the token of a login to ${what} that came meanwhile`, async () => {
      await using home = await TemporaryHome.make();
      const store = await storeWith(home, LOGIN);
      const provider = storedToken(store, await store.read(), "default");
      const refused = await provider.getToken();
      const other = await storeWith(home);
      await other.save({
        ...LOGIN,
        ...change,
        token: new Secret("nano_theirs"),
      });
      const renewed = await Promise.resolve(provider.renew?.(refused))
        .catch(() => false);
      const given = await provider.getToken().then(
        ({ secret }) => secret.reveal(),
        () => "none",
      );
      assertNotEquals(given, "nano_theirs");
      assertFalse(renewed);
    });
  }

  it("that is deleted meanwhile is exit 3", async () => {
    await using home = await TemporaryHome.make();
    const store = await storeWith(home, LOGIN);
    const provider = storedToken(store, await store.read(), "default");
    const refused = await provider.getToken();
    await store.remove(["default"]);
    const error = await rejectionOf(
      Promise.resolve(provider.renew?.(refused)),
    );
    assertEquals([error.code, error.exitCode], ["not_logged_in", 3]);
  });

  it("of a profile that is not stored is exit 3", async () => {
    await using home = await TemporaryHome.make();
    const store = await storeWith(home, LOGIN);
    const provider = storedToken(store, await store.read(), "work");
    assertEquals(
      (await rejectionOf(provider.getToken())).code,
      "not_logged_in",
    );
  });
});

describe("notLoggedIn", () => {
  it("names the profile and the ways to a token", () => {
    const active = { active: "default" };
    const { exitCode, message, hint } = notLoggedIn(active, {
      profile: "work",
    });
    assertEquals(
      [exitCode, message, hint],
      [
        3,
        "not logged in: nothing is stored for profile work",
        "log in with 'nanoctl login --profile work', or set NANOSERVICES_TOKEN",
      ],
    );
    assertEquals(
      notLoggedIn(active, { profile: "default" }).hint,
      "log in with 'nanoctl login', or set NANOSERVICES_TOKEN",
    );
  });
});
