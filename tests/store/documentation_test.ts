import { assert, assertEquals } from "@std/assert";
import { dirname } from "@std/path";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import {
  associatedData,
  type Binding,
  bindingOf,
  type RegistryBinding,
} from "../../src/store/envelope.ts";
import { parseKeyChoice } from "../../src/store/key_choice.ts";
import { slotData } from "../../src/store/keys/slot_seal.ts";
import { KeyCommand } from "../support/key_command.ts";
import { StoreFixture, tokenOf } from "./store_fixture.ts";

const TEXT = Deno.readTextFileSync(
  new URL("../../docs/credential_file.md", import.meta.url),
);

function example(pattern: RegExp): string {
  const found = TEXT.match(pattern)?.[1];
  assert(found, `${pattern} is in the documentation`);
  return found;
}

const FILE = example(/```json\n([\s\S]*?)```/);
const KEY = example(/^ {4}([A-Za-z0-9+/]{43}=)$/m);

const FILE_2 = example(/```json\n(\{\n {2}"version": 2,[\s\S]*?)```/);

/** A home with one of the files and the key file. */
function homeWith(file: string): StoreFixture {
  const fixture = new StoreFixture();
  for (const path of [fixture.path, fixture.keyPath]) {
    Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  }
  Deno.writeTextFileSync(fixture.path, file, { mode: 0o600 });
  Deno.writeTextFileSync(fixture.keyPath, `${KEY}\n`, { mode: 0o600 });
  return fixture;
}

/** What a Python program prints beside the two files; undefined without Python and its package. */
async function printedBy(
  program: string,
  fixture: StoreFixture,
): Promise<string | undefined> {
  const folder = dirname(fixture.path);
  Deno.copyFileSync(fixture.keyPath, `${folder}/key`);
  for (const command of ["python3", "/usr/bin/python3"]) {
    const output = await new Deno.Command(command, {
      args: ["-c", program],
      cwd: folder,
    }).output().catch(() => undefined);
    const missing = new TextDecoder().decode(output?.stderr)
      .includes("No module named");
    if (output && !missing) {
      return new TextDecoder().decode(output.stdout).trim();
    }
  }
  return undefined;
}

describe("docs/credential_file.md", () => {
  let fixture: StoreFixture;
  beforeEach(() => {
    fixture = homeWith(FILE);
  });
  afterEach(() => fixture.remove());

  it("has an example that opens", async () => {
    assertEquals(
      await tokenOf(fixture, "default"),
      "nano_this-is-only-an-example",
    );
    assert(TEXT.includes('default {"token":"nano_this-is-only-an-example"}'));
  });

  it("has an example of a registry's login that opens", async () => {
    const snapshot = await fixture.store().read();
    const login = await snapshot.openRegistry("ghcr.io");
    assertEquals(
      [login?.username, login?.secret.reveal()],
      ["ada", "ghp_this-too-is-an-example"],
    );
  });

  it("has examples whose associated data are what is used, and as long as it says", () => {
    const [profile, registry] = [
      ...TEXT.matchAll(/(\d+) bytes:\n\n {4}(\["nanoctl",1,.*\])$/gm),
    ].map(([, length, data = ""]) => {
      assertEquals(new TextEncoder().encode(data).length, Number(length));
      return data;
    });
    const file = fixture.json();
    const keyId = file.key.id;
    const text = (binding: Binding | RegistryBinding): string =>
      new TextDecoder().decode(associatedData(binding));
    assertEquals(
      profile,
      text(bindingOf(file.key, "default", file.profiles.default)),
    );
    assertEquals(
      registry,
      text({ keyId, registry: "ghcr.io", username: "ada" }),
    );
  });

  it("has an example that stops opening when its URL is edited", async () => {
    fixture.edit((file) =>
      file.profiles.default.url = "http://nano.example.com"
    );
    const opened = await tokenOf(fixture, "default").catch(() => "refused");
    assertEquals(opened, "refused");
  });

  it("has a Python program that opens the example, where there is Python", async () => {
    const said = await printedBy(
      example(/```python\n([\s\S]*?)```/),
      fixture,
    );
    if (said === undefined) return;
    assertEquals(
      said,
      example(/which prints\n\n((?: {4}.* \{"token".*\n)+)/)
        .replaceAll(/^ {4}/gm, "").trim(),
    );
  });
});

describe("docs/credential_file.md, of version 2", () => {
  let fixture: StoreFixture;
  beforeEach(() => {
    fixture = homeWith(FILE_2);
  });
  afterEach(() => fixture.remove());

  it("has an example that the key file opens, and the passphrase", async () => {
    const token = "nano_this-is-only-an-example";
    assertEquals(await tokenOf(fixture, "default"), token);
    Deno.removeSync(fixture.keyPath);
    assertEquals(await tokenOf(fixture, "default").catch(() => ""), "");
    fixture.context.variables.set(
      "NANOCTL_PASSPHRASE",
      example(/^`(correct .*)`:$/m),
    );
    assertEquals(await tokenOf(fixture, "default"), token);
  });

  it("has the associated data that are used, as long as it says", () => {
    const [, length, data = ""] = TEXT.match(
      /(\d+) bytes:\n\n {4}(\["nanoctl",2,"key",.*\])$/m,
    ) ?? [];
    const { id, slots: [, slot] } = fixture.json().key;
    const bytes = slotData({ dataKeyId: id, slot });
    assertEquals([new TextDecoder().decode(bytes), String(bytes.length)], [
      data,
      length,
    ]);
  });

  it("says how the id of a command's slot is made", async () => {
    using command = new KeyCommand();
    const keys = await fixture.store().keys();
    const { id, name, wrapped } = await keys.add(
      parseKeyChoice(command.source),
    );
    const digest = await crypto.subtle.digest(
      "SHA-256",
      new Uint8Array([
        ...new TextEncoder().encode(
          `${example(/over `(nanoctl command slot id)`/)}\n` +
            `${fixture.json().key.id}\n${name}\n`,
        ),
        ...Uint8Array.fromBase64(wrapped),
      ]),
    );
    assertEquals(new Uint8Array(digest, 0, 16).toHex(), id);
  });

  it("shows the file of the commands", async () => {
    using command = new KeyCommand();
    const keys = await fixture.store().keys();
    const { id } = await keys.add(parseKeyChoice(command.source));
    const path = `${dirname(fixture.keyPath)}/key-commands.json`;
    const shown = JSON.parse(
      example(/^(\{ "version": 1, "commands": .*\})$/m)
        .replace("<slot id>", id),
    );
    shown.commands[id] = [command.path, "--key", "a b"];
    assertEquals(JSON.parse(Deno.readTextFileSync(path)), shown);
  });

  it("has a Python program that opens the example, where there is Python", async () => {
    const said = await printedBy(
      example(
        /```python\n(?:(?!```)[\s\S])*```[\s\S]*?```python\n([\s\S]*?)```/,
      ),
      fixture,
    );
    if (said === undefined) return;
    assertEquals(
      said,
      example(/It prints\n\n((?: {4}.* \{"token".*\n)+)/)
        .replaceAll(/^ {4}/gm, "").trim(),
    );
  });
});
