import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { runLogin } from "../../src/cli/commands/login.ts";
import { runLogout } from "../../src/cli/commands/logout.ts";
import { runStatus } from "../../src/cli/commands/status.ts";
import { runStoreInfo } from "../../src/cli/commands/store/info.ts";
import { runStoreRekey } from "../../src/cli/commands/store/rekey.ts";
import { runUse } from "../../src/cli/commands/use.ts";
import { Secret } from "../../src/secret.ts";
import { CredentialStore } from "../../src/store/credential_store.ts";
import {
  FakeContext,
  type FakeContextOptions,
  me,
  rejectionOf,
  TemporaryHome,
} from "../support/fake_context.ts";

const URL = "https://nano.example.com";

/** A test with a home of its own; `context()` is a new process in it. */
function atHome(
  name: string,
  test: (
    context: (options?: FakeContextOptions) => FakeContext,
    home: TemporaryHome,
  ) => Promise<void>,
): void {
  it(name, async () => {
    await using home = await TemporaryHome.make();
    await test(
      ({ env, ...rest } = {}) =>
        new FakeContext({
          answer: me(),
          ...rest,
          env: { ...home.env, ...env },
        }),
      home,
    );
  });
}

async function save(
  context: FakeContext,
  ...profiles: string[]
): Promise<void> {
  for (const profile of profiles) {
    await new CredentialStore(context).save({
      profile,
      service: "nanoservices",
      url: URL,
      username: "ada",
      expiresAt: undefined,
      token: new Secret(`nano_${profile}`),
    });
  }
}

describe("use", () => {
  atHome("switches the active profile and says so", async (context) => {
    await save(context(), "a", "b");
    const using = context();
    await runUse(using, {}, "a");
    assertEquals((await new CredentialStore(context()).read()).active, "a");
    assertEquals(using.stderr.text, "The active profile is now a.\n");
    assertEquals(using.stdout.text, "");
    const asJson = context();
    await runUse(asJson, { json: true }, "b");
    assertEquals(asJson.stdout.text, '{"active":"b"}\n');
  });

  atHome(
    "takes no name that can't be one, and none that is not stored",
    async (context) => {
      await save(context(), "a");
      const malformed = await rejectionOf(runUse(context(), {}, "../a"));
      assertEquals(malformed.code, "usage");
      const unknown = await rejectionOf(runUse(context(), {}, "b"));
      assertEquals(unknown.code, "not_logged_in");
      assert(unknown.hint?.includes("nanoctl login --profile b"));
    },
  );
});

describe("store info", () => {
  atHome(
    "says how the file is encrypted, without its key",
    async (context, home) => {
      await save(context(), "a");
      await Deno.remove(`${home.path}/data`, { recursive: true });
      const text = context();
      await runStoreInfo(text, {});
      assert(text.stdout.text.includes("AES-256-GCM"));
      assert(text.stdout.text.includes("key file"));
      const asJson = context();
      await runStoreInfo(asJson, { json: true });
      const info = JSON.parse(asJson.stdout.text);
      assertEquals(Object.keys(info), [
        "file",
        "exists",
        "version",
        "encryption",
        "active",
        "profiles",
        "registries",
      ]);
      assertEquals(info.encryption.cipher, "AES-256-GCM");
      assertEquals(info.encryption.key_source, "keyfile");
      assertEquals([info.profiles, info.registries], [1, 0]);
    },
  );

  atHome(
    "counts the logins to registries, if there are any",
    async (context) => {
      await save(context(), "a");
      const before = context();
      await runStoreInfo(before, {});
      assert(!before.stdout.text.includes("Registries"));
      const secret = new Secret("x");
      for (const server of ["a.example", "b.example"]) {
        await new CredentialStore(context())
          .saveRegistry({ server, username: "ada", secret });
      }
      const text = context();
      await runStoreInfo(text, {});
      assertMatch(text.stdout.text, /^Registries: +2$/m);
      const asJson = context();
      await runStoreInfo(asJson, { json: true });
      assertEquals(JSON.parse(asJson.stdout.text).registries, 2);
    },
  );

  atHome(
    "says that there is no file yet, and makes none",
    async (context, home) => {
      const asJson = context();
      await runStoreInfo(asJson, { json: true });
      assertEquals(JSON.parse(asJson.stdout.text).exists, false);
      assertEquals(JSON.parse(asJson.stdout.text).encryption, null);
      assertEquals([...Deno.readDirSync(home.path)], []);
    },
  );
});

describe("store rekey", () => {
  atHome("changes the source, and status says the new one", async (context) => {
    await save(context(), "a");
    const rekeying = context({ env: { NANOCTL_PASSPHRASE: "correct" } });
    await runStoreRekey(rekeying, { keySource: "passphrase", json: true });
    const { encryption } = JSON.parse(rekeying.stdout.text);
    assertEquals(encryption.key_source, "passphrase");
    assertEquals(encryption.kdf.name, "scrypt");
    const status = context();
    await runStatus(status, {});
    assert(status.stdout.text.includes("passphrase (scrypt)"));
    assert(status.stdout.text.includes(encryption.key_id));
  });

  atHome("takes no source that is none, and needs a file", async (context) => {
    const unknown = await rejectionOf(
      runStoreRekey(context(), { keySource: "plain" }),
    );
    assertEquals(unknown.code, "usage");
    const nothing = await rejectionOf(runStoreRekey(context(), {}));
    assertEquals(nothing.code, "not_logged_in");
  });
});

describe("login --key-source", () => {
  atHome("chooses the source of a new file", async (context, home) => {
    const key = new Uint8Array(32).fill(3).toBase64();
    await runLogin(
      context({ env: { NANOCTL_ENCRYPTION_KEY: key } }),
      { url: URL, token: "nano_t", save: true, keySource: "environment" },
    );
    const file = JSON.parse(await home.credentialFile() ?? "");
    assertEquals(file.key.source, "environment");
  });

  atHome(
    "is refused before the token is asked for when the file has another",
    async (context) => {
      await save(context(), "a");
      const terminal = context({ terminals: true, typed: ["nano_t"] });
      const error = await rejectionOf(
        runLogin(terminal, { url: URL, keySource: "passphrase" }),
      );
      assertEquals(error.code, "usage");
      assert(error.hint?.includes("store rekey --key-source passphrase"));
      assertEquals(terminal.questions, []);
    },
  );
});

describe("--force", () => {
  atHome(
    "moves a broken file aside, says its name, and stores",
    async (context, home) => {
      await save(context(), "a");
      const path = `${home.env.NANOCTL_CONFIG_DIR}/credentials.json`;
      await Deno.writeTextFile(path, "garbage");
      const options = { url: URL, token: "nano_t", save: true };
      const refused = await rejectionOf(runLogin(context(), options));
      assertEquals(refused.code, "file_corrupt");
      assertEquals(await home.credentialFile(), "garbage");

      const forced = context();
      await runLogin(forced, { ...options, force: true });
      const aside = forced.stderr.text.match(/is now (\S+)/)?.[1] ?? "";
      assertEquals(await Deno.readTextFile(aside), "garbage");
      const read = await new CredentialStore(context()).read();
      assertEquals((await read.openToken("default"))?.reveal(), "nano_t");
    },
  );

  atHome("moves a file aside whose key is lost", async (context, home) => {
    await save(context(), "a");
    const before = await home.credentialFile();
    await Deno.remove(`${home.path}/data`, { recursive: true });
    const forced = context();
    const options = { url: URL, token: "nano_t", save: true, force: true };
    await runLogin(forced, options);
    const aside = forced.stderr.text.match(/is now (\S+)/)?.[1] ?? "";
    assertEquals(await Deno.readTextFile(aside), before);
  });

  atHome("leaves a file alone that can be used", async (context) => {
    await save(context(), "a");
    const forced = context();
    const options = { url: URL, token: "nano_t", save: true, force: true };
    await runLogin(forced, { ...options, profile: "b" });
    assert(!forced.stderr.text.includes("is now /"));
    assertEquals(
      (await new CredentialStore(context()).read()).names,
      ["a", "b"],
    );
  });

  atHome("lets logout get rid of a broken file", async (context, home) => {
    await save(context(), "a");
    const path = `${home.env.NANOCTL_CONFIG_DIR}/credentials.json`;
    await Deno.writeTextFile(path, "garbage");
    const refused = await rejectionOf(runLogout(context(), {}));
    assertEquals(refused.code, "file_corrupt");
    await runLogout(context(), { force: true });
    assertEquals(await home.credentialFile(), undefined);
  });
});
