import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import {
  assertFails,
  assertFailure,
  CREDENTIALS,
  Home,
  KEY,
  run,
  until,
} from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";
import { KEYS, Terminal } from "../support/terminal.ts";
import {
  readCredentials,
  readStored,
  succeed,
  tokenOf,
  writePrivate,
} from "../support/store_files.ts";

const VARIABLE = "NANOCTL_PASSPHRASE";
/** Shorter than what the prompt shows in the place of an answer. */
const PASSPHRASE = "tu$Ur e";
const NEW = "New passphrase";
const AGAIN = "The same again";
const ASK = "Passphrase of the credential file";

describe("a passphrase", () => {
  let service: Service;

  beforeAll(async () => {
    service = await Service.start();
  });
  afterAll(() => service.stop());

  function loggedIn(passphrase = PASSPHRASE): Promise<Home> {
    return service.homeWith({ [VARIABLE]: passphrase });
  }

  const wrong = {
    exit: 7,
    code: "file_key",
    message:
      /^the passphrase is not the one that the credential file was encrypted with$/,
    hint: /^give the right one, or start anew with/,
  };

  describe("from the environment", () => {
    it("encrypts a new file, and is written nowhere; the file says how the key is derived", async () => {
      using home = await loggedIn("a passphrase of some length");
      const { key } = readStored(home);
      const { kdf } = key;
      assertEquals(key.source, "passphrase");
      assertMatch(
        JSON.stringify(kdf),
        /^{"name":"scrypt","n":131072,"r":8,"p":1,"salt":"[\w+/]{22}=="}$/,
      );
      assertEquals(home.entries().includes(KEY), false);
      for (const secret of ["a passphrase of some length", service.token]) {
        assertEquals(home.holds(secret), false);
      }
      const env = { [VARIABLE]: "a passphrase of some length" };
      assertEquals(await tokenOf(home, env), service.token);
    });

    it("never gives the same key twice: the salt is random", async () => {
      using one = await loggedIn();
      using other = await loggedIn();
      assert(readStored(one).key.id !== readStored(other).key.id);
    });

    it("may come from a file, without its last line break and no more than that", async () => {
      using home = await loggedIn();
      const env = { [`${VARIABLE}_FILE`]: home.at("passphrase") };
      for (const end of ["", "\n", "\r\n"]) {
        writePrivate(home.at("passphrase"), PASSPHRASE + end);
        assertEquals(await tokenOf(home, env), service.token);
      }
      for (
        const text of [
          `${PASSPHRASE}\n\n`,
          `${PASSPHRASE} \n`,
          ` ${PASSPHRASE}`,
        ]
      ) {
        writePrivate(home.at("passphrase"), text);
        assertFailure(await run(["token"], { home, env }), wrong);
      }
    });

    it("goes by the file where both are given", async () => {
      using home = await loggedIn();
      writePrivate(home.at("passphrase"), PASSPHRASE);
      const right = { [`${VARIABLE}_FILE`]: home.at("passphrase") };
      assertEquals(
        await tokenOf(home, { ...right, [VARIABLE]: "other" }),
        service.token,
      );
      writePrivate(home.at("passphrase"), "other");
      const env = { ...right, [VARIABLE]: PASSPHRASE };
      assertFailure(await run(["token"], { home, env }), wrong);
    });

    it("is the same in either form of Unicode", async () => {
      using home = await loggedIn("caf\u00e9");
      const env = { [VARIABLE]: "cafe\u0301" };
      assertEquals(await tokenOf(home, env), service.token);
    });

    it("that is wrong is refused, once, and nothing is changed", async () => {
      using home = await loggedIn();
      const before = readCredentials(home);
      const env = { [VARIABLE]: "wrong" };
      await assertFails(["token"], { home, env }, wrong);
      assertFailure(await service.save(home, env, "--profile", "b"), wrong);
      assertFailure(await run(["store", "rekey"], { home, env }), wrong);
      assertEquals(readCredentials(home), before);
    });

    for (
      const { name, text, says } of [
        { name: "empty", text: "", says: /^the file \S+ holds no passphrase$/ },
        { name: "a line break", text: "\n", says: /holds no passphrase$/ },
        { name: "missing", text: undefined, says: /there is no such file$/ },
      ]
    ) {
      it(`in a file that is ${name} is refused, for a new file too`, async () => {
        using home = await loggedIn();
        const path = home.at("passphrase");
        if (text !== undefined) writePrivate(path, text);
        const env = { [`${VARIABLE}_FILE`]: path };
        const expected = { exit: 7, code: "file_key", message: says };
        assertFailure(await run(["token"], { home, env }), expected);
        using fresh = new Home();
        assertFailure(await service.save(fresh, env), expected);
        assertEquals(fresh.entries().includes(CREDENTIALS), false);
      });
    }

    it("that is missing is said where there is no terminal to ask on", async () => {
      using home = await loggedIn();
      await assertFails(["token"], { home }, {
        exit: 7,
        code: "file_key",
        message:
          /^a passphrase is needed, and there is no terminal to ask for it$/,
        hint: /^set NANOCTL_PASSPHRASE_FILE or NANOCTL_PASSPHRASE$/,
      });
    });

    it("is not needed to see what is stored, to switch or to log out", async () => {
      using home = await loggedIn();
      for (
        const args of [["status"], ["store", "info"], ["use", "default"], [
          "logout",
        ]]
      ) {
        await succeed(args, { home });
      }
    });
  });

  describe("on a terminal", () => {
    /** What a prompt shows once it has its answer. */
    const ANSWERED = "********";

    /** Waits for a question that comes behind so many answered ones. */
    async function asked(
      terminal: Terminal,
      question: string,
      answered = 0,
    ): Promise<void> {
      await until(() => {
        const parts = terminal.transcript.split(ANSWERED);
        return parts.length > answered &&
          parts.slice(answered).join(ANSWERED).includes(question);
      }, `${question} after ${answered} answers: ${terminal.transcript}`);
    }

    function open(home: Home, ...args: string[]): Terminal {
      return new Terminal(args, { home, env: service.env });
    }

    const save = (): string[] => ["login", "--save", "--token", service.token];

    function assertMasked(terminal: Terminal, ...secrets: string[]): void {
      assertStringIncludes(terminal.transcript, "*");
      for (const secret of secrets) {
        assertEquals(terminal.transcript.includes(secret.slice(0, 4)), false);
      }
    }

    it("is asked for twice when it is new, masked, and once to open", async () => {
      using home = new Home();
      const login = open(home, ...save(), "--key-source", "passphrase");
      await asked(login, NEW);
      await login.type(PASSPHRASE + KEYS.enter);
      await asked(login, AGAIN, 1);
      await login.type(PASSPHRASE + KEYS.enter);
      const { code, screen, before, after } = await login.end();
      assertEquals([code, after], [0, before], screen);
      assertMasked(login, PASSPHRASE);
      assertEquals(readStored(home).key.source, "passphrase");

      const whoami = open(home, "whoami");
      await asked(whoami, ASK);
      await whoami.type(PASSPHRASE + KEYS.enter);
      const ended = await whoami.end();
      assertEquals([ended.code, ended.after], [0, ended.before], ended.screen);
      assertMatch(ended.screen, /ada\r\n$/);
      assertMasked(whoami, PASSPHRASE);
      const env = { [VARIABLE]: PASSPHRASE };
      assertEquals(await tokenOf(home, env), service.token);
    });

    it("leaves the terminal as it was to the child of exec, and the signals too", async () => {
      using home = new Home();
      await service.save(
        home,
        { [VARIABLE]: PASSPHRASE },
        ...["--key-source", "passphrase"],
      );
      const script = 'echo "[$(stty -g)]"; trap "exit 9" TERM; ' +
        "kill -TERM $PPID; while :; do sleep 0.02; done";
      const exec = open(home, "exec", "--", "sh", "-c", script);
      await asked(exec, ASK);
      await exec.type(PASSPHRASE + KEYS.enter);
      const { code, screen, before } = await exec.end();
      assertEquals(code, 9, screen);
      assertEquals(
        /\[(\S+)\]/.exec(screen.replaceAll("\x1b[", ""))?.[1],
        before,
      );
    });

    it("that is not the same the second time stores nothing", async () => {
      using home = new Home();
      const login = open(home, ...save(), "--key-source", "passphrase");
      await asked(login, NEW);
      await login.type(PASSPHRASE + KEYS.enter);
      await asked(login, AGAIN, 1);
      await login.type(`${PASSPHRASE}!${KEYS.enter}`);
      const { code, screen } = await login.end();
      assertEquals(code, 7, screen);
      assertMatch(screen, /error: the two passphrases are not the same\r\n/);
      assertEquals(home.entries().includes(CREDENTIALS), false);
    });

    it("that is empty is refused", async () => {
      using home = new Home();
      const login = open(home, ...save(), "--key-source", "passphrase");
      await asked(login, NEW);
      await login.type(KEYS.enter);
      const { code, screen } = await login.end();
      assertEquals(code, 7, screen);
      assertMatch(screen, /error: a passphrase can't be empty\r\n/);
      assertEquals(home.entries().includes(CREDENTIALS), false);
    });

    it("may be wrong twice", async () => {
      using home = await loggedIn();
      const token = open(home, "token");
      for (const [answered, text] of ["no", "nor", PASSPHRASE].entries()) {
        await asked(token, ASK, answered);
        await token.type(text + KEYS.enter);
      }
      const { code, screen } = await token.end();
      assertEquals(code, 0, screen);
      assertStringIncludes(screen, service.token);
    });

    it("that is wrong three times ends with 7, and nothing is changed", async () => {
      using home = await loggedIn();
      const before = readCredentials(home);
      const login = open(home, ...save());
      for (const [answered, text] of ["no", "nor", "nowt"].entries()) {
        await asked(login, ASK, answered);
        await login.type(text + KEYS.enter);
      }
      const ended = await login.end();
      assertEquals([ended.code, ended.after], [7, ended.before], ended.screen);
      assertMatch(ended.screen, /error: the passphrase is not the one/);
      assertEquals(readCredentials(home), before);
    });

    it("is asked for the token and then the passphrase by a login on a terminal", async () => {
      using home = new Home();
      const login = open(home, "login", "--key-source", "passphrase");
      await asked(login, "Token");
      await login.type(service.token + KEYS.enter);
      await asked(login, NEW, 1);
      await login.type(PASSPHRASE + KEYS.enter);
      await asked(login, AGAIN, 2);
      await login.type(PASSPHRASE + KEYS.enter);
      const { code, screen } = await login.end();
      assertEquals(code, 0, screen);
      assertMatch(screen, /Welcome, ada\./);
      const env = { [VARIABLE]: PASSPHRASE };
      assertEquals(await tokenOf(home, env), service.token);
    });

    for (
      const [name, key] of [["Ctrl-C", KEYS.ctrlC], [
        "Ctrl-D",
        KEYS.ctrlD,
      ]] as const
    ) {
      it(`is given up with ${name}: 130, and nothing is changed`, async () => {
        using home = await loggedIn();
        const before = readCredentials(home);
        const rekey = open(home, "store", "rekey");
        await asked(rekey, ASK);
        await rekey.type(`half${key}`);
        const ended = await rekey.end();
        assertEquals([ended.code, ended.after], [130, ended.before]);
        assertEquals(readCredentials(home), before);
      });
    }

    it("is changed by rekey: the old one, and the new one twice", async () => {
      using home = await loggedIn();
      const rekey = open(home, "store", "rekey");
      await asked(rekey, ASK);
      await rekey.type(PASSPHRASE + KEYS.enter);
      await asked(rekey, NEW, 1);
      await rekey.type(`fresh${KEYS.enter}`);
      await asked(rekey, AGAIN, 2);
      await rekey.type(`fresh${KEYS.enter}`);
      const { code, screen } = await rekey.end();
      assertEquals(code, 0, screen);
      assertEquals(
        await tokenOf(home, { [VARIABLE]: "fresh" }),
        service.token,
      );
      const env = { [VARIABLE]: PASSPHRASE };
      assertFailure(await run(["token"], { home, env }), wrong);
    });
  });
});
