import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "@std/path";
import {
  assertFailure,
  Child,
  CREDENTIALS,
  Home,
  KEY,
  run,
  until,
} from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";
import {
  type Need,
  PATH,
  programs,
  readCredentials,
  readStored,
  runScript,
  succeed,
  tokenOf,
} from "../support/store_files.ts";

/** A suite that is skipped, and says why in its name, where what it needs is missing. */
function describeWith(need: Need, name: string, fn: () => void): void {
  const missing = need();
  if (missing === undefined) describe(name, fn);
  else describe.skip(`${name} (skipped: ${missing})`, fn);
}

/** What holds for every helper that works. */
function keepsTheKey(
  name: string,
  environment: () => Record<string, string>,
): void {
  let service: Service;

  beforeAll(async () => {
    service = await Service.start();
  });
  afterAll(() => service.stop());

  async function logIn(home: Home, ...args: string[]): Promise<void> {
    const { code, stderr } = await service.run(
      ["login", "--token-stdin", "--save", ...args],
      home,
      environment(),
      service.token,
    );
    assertEquals(code, 0, stderr);
  }

  it("keeps the key: tokens open with it, and no file of ours holds it", async () => {
    using home = new Home();
    await logIn(home, "--key-source", `helper:${name}`);
    const { key } = readStored(home);
    assertEquals([key.source, key.helper], ["helper", name]);
    assertEquals(home.entries().includes(KEY), false);
    assertEquals(home.holds(service.token), false);
    await logIn(home, "--profile", "second");
    for (const profile of ["default", "second"]) {
      assertEquals(
        await tokenOf(home, environment(), "--profile", profile),
        service.token,
      );
    }
  });

  it("is found when no helper is named", async () => {
    using home = new Home();
    await logIn(home, "--key-source", "helper");
    assertEquals(readStored(home).key.helper, name);
    assertEquals(await tokenOf(home, environment()), service.token);
  });

  it("takes part in changes of keys, and forgets what is not needed any more", async () => {
    using home = new Home();
    const env = environment();
    const entries = async (): Promise<string[]> => {
      const list = `docker-credential-${name} list`;
      const { code, stdout, stderr } = await runScript(list, { env });
      assertEquals(code, 0, stderr);
      const listed: unknown = JSON.parse(stdout);
      return Object.keys(listed ?? {}).sort();
    };
    const before = await entries();
    await logIn(home);
    const rekey = (...args: string[]): Promise<unknown> =>
      succeed(["store", "rekey", ...args], { home, env });
    await rekey("--key-source", `helper:${name}`);
    const first = await entries();
    assertEquals(first.length, before.length + 1);
    await rekey();
    const second = await entries();
    assertEquals(second.length, before.length + 1);
    assert(`${first}` !== `${second}`, "the key is still the old one");
    assertEquals(await tokenOf(home, env), service.token);
    await rekey("--key-source", "keyfile");
    assertEquals(await entries(), before);
    assertEquals(await tokenOf(home), service.token);
  });

  it("that has lost the key is exit 7, and the file stays", async () => {
    using home = new Home();
    const env = environment();
    await logIn(home, "--key-source", `helper:${name}`);
    const before = readCredentials(home);
    const { id } = readStored(home).key;
    const erase =
      `printf %s https://nanoctl.invalid/key/${id} | docker-credential-${name} erase`;
    assertEquals((await runScript(erase, { env })).code, 0);
    assertFailure(await run(["token"], { home, env }), {
      exit: 7,
      code: "file_key",
      message: new RegExp(
        `^docker-credential-${name} does not have the key of the credential file$`,
      ),
      hint: /unlock or restore its keychain/,
    });
    assertEquals(readCredentials(home), before);
  });
}

describeWith(
  programs("docker-credential-pass", "pass", "gpg", "gpgconf"),
  "docker-credential-pass",
  () => {
    // gpg's sockets are in here: the path has to be a short one.
    let folder: string;

    const env = (): Record<string, string> => ({
      PATH,
      GNUPGHOME: join(folder, "gnupg"),
      PASSWORD_STORE_DIR: join(folder, "store"),
    });

    beforeAll(async () => {
      folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "ng" });
      await Deno.mkdir(join(folder, "gnupg"), { mode: 0o700 });
      const { code, stderr } = await runScript(
        `set -e
        gpg --batch --quiet --passphrase '' --quick-gen-key nanoctl-test ed25519 default never
        id=$(gpg --batch --with-colons -K | awk -F: '/^fpr/ { print $10; exit }')
        gpg --batch --quiet --passphrase '' --quick-add-key "$id" cv25519 encr never
        pass init "$id"`,
        { env: env() },
      );
      assertEquals(code, 0, stderr);
    });
    afterAll(async () => {
      await runScript("gpgconf --kill all", { env: env() });
      await Deno.remove(folder, { recursive: true });
    });

    describe("as every helper", () => keepsTheKey("pass", env));

    it("that can't decrypt any more is exit 7 with its reason, and the file stays", async () => {
      using home = new Home();
      const service = await Service.start();
      try {
        const login = await service.run(
          ["login", "--token-stdin", "--save", "--key-source", "helper:pass"],
          home,
          env(),
          service.token,
        );
        assertEquals(login.code, 0, login.stderr);
      } finally {
        await service.stop();
      }
      const before = readCredentials(home);
      const keys = join(folder, "gnupg/private-keys-v1.d");
      await runScript("gpgconf --kill gpg-agent", { env: env() });
      Deno.renameSync(keys, `${keys}.away`);
      try {
        const result = await run(["token"], { home, env: env() });
        assertEquals(result.code, 7, result.stderr);
        assertMatch(
          result.stderr,
          /^error: docker-credential-pass (get failed|does not have)/,
        );
      } finally {
        Deno.removeSync(keys, { recursive: true });
        Deno.renameSync(`${keys}.away`, keys);
      }
      assertEquals(readCredentials(home), before);
      assert(home.entries().includes(CREDENTIALS));
    });
  },
);

describeWith(
  programs(
    "docker-credential-secretservice",
    "dbus-daemon",
    "dbus-send",
    "gnome-keyring-daemon",
  ),
  "docker-credential-secretservice",
  () => {
    let session: Home;
    let bus: Child;
    let keyring: Child;
    let env: Record<string, string>;

    beforeAll(async () => {
      session = new Home();
      Deno.mkdirSync(session.at("run"), { mode: 0o700 });
      const own = { PATH, XDG_RUNTIME_DIR: session.at("run") };
      bus = new Child("dbus-daemon", [
        "--session",
        "--nofork",
        "--nopidfile",
        "--print-address=1",
      ], { home: session, env: own });
      bus.keepRunning();
      env = { ...own, DBUS_SESSION_BUS_ADDRESS: await bus.firstLine };
      keyring = new Child(
        "gnome-keyring-daemon",
        ["--unlock", "--foreground", "--components=secrets"],
        { home: session, env, stdin: "a password" },
      );
      keyring.keepRunning();
      // Before it is there the bus would start another one.
      const owned =
        `dbus-send --session --print-reply --dest=org.freedesktop.DBus / ` +
        `org.freedesktop.DBus.NameHasOwner string:org.freedesktop.secrets`;
      await until(
        async () =>
          /boolean true/.test((await runScript(owned, { env })).stdout),
        "the keyring is on the bus",
      );
    });
    afterAll(async () => {
      for (const child of [keyring, bus]) {
        child.kill("SIGTERM");
        await child.end();
      }
      session[Symbol.dispose]();
    });

    describe("as every helper", () => keepsTheKey("secretservice", () => env));

    it("without a bus is exit 7, and stores nothing", async () => {
      using home = new Home();
      const service = await Service.start();
      try {
        const { code, stderr } = await service.run(
          [
            ...["login", "--token-stdin", "--save"],
            ...["--key-source", "helper:secretservice"],
          ],
          home,
          { PATH, DBUS_SESSION_BUS_ADDRESS: "unix:path=/nowhere" },
          service.token,
        );
        assertEquals(code, 7, stderr);
        assertMatch(stderr, /^error: docker-credential-secretservice store/);
      } finally {
        await service.stop();
      }
      assertEquals(home.entries().includes(CREDENTIALS), false);
    });
  },
);
