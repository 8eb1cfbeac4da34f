import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import {
  assertFailure,
  CREDENTIALS,
  Home,
  type Result,
  start,
  until,
} from "../support/nanoctl.ts";
import { describeNeeding } from "../support/needs.ts";
import { isFile } from "../../scripts/process.ts";
import {
  installSecretManagers,
  SECRET_MANAGERS,
} from "../support/secret_managers.ts";
import { Service } from "../support/service.ts";
import {
  commandLine,
  PATH,
  programs,
  runScript,
} from "../support/store_files.ts";
import { KEYS, Terminal } from "../support/terminal.ts";
import { runsIn, script } from "../support/token_command.ts";

const OPTION = "--token-command";
const VARIABLE = "NANOSERVICES_TOKEN_COMMAND";

let service: Service;
beforeAll(async () => {
  service = await Service.start();
});
afterAll(() => service.stop());

/** Runs the program against the service, with a PATH. */
function nanoctl(
  args: string[],
  home: Home,
  env: Record<string, string> = {},
): Promise<Result> {
  return service.run(args, home, { PATH, ...env });
}

/** Asserts that a command was one of ada's, and says nothing else. */
function assertAda({ code, stdout, stderr }: Result): void {
  assertEquals([code, stdout, stderr], [0, "ada\n", ""]);
}

describe("the token of a secret manager", () => {
  for (const { name, args, session, refusal } of SECRET_MANAGERS) {
    it(`is what ${name} prints, named by the option or the variable`, async () => {
      using home = new Home();
      installSecretManagers(home.path);
      Deno.writeTextFileSync(home.at("secret"), service.token);
      const env = { PATH: `${home.path}:${PATH}`, [session]: "its own" };
      const line = commandLine(name, ...args);
      assertAda(await nanoctl(["whoami", OPTION, line], home, env));
      const given = { ...env, [VARIABLE]: line };
      assertAda(await nanoctl(["whoami"], home, given));
      const json = JSON.stringify([name, ...args]);
      const { stdout } = await nanoctl(["token", OPTION, json], home, env);
      assertEquals(stdout, `${service.token}\n`);
      const login = await nanoctl(["login"], home, given);
      assertEquals([login.code, login.stdout, login.stderr], [0, "", ""]);
      assert(!home.entries().includes(CREDENTIALS));
      const wrong = commandLine(name, ...args, "x");
      const { code, stderr } = await nanoctl(
        ["whoami", OPTION, wrong],
        home,
        env,
      );
      assertEquals([code, stderr], [
        3,
        `${refusal.stderr}\n` +
        `error: the program ${name} of ${OPTION} failed with exit code ${refusal.code}\n` +
        "hint: run it by itself to see why\n",
      ]);
    });
  }

  it("is what the lines of docs/secret_managers.md print", () => {
    const path = new URL("../../docs/secret_managers.md", import.meta.url);
    const text = Deno.readTextFileSync(path);
    for (const { name, args } of SECRET_MANAGERS) {
      assert(text.includes(`| \`${[name, ...args].join(" ")}\` `), name);
    }
  });

  it("may be the JSON of a secret, with its end", async () => {
    using home = new Home();
    installSecretManagers(home.path);
    const expires_at = new Date(Date.now() + 3_600_000).toISOString();
    const secret = JSON.stringify({ token: service.token, expires_at });
    Deno.writeTextFileSync(home.at("secret"), secret);
    const env = {
      PATH: `${home.path}:${PATH}`,
      AWS_SESSION_TOKEN: "its own",
      [VARIABLE]: "aws secretsmanager get-secret-value --secret-id nano " +
        "--query SecretString --output text",
    };
    const { stdout } = await nanoctl(["token", "--json"], home, env);
    const told = JSON.parse(stdout);
    assertEquals(
      [told.token, told.expires_at, told.origin],
      [service.token, expires_at, "environment-command"],
    );
    const whoami = await nanoctl(["whoami", "--json"], home, env);
    assertEquals(JSON.parse(whoami.stdout).origin, "environment-command");
  });

  describeNeeding(
    programs("pass", "gpg", "gpgconf")(),
    "of the real pass",
    () => {
      // gpg's sockets are in here: the path has to be a short one.
      let folder: string;
      let env: Record<string, string>;
      beforeAll(async () => {
        folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "np" });
        await Deno.mkdir(join(folder, "gnupg"), { mode: 0o700 });
        env = {
          PATH,
          GNUPGHOME: join(folder, "gnupg"),
          PASSWORD_STORE_DIR: join(folder, "store"),
        };
        const { code, stderr } = await runScript(
          `set -e
          gpg --batch --quiet --passphrase '' --quick-gen-key nanoctl-test ed25519 default never
          id=$(gpg --batch --with-colons -K | awk -F: '/^fpr/ { print $10; exit }')
          gpg --batch --quiet --passphrase '' --quick-add-key "$id" cv25519 encr never
          pass init "$id"
          pass insert --multiline work/nano`,
          { env, stdin: `${service.token}\n` },
        );
        assertEquals(code, 0, stderr);
      });
      afterAll(async () => {
        await runScript("gpgconf --kill all", { env });
        await Deno.remove(folder, { recursive: true });
      });

      it("is what pass show prints", async () => {
        using home = new Home();
        assertAda(
          await nanoctl(["whoami", OPTION, "pass show work/nano"], home, env),
        );
        const { code, stderr } = await nanoctl(
          ["whoami", OPTION, "pass show work/other"],
          home,
          env,
        );
        assertEquals(code, 3);
        assertMatch(stderr, /work\/other is not in the password store/);
        assertMatch(stderr, /the program pass of --token-command failed/);
      });

      it("is stored with --save, and asked for again after a 401", async () => {
        using home = new Home();
        const old = await service.mint();
        const insert = async (token: string): Promise<void> => {
          const line = "pass insert --multiline --force work/saved";
          const { code, stderr } = await runScript(line, {
            env,
            stdin: `${token}\n`,
          });
          assertEquals(code, 0, stderr);
        };
        await insert(old.token);
        const login = await nanoctl(
          ["login", "--save", OPTION, "pass show work/saved"],
          home,
          env,
        );
        assertEquals(login.code, 0, login.stderr);
        await service.change(old.id, { state: "revoked" });
        await insert(service.token);
        assertAda(await nanoctl(["whoami"], home, env));
        assertEquals(
          (await nanoctl(["token"], home)).stdout,
          `${service.token}\n`,
        );
      });
    },
  );

  describeNeeding(
    programs("systemd-creds")(),
    "of the real systemd-creds",
    () => {
      it("is the credential of the service", async () => {
        using home = new Home();
        Deno.writeTextFileSync(home.at("nano-token"), service.token, {
          mode: 0o400,
        });
        assertAda(
          await nanoctl(
            ["whoami", OPTION, "systemd-creds cat nano-token"],
            home,
            {
              CREDENTIALS_DIRECTORY: home.path,
            },
          ),
        );
      });
    },
  );
});

describe("a program that prints the token", () => {
  it("runs again for a request that is refused, and once for all of a command", async () => {
    using home = new Home();
    const refused = await service.mint({ state: "expired" });
    const text = `[ $(wc -l < ${
      home.at("runs")
    }) = 1 ] && echo ${refused.token} || echo ${service.token}`;
    const api = ["api", "/v1/me", OPTION, script(home, text)];
    const { code, stdout, stderr } = await nanoctl(api, home);
    assertEquals([code, stderr], [0, ""]);
    assertEquals(JSON.parse(stdout).username, "ada");
    assertEquals(runsIn(home), 2);
  });

  it("is not asked a third time for a token that it prints again", async () => {
    using home = new Home();
    const refused = await service.mint({ state: "revoked" });
    const line = script(home, `echo ${refused.token}`);
    assertFailure(await nanoctl(["whoami", OPTION, line], home), {
      exit: 4,
      code: "token_revoked",
      message: /refused the token from --token-command: it was revoked/,
      hint: /^have its program print a token made at http/,
      secret: refused.token,
    });
    assertEquals(runsIn(home), 2);
    const env = { [VARIABLE]: line };
    assertFailure(await nanoctl(["whoami"], home, env), {
      exit: 4,
      code: "token_revoked",
      message: /the token from NANOSERVICES_TOKEN_COMMAND: it was revoked/,
      hint:
        /^unset NANOSERVICES_TOKEN_COMMAND and log in .*, or have its program/,
      secret: refused.token,
    });
  });

  it("gives exec's child its token, and no command that would run again", async () => {
    using home = new Home();
    const line = script(home, `echo ${service.token}`);
    const env = { [VARIABLE]: line };
    const { code, stdout } = await nanoctl(["exec", "--", "env"], home, env);
    assertEquals(code, 0);
    assertMatch(
      stdout,
      new RegExp(`^NANOSERVICES_TOKEN=${service.token}$`, "m"),
    );
    assert(!stdout.includes(VARIABLE), stdout);
    assertEquals(runsIn(home), 1);
  });

  it("is run by status --check and doctor, but not by status", async () => {
    using home = new Home();
    const env = { [VARIABLE]: script(home, `echo ${service.token}`) };
    const status = await nanoctl(["status", "--json"], home, env);
    const { token } = JSON.parse(status.stdout);
    assertEquals([token.origin, token.source, runsIn(home)], [
      "environment-command",
      VARIABLE,
      0,
    ]);
    assertEquals((await nanoctl(["status", "--check"], home, env)).code, 0);
    assertEquals(runsIn(home), 1);
    const doctor = await nanoctl(["doctor"], home, env);
    assertMatch(
      doctor.stdout,
      /ok +login +the token is from NANOSERVICES_TOKEN_COMMAND/,
    );
    assertEquals([doctor.code, runsIn(home)], [0, 2]);
    const failing = await nanoctl(["doctor", OPTION, "false"], home);
    assertEquals(failing.code, 3);
    assertMatch(
      failing.stdout,
      /failed +login +the program false of --token-command failed/,
    );
  });

  it("still authenticates after a logout, which says so", async () => {
    using home = new Home();
    const env = { [VARIABLE]: "true" };
    const { stderr } = await nanoctl(["logout"], home, env);
    assertMatch(
      stderr,
      /NANOSERVICES_TOKEN_COMMAND is set, so commands are still/,
    );
  });

  it("shows what it says on stderr as it comes", async () => {
    using home = new Home();
    const line = script(
      home,
      `echo 'touch your key' >&2; while ! [ -e ${
        home.at("touched")
      } ]; do sleep 0.05; done; echo ${service.token}`,
    );
    const terminal = new Terminal(["whoami", OPTION, line], {
      home,
      env: { ...service.env, PATH },
    });
    await terminal.waitFor("touch your key");
    Deno.writeTextFileSync(home.at("touched"), "");
    const { code, screen } = await terminal.end();
    assertEquals(code, 0);
    assertMatch(screen, /ada/);
  });

  it("can ask a person on a terminal", async () => {
    using home = new Home();
    const line = script(
      home,
      `printf 'PIN? ' >&2; read pin; [ "$pin" = 1234 ] && echo ${service.token}`,
    );
    const terminal = new Terminal(["whoami", OPTION, line], {
      home,
      env: { ...service.env, PATH },
    });
    await terminal.waitFor("PIN? ");
    await terminal.type(`1234${KEYS.enter}`);
    const { code, screen } = await terminal.end();
    assertEquals(code, 0, screen);
    assertMatch(screen, /ada/);
  });

  it("does not get our input if that is no terminal", async () => {
    using home = new Home();
    const line = script(home, `read x && exit 1; echo ${service.token}`);
    const args = ["api", "/v1/me", "-X", "POST", "--input", "-", OPTION, line];
    const { stderr } = await service.run(args, home, { PATH }, "a body");
    assertMatch(stderr, /answered with the status 40\d/);
  });

  const INTERRUPTS: [what: string, wait: string][] = [
    ["waits", "exec sleep 1000"],
    ["does not want to end", "trap '' TERM INT; while :; do sleep 0.1; done"],
  ];
  for (const [what, wait] of INTERRUPTS) {
    it(`is ended by Ctrl-C if it ${what}, with exit code 130`, async () => {
      using home = new Home();
      const line = script(
        home,
        `echo $$ > ${home.at("pid")}; echo waiting >&2\n${wait}`,
      );
      const terminal = new Terminal(["whoami", OPTION, line], {
        home,
        env: { ...service.env, PATH },
      });
      await terminal.waitFor("waiting");
      await terminal.type(KEYS.ctrlC);
      const { code, screen, before, after } = await terminal.end();
      assertEquals([code, after], [130, before], screen);
      assertMatch(screen, /error: interrupted/);
      await assertGone(home);
    });
  }

  it("is ended by a SIGINT that only nanoctl gets", async () => {
    using home = new Home();
    const line = script(
      home,
      `echo $$ > ${home.at("new")}; mv ${home.at("new")} ${
        home.at("pid")
      }; exec sleep 1000`,
    );
    const child = start(["token", "--url", service.url, OPTION, line], {
      home,
      env: { PATH },
    });
    await until(() => isFile(home.at("pid")), "the program runs");
    child.kill("SIGINT");
    assertFailure(await child.end(), {
      exit: 130,
      code: "interrupted",
      message: /^interrupted$/,
    });
    await assertGone(home);
  });

  it("takes none of a request's time", async () => {
    using home = new Home();
    // Either has most of the limit, and both together more than that.
    const { token } = await service.mint({ state: "slow", delay: 5 });
    const line = script(home, `sleep 5; echo ${token}`);
    assertAda(await nanoctl(["whoami", "--timeout", "8", OPTION, line], home));
  });
});

/** Waits until the process whose id is in the file `pid` has gone. */
async function assertGone(home: Home): Promise<void> {
  const pid = Deno.readTextFileSync(home.at("pid")).trim();
  await until(() => {
    try {
      return /^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
    } catch {
      return true;
    }
  }, "the program has ended");
}

describe("a token that a program printed", () => {
  it("is in no argument of a process, nor the program's environment", async () => {
    using home = new Home();
    const { token } = await service.mint();
    Deno.writeTextFileSync(home.at("secret"), token);
    const line = script(
      home,
      `cat /proc/$$/environ > ${home.at("environ")}; cat ${home.at("secret")}`,
    );
    const child = start(
      ["exec", "--", "sh", "-c", `touch ${home.at("ready")}; exec sleep 1000`],
      {
        home,
        env: {
          PATH,
          ...service.env,
          [VARIABLE]: line,
          NANOCTL_PASSPHRASE: "a passphrase of a test",
          NANOSERVICES_AGENT_TOKEN: service.agentToken,
        },
      },
    );
    await until(() => isFile(home.at("ready")), "the child runs");
    const lines = [...Deno.readDirSync("/proc")]
      .filter(({ name }) => /^\d+$/.test(name))
      .map(({ name }) => readIfThere(`/proc/${name}/cmdline`));
    child.kill("SIGTERM");
    await child.end();
    assert(lines.some((text) => text.includes(home.at("ready"))));
    assertEquals(lines.filter((text) => text.includes(token)), []);
    const environ = Deno.readTextFileSync(home.at("environ"));
    assertMatch(environ, /(^|\0)PATH=/);
    assert(!/(^|\0)(NANOSERVICES|NANOCTL|CODER)_/.test(environ), environ);
  });
});

function readIfThere(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
