import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { NanoctlError } from "../../src/errors.ts";
import type { KeyChoice } from "../../src/store/key_source.ts";
import { credential, StoreFixture, tokenOf } from "./store_fixture.ts";

const KEY = new Uint8Array(32).fill(7).toBase64();
const OTHER_KEY = new Uint8Array(32).fill(8).toBase64();

/** What opens a file of each source, and what the next key of that source is. */
const SOURCES: Record<string, Record<"now" | "next", Record<string, string>>> =
  {
    keyfile: { now: {}, next: {} },
    passphrase: {
      now: { NANOCTL_PASSPHRASE: "old" },
      next: { NANOCTL_NEW_PASSPHRASE: "new" },
    },
    environment: {
      now: { NANOCTL_ENCRYPTION_KEY: KEY },
      next: { NANOCTL_NEW_ENCRYPTION_KEY: OTHER_KEY },
    },
  };

/** After a change of the key the new variable's value is what opens the file. */
function settled(next: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(next).map((
      [name, value],
    ) => [name.replace("_NEW_", "_"), value]),
  );
}

describe("rekey", () => {
  let fixture: StoreFixture;
  beforeEach(() => {
    fixture = new StoreFixture();
  });
  afterEach(() => fixture.remove());

  const setVariables = (variables: Record<string, string>): void => {
    for (const name of [...fixture.context.variables.keys()]) {
      if (name.startsWith("NANOCTL_")) fixture.context.variables.delete(name);
    }
    for (const [name, value] of Object.entries(variables)) {
      fixture.context.variables.set(name, value);
    }
  };

  for (const from of Object.keys(SOURCES)) {
    for (const to of Object.keys(SOURCES)) {
      it(`goes from ${from} to ${to}, and every profile still opens`, async () => {
        const source = { source: from } as KeyChoice;
        setVariables(SOURCES[from]?.now ?? {});
        await fixture.store().save(credential("a"), source);
        await fixture.store().save(credential("b"));
        const before = fixture.json();

        const next = SOURCES[to]?.next ?? {};
        setVariables({ ...SOURCES[from]?.now, ...next });
        const info = await fixture.store().rekey({ source: to } as KeyChoice);

        setVariables(settled(next));
        assertEquals<unknown>("source" in info && info.source, to);
        assertEquals(fixture.json().key, info);
        assert(before.key.id !== info.id, "it is another key");
        assert(before.profiles.a.sealed !== fixture.json().profiles.a.sealed);
        assertEquals(fixture.json().active, "b");
        assertEquals(await tokenOf(fixture, "a"), "token-of-a");
        assertEquals(await tokenOf(fixture, "b"), "token-of-b");
      });
    }
  }

  it("is not undone by a login at the same time, though the key's bytes stay", async () => {
    for (let round = 0; round < 20; round++) {
      const own = new StoreFixture();
      try {
        await own.store().save(credential("a"));
        const key = Deno.readTextFileSync(own.keyPath).trim();
        own.context.variables.set("NANOCTL_NEW_ENCRYPTION_KEY", key);
        own.context.variables.set("NANOCTL_ENCRYPTION_KEY", key);
        // The rekey first: the login then reads before it, and writes after it.
        const rekeyed = own.store().rekey({ source: "environment" });
        await own.store().save(credential("b"));
        await rekeyed;
        assertEquals(own.json().key.source, "environment");
        assertEquals(Object.keys(own.json().profiles), ["a", "b"]);
      } finally {
        own.remove();
      }
    }
  });

  it("changes nothing when one of the profiles does not open", async () => {
    await fixture.store().save(credential("a"));
    await fixture.store().save(credential("b"));
    fixture.edit((file) => file.profiles.a.url = "https://evil.example.com");
    const before = Deno.readTextFileSync(fixture.path);
    const error = await assertRejects(
      () => fixture.store().rekey(),
      NanoctlError,
      "profile a",
    );
    assertEquals(error.code, "file_corrupt");
    assertEquals(Deno.readTextFileSync(fixture.path), before);
    assertEquals(await tokenOf(fixture, "b"), "token-of-b");
  });

  it("keeps the replaced key of a key file for the other credential files", async () => {
    await fixture.store().save(credential("a"));
    const elsewhere = Deno.makeTempDirSync();
    fixture.context.variables.set("NANOCTL_CONFIG_DIR", `${elsewhere}/other`);
    await fixture.store().save(credential("a", "the other one"));
    fixture.context.variables.delete("NANOCTL_CONFIG_DIR");
    await fixture.store().rekey();
    assertEquals(await tokenOf(fixture, "a"), "token-of-a");
    fixture.context.variables.set("NANOCTL_CONFIG_DIR", `${elsewhere}/other`);
    assertEquals(await tokenOf(fixture, "a"), "the other one");
    Deno.removeSync(elsewhere, { recursive: true });
  });

  it("says that there is nothing to change before the first login", async () => {
    const error = await assertRejects(
      () => fixture.store().rekey(),
      NanoctlError,
    );
    assertEquals(error.code, "not_logged_in");
  });
});
