import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import type { NanoctlError } from "../../src/errors.ts";
import { parseKeyChoice } from "../../src/store/key_choice.ts";
import type { KeyChoice } from "../../src/store/key_source.ts";
import { runCommand } from "../../src/store/keys/key_command.ts";
import { FakeContext, rejectionOf, thrownBy } from "../support/fake_context.ts";
import { KeyCommand } from "../support/key_command.ts";
import { until } from "../support/nanoctl.ts";
import { credential, StoreFixture, tokenOf } from "./store_fixture.ts";

const NONE = new Uint8Array();

describe("--key-source command:", () => {
  for (
    const text of [
      "command",
      "command:",
      "command: ",
      "command:''",
      "command:'a",
    ]
  ) {
    it(`is refused as ${JSON.stringify(text)}`, () => {
      assertEquals(thrownBy(() => parseKeyChoice(text)).code, "usage");
    });
  }

  for (const text of ["./wrap", "bin/wrap x", '["../wrap"]']) {
    it(`is refused with a relative path: ${text}`, () => {
      const error = thrownBy(() => parseKeyChoice(`command:${text}`));
      assertEquals(error.code, "usage");
      assert(error.message.includes("relative path"));
    });
  }

  it("splits the command line", () => {
    assertEquals<KeyChoice>(parseKeyChoice("command:age-key 'a b'\n"), {
      source: "command",
      command: ["age-key", "a b"],
    });
  });
});

describe("a key command", () => {
  let command: KeyCommand;
  let fixture: StoreFixture;
  beforeEach(() => {
    command = new KeyCommand();
    fixture = new StoreFixture();
  });
  afterEach(() => {
    command[Symbol.dispose]();
    fixture.remove();
  });

  const commands = (): string =>
    fixture.keyPath.replace(/key$/, "key-commands.json");
  const mode = (name: string): void => {
    fixture.context.variables.set("KEY_MODE", name);
  };
  const save = (): Promise<void> =>
    fixture.store().save(credential("a"), parseKeyChoice(command.source));
  const context = (): FakeContext & { fs: typeof Deno } =>
    Object.assign(new FakeContext({ env: { KEY_MODE: "hangs" } }), {
      fs: Deno,
    });

  it("wraps the data key of a new file, and unwraps it at once", async () => {
    await save();
    assertEquals(command.calls, ["--key a b wrap", "--key a b unwrap"]);
    const { version, key } = fixture.json();
    assertEquals([version, key.slots.length, key.slots[0].source], [
      2,
      1,
      "command",
    ]);
    assertEquals(JSON.parse(Deno.readTextFileSync(commands())), {
      version: 1,
      commands: { [key.slots[0].id]: [command.path, "--key", "a b"] },
    });
    assertEquals(Deno.statSync(commands()).mode! & 0o777, 0o600);
    assertEquals(await tokenOf(fixture, "a"), "token-of-a");
    assertEquals(command.calls.length, 3);
  });

  it("is not in the credential file, and none from there is run", async () => {
    await save();
    const text = Deno.readTextFileSync(fixture.path);
    assert(!text.includes("wrap key"), text);
    Deno.removeSync(commands());
    fixture.edit(({ key }) => {
      key.slots[0].command = [command.path];
      key.slots[0].helper = command.path;
      key.command = [command.path];
      key.slots[0].name = "command";
    });
    const before = command.calls.length;
    const error = await rejectionOf(tokenOf(fixture, "a"));
    assertEquals(error.code, "file_key");
    assert(error.message.includes("has no command for this key"));
    assert(error.hint?.includes("NANOCTL_KEY_COMMAND"));
    assertEquals(command.calls.length, before);
  });

  it("can be another one, by a variable that goes before what is stored", async () => {
    await save();
    Deno.writeTextFileSync(commands(), "garbage");
    assertEquals((await rejectionOf(tokenOf(fixture, "a"))).code, "file_key");
    fixture.context.variables.set(
      "NANOCTL_KEY_COMMAND",
      `'${command.path}' other`,
    );
    assertEquals(await tokenOf(fixture, "a"), "token-of-a");
    assertEquals(command.calls.at(-1), "other unwrap");
    fixture.context.variables.set("NANOCTL_KEY_COMMAND", "'x");
    assertEquals((await rejectionOf(tokenOf(fixture, "a"))).code, "usage");
  });

  it("does not open a file that someone else made for its public key", async () => {
    await save();
    const mine = fixture.json();
    const other = new StoreFixture();
    try {
      // Anyone can wrap: the attacker's file differs only in where it was made.
      await other.store().save(
        credential("a", "theirs"),
        parseKeyChoice(command.source),
      );
      const theirs = other.json();
      assertNotEquals(theirs.key.id, mine.key.id);
      Deno.writeTextFileSync(fixture.path, JSON.stringify(theirs));
      assertEquals((await rejectionOf(tokenOf(fixture, "a"))).code, "file_key");
      theirs.key.slots[0].id = mine.key.slots[0].id;
      Deno.writeTextFileSync(fixture.path, JSON.stringify(theirs));
      const error = await rejectionOf(tokenOf(fixture, "a"));
      assertEquals(error.code, "file_key");
      assert(error.message.includes("one of them was changed"));
    } finally {
      other.remove();
    }
  });

  const faults: [mode: string, says: RegExp][] = [
    ["wrap-fails", /: wrap failed with exit code 3$/],
    ["wrap-empty", /: wrap printed nothing$/],
    ["wrap-large", /: wrap printed more than 64 KiB$/],
    ["wrap-dies", /: wrap was ended by SIGKILL$/],
    ["wrap-deaf", /: wrap failed with exit code 4$/],
    ["unwrap-fails", /: unwrap failed with exit code 3$/],
    ["unwrap-empty", /: unwrap printed nothing$/],
    ["unwrap-garbage", /: unwrap did not print 32 bytes in base64$/],
    ["unwrap-short", /: unwrap did not print 32 bytes in base64$/],
    ["unwrap-other", /: unwrap doesn't give back what wrap was given$/],
    ["unwrap-large", /: unwrap printed more than 64 KiB$/],
  ];
  for (const [name, says] of faults) {
    it(`that misbehaves stores nothing: ${name}`, async () => {
      mode(name);
      const error = await rejectionOf(save());
      assertEquals(error.code, "file_key");
      assert(says.test(error.message), error.message);
      assert(error.message.startsWith(`the key command ${command.path}: `));
      for (const path of [fixture.path, commands()]) {
        assertEquals(await Deno.stat(path).catch(() => "none"), "none");
      }
    });
  }

  it("may wrap to 64 KiB", async () => {
    mode("wrap-full");
    const error = await rejectionOf(save());
    assert(/unwrap did not print/.test(error.message), error.message);
    assertEquals(command.calls.length, 2);
  });

  it("that gives another key later does not open the file", async () => {
    await save();
    mode("unwrap-other");
    const error = await rejectionOf(tokenOf(fixture, "a"));
    assertEquals(error.code, "file_key");
    assert(/gave another key: it has the id [0-9a-f]{32}/.test(error.message));
  });

  it("that is missing, or not on the PATH, is named", async () => {
    const refused = async (line: string): Promise<NanoctlError> => {
      const error = await rejectionOf(
        fixture.store().save(
          credential("a"),
          parseKeyChoice(`command:${line}`),
        ),
      );
      assertEquals(error.code, "file_key");
      return error;
    };
    const [gone, elsewhere] = [
      await refused("/nonexistent/wrap secret-argument"),
      await refused("no-such-program-of-nanoctl secret-argument"),
    ];
    assertEquals(
      [gone, elsewhere].map(({ message }) => message),
      [
        "the key command /nonexistent/wrap: can't be run, or is not there",
        "the key command no-such-program-of-nanoctl: is not on the PATH",
      ],
    );
  });

  it("is ended if it takes too long", async () => {
    const error = await rejectionOf(
      runCommand(context(), [command.path], "wrap", NONE, 0.2),
    );
    assertEquals(
      [error.code, error.message],
      [
        "file_key",
        `the key command ${command.path}: wrap took longer than 0.2 s`,
      ],
    );
    assertEnded();
  });

  it("is ended by Ctrl-C", async () => {
    const asked = context();
    const running = rejectionOf(
      runCommand(asked, [command.path], "wrap", NONE),
    );
    await until(() => command.pid !== undefined, "it hangs");
    asked.interrupt();
    assertEquals((await running).code, "interrupted");
    assertEnded();
  });

  function assertEnded(): void {
    const { pid = 0 } = command;
    // It may not even have begun, on a busy machine.
    if (pid === 0) return;
    let stat = "";
    try {
      stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    } catch {
      // Nothing is left of it.
    }
    assert(!stat.includes("(sleep)"), stat);
  }

  it("is told none of our variables", async () => {
    const { variables } = fixture.context;
    const secrets = {
      NANOCTL_PASSPHRASE: "a-passphrase",
      NANOSERVICES_TOKEN: "a-token",
      CODER_SESSION_TOKEN: "a-session",
      VAULT_ADDR: "https://vault.example",
    };
    for (const [name, value] of Object.entries(secrets)) {
      variables.set(name, value);
    }
    await save();
    assert(command.environment.includes("VAULT_ADDR=https://vault.example"));
    assertEquals(
      /NANOCTL_|NANOSERVICES_|CODER_/.exec(command.environment),
      null,
    );
  });

  it("is not run if others can write to where it is stored", async () => {
    await save();
    const before = command.calls.length;
    Deno.chmodSync(commands(), 0o666);
    const error = await rejectionOf(tokenOf(fixture, "a"));
    assertEquals(error.code, "file_permissions");
    assertEquals(command.calls.length, before);
  });
});
