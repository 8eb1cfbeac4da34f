import { assertEquals } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { profileNames } from "../../src/store/profile_names.ts";
import { credential, StoreFixture } from "./store_fixture.ts";

describe("the names of the stored profiles", () => {
  let fixture: StoreFixture;
  beforeEach(() => {
    fixture = new StoreFixture();
  });
  afterEach(() => fixture.remove());

  async function storeTwo(): Promise<void> {
    for (const name of ["work", "home"]) {
      await fixture.store().save(credential(name));
    }
  }

  it("are read in order, without the key or the lock", async () => {
    await storeTwo();
    Deno.removeSync(fixture.keyPath);
    Deno.removeSync(fixture.path.replace(/json$/, "lock"));
    const before = fixture.files();
    assertEquals(profileNames(fixture.context), ["home", "work"]);
    assertEquals(fixture.files(), before);
  });

  it("are none where nothing is stored, or there is no place for it", () => {
    assertEquals(profileNames(fixture.context), []);
    fixture.context.variables.delete("HOME");
    assertEquals(profileNames(fixture.context), []);
  });

  it("are those of NANOCTL_CONFIG_DIR", async () => {
    await storeTwo();
    const folder = fixture.path.replace(/\/[^/]*$/, "");
    fixture.context.variables.delete("HOME");
    fixture.context.variables.set("NANOCTL_CONFIG_DIR", folder);
    assertEquals(profileNames(fixture.context), ["home", "work"]);
  });

  it("are only such as nanoctl stores, whoever wrote the file", async () => {
    await storeTwo();
    fixture.edit(({ profiles }) => {
      const names = ["$(reboot)", "a b", "a\tb", "a\n:files 0", "--all\x1b[2J"];
      const token = `nano_${"a1B2".repeat(10)}`;
      for (const name of [...names, "", token]) profiles[name] = profiles.work;
    });
    assertEquals(profileNames(fixture.context), ["home", "work"]);
  });

  const corrupt = ["", "{", "null", "[]", '{"version":2}', "\0\xff"];
  for (const text of corrupt) {
    it(`are none in a file that is ${JSON.stringify(text)}`, async () => {
      await storeTwo();
      Deno.writeTextFileSync(fixture.path, text);
      assertEquals(profileNames(fixture.context), []);
    });
  }

  it("are none in a folder or a named pipe, which it doesn't wait for", async () => {
    await storeTwo();
    Deno.removeSync(fixture.path);
    Deno.mkdirSync(fixture.path);
    assertEquals(profileNames(fixture.context), []);
    Deno.removeSync(fixture.path);
    const { success } = await new Deno.Command("mkfifo", {
      args: [fixture.path],
    }).output();
    assertEquals(success, true);
    assertEquals(profileNames(fixture.context), []);
  });
});
