import { assertEquals, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import {
  assertFails,
  assertFailure,
  BINARY,
  CREDENTIALS,
  Home,
  KEY,
  runInShell,
  STORED_ENTRIES,
} from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";
import {
  commandLine,
  CONFIG_FOLDER,
  DATA_FOLDER,
  LOCK,
  makeFolder,
  readCredentials,
  runScript,
  tokenOf,
} from "../support/store_files.ts";

describe("the modes of what is stored", () => {
  let service: Service;

  beforeAll(async () => {
    service = await Service.start();
  });
  afterAll(() => service.stop());

  const MODES = {
    [CREDENTIALS]: "0600",
    [LOCK]: "0600",
    [KEY]: "0600",
    [`${KEY}.lock`]: "0600",
    [CONFIG_FOLDER]: "0700",
    [DATA_FOLDER]: "0700",
  };

  for (const umask of ["000", "022", "077", "027"]) {
    it(`are right whatever the umask: ${umask}`, async () => {
      using home = new Home();
      const script = (...args: string[]): Promise<unknown> =>
        runScript(`umask ${umask}; exec ${commandLine(BINARY, ...args)}`, {
          home,
          env: service.env,
          stdin: service.token,
        }).then(({ code, stderr }) => assertEquals(code, 0, stderr));
      const modes = (): Record<string, string> =>
        Object.fromEntries(
          Object.keys(MODES).map((path) => [path, home.mode(path)]),
        );
      await script("login", "--token-stdin", "--save");
      assertEquals(modes(), MODES);
      await script("login", "--token-stdin", "--save", "--profile", "b");
      await script("use", "default");
      await script("store", "rekey");
      assertEquals(modes(), MODES);
      assertEquals(home.entries(), STORED_ENTRIES);
    });
  }

  it("are right in the folder that NANOCTL_CONFIG_DIR names, which is made with those above it", async () => {
    using home = new Home();
    const folder = home.at("deep/down/here");
    const env = { NANOCTL_CONFIG_DIR: folder };
    const { code } = await service.run(
      ["login", "--token-stdin", "--save"],
      home,
      env,
      service.token,
    );
    assertEquals(code, 0);
    assertEquals(home.mode("deep/down/here"), "0700");
    assertEquals(home.mode("deep/down/here/credentials.json"), "0600");
    assertEquals(await tokenOf(home, env), service.token);
  });

  const loose = [
    ...[0o644, 0o640, 0o660, 0o604, 0o602, 0o601, 0o666, 0o700, 0o777]
      .flatMap((mode) =>
        [CREDENTIALS, KEY].map((path) => ({ path, mode, right: "0600" }))
      ),
    ...[0o755, 0o750, 0o701, 0o710, 0o702, 0o777, 0o1777]
      .flatMap((mode) =>
        [CONFIG_FOLDER, DATA_FOLDER]
          .map((path) => ({ path, mode, right: "0700" }))
      ),
  ];
  for (const { path, mode, right } of loose) {
    const octal = (mode & 0o777).toString(8).padStart(4, "0");
    it(`that are looser are refused, and the hint mends them: ${path} with ${mode.toString(8)}`, async () => {
      using home = new Home("it's a home");
      await service.logIn(home, service.token);
      Deno.chmodSync(home.at(path), mode);
      const before = readCredentials(home);
      const expected = {
        exit: 7,
        code: "file_permissions",
        message: new RegExp(
          `is open to others: its mode is ${octal}, not ${right}$`,
        ),
        hint: new RegExp(`^chmod ${right} `),
      };
      const hint = await assertFails(["token"], { home }, expected);
      const save = ["login", "--save", "--token", service.token];
      const refused = await service.run(save, home);
      assertFailure(refused, expected);
      assertStringIncludes(refused.stderr, home.at(path));
      assertEquals(readCredentials(home), before);
      await runInShell(hint);
      assertEquals(home.mode(path), right);
      assertEquals(await tokenOf(home), service.token);
    });
  }

  for (
    const { path, mode } of [
      { path: CREDENTIALS, mode: 0o400 },
      { path: KEY, mode: 0o400 },
      { path: CONFIG_FOLDER, mode: 0o500 },
      { path: DATA_FOLDER, mode: 0o500 },
    ]
  ) {
    it(`that are tighter are fine: ${path} with 0${mode.toString(8)}`, async () => {
      using home = new Home();
      await service.logIn(home, service.token);
      Deno.chmodSync(home.at(path), mode);
      assertEquals(await tokenOf(home), service.token);
      Deno.chmodSync(home.at(path), 0o700);
    });
  }

  it("of a folder that is there are not changed behind anyone's back", async () => {
    using home = new Home();
    makeFolder(home, CONFIG_FOLDER);
    Deno.chmodSync(home.at(CONFIG_FOLDER), 0o755);
    const save = ["login", "--save", "--token", service.token];
    const hint = assertFailure(await service.run(save, home), {
      exit: 7,
      code: "file_permissions",
      message: /is open to others: its mode is 0755, not 0700$/,
      hint: /^chmod 0700 /,
    });
    assertEquals(home.mode(CONFIG_FOLDER), "0755");
    await runInShell(hint);
    assertEquals((await service.run(save, home)).code, 0);
  });
});
