import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { KeyCommand } from "../support/key_command.ts";
import {
  assertFails,
  assertFailure,
  Home,
  KEY,
  run,
  start,
  until,
} from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";
import {
  DATA_FOLDER,
  edit,
  FakeHelper,
  readCredentials,
  someKey,
  succeed,
  tokenOf,
} from "../support/store_files.ts";
import { KEYS, Terminal } from "../support/terminal.ts";

const COMMANDS = `${DATA_FOLDER}/key-commands.json`;

interface Listed {
  name: string;
  source: string;
  id: string;
  added_at: string | null;
  opens?: boolean;
  reason?: string | null;
}

async function listed(
  home: Home,
  env: Record<string, string>,
  ...args: string[]
): Promise<Listed[]> {
  const { stdout } = await succeed(
    ["store", "key", "list", "--json", ...args],
    { home, env },
  );
  return JSON.parse(stdout).keys;
}

describe("several keys for one credential file", () => {
  let service: Service;
  let helper: FakeHelper;
  let command: KeyCommand;
  beforeAll(async () => {
    service = await Service.start();
    helper = new FakeHelper();
    command = new KeyCommand();
  });
  afterAll(async () => {
    await service.stop();
    helper[Symbol.dispose]();
    command[Symbol.dispose]();
  });

  const key = someKey();
  /** How each source is added, and what opens the file by it; a file is made by another one. */
  const sources: Record<string, {
    first?: [source: string, env: Record<string, string>];
    choice: () => string;
    adding: () => Record<string, string>;
    opening: () => Record<string, string>;
  }> = {
    keyfile: {
      first: ["environment", { NANOCTL_ENCRYPTION_KEY: key }],
      choice: () => "keyfile",
      adding: () => ({ NANOCTL_ENCRYPTION_KEY: key }),
      opening: () => ({}),
    },
    passphrase: {
      choice: () => "passphrase",
      adding: () => ({ NANOCTL_NEW_PASSPHRASE: "secret" }),
      opening: () => ({ NANOCTL_PASSPHRASE: "secret" }),
    },
    environment: {
      choice: () => "environment",
      adding: () => ({ NANOCTL_ENCRYPTION_KEY: key }),
      opening: () => ({ NANOCTL_ENCRYPTION_KEY: key }),
    },
    helper: {
      choice: () => "helper:fake",
      adding: () => helper.env,
      opening: () => helper.env,
    },
    command: {
      choice: () => command.source,
      adding: () => ({}),
      opening: () => ({}),
    },
  };

  for (
    const [source, { first, choice, adding, opening }] of Object.entries(
      sources,
    )
  ) {
    it(`can have one from ${source}: it is added, listed, opens the file alone, and is removed`, async () => {
      const [firstSource, firstEnv] = first ?? ["keyfile", {}];
      using home = await service.homeWith(
        firstEnv,
        "--key-source",
        firstSource,
      );
      const added = await succeed(
        ["store", "key", "add", "--name", "other", "--key-source", choice()],
        { home, env: adding() },
      );
      assertMatch(
        added.stderr,
        /^The key other opens the credential file too: .*, key [0-9a-f]{32}\.\n$/,
      );
      assertEquals(added.stdout, "");
      const both = { ...firstEnv, ...opening() };
      const keys = await listed(home, both, "--check");
      assertEquals(
        keys.map(({ name, source, opens, reason }) => [
          name,
          source,
          opens,
          reason,
        ]),
        [[firstSource, firstSource, true, null], ["other", source, true, null]],
      );
      assertEquals(await tokenOf(home, both), service.token);

      // The first one is taken away.
      const hidden = home.at(`${KEY}.hidden`);
      if (firstSource === "keyfile") Deno.renameSync(home.at(KEY), hidden);
      assertEquals(await tokenOf(home, opening()), service.token);
      if (firstSource === "keyfile") Deno.renameSync(hidden, home.at(KEY));

      await succeed(["store", "key", "remove", "other"], {
        home,
        env: { ...firstEnv, ...helper.env },
      });
      if (firstSource === "keyfile") Deno.renameSync(home.at(KEY), hidden);
      const { code } = await run(["token"], { home, env: opening() });
      assertEquals(code, 7, "the removed one opens nothing any more");
      if (firstSource === "keyfile") Deno.renameSync(hidden, home.at(KEY));
      assertEquals(await tokenOf(home, firstEnv), service.token);
      assertEquals((await listed(home, firstEnv)).length, 1);
    });
  }

  it("is one new login's business, too: it says which keys there are", async () => {
    using home = await service.homeWith();
    await succeed(["store", "key", "add", "--key-source", command.source], {
      home,
    });
    const refused = await service.save(home, {}, "--key-source", "passphrase");
    assertFailure(refused, {
      exit: 2,
      code: "usage",
      message: /with another key source: keyfile: key file, command: command$/,
      hint: /'nanoctl store key add --key-source passphrase'/,
    });
    for (const source of ["keyfile", command.source]) {
      const { code } = await service.save(home, {}, "--key-source", source);
      assertEquals(code, 0);
    }
  });

  it("are shown by store info, status, doctor and the table of store key list", async () => {
    using home = await service.homeWith();
    const { stdout: before } = await succeed(["store", "key", "list"], {
      home,
    });
    assertMatch(
      before,
      /^NAME +SOURCE +ID +ADDED\nkeyfile +key file +\w+ +-\n$/,
    );
    await succeed(
      ["store", "key", "add", "--name", "kms"].concat(
        "--key-source",
        command.source,
      ),
      { home },
    );
    const { stdout: table } = await succeed(
      ["store", "key", "list", "--check"],
      { home },
    );
    assertMatch(table, /\nkms +command +\w{32} +\d{4}-\d\d-\d\d +yes\n$/);
    const { stdout: info } = await succeed(["store", "info"], { home });
    assertMatch(info, /\nVersion: +2\n/);
    assertMatch(
      info,
      /\nKeys: +keyfile: key file, key \w+\n +kms: command, key/,
    );
    const { stdout: json } = await succeed(["store", "info", "--json"], {
      home,
    });
    const { version, encryption } = JSON.parse(json);
    assertEquals(
      [version, encryption.key_source, encryption.keys.length],
      [2, null, 2],
    );
    const { stdout: doctor } = await service.run(["doctor"], home);
    assertMatch(
      doctor,
      /\nok +key +keyfile: key file, kms: command; it opens 1 login\n/,
    );
    const { stdout: status } = await service.run(["status"], home);
    assertMatch(status, /AES-256-GCM, keyfile: key file, kms: command, key/);
  });

  it("say what each lacks where none opens the file, in one line", async () => {
    using home = await service.homeWith();
    for (
      const [source, env] of [
        ["passphrase", { NANOCTL_NEW_PASSPHRASE: "secret" }],
        ["environment", { NANOCTL_ENCRYPTION_KEY: key }],
        ["helper:fake", helper.env],
        [command.source, {}],
      ] as const
    ) {
      await succeed(["store", "key", "add", "--key-source", source], {
        home,
        env,
      });
    }
    Deno.removeSync(home.at(KEY));
    Deno.removeSync(home.at(COMMANDS));
    await assertFails(["token"], {
      home,
      env: { NANOCTL_ENCRYPTION_KEY: someKey() },
    }, {
      exit: 7,
      code: "file_key",
      message:
        /^no key opens the credential file here: environment: the key in NANOCTL_ENCRYPTION_KEY is another one: [^;]*; keyfile: the key file \S* is missing; helper: docker-credential-fake is not on the PATH, or can't be run; command: \S*key-commands\.json has no command for this key; passphrase: a passphrase is needed, [^;]*$/,
      hint: /^make one of them available, or start anew/,
      secret: key,
    });
    // A terminal is asked for the passphrase last.
    const terminal = new Terminal(["token"], { home });
    await terminal.waitFor("Passphrase of the credential file");
    await terminal.type(`secret${KEYS.enter}`);
    await terminal.waitFor(service.token);
    assertEquals((await terminal.end()).code, 0);
  });

  it("must not be given without a source, or with a name that can't be one", async () => {
    using home = await service.homeWith();
    const before = readCredentials(home);
    const cases: [args: string[], message: RegExp][] = [
      [["add"], /^it is not said where the new key is$/],
      [["add", "--key-source", "cloud"], /^there is no key source cloud$/],
      [["add", "--key-source", "command:"], /names no program$/],
      [["add", "--key-source", "command:./x"], /by a relative path$/],
      [
        ["add", "--key-source", "keyfile", "--name", "a b"],
        /^"a b" can't be a key's name$/,
      ],
      [["remove", "none"], /^there is no key none; there is keyfile$/],
      [["remove", "keyfile"], /^keyfile is the only key: /],
    ];
    for (const [args, message] of cases) {
      const result = await run(["store", "key", ...args], { home });
      assertFailure(result, { exit: 2, code: "usage", message, hint: /./ });
    }
    assertEquals(readCredentials(home), before);
    using empty = new Home();
    const early = ["store", "key", "add", "--key-source", "keyfile"];
    assertFailure(await run(early, { home: empty }), {
      exit: 3,
      code: "not_logged_in",
      message: /^there is no credential file/,
      hint: /nanoctl login/,
    });
    assertEquals(empty.entries(), []);
    const { stdout } = await succeed(["store", "key", "list", "--json"], {
      home: empty,
    });
    assertEquals(stdout, '{"keys":[]}\n');
  });

  it("are left out of a new data key by name alone", async () => {
    using home = await service.homeWith();
    const env = { NANOCTL_ENCRYPTION_KEY: key };
    const add = ["store", "key", "add", "--name", "ci", "--key-source"];
    await succeed([...add, "environment"], { home, env });
    await assertFails(["store", "rekey"], { home }, {
      exit: 7,
      code: "file_key",
      message: /: ci: no key: .* are not set; nothing was changed$/,
      hint: /'--drop ci'/,
    });
    await succeed(["store", "rekey", "--drop", "ci"], { home });
    assertEquals((await listed(home, {})).map(({ name }) => name), ["keyfile"]);
    assertEquals(await tokenOf(home), service.token);
  });
});

describe("a key command", () => {
  let service: Service;
  beforeAll(async () => {
    service = await Service.start();
  });
  afterAll(() => service.stop());

  it("can say something, and what it is for stays out of its arguments and environment", async () => {
    using command = new KeyCommand();
    const secrets = {
      KEY_MODE: "tells",
      NANOCTL_PASSPHRASE: "a-passphrase",
      CODER_SESSION_TOKEN: "a-session",
    };
    using home = new Home();
    const login = await service.save(
      home,
      secrets,
      "--key-source",
      command.source,
    );
    assertEquals(login.code, 0, login.stderr);
    assertMatch(login.stderr, /^touch your key\ntouch your key\n/);
    const { stdout, stderr } = await succeed(["token"], {
      home,
      env: { KEY_MODE: "tells" },
    });
    assertEquals([stdout, stderr], [`${service.token}\n`, "touch your key\n"]);
    assertEquals(command.calls, [
      "--key a b wrap",
      "--key a b unwrap",
      "--key a b unwrap",
    ]);
    assertEquals(
      /NANOCTL_|NANOSERVICES_|CODER_/.exec(command.environment),
      null,
    );
    assertEquals(command.environment.includes(service.token), false);
    assertEquals(home.mode(COMMANDS), "0600");
  });

  it("is run neither from the credential file nor by commands that need no key", async () => {
    using command = new KeyCommand();
    using home = await service.homeWith({}, "--key-source", command.source);
    const before = command.calls.length;
    for (
      const args of [["status"], ["store", "info"], ["store", "key", "list"]]
    ) {
      assertEquals((await service.run(args, home)).code, 0);
    }
    Deno.removeSync(home.at(COMMANDS));
    edit(home, ({ key }) => {
      key.command = [command.path];
      const [slot] = key.slots as Record<string, unknown>[];
      if (slot) slot.command = command.source;
    });
    assertFailure(await run(["token"], { home }), {
      exit: 7,
      code: "file_key",
      message: /key-commands\.json has no command for this key$/,
      hint: /^set NANOCTL_KEY_COMMAND /,
    });
    assertEquals(command.calls.length, before);
    const env = { NANOCTL_KEY_COMMAND: `'${command.path}'` };
    assertEquals(await tokenOf(home, env), service.token);
    assertEquals(command.calls.slice(before), ["unwrap"]);
    const { stdout } = await succeed(
      ["exec", "--", "/usr/bin/env"],
      { home, env },
    );
    assertEquals(stdout.includes("NANOCTL_KEY_COMMAND"), false);
  });

  for (
    const [mode, says] of [
      ["fails", /unwrap failed with exit code 3$/],
      ["empty", /unwrap printed nothing$/],
      ["garbage", /unwrap did not print 32 bytes in base64$/],
      [
        "other",
        /gave another key: it has the id \w+, the credential file needs/,
      ],
      ["large", /unwrap printed more than 64 KiB$/],
    ] as const
  ) {
    it(`that misbehaves is an error of its own: ${mode}`, async () => {
      using command = new KeyCommand();
      using home = await service.homeWith({}, "--key-source", command.source);
      const result = await run(["token"], { home, env: { KEY_MODE: mode } });
      const said = result.stderr.replace("the key is locked\n", "");
      assertFailure({ ...result, stderr: said }, {
        exit: 7,
        code: "file_key",
        message: says,
        hint: /./,
        secret: service.token,
      });
    });
  }

  it("is ended by Ctrl-C, in a command that reads and in one that writes", async () => {
    using command = new KeyCommand();
    using home = await service.homeWith({}, "--key-source", command.source);
    for (const args of [["token"], ["store", "rekey"]]) {
      const child = start(args, { home, env: { KEY_MODE: "hangs" } });
      await until(() => command.pid !== undefined, "the command hangs");
      const { pid = 0 } = command;
      child.kill("SIGINT");
      assertEquals((await child.end()).code, 130);
      assertEquals(isRunning(pid), false, args.join(" "));
      Deno.removeSync(`${command.folder}/pid`);
    }
    assertEquals(await tokenOf(home), service.token);
  });

  function isRunning(pid: number): boolean {
    try {
      const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
      return stat.includes("(sleep)") && !/\) Z /.test(stat);
    } catch {
      return false;
    }
  }

  it("that is missing says so, and which program it is", async () => {
    using command = new KeyCommand();
    using home = await service.homeWith({}, "--key-source", command.source);
    const path = command.path;
    Deno.removeSync(path);
    assertFailure(await run(["token"], { home }), {
      exit: 7,
      code: "file_key",
      message: /^the key command \S+\/wrap key: can't be run, or is not there$/,
      hint: /./,
    });
    assert(readCredentials(home).includes('"source": "command"'));
  });
});
