import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { Secret } from "../../src/secret.ts";
import { parseKeyChoice } from "../../src/store/key_choice.ts";
import type { KeyChoice } from "../../src/store/key_source.ts";
import type { KeyChanges } from "../../src/store/key_changes.ts";
import { FakeContext, rejectionOf } from "../support/fake_context.ts";
import { KeyCommand } from "../support/key_command.ts";
import { credential, StoreFixture, tokenOf } from "./store_fixture.ts";

const KEY = new Uint8Array(32).fill(7).toBase64();
const OTHER_KEY = new Uint8Array(32).fill(8).toBase64();
const PASSPHRASE: KeyChoice = { source: "passphrase" };
const ENVIRONMENT: KeyChoice = { source: "environment" };

describe("several keys", () => {
  let fixture: StoreFixture;
  let command: KeyCommand;
  beforeEach(() => {
    fixture = new StoreFixture();
    command = new KeyCommand();
  });
  afterEach(() => {
    fixture.remove();
    command[Symbol.dispose]();
  });

  const keys = (): Promise<KeyChanges> => fixture.store().keys();
  const set = (variables: Record<string, string>): void => {
    for (const [name, value] of Object.entries(variables)) {
      fixture.context.variables.set(name, value);
    }
  };
  const unset = (...names: string[]): void => {
    for (const name of names) fixture.context.variables.delete(name);
  };
  const hide = (): void => Deno.renameSync(fixture.keyPath, hidden());
  const hidden = (): string => `${fixture.keyPath}.hidden`;
  const opens = (): Promise<string | undefined> => tokenOf(fixture, "a");

  /** A file that a key file, a passphrase, a key in the environment and a command open. */
  async function withFour(): Promise<void> {
    await fixture.store().save(credential("a"));
    set({ NANOCTL_NEW_PASSPHRASE: "secret", NANOCTL_ENCRYPTION_KEY: KEY });
    await (await keys()).add(PASSPHRASE, "recovery");
    await (await keys()).add(ENVIRONMENT);
    await (await keys()).add(parseKeyChoice(command.source));
    unset("NANOCTL_NEW_PASSPHRASE", "NANOCTL_ENCRYPTION_KEY");
  }

  it("make the file one of version 2, in which everything still opens", async () => {
    await fixture.store().save(credential("a"));
    await fixture.store().save(credential("b"));
    await fixture.store().saveRegistry({
      server: "ghcr.io",
      username: "ada",
      secret: new Secret("a registry's"),
    });
    const before = fixture.json();
    set({ NANOCTL_NEW_PASSPHRASE: "secret" });
    const added = await (await keys()).add(PASSPHRASE);
    const { version, key, profiles, registries } = fixture.json();
    assertEquals(
      [version, key.slots.map(({ name }: { name: string }) => name)],
      [2, ["keyfile", "passphrase"]],
    );
    assertEquals([added.name, key.slots[0].id], ["passphrase", before.key.id]);
    assertNotEquals(key.id, before.key.id);
    assertNotEquals(profiles.a.sealed, before.profiles.a.sealed);
    assertNotEquals(registries, before.registries);
    assertEquals(await tokenOf(fixture, "a"), "token-of-a");
    assertEquals(await tokenOf(fixture, "b"), "token-of-b");
    const login = await (await fixture.store().read()).openRegistry("ghcr.io");
    assertEquals(login?.secret.reveal(), "a registry's");
    assertEquals(fixture.files(), ["credentials.json", "credentials.lock"]);
  });

  it("leave a file with one key as it was before: version 1", async () => {
    await fixture.store().save(credential("a"));
    assertEquals(fixture.json().version, 1);
    assertEquals(await (await keys()).list(), [{
      name: "keyfile",
      key: fixture.json().key,
      addedAt: undefined,
    }]);
  });

  it("open the file one by one, and a login stores with any of them", async () => {
    await withFour();
    const commands = fixture.keyPath.replace(/key$/, "key-commands.json");
    const ways: Record<string, () => void> = {
      keyfile: () => Deno.renameSync(hidden(), fixture.keyPath),
      recovery: () => set({ NANOCTL_PASSPHRASE: "secret" }),
      environment: () => set({ NANOCTL_ENCRYPTION_KEY: KEY }),
      command: () => Deno.renameSync(`${commands}.hidden`, commands),
    };
    const takeAway = (): void => {
      unset("NANOCTL_PASSPHRASE", "NANOCTL_ENCRYPTION_KEY");
      for (const path of [fixture.keyPath, commands]) {
        try {
          Deno.renameSync(path, `${path}.hidden`);
        } catch {
          // It is not there.
        }
      }
    };
    for (const [name, way] of Object.entries(ways)) {
      takeAway();
      const error = await rejectionOf(opens());
      assertEquals(error.code, "file_key");
      assert(/^no key opens .*\bkeyfile: .*; recovery: /.test(error.message));
      way();
      assertEquals(await opens(), "token-of-a", name);
      await fixture.store().save(credential(`by-${name}`));
      assertEquals(fixture.json().key.slots.length, 4);
    }
    takeAway();
    ways.keyfile?.();
    for (const name of Object.keys(ways)) {
      assertEquals(await tokenOf(fixture, `by-${name}`), `token-of-by-${name}`);
    }
  });

  it("ask for a passphrase only where nothing else opens the file", async () => {
    await withFour();
    const { HOME = "" } = fixture.context.env.toObject();
    const asked = async (typed: string[]): Promise<number> => {
      const context = new FakeContext({
        env: { HOME },
        terminals: true,
        typed,
      });
      const { CredentialStore } = await import(
        "../../src/store/credential_store.ts"
      );
      const snapshot = await new CredentialStore(context).read();
      assertEquals((await snapshot.openToken("a"))?.reveal(), "token-of-a");
      return context.questions.length;
    };
    assertEquals(await asked([]), 0);
    hide();
    assertEquals(await asked([]), 0);
    Deno.removeSync(fixture.keyPath.replace(/key$/, "key-commands.json"));
    assertEquals(await asked(["wrong", "secret"]), 2);
  });

  it("can be two passphrases, of which one question takes either", async () => {
    await withFour();
    set({ NANOCTL_NEW_PASSPHRASE: "another" });
    await (await keys()).add(PASSPHRASE);
    hide();
    Deno.removeSync(fixture.keyPath.replace(/key$/, "key-commands.json"));
    for (const passphrase of ["secret", "another"]) {
      set({ NANOCTL_PASSPHRASE: passphrase });
      assertEquals(await opens(), "token-of-a");
    }
    set({ NANOCTL_PASSPHRASE: "wrong" });
    assertEquals((await rejectionOf(opens())).code, "file_key");
  });

  it("are refused if they are there already, in name or in fact", async () => {
    await withFour();
    const refusal = async (
      choice: KeyChoice,
      name?: string,
    ): Promise<string> => {
      const before = Deno.readTextFileSync(fixture.path);
      const error = await rejectionOf((await keys()).add(choice, name));
      assertEquals(Deno.readTextFileSync(fixture.path), before);
      return `${error.code}: ${error.message}`;
    };
    set({ NANOCTL_NEW_ENCRYPTION_KEY: KEY });
    assertEquals(
      await refusal(ENVIRONMENT),
      "usage: the key is there already: it is environment",
    );
    assertEquals(
      await refusal({ source: "keyfile" }),
      "usage: the key is there already: it is keyfile",
    );
    set({ NANOCTL_NEW_PASSPHRASE: "x" });
    assertEquals(
      await refusal(PASSPHRASE, "recovery"),
      "usage: there is a key recovery already",
    );
    const { calls } = command;
    assertEquals(
      await refusal(parseKeyChoice(command.source), "command"),
      "usage: there is a key command already",
    );
    assertEquals(command.calls, calls, "no command was run");
  });

  it("are 16 at most", async () => {
    await withFour();
    for (let count = 5; count <= 16; count++) {
      set({
        NANOCTL_NEW_ENCRYPTION_KEY: new Uint8Array(32).fill(100 + count)
          .toBase64(),
      });
      await (await keys()).add(ENVIRONMENT);
    }
    assertEquals(fixture.json().key.slots.at(-1).name, "environment-13");
    const error = await rejectionOf((await keys()).add(PASSPHRASE));
    assertEquals(error.code, "usage");
    assert(error.message.includes("has 16 keys"));
    assertEquals(await opens(), "token-of-a");
  });

  describe("of which one is removed", () => {
    it("no longer open the file by that one, and the others do", async () => {
      await withFour();
      for (const name of ["environment", "command", "recovery"]) {
        await (await keys()).remove(name);
      }
      assertEquals(await opens(), "token-of-a");
      hide();
      set({ NANOCTL_ENCRYPTION_KEY: KEY, NANOCTL_PASSPHRASE: "secret" });
      assertEquals((await rejectionOf(opens())).code, "file_key");
      const commands = fixture.keyPath.replace(/key$/, "key-commands.json");
      assertEquals(JSON.parse(Deno.readTextFileSync(commands)).commands, {});
    });

    it("keep the last one, in either version", async () => {
      await fixture.store().save(credential("a"));
      for (const version of [1, 2]) {
        assertEquals(fixture.json().version, version);
        const error = await rejectionOf((await keys()).remove("keyfile"));
        assertEquals(error.code, "usage");
        assert(error.message.startsWith("keyfile is the only key"));
        set({ NANOCTL_NEW_PASSPHRASE: "secret" });
        await (await keys()).add(PASSPHRASE);
        await (await keys()).remove("passphrase");
      }
    });

    it("stay as they are if no other one opens the file here", async () => {
      await withFour();
      for (const name of ["environment", "command"]) {
        await (await keys()).remove(name);
      }
      const before = Deno.readTextFileSync(fixture.path);
      const error = await rejectionOf((await keys()).remove("keyfile"));
      assertEquals(error.code, "file_key");
      assertEquals(Deno.readTextFileSync(fixture.path), before);
      set({ NANOCTL_PASSPHRASE: "secret" });
      await (await keys()).remove("keyfile");
      assertEquals(await opens(), "token-of-a");
    });

    it("are two at most if two are removed at once, each because of the other", async () => {
      for (let round = 0; round < 5; round++) {
        const own = new StoreFixture();
        try {
          await own.store().save(credential("a"));
          own.context.variables.set("NANOCTL_ENCRYPTION_KEY", KEY);
          await (await own.store().keys()).add(ENVIRONMENT);
          const removals = ["keyfile", "environment"].map(async (name) =>
            await (await own.store().keys()).remove(name)
          );
          const results = await Promise.allSettled(removals);
          assertEquals(
            results.map(({ status }) => status).sort(),
            ["fulfilled", "rejected"],
          );
          assertEquals(await tokenOf(own, "a"), "token-of-a");
        } finally {
          own.remove();
        }
      }
    });

    it("say which there are for a name that there is not", async () => {
      await withFour();
      const error = await rejectionOf((await keys()).remove("none"));
      assertEquals(
        [error.code, error.message],
        [
          "usage",
          "there is no key none; there is keyfile, recovery, environment, command",
        ],
      );
    });
  });

  it("are all kept when several are added and logins are stored at once", async () => {
    await fixture.store().save(credential("a"));
    set({ NANOCTL_ENCRYPTION_KEY: KEY });
    await (await keys()).add(ENVIRONMENT);
    const adding = Array.from(
      { length: 4 },
      async (_, at) =>
        await (await keys()).add(parseKeyChoice(command.source), `by-${at}`),
    );
    const saving = ["b", "c"].map((name) =>
      fixture.store().save(credential(name))
    );
    await Promise.all([...adding, ...saving]);
    const names = fixture.json().key.slots
      .map(({ name }: { name: string }) => name).sort();
    assertEquals(
      names,
      ["by-0", "by-1", "by-2", "by-3", "environment", "keyfile"],
    );
    for (const { name } of await (await keys()).list()) {
      await (await keys()).check(name);
    }
    assertEquals(await tokenOf(fixture, "c"), "token-of-c");
  });

  describe("that were tampered with", () => {
    // deno-lint-ignore no-explicit-any
    type Slots = any[];
    const changes: Record<string, (slots: Slots) => void> = {
      "the wrapped key": (slots) => {
        for (const slot of slots) {
          const last = slot.wrapped.at(-6);
          slot.wrapped = slot.wrapped.slice(0, -6) +
            (last === "A" ? "B" : "A") + slot.wrapped.slice(-5);
        }
      },
      "the name": (slots) => {
        for (const slot of slots) slot.name += "x";
      },
      "the wrapped keys, swapped": (slots) => {
        const wrapped = slots.map((slot) => slot.wrapped);
        for (const [at, slot] of slots.entries()) {
          slot.wrapped = wrapped[(at + 1) % wrapped.length];
        }
      },
      "the id": (slots) => {
        for (const slot of slots) slot.id = "00".repeat(16);
      },
    };
    for (const [what, change] of Object.entries(changes)) {
      it(`don't open the file: ${what}`, async () => {
        await withFour();
        set({ NANOCTL_ENCRYPTION_KEY: KEY, NANOCTL_PASSPHRASE: "secret" });
        fixture.edit(({ key }) => change(key.slots));
        const calls = command.calls.length;
        for (const { name } of await (await keys()).list()) {
          const error = await rejectionOf((await keys()).check(name));
          assertEquals(error.code, "file_key", name);
        }
        assertEquals((await rejectionOf(opens())).code, "file_key");
        assertEquals(command.calls.length, calls, "no command was run");
      });
    }

    it("don't open another file, though they are its keys", async () => {
      await withFour();
      const other = new StoreFixture();
      try {
        other.context.variables.set(
          "XDG_DATA_HOME",
          `${fixture.home}/.local/share`,
        );
        await other.store().save(credential("a", "another"));
        other.context.variables.set("NANOCTL_NEW_PASSPHRASE", "x");
        await (await other.store().keys()).add(PASSPHRASE, "recovery");
        const [slot] = fixture.json().key.slots;
        other.edit(({ key }) => key.slots[0].wrapped = slot.wrapped);
        const error = await rejectionOf(tokenOf(other, "a"));
        assertEquals(error.code, "file_key");
        assert(error.message.includes("one of them was changed"));
      } finally {
        other.remove();
      }
    });

    it("leave the others as good as they were", async () => {
      await withFour();
      fixture.edit(({ key }) => key.slots[0].wrapped = key.slots[1].wrapped);
      set({ NANOCTL_PASSPHRASE: "secret" });
      assertEquals(await opens(), "token-of-a");
    });
  });

  describe("when the data key changes", () => {
    const snapshot = (): { id: string; slots: Record<string, string>[] } =>
      fixture.json().key;

    it("all hold the new one", async () => {
      await withFour();
      const before = fixture.json();
      set({ NANOCTL_ENCRYPTION_KEY: KEY, NANOCTL_PASSPHRASE: "secret" });
      await fixture.store().rekey();
      const { id, slots } = snapshot();
      assertNotEquals(id, before.key.id);
      assertNotEquals(
        fixture.json().profiles.a.sealed,
        before.profiles.a.sealed,
      );
      assertEquals(
        slots.map(({ name }) => name),
        ["keyfile", "recovery", "environment", "command"],
      );
      for (const { name } of await (await keys()).list()) {
        await (await keys()).check(name);
      }
      assertEquals(await opens(), "token-of-a");
      const commands = fixture.keyPath.replace(/key$/, "key-commands.json");
      assertEquals(
        Object.keys(JSON.parse(Deno.readTextFileSync(commands)).commands),
        [slots[3]?.id],
      );
    });

    it("must all be there, or be left out by name", async () => {
      await withFour();
      const before = Deno.readTextFileSync(fixture.path);
      const error = await rejectionOf(fixture.store().rekey());
      assertEquals(error.code, "file_key");
      assert(/recovery: .*; environment: /.test(error.message), error.message);
      assert(error.hint?.includes("'--drop recovery --drop environment'"));
      assertEquals(Deno.readTextFileSync(fixture.path), before);
      await fixture.store().rekey(undefined, ["recovery", "environment"]);
      assertEquals(
        snapshot().slots.map(({ name }) => name),
        ["keyfile", "command"],
      );
      assertEquals(await opens(), "token-of-a");
    });

    it("can't be left out if there is none of that name, nor all of them", async () => {
      await withFour();
      const all = ["keyfile", "recovery", "environment", "command"];
      for (const dropped of [["none"], all]) {
        const error = await rejectionOf(
          fixture.store().rekey(undefined, dropped),
        );
        assertEquals(error.code, "usage");
      }
      const one = new StoreFixture();
      await one.store().save(credential("a"));
      for (const name of ["none", "keyfile"]) {
        const error = await rejectionOf(one.store().rekey(undefined, [name]));
        assertEquals(error.code, "usage");
      }
      one.remove();
    });

    it("are new ones themselves where the source is given", async () => {
      await withFour();
      set({ NANOCTL_ENCRYPTION_KEY: KEY, NANOCTL_PASSPHRASE: "secret" });
      const before = snapshot();
      set({ NANOCTL_NEW_ENCRYPTION_KEY: OTHER_KEY });
      await fixture.store().rekey(ENVIRONMENT);
      set({ NANOCTL_ENCRYPTION_KEY: OTHER_KEY });
      await fixture.store().rekey({ source: "keyfile" });
      set({ NANOCTL_NEW_PASSPHRASE: "new" });
      await fixture.store().rekey(PASSPHRASE);
      set({ NANOCTL_PASSPHRASE: "new" });
      const after = snapshot();
      assertEquals(
        after.slots.map(({ name }) => name),
        before.slots.map(({ name }) => name),
      );
      for (const [at, slot] of after.slots.entries()) {
        assertNotEquals(slot.id, before.slots[at]?.id);
        await (await keys()).check(slot.name ?? "");
      }
      const error = await rejectionOf(
        fixture.store().rekey({ source: "helper", helper: "none" }),
      );
      assertEquals(error.code, "usage");
    });

    it("are that of another source, where there is one key", async () => {
      await fixture.store().save(credential("a"));
      await fixture.store().rekey(parseKeyChoice(command.source));
      assertEquals(fixture.json().version, 2);
      assertEquals(snapshot().slots.map(({ name }) => name), ["command"]);
      hide();
      assertEquals(await opens(), "token-of-a");
      set({ NANOCTL_NEW_PASSPHRASE: "secret" });
      await fixture.store().rekey(PASSPHRASE);
      assertEquals(snapshot().slots.map(({ name }) => name), ["passphrase"]);
      set({ NANOCTL_PASSPHRASE: "secret" });
      assertEquals(await opens(), "token-of-a");
    });

    it("are not lost if another process adds one meanwhile", async () => {
      await fixture.store().save(credential("a"));
      set({ NANOCTL_ENCRYPTION_KEY: KEY });
      await (await keys()).add(ENVIRONMENT);
      const results = await Promise.allSettled([
        fixture.store().rekey(),
        (await keys()).add(parseKeyChoice(command.source)),
        fixture.store().rekey(),
      ]);
      for (const result of results) {
        if (result.status === "fulfilled") continue;
        assertEquals(result.reason.code, "file_locked");
      }
      assert(results.some(({ status }) => status === "fulfilled"));
      for (const { name } of await (await keys()).list()) {
        await (await keys()).check(name);
      }
      assertEquals(await opens(), "token-of-a");
    });
  });
});
