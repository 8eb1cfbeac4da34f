import { assert, assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { assertFinds, assertNotWell, diagnose } from "../support/doctor.ts";
import { CREDENTIALS, Home, KEY, run, runInShell } from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";
import {
  CONFIG_FOLDER,
  DATA_FOLDER,
  edit,
  entryIn,
  FakeHelper,
  itWith,
  LOCK,
  LockHolder,
  makeFolder,
  NOBODY,
  programs,
  root,
  someKey,
  writeCredentials,
} from "../support/store_files.ts";
import { KEYS, Terminal } from "../support/terminal.ts";

const PASSPHRASE = "a passphrase of some length";

describe("of what is stored, doctor checks", () => {
  let service: Service;

  beforeAll(async () => {
    service = await Service.start();
  });
  afterAll(() => service.stop());

  describe("the paths", () => {
    it("and names the variables that say them", async () => {
      using home = new Home();
      const both = await diagnose({ home });
      assertFinds(both, "paths", {
        result: "ok",
        message: new RegExp(
          `^config in ${home.path}/.config/nanoctl, data in ${home.path}/.local/share/nanoctl, both from HOME$`,
        ),
      });
      const env = {
        NANOCTL_CONFIG_DIR: home.at("own"),
        XDG_DATA_HOME: home.at("data"),
      };
      assertFinds(await diagnose({ home, env }), "paths", {
        result: "ok",
        message: new RegExp(
          `^config in ${home.path}/own \\(from NANOCTL_CONFIG_DIR\\), data in ${home.path}/data/nanoctl \\(from XDG_DATA_HOME\\)$`,
        ),
      });
      assertEquals(home.entries(), []);
    });

    it("fails where there is no place, and warns where none is needed", async () => {
      const none = await diagnose({ env: service.env });
      assertNotWell(none, {
        paths: "failed",
        permissions: "skipped",
        credentials: "skipped",
        key: "skipped",
        login: "skipped",
        token: "skipped",
      });
      assertFinds(none, "paths", {
        result: "failed",
        message: /^there is no HOME, so no place for the credential file$/,
        remedy: /^set HOME or NANOCTL_CONFIG_DIR$/,
        error: ["usage", 2],
      });
      const key = await diagnose({ env: { NANOCTL_CONFIG_DIR: "/nowhere" } });
      assertFinds(key, "paths", {
        result: "failed",
        message: /no place for the key file$/,
        remedy: /XDG_DATA_HOME$/,
        error: ["usage", 2],
      });
      const env = { ...service.env, NANOSERVICES_TOKEN: service.token };
      const given = await diagnose({ env });
      assertNotWell(given, { paths: "warning" });
      assertFinds(given, "paths", {
        result: "warning",
        message: /no place for the credential file; nothing can be stored$/,
        remedy: /^set HOME/,
      });
    });

    it("warns of a path that depends on the working folder, or does not count", async () => {
      using home = new Home();
      const relative = { NANOCTL_CONFIG_DIR: "here" };
      const options = { home, cwd: home.path };
      assertFinds(await diagnose({ ...options, env: relative }), "paths", {
        result: "warning",
        message: /^config in here .* depends on the working folder$/,
        remedy: /^set NANOCTL_CONFIG_DIR to an absolute path$/,
      });
      const ignored = { XDG_CONFIG_HOME: "here" };
      assertFinds(await diagnose({ ...options, env: ignored }), "paths", {
        result: "warning",
        message: /both from HOME; a relative path in XDG_CONFIG_HOME does not/,
        remedy: /^set XDG_CONFIG_HOME to an absolute path$/,
      });
    });
  });

  describe("the permissions", () => {
    const loose: Record<string, number>[] = [
      { [CREDENTIALS]: 0o644 },
      { [KEY]: 0o640 },
      { [CONFIG_FOLDER]: 0o755 },
      { [DATA_FOLDER]: 0o711 },
      {
        [CREDENTIALS]: 0o666,
        [KEY]: 0o604,
        [CONFIG_FOLDER]: 0o750,
        [DATA_FOLDER]: 0o755,
      },
    ];
    for (const modes of loose) {
      it(`fails where they are too wide, and all is mended at once: ${Object.keys(modes)}`, async () => {
        using home = new Home("it's a home");
        await service.logIn(home, service.token);
        for (const [path, mode] of Object.entries(modes)) {
          Deno.chmodSync(home.at(path), mode);
        }
        const diagnosis = await diagnose({ home });
        const remedy = assertFinds(diagnosis, "permissions", {
          result: "failed",
          message: /^.* is open to others: its mode is 0[67]\d\d, not 0[67]00/,
          remedy: /^chmod 0[67]00 /,
          error: ["file_permissions", 7],
        });
        const ofConfig = [CREDENTIALS, CONFIG_FOLDER].some((path) =>
          path in modes
        );
        const behind = ofConfig
          ? [
            ...["credentials", "key", "service", "proxy", "reachability"],
            ...["certificate", "clock", "login", "token"],
          ]
          : ["key", "token"];
        assertNotWell(diagnosis, {
          permissions: "failed",
          ...Object.fromEntries(
            behind.map((name) => [name, "skipped" as const]),
          ),
        });
        await runInShell(remedy);
        assertNotWell(await diagnose({ home }), {});
      });
    }

    it("fails for a symbolic link in the place of a file", async () => {
      using home = await service.homeWith();
      Deno.renameSync(home.at(CREDENTIALS), home.at("elsewhere"));
      Deno.symlinkSync(home.at("elsewhere"), home.at(CREDENTIALS));
      assertFinds(await diagnose({ home }), "permissions", {
        result: "failed",
        message: /is a symbolic link$/,
        remedy: /^move it away/,
        error: ["file_permissions", 7],
      });
    });

    it("fails for a folder that the first login would refuse", async () => {
      using home = new Home();
      makeFolder(home, DATA_FOLDER);
      Deno.chmodSync(home.at(DATA_FOLDER), 0o755);
      const remedy = assertFinds(await diagnose({ home }), "permissions", {
        result: "failed",
        message: /is open to others: its mode is 0755, not 0700$/,
        remedy: /^chmod 0700 /,
      });
      const env = { NANOCTL_PASSPHRASE: PASSPHRASE };
      assertFinds(await diagnose({ home, env }), "permissions", {
        result: "ok",
        message: /^nothing is stored yet/,
      });
      await runInShell(remedy);
      assertFinds(await diagnose({ home }), "permissions", {
        result: "ok",
        message: /^nothing is stored yet/,
      });
    });

    it("warns of lock files that others can open", async () => {
      using home = await service.homeWith();
      const locks = [LOCK, `${KEY}.lock`];
      for (const path of locks) Deno.chmodSync(home.at(path), 0o644);
      const diagnosis = await diagnose({ home });
      assertNotWell(diagnosis, { permissions: "warning" });
      const remedy = assertFinds(diagnosis, "permissions", {
        result: "warning",
        message: /credentials\.lock is open .*key\.lock is open to others/,
        remedy: /^chmod 0600 \S+ && chmod 0600 \S+$/,
      });
      await runInShell(remedy);
      assertEquals(locks.map((path) => home.mode(path)), ["0600", "0600"]);
      assertNotWell(await diagnose({ home }), {});
    });

    itWith([root], "warns of a file that is another user's", async () => {
      using home = await service.homeWith();
      Deno.chownSync(home.at(CREDENTIALS), NOBODY, NOBODY);
      assertFinds(await diagnose({ home }), "permissions", {
        result: "warning",
        message: /credentials\.json belongs to another user \(uid 65534\)/,
        remedy: /^run nanoctl as that user/,
      });
    });
  });

  describe("the credential file", () => {
    it("and counts what is in it", async () => {
      using home = await service.homeWith();
      await service.logIn(home, service.token, "--profile", "work");
      const diagnosis = await diagnose({ home });
      assertFinds(diagnosis, "credentials", {
        result: "ok",
        message: /^2 logins stored; the active profile is work$/,
      });
      assertFinds(diagnosis, "key", {
        result: "ok",
        message: /^key file; it opens 2 logins$/,
      });
    });

    it("fails for one that can't be read", async () => {
      using home = await service.homeWith();
      writeCredentials(home, "{");
      const diagnosis = await diagnose({ home });
      assertFinds(diagnosis, "credentials", {
        result: "failed",
        message: /credentials\.json/,
        remedy: /./,
        error: ["file_corrupt", 7],
      });
      assertFinds(diagnosis, "service", {
        result: "skipped",
        message: /^not checked, as the credential file, which may say it, /,
        remedy: /^name the service with --url/,
      });
      const named = await diagnose({ home }, "--url", service.url);
      assertNotWell(named, {
        credentials: "failed",
        key: "skipped",
        login: "skipped",
        token: "skipped",
      });
      const env = { ...service.env, NANOSERVICES_TOKEN: service.token };
      assertNotWell(await diagnose({ home, env }), {
        credentials: "failed",
        key: "skipped",
      });
    });

    it("fails for an entry of the wrong form", async () => {
      using home = await service.homeWith();
      edit(home, (file) => Object.assign(entryIn(file, "default"), { url: 1 }));
      assertFinds(await diagnose({ home }), "credentials", {
        result: "failed",
        message: /default/,
        remedy: /./,
        error: ["file_corrupt", 7],
      });
    });

    itWith([programs("flock")], "waits for another process", async () => {
      using home = await service.homeWith();
      await using _ = await LockHolder.hold(home.at(LOCK));
      assertFinds(await diagnose({ home }), "credentials", {
        result: "failed",
        message: /^another process has held .*credentials\.lock for 10 s$/,
        remedy: /^wait for the other nanoctl/,
        error: ["file_locked", 7],
      });
    });
  });

  describe("the key", () => {
    it("says which one a first login takes", async () => {
      using home = new Home();
      const ways: [Record<string, string>, RegExp][] = [
        [{}, /makes a key file$/],
        [{ NANOCTL_PASSPHRASE: PASSPHRASE }, /the passphrase in the env/],
        [{ NANOCTL_ENCRYPTION_KEY: someKey() }, /the key in the environment$/],
      ];
      for (const [env, message] of ways) {
        const found = await diagnose({ home, env });
        assertFinds(found, "key", { result: "ok", message });
      }
      const env = {
        NANOCTL_PASSPHRASE: PASSPHRASE,
        NANOCTL_ENCRYPTION_KEY: someKey(),
      };
      assertFinds(await diagnose({ home, env }), "key", {
        result: "failed",
        message: /^both a key and a passphrase are set/,
        remedy: /--key-source/,
        error: ["usage", 2],
      });
    });

    it("fails where the key file is gone, or another one", async () => {
      using home = await service.homeWith();
      const missing = (code: string): Promise<void> =>
        diagnose({ home }).then((found) => {
          assertNotWell(found, { key: "failed", token: "skipped" });
          assertFinds(found, "key", {
            result: "failed",
            message: /key/,
            remedy: /^put (it|the right key file) back, or start anew/,
            error: [code, 7],
          });
        });
      Deno.writeTextFileSync(home.at(KEY), `${someKey()}\n`);
      await missing("file_key");
      Deno.removeSync(home.at(KEY));
      await missing("file_key");
    });

    it("fails for an entry that was changed", async () => {
      using home = await service.homeWith();
      edit(home, (file) => {
        entryIn(file, "default").account.username = "mallory";
      });
      assertFinds(await diagnose({ home }), "key", {
        result: "failed",
        message: /the sealed token of profile default does not match/,
        remedy: /./,
        error: ["file_corrupt", 7],
      });
    });

    it("of a passphrase: opens it, refuses a wrong one, and does not ask without a terminal", async () => {
      const env = { NANOCTL_PASSPHRASE: PASSPHRASE };
      using home = await service.homeWith(env);
      const right = await diagnose({ home, env });
      assertNotWell(right, {});
      assertFinds(right, "key", {
        result: "ok",
        message: /^passphrase \(scrypt\); it opens 1 login$/,
      });
      const wrong = { NANOCTL_PASSPHRASE: "another passphrase" };
      assertFinds(await diagnose({ home, env: wrong }), "key", {
        result: "failed",
        message: /^the passphrase is not the one/,
        remedy: /^give the right one/,
        error: ["file_key", 7],
      });
      const unset = await diagnose({ home });
      assertNotWell(unset, { key: "skipped", token: "skipped" });
      assertFinds(unset, "key", {
        result: "skipped",
        message: /as the passphrase is not set, and there is no terminal/,
        remedy: /^set NANOCTL_PASSPHRASE_FILE or NANOCTL_PASSPHRASE/,
      });
      assertFinds(unset, "token", {
        result: "skipped",
        message: /as the key that it is encrypted with was not opened$/,
      });
      assertEquals(
        unset.stderr,
        "All is well, as far as it was checked (2 skipped).\n",
      );
      for (const { stdout } of [right, unset]) {
        assert(!stdout.includes(PASSPHRASE));
      }
    });

    it("of a passphrase: asks for it once on a terminal", async () => {
      using home = await service.homeWith({ NANOCTL_PASSPHRASE: PASSPHRASE });
      const terminal = new Terminal(["doctor"], { home });
      const question = "Passphrase of the credential file";
      await terminal.waitFor(question);
      await terminal.type(PASSPHRASE + KEYS.enter);
      const { code, screen } = await terminal.end();
      assertEquals(code, 0, screen);
      assert(screen.includes("All is well."), screen);
      assert(!screen.includes(PASSPHRASE));
      assert(!screen.split("ok       service")[1]?.includes(question), screen);
    });

    it("of the environment: opens it, and fails where it is not set", async () => {
      const env = { NANOCTL_ENCRYPTION_KEY: someKey() };
      using home = await service.homeWith(env);
      assertNotWell(await diagnose({ home, env }), {});
      assertFinds(await diagnose({ home }), "key", {
        result: "failed",
        message: /^no key: NANOCTL_ENCRYPTION_KEY and .* are not set$/,
        remedy: /^set one of them/,
        error: ["file_key", 7],
      });
    });

    it("of a helper: opens it, and fails where the helper is gone", async () => {
      using helper = new FakeHelper();
      using home = await service.homeWith(
        helper.env,
        "--key-source",
        "helper:fake",
      );
      const found = await diagnose({ home, env: helper.env });
      assertNotWell(found, {});
      assertFinds(found, "key", {
        result: "ok",
        message: /^docker-credential-fake; it opens 1 login$/,
      });
      assertFinds(await diagnose({ home }), "key", {
        result: "failed",
        message: /^docker-credential-fake is not on the PATH/,
        remedy: /^install it/,
        error: ["file_key", 7],
      });
    });
  });

  it("fails for what is stored even where a token comes from outside", async () => {
    using home = await service.homeWith();
    Deno.removeSync(home.at(KEY));
    const { code } = await run(
      ["doctor", "--token", service.token, "--url", service.url],
      { home },
    );
    // The key is missing all the same, and that is not well.
    assertEquals(code, 7);
  });
});
