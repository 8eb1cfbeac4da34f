import { assert, assertEquals } from "@std/assert";
import { dirname } from "@std/path";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import {
  associatedData,
  type Binding,
  bindingOf,
  type RegistryBinding,
} from "../../src/store/envelope.ts";
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

describe("docs/credential_file.md", () => {
  let fixture: StoreFixture;
  beforeEach(() => {
    fixture = new StoreFixture();
    for (const path of [fixture.path, fixture.keyPath]) {
      Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    }
    Deno.writeTextFileSync(fixture.path, FILE, { mode: 0o600 });
    Deno.writeTextFileSync(fixture.keyPath, `${KEY}\n`, { mode: 0o600 });
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
});
