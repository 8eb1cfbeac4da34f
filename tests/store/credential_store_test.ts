import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { dirname, join } from "@std/path";
import { type ErrorCode, NanoctlError } from "../../src/errors.ts";
import type { CredentialStore } from "../../src/store/credential_store.ts";
import { credential, StoreFixture, tokenOf } from "./store_fixture.ts";

async function rejectsWith(
  code: ErrorCode,
  includes: string,
  action: () => Promise<unknown>,
): Promise<NanoctlError> {
  const error = await assertRejects(action, NanoctlError, includes);
  assertEquals(error.code, code);
  return error;
}

describe("CredentialStore", () => {
  let fixture: StoreFixture;
  let store: CredentialStore;
  beforeEach(() => {
    fixture = new StoreFixture();
    store = fixture.store();
  });
  afterEach(() => fixture.remove());

  it("has nothing, and makes nothing, before the first login", async () => {
    const snapshot = await store.read();
    assertEquals(snapshot.names, []);
    assertEquals(snapshot.key, undefined);
    assertEquals(await snapshot.openToken("default"), undefined);
    await store.remove(["default"]).catch(() => {});
    assertEquals(await tokenOf(fixture, "default"), undefined);
  });

  it("has nothing where there is no place for a file, and says so when asked to store", async () => {
    fixture.context.variables.clear();
    assertEquals((await store.read()).names, []);
    await rejectsWith("usage", "HOME", () => store.save(credential("a")));
  });

  it("gives the token back to a process that comes later", async () => {
    await store.save(credential("default", "the very token"));
    assertEquals(await tokenOf(fixture, "default"), "the very token");
    const stored = (await fixture.store().read()).find("default");
    assertEquals(stored?.username, "ada");
    assertEquals(stored?.expiresAt, new Date("2027-01-31T12:00:00.000Z"));
  });

  it("stores a token without an end", async () => {
    await store.save({ ...credential("default"), expiresAt: undefined });
    assertEquals(fixture.json().profiles.default.expires_at, null);
    assertEquals(await tokenOf(fixture, "default"), "token-of-default");
  });

  it("makes files and folders for the user alone", async () => {
    await store.save(credential("default"));
    const mode = (path: string): string =>
      ((Deno.statSync(path).mode ?? 0) & 0o777).toString(8);
    assertEquals(mode(fixture.path), "600");
    assertEquals(mode(dirname(fixture.path)), "700");
    assertEquals(mode(fixture.keyPath), "600");
    assertEquals(mode(dirname(fixture.keyPath)), "700");
  });

  it("makes the profile of a login the active one", async () => {
    await store.save(credential("a"));
    await store.save(credential("b"));
    assertEquals((await store.read()).active, "b");
    await store.use("a");
    assertEquals((await store.read()).active, "a");
  });

  it("does not switch to a profile that is not there", async () => {
    await rejectsWith(
      "not_logged_in",
      "there is no profile b",
      () => store.use("b"),
    );
    await store.save(credential("a"));
    await rejectsWith(
      "not_logged_in",
      "there is no profile b",
      () => store.use("b"),
    );
    assertEquals((await store.read()).active, "a");
  });

  it("removes profiles, and then another one is active", async () => {
    for (const name of ["default", "a", "b"]) {
      await store.save(credential(name));
    }
    await store.remove(["b", "never stored"]);
    assertEquals((await store.read()).active, "default");
    await store.remove(["default"]);
    assertEquals((await store.read()).active, "a");
    await store.remove(["a"]);
    assertEquals((await store.read()).names, []);
    assertEquals((await store.read()).active, "default");
  });

  it("takes any name that a JavaScript object has already", async () => {
    for (const name of ["__proto__", "constructor", "toString"]) {
      assertEquals((await store.read()).find(name), undefined);
      await store.save(credential(name));
      assertEquals(await tokenOf(fixture, name), `token-of-${name}`);
    }
    await store.remove(["__proto__"]);
    assertEquals(
      (await fixture.store().read()).names,
      ["constructor", "toString"],
    );
  });

  it("keeps what a later version added to the file", async () => {
    await store.save(credential("a"));
    fixture.edit((file) => {
      file.registries = { "https://r.example.com": { sealed: "…" } };
      file.profiles.a.note = "mine";
    });
    await store.save(credential("b"));
    assertEquals(
      fixture.json().registries["https://r.example.com"].sealed,
      "…",
    );
    assertEquals(fixture.json().profiles.a.note, "mine");
  });

  it("leaves a file as it is that is nested too deeply to be written again", async () => {
    await store.save(credential("a"));
    const deep = `"later":${"[".repeat(20_000)}${"]".repeat(20_000)}`;
    const text = Deno.readTextFileSync(fixture.path)
      .replace("{", `{${deep},`);
    Deno.writeTextFileSync(fixture.path, text);
    assertEquals(await tokenOf(fixture, "a"), "token-of-a");
    const error = await assertRejects(
      () => fixture.store().save(credential("b")),
      NanoctlError,
      "something in it is nested too deeply; it was left as it is",
    );
    assertEquals(error.code, "file_corrupt");
    assertEquals(Deno.readTextFileSync(fixture.path), text);
  });

  it("loses none of many logins at once", async () => {
    const names = Array.from({ length: 50 }, (_, index) => `p${index}`);
    await Promise.all(
      names.map((name) => fixture.store().save(credential(name))),
    );
    for (const name of names) {
      assertEquals(await tokenOf(fixture, name), `token-of-${name}`);
    }
  });

  it("cleans up what a killed run left", async () => {
    await store.save(credential("a"));
    Deno.writeTextFileSync(
      join(dirname(fixture.path), ".credentials.json.x.tmp"),
      "half",
    );
    await store.save(credential("b"));
    assertEquals(fixture.files(), ["credentials.json", "credentials.lock"]);
  });

  const swapped: [
    string,
    string,
    (file: ReturnType<StoreFixture["json"]>) => void,
  ][] = [
    ["a profile's name", "profile c", (file) => {
      file.profiles.c = file.profiles.a;
      delete file.profiles.a;
      file.active = "c";
    }],
    ["the URL", "profile a", (file) => file.profiles.a.url += "/x"],
    ["the scheme", "profile a", (file) => {
      file.profiles.a.url = "http://nano.example.com";
    }],
    ["the service", "profile a", (file) => file.profiles.a.service = "coder"],
    ["the user name", "profile a", (file) => {
      file.profiles.a.account.username = "eve";
    }],
    ["the expiry date", "profile a", (file) => {
      file.profiles.a.expires_at = "2030-01-01T00:00:00.000Z";
    }],
    ["no expiry date", "profile a", (file) => {
      file.profiles.a.expires_at = null;
    }],
    ["the envelope of another profile", "profile a", (file) => {
      file.profiles.a.sealed = file.profiles.b.sealed;
    }],
  ];
  for (const [what, names, change] of swapped) {
    it(`does not open with ${what} changed`, async () => {
      await store.save(credential("b"));
      await store.save(credential("a"));
      fixture.edit(change);
      const profile = names.slice("profile ".length);
      const before = Deno.readTextFileSync(fixture.path);
      await rejectsWith("file_corrupt", names, () => tokenOf(fixture, profile));
      assertEquals(Deno.readTextFileSync(fixture.path), before);
    });
  }

  it("names a key of the wrong id as such", async () => {
    await store.save(credential("a"));
    fixture.edit((file) => file.key.id = "ab".repeat(16));
    await rejectsWith("file_key", "ab".repeat(16), () => tokenOf(fixture, "a"));
  });

  it("says that a key file is missing, and makes no other", async () => {
    await store.save(credential("a"));
    Deno.removeSync(fixture.keyPath);
    await rejectsWith("file_key", "is missing", () => tokenOf(fixture, "a"));
    await rejectsWith(
      "file_key",
      "is missing",
      () => fixture.store().save(credential("b")),
    );
    assertEquals(fixture.json().profiles.b, undefined);
  });

  const broken: [string, string, string][] = [
    ["empty", "", "it is empty"],
    ["only white space", " \n", "it is empty"],
    ["truncated", '{"version":1,"key":{"sour', "not JSON"],
    ["an array", "[]", "the whole file is missing"],
    ["without a version", "{}", "version"],
    ["of version 0", '{"version":0}', "version"],
  ];
  for (const [what, text, reason] of broken) {
    it(`refuses a file that is ${what} and leaves it as it is`, async () => {
      await store.save(credential("a"));
      Deno.writeTextFileSync(fixture.path, text);
      for (
        const action of [
          (): Promise<unknown> => fixture.store().read(),
          (): Promise<unknown> => fixture.store().save(credential("b")),
          (): Promise<unknown> => fixture.store().remove(["a"]),
          (): Promise<unknown> => fixture.store().use("a"),
          (): Promise<unknown> => fixture.store().rekey(),
        ]
      ) {
        const error = await rejectsWith("file_corrupt", reason, action);
        assert(error.message.includes(fixture.path));
      }
      assertEquals(Deno.readTextFileSync(fixture.path), text);
    });
  }

  const missing: [string, (file: ReturnType<StoreFixture["json"]>) => void][] =
    [
      ["key", (file) => delete file.key],
      ["key.source", (file) => file.key.source = "wishes"],
      ["key.id", (file) => file.key.id = "XYZ"],
      ["active", (file) => delete file.active],
      ["active profile", (file) => file.active = "b"],
      ["profiles", (file) => file.profiles = []],
      ["profiles.a.service", (file) => delete file.profiles.a.service],
      ["profiles.a.url", (file) => file.profiles.a.url = "nowhere"],
      ["profiles.a.account", (file) => file.profiles.a.account = "ada"],
      ["profiles.a.expires_at", (file) => file.profiles.a.expires_at = "soon"],
      ["profiles.a.stored_at", (file) => file.profiles.a.stored_at = 5],
      ["profiles.a.sealed", (file) => file.profiles.a.sealed = "%%%"],
    ];
  for (const [field, change] of missing) {
    it(`names ${field} when it is missing or wrong`, async () => {
      await store.save(credential("a"));
      fixture.edit(change);
      await rejectsWith("file_corrupt", field, () => tokenOf(fixture, "a"));
    });
  }

  it("says that a file is of a newer version", async () => {
    await store.save(credential("a"));
    fixture.edit((file) => file.version = 3);
    await rejectsWith("file_corrupt", "version 3", () => store.read());
  });

  it("moves a file aside, byte for byte", async () => {
    await store.save(credential("a"));
    Deno.writeTextFileSync(fixture.path, "garbage");
    const aside = await store.moveAside();
    assertEquals(Deno.readTextFileSync(aside ?? ""), "garbage");
    assertEquals((await store.read()).names, []);
    assertEquals(await store.moveAside(), undefined);
  });
});
