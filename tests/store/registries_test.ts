import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { Secret } from "../../src/secret.ts";
import type { CredentialStore } from "../../src/store/credential_store.ts";
import type { KeyChoice } from "../../src/store/key_source.ts";
import type { RegistryLogin } from "../../src/store/registries.ts";
import { rejectionOf } from "../support/fake_context.ts";
import { credential, StoreFixture, tokenOf } from "./store_fixture.ts";

const KEY = new Uint8Array(32).fill(7).toBase64();
const HUB = "https://index.docker.io/v1/";

/** A login to store. */
function login(
  server: string,
  secret = `secret-of-${server}`,
  username = "ada",
): RegistryLogin {
  return { server, username, secret: new Secret(secret) };
}

describe("the logins to registries", () => {
  let fixture: StoreFixture;
  let store: CredentialStore;
  beforeEach(() => {
    fixture = new StoreFixture();
    store = fixture.store();
  });
  afterEach(() => fixture.remove());

  /** A secret as a new process would read it; undefined when there is none. */
  async function secretOf(server: string): Promise<string | undefined> {
    const found = await (await fixture.store().read()).openRegistry(server);
    return found?.secret.reveal();
  }

  async function servers(): Promise<[string, string][]> {
    return await (await fixture.store().read()).registries();
  }

  const rekey = (): Promise<unknown> => fixture.store().rekey();

  it("are none where there is no file, and none is made for nothing", async () => {
    assertEquals(await servers(), []);
    assertEquals(await secretOf("ghcr.io"), undefined);
    await store.removeRegistry("ghcr.io");
    assertEquals([...Deno.readDirSync(fixture.home)], []);
  });

  it("make a file without profiles, which a login is then added to", async () => {
    await store.saveRegistry(login("ghcr.io"));
    const { profiles, active, registries } = fixture.json();
    assertEquals([profiles, active], [{}, "default"]);
    assertEquals(Object.keys(registries["ghcr.io"]), [
      "username",
      "stored_at",
      "sealed",
    ]);
    assertEquals((await fixture.store().read()).names, []);
    assertEquals(await tokenOf(fixture, "default"), undefined);
    assertEquals(await secretOf("ghcr.io"), "secret-of-ghcr.io");

    await store.save(credential("work"));
    assertEquals(await tokenOf(fixture, "work"), "token-of-work");
    assertEquals(await secretOf("ghcr.io"), "secret-of-ghcr.io");
  });

  it("of a new file take the key that was chosen, or that the environment gives", async () => {
    fixture.context.variables.set("NANOCTL_ENCRYPTION_KEY", KEY);
    await store.saveRegistry(login("ghcr.io"));
    assertEquals(fixture.json().key.source, "environment");
    const choice: KeyChoice = { source: "keyfile" };
    const error = await rejectionOf(store.saveRegistry(login("x"), choice));
    assertEquals(error.code, "usage");
    Deno.removeSync(fixture.path);
    await fixture.store().saveRegistry(login("ghcr.io"), choice);
    assertEquals(fixture.json().key.source, "keyfile");
  });

  it("are one for each server, replaced and deleted by its very name", async () => {
    for (const server of ["ghcr.io", HUB, "127.0.0.1:5000"]) {
      await store.saveRegistry(login(server));
    }
    await store.saveRegistry(login("ghcr.io", "another", "grace"));
    assertEquals(await servers(), [
      ["127.0.0.1:5000", "ada"],
      ["ghcr.io", "grace"],
      [HUB, "ada"],
    ]);
    assertEquals(await secretOf("ghcr.io"), "another");
    await store.removeRegistry("https://ghcr.io");
    await store.removeRegistry("ghcr.io");
    assertEquals(await secretOf("ghcr.io"), undefined);
    assertEquals(await secretOf(HUB), `secret-of-${HUB}`);
    await store.removeRegistry(HUB);
    await store.removeRegistry("127.0.0.1:5000");
    assertEquals("registries" in fixture.json(), false);
  });

  it("may have names that a JavaScript object has already, or that a profile has", async () => {
    await store.save(credential("default"));
    for (const server of ["__proto__", "constructor", "default"]) {
      assertEquals(await secretOf(server), undefined);
      await store.saveRegistry(login(server));
    }
    await store.rekey();
    for (const server of ["__proto__", "constructor", "default"]) {
      assertEquals(await secretOf(server), `secret-of-${server}`);
    }
    assertEquals(await tokenOf(fixture, "default"), "token-of-default");
    await store.removeRegistry("__proto__");
    assertEquals((await servers()).length, 2);
  });

  it("stay at login, use and logout of all profiles", async () => {
    await store.save(credential("a"));
    await store.saveRegistry(login("ghcr.io"));
    await store.save(credential("b"));
    await store.use("a");
    await store.remove(["a", "b"]);
    assertEquals((await fixture.store().read()).names, []);
    assertEquals(await secretOf("ghcr.io"), "secret-of-ghcr.io");
  });

  it("are re-encrypted by a change of the key, with the same or another source", async () => {
    await store.save(credential("a"));
    await store.saveRegistry(login("ghcr.io"));
    await store.saveRegistry(login(HUB));
    fixture.edit((file) => file.registries[HUB].note = "mine");
    for (const source of ["keyfile", "environment"] as const) {
      const before = fixture.json();
      fixture.context.variables.set("NANOCTL_ENCRYPTION_KEY", KEY);
      await fixture.store().rekey({ source });
      const after = fixture.json();
      assertEquals(after.key.source, source);
      for (const server of ["ghcr.io", HUB]) {
        assert(
          before.registries[server].sealed !== after.registries[server].sealed,
        );
        assertEquals(await secretOf(server), `secret-of-${server}`);
      }
      assertEquals(after.registries[HUB].note, "mine");
      assertEquals(await tokenOf(fixture, "a"), "token-of-a");
    }
  });

  it("are seen to have been tampered with, and then left as they are", async () => {
    const changes: Record<
      string,
      // deno-lint-ignore no-explicit-any
      (registries: any) => void
    > = {
      "another server": (all) => {
        all["evil.example"] = all["ghcr.io"];
        delete all["ghcr.io"];
      },
      "another user name": (all) => all["ghcr.io"].username = "mallory",
      "another's secret": (all) => all["ghcr.io"].sealed = all[HUB].sealed,
    };
    for (const [what, change] of Object.entries(changes)) {
      await store.saveRegistry(login("ghcr.io"));
      await store.saveRegistry(login(HUB));
      fixture.edit((file) => change(file.registries));
      const before = Deno.readTextFileSync(fixture.path);
      const [server = ""] = Object.keys(fixture.json().registries)
        .filter((name) => name !== HUB);
      for (const work of [() => secretOf(server), rekey]) {
        const error = await rejectionOf(work());
        assertEquals(error.code, "file_corrupt", what);
        assertMatch(error.message, /sealed secret of the registry/);
      }
      assertEquals(Deno.readTextFileSync(fixture.path), before, what);
      Deno.removeSync(fixture.path);
    }
  });

  it("don't open with the sealed token of a profile, nor a profile with theirs", async () => {
    await store.save({ ...credential("registry"), username: "ada" });
    await store.saveRegistry(login("nanoservices"));
    fixture.edit((file) => {
      const { registry } = file.profiles;
      const entry = file.registries.nanoservices;
      [registry.sealed, entry.sealed] = [entry.sealed, registry.sealed];
    });
    const works = [
      () => secretOf("nanoservices"),
      () => tokenOf(fixture, "registry"),
    ];
    for (const work of works) {
      assertEquals((await rejectionOf(work())).code, "file_corrupt");
    }
  });

  it("need the key that they were sealed with", async () => {
    await store.saveRegistry(login("ghcr.io"));
    Deno.writeTextFileSync(fixture.keyPath, `${KEY}\n`);
    assertEquals((await rejectionOf(secretOf("ghcr.io"))).code, "file_key");
    const saved = fixture.store().saveRegistry(login("x"));
    assertEquals((await rejectionOf(saved)).code, "file_key");
    assertEquals(await servers(), [["ghcr.io", "ada"]]);
  });

  it("in no such form are an error that says where", async () => {
    const wrong: [value: unknown, field: string][] = [
      [null, "registries"],
      [[], "registries"],
      [{ "ghcr.io": 1 }, "registries.ghcr.io"],
      [{ "ghcr.io": {} }, "registries.ghcr.io.username"],
      [
        { "ghcr.io": { username: "ada", stored_at: "soon" } },
        "registries.ghcr.io.stored_at",
      ],
      [
        {
          "ghcr.io": {
            username: "ada",
            stored_at: "2026-11-21T12:00:00.000Z",
            sealed: "?",
          },
        },
        "registries.ghcr.io.sealed",
      ],
    ];
    await store.save(credential("a"));
    for (const [value, field] of wrong) {
      fixture.edit((file) => file.registries = value);
      const before = Deno.readTextFileSync(fixture.path);
      for (const work of [() => secretOf("ghcr.io"), servers, rekey]) {
        const error = await rejectionOf(work());
        assertEquals(error.code, "file_corrupt");
        assert(
          error.message.includes(`: ${field} is missing or wrong;`),
          error.message,
        );
      }
      assertEquals(Deno.readTextFileSync(fixture.path), before);
    }
  });
});
