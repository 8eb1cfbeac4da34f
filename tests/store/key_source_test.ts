import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { NanoctlError } from "../../src/errors.ts";
import { parseKeyChoice } from "../../src/store/key_choice.ts";
import { defaultChoice, openKey } from "../../src/store/key_source.ts";
import { SCRYPT } from "../../src/store/keys/key_info.ts";
import { FakeContext } from "../support/fake_context.ts";
import { credential, StoreFixture, tokenOf } from "./store_fixture.ts";

const KEY = new Uint8Array(32).fill(7).toBase64();

describe("parseKeyChoice", () => {
  it("knows the sources", () => {
    for (const source of ["keyfile", "passphrase", "environment", "helper"]) {
      assertEquals<unknown>(parseKeyChoice(source), { source });
    }
    assertEquals(parseKeyChoice("helper:pass"), {
      source: "helper",
      helper: "pass",
    });
  });

  for (const text of ["", "none", "helper:", "helper:../evil", "keyfile:x"]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      const error = assertThrows(() => parseKeyChoice(text), NanoctlError);
      assertEquals(error.code, "usage");
    });
  }
});

describe("defaultChoice", () => {
  const choice = (env: Record<string, string>): unknown =>
    defaultChoice(new FakeContext({ env }));

  it("is the source whose variable is set, else a key file", () => {
    assertEquals(choice({}), { source: "keyfile" });
    assertEquals(choice({ NANOCTL_PASSPHRASE: "" }), { source: "keyfile" });
    for (const name of ["NANOCTL_PASSPHRASE", "NANOCTL_PASSPHRASE_FILE"]) {
      assertEquals(choice({ [name]: "x" }), { source: "passphrase" });
    }
    for (
      const name of ["NANOCTL_ENCRYPTION_KEY", "NANOCTL_ENCRYPTION_KEY_FILE"]
    ) {
      assertEquals(choice({ [name]: "x" }), { source: "environment" });
    }
  });

  it("does not guess when variables of both are set", () => {
    assertThrows(
      () => choice({ NANOCTL_PASSPHRASE: "x", NANOCTL_ENCRYPTION_KEY: "y" }),
      NanoctlError,
      "both",
    );
  });
});

describe("the key sources", () => {
  let fixture: StoreFixture;
  beforeEach(() => {
    fixture = new StoreFixture();
  });
  afterEach(() => fixture.remove());
  const set = (name: string, value: string): void =>
    void fixture.context.variables.set(name, value);

  it("derives the key of a passphrase as scrypt in another language does", async () => {
    // Python: hashlib.scrypt(b"correct horse battery staple", salt=bytes(range(16)),
    // n=131072, r=8, p=1, dklen=32), then the first half of SHA-256 after the label.
    set("NANOCTL_PASSPHRASE", "correct horse battery staple");
    const salt = Uint8Array.from({ length: 16 }, (_, index) => index);
    const id = "c14309890437364f3f0a75f21e51efca";
    const open = await openKey({ ...fixture.context, fs: Deno }, {
      source: "passphrase",
      id,
      kdf: { ...SCRYPT, salt: salt.toBase64() },
    });
    assertEquals(open.info.id, id);
  });

  it("reads a passphrase from a file without its last line break", async () => {
    const path = `${fixture.home}/passphrase`;
    Deno.writeTextFileSync(path, " with spaces \n");
    set("NANOCTL_PASSPHRASE_FILE", path);
    await fixture.store().save(credential("a"));
    fixture.context.variables.delete("NANOCTL_PASSPHRASE_FILE");
    set("NANOCTL_PASSPHRASE", " with spaces ");
    assertEquals(await tokenOf(fixture, "a"), "token-of-a");
  });

  it("asks for a new passphrase twice, and for a known one up to three times", async () => {
    const terminal = new FakeContext({
      env: { HOME: fixture.home },
      terminals: true,
      typed: ["secret", "secret", "wrong", "wrong too", "secret"],
    });
    Object.assign(fixture, { context: terminal });
    await fixture.store().save(credential("a"), { source: "passphrase" });
    assertEquals(terminal.questions.length, 2);
    assertEquals(await tokenOf(fixture, "a"), "token-of-a");
    assertEquals(terminal.questions.length, 5);
  });

  const refused: [string, string[], string][] = [
    ["two that differ", ["one", "two"], "not the same"],
    ["an empty one", [""], "empty"],
  ];
  for (const [what, typed, says] of refused) {
    it(`takes no new passphrase that is ${what}`, async () => {
      const terminal = new FakeContext({
        env: { HOME: fixture.home },
        terminals: true,
        typed,
      });
      Object.assign(fixture, { context: terminal });
      await assertRejects(
        () => fixture.store().save(credential("a"), { source: "passphrase" }),
        NanoctlError,
        says,
      );
      assertEquals((await fixture.store().read()).names, []);
    });
  }

  const malformed: [string, string, string][] = [
    ["not base64", "%%%%", "not hold a key in base64"],
    ["31 bytes", new Uint8Array(31).toBase64(), "31 bytes, not 32"],
    ["33 bytes", new Uint8Array(33).toBase64(), "33 bytes, not 32"],
  ];
  for (const [what, value, says] of malformed) {
    it(`refuses a key that is ${what}, and never says it`, async () => {
      set("NANOCTL_ENCRYPTION_KEY", value);
      const error = await assertRejects(
        () => fixture.store().save(credential("a")),
        NanoctlError,
        says,
      );
      assertEquals(error.code, "file_key");
      assert(!`${error.message} ${error.hint}`.includes(value));
    });
  }

  it("says which file with a key is not there", async () => {
    set("NANOCTL_ENCRYPTION_KEY_FILE", `${fixture.home}/nothing`);
    const error = await assertRejects(
      () => fixture.store().save(credential("a")),
      NanoctlError,
      `${fixture.home}/nothing`,
    );
    assertEquals(error.code, "file_key");
  });

  it("takes the file before the value", async () => {
    Deno.writeTextFileSync(`${fixture.home}/key`, `${KEY}\n`);
    set("NANOCTL_ENCRYPTION_KEY_FILE", `${fixture.home}/key`);
    set("NANOCTL_ENCRYPTION_KEY", "nonsense");
    await fixture.store().save(credential("a"));
    assertEquals(fixture.json().key.source, "environment");
    assertEquals(await tokenOf(fixture, "a"), "token-of-a");
  });

  it("keeps an existing file's source, and says how to change it", async () => {
    await fixture.store().save(credential("a"));
    set("NANOCTL_PASSPHRASE", "x");
    await fixture.store().save(credential("b"));
    assertEquals(fixture.json().key.source, "keyfile");
    const error = await assertRejects(
      () => fixture.store().save(credential("c"), { source: "passphrase" }),
      NanoctlError,
    );
    assertEquals(error.code, "usage");
    assert(error.hint?.includes("store rekey --key-source passphrase"));
    await fixture.store().save(credential("c"), { source: "keyfile" });
  });

  it("makes one key file when many processes need the first at once", async () => {
    const elsewhere = (index: number): StoreFixture => {
      const other = new StoreFixture();
      other.context.variables.set("XDG_DATA_HOME", `${fixture.home}/shared`);
      other.context.variables.set("TEST", String(index));
      return other;
    };
    const others = Array.from({ length: 20 }, (_, index) => elsewhere(index));
    await Promise.all(
      others.map((other) => other.store().save(credential("a"))),
    );
    const ids = new Set(others.map((other) => other.json().key.id));
    assertEquals(ids.size, 1);
    for (const other of others) {
      assertEquals(await tokenOf(other, "a"), "token-of-a");
      other.remove();
    }
  });
});
