import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { assertFailure, Home, KEY, run } from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";
import {
  eachOf,
  edit,
  entryIn,
  FakeHelper,
  keyIdOf,
  leftovers,
  makeStore,
  readCredentials,
  readStored,
  someKey,
  someToken,
  succeed,
  tokenOf,
  writePrivate,
} from "../support/store_files.ts";

type Env = Record<string, string>;

/** A key source, with what opens a file of its kind, and how rekey is given a new key. */
interface Source {
  name: string;
  choice: string;
  /** A new secret of its kind. */
  secret: () => string;
  /** The environment that opens what this secret encrypts. */
  opens: (secret: string) => Env;
  /** The environment that gives it to rekey. */
  gives: (secret: string) => Env;
}

describe("store rekey", () => {
  let service: Service;
  let helper: FakeHelper;

  beforeAll(async () => {
    service = await Service.start();
    helper = new FakeHelper();
  });
  afterAll(async () => {
    helper[Symbol.dispose]();
    await service.stop();
  });

  const sources: Source[] = [
    {
      name: "keyfile",
      choice: "keyfile",
      secret: () => "",
      opens: () => ({}),
      gives: () => ({}),
    },
    {
      name: "passphrase",
      choice: "passphrase",
      secret: someToken,
      opens: (secret) => ({ NANOCTL_PASSPHRASE: secret }),
      gives: (secret) => ({ NANOCTL_NEW_PASSPHRASE: secret }),
    },
    {
      name: "environment",
      choice: "environment",
      secret: someKey,
      opens: (secret) => ({ NANOCTL_ENCRYPTION_KEY: secret }),
      gives: (secret) => ({ NANOCTL_NEW_ENCRYPTION_KEY: secret }),
    },
    {
      name: "helper",
      choice: "helper:fake",
      secret: () => "",
      opens: () => helper.env,
      gives: () => helper.env,
    },
  ];

  const token = someToken();

  /** A home with three profiles, encrypted by way of this source. */
  async function homeOf(source: Source, secret: string): Promise<Home> {
    const home = new Home();
    const names = ["a", "b", "c"];
    await makeStore(home, new Map(names.map((name) => [name, { token }])), "c");
    if (source.name === "keyfile") return home;
    const args = ["store", "rekey", "--key-source", source.choice];
    await succeed(args, { home, env: source.opens(secret) });
    Deno.removeSync(home.at(KEY));
    return home;
  }

  async function assertAllOpen(home: Home, env: Env): Promise<void> {
    await eachOf(["a", "b", "c"], async (name) => {
      assertEquals(
        await tokenOf(home, env, "--profile", name),
        token,
      );
    });
  }

  for (const from of sources) {
    for (const to of sources) {
      it(`from ${from.name} to ${to.name}: every profile opens with the new key, and nothing is written in the clear`, async () => {
        const [old, fresh] = [from.secret(), to.secret()];
        using home = await homeOf(from, old);
        const before = readStored(home);
        const env = { ...from.opens(old), ...to.gives(fresh) };
        const args = ["store", "rekey"];
        // The same source is what it is without being asked.
        if (from !== to) args.push("--key-source", to.choice);
        const { stderr } = await succeed(args, { home, env });
        const after = readStored(home);
        assertMatch(
          stderr,
          new RegExp(`with a new key: .*${after.key.id}\\.\n$`),
        );
        assert(before.key.id !== after.key.id, "the key is still the old one");
        assertEquals(after.key.source, to.name);
        assertEquals(after.active, before.active);
        for (const name of ["a", "b", "c"]) {
          const { sealed: was, ...rest } = entryIn(before, name);
          const { sealed: is, ...same } = entryIn(after, name);
          assert(was !== is, "it is sealed as before");
          assertEquals(same, rest);
        }
        await assertAllOpen(home, to.opens(fresh));
        // What opened it before does not, unless the key is where it can be had.
        if (to.name !== "keyfile" && to.name !== "helper") {
          const env = from.opens(old);
          assertEquals((await run(["token"], { home, env })).code, 7);
        }
        assertEquals(leftovers(home), []);
        for (const secret of [token, old, fresh]) {
          if (secret !== "") assertEquals(home.holds(secret), false);
        }
        for (const kept of helper.keys) assertEquals(home.holds(kept), false);
      });
    }
  }

  it("takes the new passphrase and the new key from files too", async () => {
    for (
      const [name, variable, text] of [
        ["passphrase", "NANOCTL_NEW_PASSPHRASE_FILE", "fresh one"],
        ["environment", "NANOCTL_NEW_ENCRYPTION_KEY_FILE", someKey()],
      ] as const
    ) {
      const source = sources.find((source) => source.name === name);
      assert(source);
      const old = source.secret();
      using home = await homeOf(source, old);
      writePrivate(home.at("new"), `${text}\n`);
      const env = { ...source.opens(old), [variable]: home.at("new") };
      await succeed(["store", "rekey"], { home, env });
      await assertAllOpen(home, source.opens(text));
    }
  });

  it("says what it did with --json", async () => {
    using home = new Home();
    await service.logIn(home, service.token);
    const { stdout } = await succeed(["store", "rekey", "--json"], { home });
    assertEquals(JSON.parse(stdout), {
      encryption: {
        cipher: "AES-256-GCM",
        key_source: "keyfile",
        key_id: keyIdOf(home),
      },
    });
  });

  it("keeps old keys in the key file for the credential file of another config folder", async () => {
    using home = new Home();
    await service.logIn(home, service.token);
    const env = { NANOCTL_CONFIG_DIR: home.at("other") };
    const login = ["login", "--token-stdin", "--save"];
    await service.run(login, home, env, service.token);
    for (let i = 0; i < 3; i++) await succeed(["store", "rekey"], { home });
    assertEquals(await tokenOf(home), service.token);
    assertEquals(await tokenOf(home, env), service.token);
    assertEquals(home.mode(KEY), "0600");
  });

  const tampered: [string, (home: Home) => void][] = [
    ["whose token is another's", (home) =>
      edit(home, (file) => {
        entryIn(file, "b").sealed = entryIn(file, "a").sealed;
      })],
    ["whose URL was edited", (home) =>
      edit(home, (file) => {
        entryIn(file, "b").url = "http://127.0.0.1:1";
      })],
    ["that lacks a field", (home) =>
      edit(home, ({ profiles }) => {
        Object.assign(profiles, { b: { service: "nanoservices" } });
      })],
  ];
  for (const source of sources) {
    for (const [name, tamper] of tampered) {
      it(`from ${source.name} refuses a file with a profile ${name}, and changes nothing`, async () => {
        const secret = source.secret();
        using home = await homeOf(source, secret);
        tamper(home);
        const before = readCredentials(home);
        const keys = helper.keys.toSorted();
        for (const to of ["keyfile", "environment"]) {
          const env = {
            ...source.opens(secret),
            NANOCTL_NEW_ENCRYPTION_KEY: someKey(),
          };
          const args = ["store", "rekey", "--key-source", to];
          assertFailure(await run(args, { home, env }), {
            exit: 7,
            code: "file_corrupt",
            message: /profile b does not match|profiles\.b\.\w+ is missing/,
            hint: /backup/,
          });
        }
        assertEquals(readCredentials(home), before);
        assertEquals(leftovers(home), []);
        assertEquals(helper.keys.toSorted(), keys);
        assertEquals(
          await tokenOf(home, source.opens(secret), "--profile", "a"),
          token,
        );
      });
    }
  }

  it("to a helper that fails afterwards leaves no key behind in it", async () => {
    using own = new FakeHelper();
    using home = new Home();
    await service.logIn(home, service.token, "--profile", "a");
    await service.logIn(home, service.token, "--profile", "b");
    tampered[0]?.[1](home);
    const args = ["store", "rekey", "--key-source", "helper:fake"];
    const { code } = await run(args, { home, env: own.env });
    assertEquals(code, 7);
    assertEquals(own.keys, []);
  });

  for (
    const { name, args, env, says } of [
      {
        name: "without a new passphrase",
        args: ["--key-source", "passphrase"],
        env: {},
        says: /^a passphrase is needed, and there is no terminal/,
      },
      {
        name: "without a new key",
        args: ["--key-source", "environment"],
        env: {},
        says: /^no key: NANOCTL_NEW_ENCRYPTION_KEY and /,
      },
      {
        name: "with a malformed new key",
        args: ["--key-source", "environment"],
        env: { NANOCTL_NEW_ENCRYPTION_KEY: "AAAA" },
        says: /^NANOCTL_NEW_ENCRYPTION_KEY holds 3 bytes, not 32$/,
      },
      {
        name: "with a helper that is not there",
        args: ["--key-source", "helper:nowhere"],
        env: {},
        says: /^docker-credential-nowhere is not on the PATH/,
      },
    ]
  ) {
    it(`${name} changes nothing`, async () => {
      using home = new Home();
      await service.logIn(home, service.token);
      const before = readCredentials(home);
      const result = await run(["store", "rekey", ...args], { home, env });
      assertEquals(result.code, 7);
      assertMatch(result.stderr.replace(/^error: (.*)\n[^]*$/, "$1"), says);
      assertEquals(readCredentials(home), before);
      assertEquals(await tokenOf(home), service.token);
    });
  }

  it("does not take the key that it has for a new one", async () => {
    using home = new Home();
    const key = someKey();
    const env = { NANOCTL_ENCRYPTION_KEY: key };
    const login = ["login", "--token-stdin", "--save"];
    await service.run(login, home, env, service.token);
    const same = { ...env, NANOCTL_NEW_ENCRYPTION_KEY: key };
    const { code } = await run(["store", "rekey"], { home, env: same });
    assert(code !== 0, "it said that the key was changed");
    assertEquals(await tokenOf(home, env), service.token);
  });

  it("of a file that is not there is exit 3, and makes nothing", async () => {
    using home = new Home();
    assertFailure(await run(["store", "rekey"], { home }), {
      exit: 3,
      code: "not_logged_in",
      message: /there is no credential file/,
      hint: /nanoctl login/,
    });
    assertEquals(home.entries(), []);
  });
});
