import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { assertFailure, CREDENTIALS, Home, run } from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";
import { KEYS, Terminal } from "../support/terminal.ts";
import {
  FakeHelper,
  PATH,
  readCredentials,
  readStored,
  succeed,
  tokenOf,
} from "../support/store_files.ts";

describe("a key that a docker credential helper keeps", () => {
  let service: Service;

  beforeAll(async () => {
    service = await Service.start();
  });
  afterAll(() => service.stop());

  function loggedIn(helper: FakeHelper): Promise<Home> {
    return service.homeWith(helper.env, "--key-source", "helper:fake");
  }

  it("opens every token, and is in no file of ours, no argument and no variable", async () => {
    using helper = new FakeHelper();
    const secrets = {
      NANOCTL_PASSPHRASE: "a-passphrase",
      NANOCTL_ENCRYPTION_KEY_FILE: "/a-key-file",
      NANOCTL_PROFILE: "default",
      NANOSERVICES_TOKEN_FILE: "/a-token-file",
      CODER_SESSION_TOKEN: "a-session",
    };
    using home = new Home();
    const source = ["--key-source", "helper:fake"];
    const login = await service.save(
      home,
      { ...helper.env, ...secrets },
      ...source,
    );
    assertEquals(login.code, 0, login.stderr);
    const { NANOSERVICES_TOKEN_FILE: _, ...others } = secrets;
    assertEquals(
      await tokenOf(home, { ...helper.env, ...others }),
      service.token,
    );
    const { key } = readStored(home);
    assertEquals([key.source, key.helper], ["helper", "fake"]);
    const [secret = "", ...rest] = helper.keys;
    assertEquals([Uint8Array.fromBase64(secret).length, rest], [32, []]);
    assertEquals(home.holds(secret), false);
    assertEquals(home.holds(service.token), false);
    for (const record of [helper.environment, helper.calls.join("\n")]) {
      assert(record !== "");
      assertEquals(record.includes(secret.slice(0, 20)), false);
      assertEquals(record.includes(service.token), false);
      assertEquals(/NANOCTL_|NANOSERVICES_|CODER_/.exec(record), null);
    }
    for (const call of helper.calls) {
      assertMatch(call, /docker-credential-fake (store|get)$/);
    }
    // What it does need: its own settings and the way to its keychain.
    assertMatch(helper.environment, /^FAKE_STORE=/m);
    assertMatch(helper.environment, new RegExp(`^HOME=${home.path}$`, "m"));
  });

  it("is asked for by what opens a token, and not by what does not", async () => {
    using helper = new FakeHelper();
    using home = await loggedIn(helper);
    const calls = helper.calls.length;
    for (const args of [["status"], ["store", "info"], ["use", "default"]]) {
      await succeed(args, { home, env: helper.env });
    }
    assertEquals(helper.calls.length, calls);
    await tokenOf(home, helper.env);
    assertEquals(helper.calls.length, calls + 1);
  });

  const failures: {
    mode: string;
    name: string;
    says: RegExp;
    hint?: RegExp | undefined;
  }[] = [
    {
      mode: "get-fails",
      name: "fails",
      says: /^docker-credential-fake get failed: the keychain is locked$/,
      hint: /unlock its keychain/,
    },
    {
      mode: "get-silent",
      name: "fails without a word",
      says: /^docker-credential-fake get failed$/,
      hint: /unlock/,
    },
    {
      mode: "get-paints",
      name: "fails with control characters",
      says: /^docker-credential-fake get failed: a\[2Jb cd$/,
      hint: /unlock/,
    },
    {
      mode: "get-missing",
      name: "does not have it",
      says:
        /^docker-credential-fake does not have the key of the credential file$/,
      hint: /unlock or restore its keychain/,
    },
    {
      mode: "get-empty",
      name: "has an empty one",
      says: /does not have the key/,
      hint: /unlock or restore/,
    },
    ...["garbage", "shapeless", "list", "mute", "deaf"].map((mode) => ({
      mode: `get-${mode}`,
      name: `gives ${mode} for an answer`,
      says: /^docker-credential-fake sent an unexpected response$/,
      hint: undefined,
    })),
    {
      mode: "get-dies",
      name: "is killed",
      says: /^docker-credential-fake get failed$/,
      hint: /unlock/,
    },
    {
      mode: "get-short",
      name: "gives a short one",
      says: /^the entry of docker-credential-fake holds 3 bytes, not 32$/,
      hint: /32 bytes/,
    },
    {
      mode: "get-base64",
      name: "gives one that is not base64",
      says:
        /^the entry of docker-credential-fake does not hold a key in base64$/,
      hint: /32 bytes/,
    },
    {
      mode: "get-other",
      name: "gives another one",
      says:
        /^docker-credential-fake gave another key: it has the id [0-9a-f]{32}, the credential file needs [0-9a-f]{32}$/,
      hint: /^put the right key back/,
    },
  ];
  for (const { mode, name, says, hint } of failures) {
    it(`by one that ${name}: exits 7 with the reason, and the file stays`, async () => {
      using helper = new FakeHelper();
      using home = await loggedIn(helper);
      const before = readCredentials(home);
      const env = { ...helper.env, FAKE_MODE: mode };
      const expected = { exit: 7, code: "file_key", message: says, hint };
      assertFailure(await run(["token"], { home, env }), expected);
      assertFailure(await service.save(home, env), expected);
      assertFailure(await run(["store", "rekey"], { home, env }), expected);
      assertEquals(readCredentials(home), before);
      assertEquals(await tokenOf(home, helper.env), service.token);
      // And none is made where it can't be had back.
      using fresh = new Home();
      const source = ["--key-source", "helper:fake"];
      const login = await service.save(fresh, env, ...source);
      assertEquals(login.code, 7, login.stderr);
      assertEquals(fresh.entries().includes(CREDENTIALS), false);
    });
  }

  for (const mode of ["store-fails", "store-deaf", "store-dies"]) {
    it(`is not relied on when the helper does not take it: ${mode}`, async () => {
      using helper = new FakeHelper();
      using home = new Home();
      const env = { ...helper.env, FAKE_MODE: mode };
      const source = ["--key-source", "helper:fake"];
      const { code, stderr } = await service.save(home, env, ...source);
      assertEquals(code, 7);
      assertMatch(stderr, /^error: docker-credential-fake /);
      assertEquals(home.entries().includes(CREDENTIALS), false);
    });
  }

  it("is not printed when the helper fails and says it", async () => {
    using helper = new FakeHelper();
    using home = await loggedIn(helper);
    const [secret = ""] = helper.keys;
    const get = { ...helper.env, FAKE_MODE: "get-tells" };
    const token = await run(["token"], { home, env: get });
    assertEquals(token.code, 7);
    assertEquals(token.stderr.includes(secret.slice(0, 20)), false);
    using fresh = new Home();
    const store = { ...helper.env, FAKE_MODE: "store-echoes" };
    const source = ["--key-source", "helper:fake"];
    const login = await service.save(fresh, store, ...source);
    assertEquals(login.code, 7);
    assertEquals(/[\w+/]{43}=/.exec(login.stderr), null, login.stderr);
  });

  it("of a helper that is not there: exits 7, and names the program", async () => {
    using helper = new FakeHelper();
    using home = await loggedIn(helper);
    const before = readCredentials(home);
    assertFailure(await run(["token"], { home, env: { PATH } }), {
      exit: 7,
      code: "file_key",
      message: /^docker-credential-fake is not on the PATH, or can't be run$/,
      hint: /install it/,
    });
    assertEquals(readCredentials(home), before);
  });

  it("that it began to keep while a login waited: exits 7, says so, and the next try works", async () => {
    using helper = new FakeHelper();
    using home = await service.homeWith({});
    const { env } = helper;
    const login = new Terminal(["login"], {
      home,
      env: { ...env, ...service.env },
    });
    await login.waitFor("Token");
    const rekey = ["store", "rekey", "--key-source", "helper:fake"];
    assertEquals((await run(rekey, { home, env })).code, 0);
    const before = readCredentials(home);
    await login.type(service.token + KEYS.enter);
    const { code, screen } = await login.end();
    assertEquals(code, 7, screen);
    assertMatch(
      screen,
      /docker-credential-fake began to keep the key after this command had started/,
    );
    assertMatch(screen, /hint: run it again/);
    assertEquals(readCredentials(home), before);
    assertEquals((await service.save(home, env)).code, 0);
  });

  it("of no helper in particular: exits 2 where none is installed, and says which are looked for", async () => {
    using home = new Home();
    const source = ["--key-source", "helper"];
    const env = { PATH: home.path };
    assertFailure(await service.save(home, env, ...source), {
      exit: 2,
      code: "usage",
      message:
        /looked for docker-credential-secretservice, docker-credential-pass$/,
      hint: /--key-source helper:<name>/,
    });
    assertEquals(home.entries(), []);
  });

  it("is replaced by rekey, and the helper forgets the old one", async () => {
    using helper = new FakeHelper();
    using home = await loggedIn(helper);
    const [old] = helper.keys;
    await succeed(["store", "rekey"], { home, env: helper.env });
    assertEquals(helper.keys.length, 1);
    assert(helper.keys[0] !== old);
    assertEquals(await tokenOf(home, helper.env), service.token);
    await succeed(["store", "rekey", "--key-source", "keyfile"], {
      home,
      env: helper.env,
    });
    assertEquals(helper.keys, []);
    assertEquals(await tokenOf(home), service.token);
  });
});
