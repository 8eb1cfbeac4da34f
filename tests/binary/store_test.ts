import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { dirname } from "@std/path";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import {
  assertFails,
  assertFailure,
  assertJsonFailure,
  CREDENTIALS,
  type Failure,
  Home,
  KEY,
  type Result,
  run,
  runInShell,
  start,
  STORED_ENTRIES,
} from "../support/nanoctl.ts";
import { me, StrangeServer } from "../support/servers.ts";
import { Service } from "../support/service.ts";
import { LOCK, untilItWaits } from "../support/store_files.ts";

/** What the credential file holds, as far as the tests look at it. */
interface StoredFile {
  version: number;
  key: { source: string; id: string };
  active: string;
  profiles: Record<string, Record<string, unknown>>;
}

function readStored(home: Home): StoredFile {
  return JSON.parse(Deno.readTextFileSync(home.at(CREDENTIALS)));
}

/** What someone has who got at the config folder alone. */
function copyConfig(from: Home, to: Home): void {
  const folder = dirname(CREDENTIALS);
  Deno.mkdirSync(to.at(folder), { recursive: true, mode: 0o700 });
  for (const { name } of Deno.readDirSync(from.at(folder))) {
    const path = `${folder}/${name}`;
    Deno.copyFileSync(from.at(path), to.at(path));
  }
}

describe("the stored login", () => {
  let service: Service;

  beforeAll(async () => {
    service = await Service.start();
  });
  afterAll(() => service.stop());

  async function loggedIn(): Promise<Home> {
    const home = new Home();
    await service.logIn(home, service.token);
    return home;
  }

  it("is sealed: only the key file of this HOME opens it", async () => {
    using home = await loggedIn();
    const { version, key, active, profiles } = readStored(home);
    assertEquals([version, key.source, active], [1, "keyfile", "default"]);
    const { sealed, url, account } = profiles.default ?? {};
    assertEquals([url, account], [service.url, { username: "ada" }]);
    const bytes = Uint8Array.fromBase64(String(sealed));
    assert(bytes.length > service.token.length + 12 + 16);
    assertEquals(home.holds(service.token), false);

    const lost = { exit: 7, hint: /./, secret: service.token };
    using keyless = new Home();
    copyConfig(home, keyless);
    await assertFails(["token"], { home: keyless }, {
      ...lost,
      code: "file_key",
      message: /is missing, and only it/,
    });
    using other = await loggedIn();
    const { id } = readStored(other).key;
    copyConfig(home, other);
    await assertFails(["token"], { home: other }, {
      ...lost,
      code: "file_key",
      message: /has the id [0-9a-f]{32}.* needs /,
    });
    // Not the id alone keeps another key out.
    const copy = Deno.readTextFileSync(other.at(CREDENTIALS));
    Deno.writeTextFileSync(other.at(CREDENTIALS), copy.replace(key.id, id));
    await assertFails(["token"], { home: other }, {
      ...lost,
      code: "file_corrupt",
      message: /does not match its name, service, URL/,
    });
  });

  it("is never the same twice, though the token is", async () => {
    using home = await loggedIn();
    const sealed = (): unknown => readStored(home).profiles.default?.sealed;
    const before = sealed();
    await service.logIn(home, service.token);
    assert(before !== sealed());
  });

  it("survives logins that come at the same time", async () => {
    using home = new Home();
    const names = Array.from({ length: 8 }, (_, i) => `profile-${i}`);
    await Promise.all(
      names.map((name) =>
        service.logIn(home, service.token, "--profile", name)
      ),
    );
    assertEquals(Object.keys(readStored(home).profiles).sort(), names);
    assertEquals(home.entries(), STORED_ENTRIES);
    for (const name of names) {
      const args = ["token", "--profile", name];
      assertEquals(
        (await service.run(args, home)).stdout,
        `${service.token}\n`,
      );
    }
  });

  it("is for its URL only", async () => {
    using home = await loggedIn();
    await assertFails(["whoami", "--url", "http://127.0.0.1:1"], { home }, {
      exit: 3,
      code: "not_logged_in",
      message:
        /^not logged in to http:\/\/127\.0\.0\.1:1: profile default is for/,
      hint: /--profile <name>/,
    });
  });

  it("is not looked for in a named pipe, for which a reader would wait", async () => {
    using home = await service.homeWith({});
    const path = home.at(CREDENTIALS);
    Deno.removeSync(path);
    await new Deno.Command("mkfifo", { args: ["-m", "600", path] }).output();
    for (const args of [["--version"], ["login", "--help"]]) {
      assertEquals((await run(args, { home })).code, 0);
    }
    for (
      const args of [["token"], ["whoami"], ["use", "default"], [
        "store",
        "info",
      ]]
    ) {
      const { code, stderr } = await run(args, { home });
      assertEquals(code, 7, `${args}: ${stderr}`);
      assertMatch(stderr, /is not a file/);
    }
  });

  describe("in a corrupt file", () => {
    const change = (edit: (file: StoredFile) => void) => (text: string) => {
      const file: StoredFile = JSON.parse(text);
      edit(file);
      return JSON.stringify(file);
    };
    const inProfile = (edit: (entry: Record<string, unknown>) => void) =>
      change(({ profiles }) => edit(profiles.default ?? {}));
    const cases: {
      name: string;
      damage: (text: string) => string;
      says: RegExp;
      hint?: RegExp;
    }[] = [
      { name: "empty", damage: () => "", says: /it is empty/ },
      {
        name: "truncated",
        damage: (text) => text.slice(0, text.length / 2),
        says: /not JSON, or only a part of it/,
      },
      { name: "not JSON", damage: () => "[core]\n", says: /not JSON/ },
      { name: "a JSON list", damage: () => "[]", says: /missing or wrong/ },
      {
        name: "of a newer version",
        damage: change((file) => file.version = 3),
        says: /has version 3; this nanoctl knows versions 1 to 2$/,
        hint: /update nanoctl/,
      },
      {
        name: "without a version",
        damage: (text) => text.replace('"version"', '"vision"'),
        says: /version is missing or wrong/,
      },
      {
        name: "without its key",
        damage: (text) => text.replace('"key"', '"quay"'),
        says: /key is missing or wrong/,
      },
      {
        name: "without the URL of a profile",
        damage: inProfile((entry) => delete entry.url),
        says: /profiles\.default\.url is missing or wrong/,
      },
      {
        name: "with a date that is none",
        damage: inProfile((entry) => entry.expires_at = "soon"),
        says: /profiles\.default\.expires_at is missing or wrong/,
      },
      {
        name: "with wrong base64",
        damage: inProfile((entry) => entry.sealed = "!!!"),
        says: /profiles\.default\.sealed is missing or wrong/,
      },
      {
        name: "with another ciphertext",
        damage: inProfile((entry) =>
          entry.sealed = new Uint8Array(80).toBase64()
        ),
        says: /does not match its name, service, URL/,
      },
      {
        name: "with half a ciphertext",
        damage: inProfile((entry) => entry.sealed = "AAAA"),
        says: /does not match its name, service, URL/,
      },
      {
        name: "with another user name",
        damage: inProfile((entry) => entry.account = { username: "eve" }),
        says: /one of them was changed/,
      },
      {
        name: "with a later expiry",
        damage: inProfile((entry) => entry.expires_at = null),
        says: /one of them was changed/,
      },
    ];
    for (const { name, damage, says, hint } of cases) {
      it(`${name}: exits 7, and leaves the file as it is`, async () => {
        using home = await loggedIn();
        const path = home.at(CREDENTIALS);
        const damaged = damage(Deno.readTextFileSync(path));
        Deno.writeTextFileSync(path, damaged);
        const expected: Failure = {
          exit: 7,
          code: "file_corrupt",
          message: says,
          hint: hint ?? /^restore it from a backup, or /,
        };
        for (const command of ["token", "whoami"]) {
          assertStringIncludes(
            (await service.run([command], home)).stderr,
            path,
          );
          await assertFails([command], { home, env: service.env }, expected);
        }
        assertEquals(Deno.readTextFileSync(path), damaged);
      });
    }

    it("with an edited URL: the token goes to nobody", async () => {
      using home = await loggedIn();
      const path = home.at(CREDENTIALS);
      await using thief = new StrangeServer(() => me());
      const text = Deno.readTextFileSync(path);
      Deno.writeTextFileSync(path, text.replace(service.url, thief.url));
      await assertFails(["whoami"], { home }, {
        exit: 7,
        code: "file_corrupt",
        message: /URL.*one of them was changed/,
        hint: /^restore it/,
      });
      assertEquals(thief.caught, []);
    });

    it("is not replaced by a login", async () => {
      using home = await loggedIn();
      const path = home.at(CREDENTIALS);
      Deno.writeTextFileSync(path, "{");
      const args = ["login", "--token", service.token, "--save"];
      await assertFails(args, { home, env: service.env }, {
        exit: 7,
        code: "file_corrupt",
        message: /only a part of it; it was left as it is$/,
        hint: /^restore it from a backup, or /,
      });
      assertEquals(Deno.readTextFileSync(path), "{");
    });

    it("is moved aside by login --force, and kept", async () => {
      using home = await loggedIn();
      const path = home.at(CREDENTIALS);
      Deno.writeTextFileSync(path, "{");
      const args = ["login", "--token", service.token, "--save", "--force"];
      const { code, stderr } = await service.run(args, home);
      assertEquals(code, 0, stderr);
      assertEquals((await service.run(["whoami"], home)).stdout, "ada\n");
      const kept = home.entries().filter((entry) => entry.endsWith(".broken"));
      assertEquals(
        kept.map((entry) => Deno.readTextFileSync(home.at(entry))),
        ["{"],
      );
    });
  });

  describe("with a key that is", () => {
    const other = `${new Uint8Array(32).fill(7).toBase64()}\n`;
    const cases = [
      { name: "missing", key: undefined, says: /is missing, and only it/ },
      {
        name: "another one",
        key: other,
        says: /has the id [0-9a-f]{32}.* needs /,
      },
      { name: "empty", key: "", says: /holds 0 bytes, not 32/ },
      { name: "too short", key: "AAAA\n", says: /holds 3 bytes, not 32/ },
      { name: "not base64", key: "%%%\n", says: /not hold a key in base64/ },
    ];
    for (const { name, key, says } of cases) {
      it(`${name}: exits 7, and changes nothing`, async () => {
        using home = await loggedIn();
        const path = home.at(KEY);
        const before = Deno.readTextFileSync(home.at(CREDENTIALS));
        if (key === undefined) Deno.removeSync(path);
        else Deno.writeTextFileSync(path, key);
        const expected = {
          exit: 7,
          code: "file_key",
          message: says,
          hint: /./,
        };
        const env = service.env;
        await assertFails(["token"], { home, env }, expected);
        await assertFails(["whoami"], { home, env }, expected);
        const save = ["login", "--token", service.token, "--save"];
        await assertFails(save, { home, env }, expected);
        assertEquals(Deno.readTextFileSync(home.at(CREDENTIALS)), before);
        assertEquals(home.entries().includes(KEY), key !== undefined);
      });
    }

    it("empty: --force can't start anew either, and moves nothing", async () => {
      using home = await loggedIn();
      const key = Deno.readTextFileSync(home.at(KEY));
      const before = Deno.readTextFileSync(home.at(CREDENTIALS));
      Deno.writeTextFileSync(home.at(KEY), "");
      const save = ["login", "--token", service.token, "--save", "--force"];
      const { code, stderr } = await service.run(save, home);
      assertEquals(code, 7);
      assertMatch(
        stderr,
        /^error: the key file \S+ holds 0 bytes.*\nhint: .*move this one away/,
      );
      assertEquals(Deno.readTextFileSync(home.at(CREDENTIALS)), before);
      Deno.writeTextFileSync(home.at(KEY), key);
      assertEquals((await service.run(["whoami"], home)).code, 0);
    });

    it("missing: logout needs none", async () => {
      using home = await loggedIn();
      Deno.removeSync(home.at(KEY));
      const { code, stderr } = await service.run(["logout"], home);
      assertEquals(code, 0, stderr);
      assertEquals(readStored(home).profiles, {});
    });
  });

  it("with a pipe in place of its lock exits 7 and waits for nobody", async () => {
    using home = await loggedIn();
    Deno.removeSync(home.at(LOCK));
    const made = await new Deno.Command("mkfifo", {
      args: ["-m", "600", home.at(LOCK)],
    }).output();
    assert(made.success);
    for (const args of [["whoami"], ["status"], ["use", "default"]]) {
      await assertFails(args, { home, env: service.env }, {
        exit: 7,
        code: "file_permissions",
        message: /credentials\.lock is not a file$/,
        hint: /^move it away/,
      });
    }
  });

  describe("that is open to others", () => {
    const cases = [
      { path: CREDENTIALS, mode: 0o644 },
      { path: CREDENTIALS, mode: 0o660 },
      { path: KEY, mode: 0o644 },
      { path: dirname(CREDENTIALS), mode: 0o755 },
      { path: dirname(KEY), mode: 0o711 },
    ];
    for (const { path, mode } of cases) {
      for (const name of ["home", "a home's folder"]) {
        const octal = mode.toString(8).padStart(4, "0");
        it(`${path} with ${octal} in "${name}": exits 7, and the hint mends it`, async () => {
          using home = new Home(name);
          await service.logIn(home, service.token);
          Deno.chmodSync(home.at(path), mode);
          const hint = await assertFails(
            ["token"],
            { home, env: service.env },
            {
              exit: 7,
              code: "file_permissions",
              message: new RegExp(`is open to others: its mode is ${octal}`),
              hint: /^chmod 0[67]00 /,
            },
          );
          await runInShell(hint);
          const { code, stdout } = await service.run(["token"], home);
          assertEquals([code, stdout], [0, `${service.token}\n`]);
        });
      }
    }

    it("by a symbolic link is refused", async () => {
      using home = await loggedIn();
      const path = home.at(CREDENTIALS);
      Deno.renameSync(path, home.at("elsewhere"));
      Deno.symlinkSync(home.at("elsewhere"), path);
      await assertFails(["token"], { home }, {
        exit: 7,
        code: "file_permissions",
        message: /is a symbolic link$/,
        hint: /NANOCTL_CONFIG_DIR/,
      });
    });
  });

  describe("that another process has locked", () => {
    async function whileLocked(
      act: (home: Home) => Promise<void>,
    ): Promise<void> {
      using home = await loggedIn();
      const path = `${dirname(home.at(CREDENTIALS))}/credentials.lock`;
      using lock = Deno.openSync(path, { write: true });
      await lock.lock(true);
      await act(home);
    }
    const expected = {
      exit: 7,
      code: "file_locked",
      message: /another process has held .*credentials\.lock/,
      hint: /wait for the other nanoctl/,
    };

    it("exits 7 after a while", () =>
      whileLocked(async (home) => {
        await assertFails(["token"], { home }, expected);
      }));

    it("is ended by Ctrl-C with 130", () =>
      whileLocked(async (home) => {
        const ended = async (...form: string[]): Promise<Result> => {
          const child = start(["token", ...form], { home });
          await untilItWaits(child.pid);
          child.kill("SIGINT");
          return await child.end();
        };
        const interrupted = {
          exit: 130,
          code: "interrupted",
          message: /^interrupted$/,
        };
        assertFailure(await ended(), interrupted);
        assertJsonFailure(await ended("--json"), interrupted);
      }));
  });
});
