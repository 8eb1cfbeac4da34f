import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import {
  assertFails,
  assertFailure,
  BINARY,
  Child,
  CREDENTIALS,
  Home,
  type Result,
  run,
  type RunOptions,
  STORED_ENTRIES,
} from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";
import { KEYS, Terminal } from "../support/terminal.ts";

const TOOLS = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };

/**
 * Runs a shell command, in which `"$@"` is the program, with a root file system
 * that can't be written to: in namespaces of its own.
 */
function runReadOnly(
  command: string,
  args: string[],
  options: RunOptions = {},
): Promise<Result> {
  const script = `mount -o bind,remount,ro / && { ${command}\n}`;
  const shell = ["sh", "-c", script, "sh", BINARY, ...args];
  const isRoot = Deno.uid() === 0;
  return new Child("unshare", [isRoot ? "-m" : "-rm", ...shell], {
    ...options,
    env: { ...TOOLS, ...options.env },
  }).end();
}

/** Why this machine can't run anything on a read-only root; undefined where it can. */
async function whyNotReadOnly(home: Home): Promise<string | undefined> {
  try {
    const { code, stdout, stderr } = await runReadOnly(
      'touch "$HOME/x" 2>/dev/null || echo read-only',
      [],
      { home },
    );
    if (code === 0 && stdout === "read-only\n") return undefined;
    return stderr.trim() || "the mount had no effect";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Runs the program as someone who is not root. */
function runUnprivileged(args: string[], options: RunOptions): Promise<Result> {
  if (Deno.uid() !== 0) return run(args, options);
  const ids = ["--reuid=65534", "--regid=65534", "--clear-groups"];
  return new Child("setpriv", [...ids, BINARY, ...args], {
    ...options,
    env: { ...TOOLS, ...options.env },
  }).end();
}

/** Why this machine can't run it as someone else; undefined where it can. */
async function whyNotUnprivileged(): Promise<string | undefined> {
  try {
    const { code, stderr } = await runUnprivileged(["--version"], {});
    return code === 0 ? undefined : stderr.trim() || `exit code ${code}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A test, skipped with the reason where there is one not to run it. */
function itUnless(
  reason: string | undefined,
  name: string,
  test: () => Promise<void>,
): void {
  if (reason === undefined) it(name, test);
  else it.skip(`${name} (not possible here: ${reason})`, test);
}

using probe = new Home();
const notReadOnly = await whyNotReadOnly(probe);
const notUnprivileged = await whyNotUnprivileged();

describe("the compiled program", () => {
  let service: Service;

  beforeAll(async () => {
    service = await Service.start();
  });
  afterAll(() => service.stop());

  it("says its version, its target and its Deno in an empty environment", async () => {
    for (const form of ["--version", "-V"]) {
      const { code, stdout, stderr } = await run([form]);
      assertEquals([code, stderr], [0, ""]);
      assertMatch(
        stdout,
        /^nanoctl \d+\.\d+\.\d+\S* \(\w+-\w+-[\w-]+, Deno \d+\.\d+\.\d+\)\n$/,
      );
      assert(stdout.includes(Deno.build.target), stdout);
    }
  });

  it("runs without anything around it, as env -i has it", async () => {
    const { code, stdout } = await new Child("/usr/bin/env", [
      "-i",
      BINARY,
      "--version",
    ]).end();
    assertEquals(code, 0);
    assertMatch(stdout, /^nanoctl /);
  });

  describe("without a HOME", () => {
    it("logs in with the environment and with an option", async () => {
      const env = { NANOSERVICES_TOKEN: service.token };
      assertEquals(await service.run(["login"], undefined, env), {
        code: 0,
        stdout: "",
        stderr: "",
      });
      const byOption = ["login", "--token", service.token];
      assertEquals((await service.run(byOption, undefined)).code, 0);
      const { stdout } = await service.run(["whoami"], undefined, env);
      assertEquals(stdout, "ada\n");
    });

    const closed: [what: string, make: (home: Home) => void][] = [
      ["is no folder", () => {}],
      ["holds a file that is open to others", (home) => {
        Deno.chmodSync(home.at(CREDENTIALS), 0o644);
      }],
      ["holds a file that is no JSON", (home) => {
        Deno.writeTextFileSync(home.at(CREDENTIALS), "{");
      }],
    ];
    for (const [what, make] of closed) {
      it(`that can be used does with a token and a URL from outside: it ${what}`, async () => {
        using home = new Home();
        await service.logIn(home, service.token);
        make(home);
        const HOME = what === "is no folder" ? "/dev/null" : home.path;
        const given = { HOME, NANOSERVICES_URL: service.url };
        const token = ["--token", service.token];
        const agent = ["--agent-token", service.agentToken];
        for (
          const args of [
            ["login", ...token],
            ["whoami", ...token],
            ["token", ...token],
            ["api", "/v1/me", ...token],
            ["external-auth", "list", ...agent],
          ]
        ) {
          const { code, stderr } = await run(args, { env: given });
          assertEquals(code, 0, `${args}: ${stderr}`);
        }
        // Without a URL the file has a say: it may name another.
        const { code } = await run(["whoami", ...token], { env: { HOME } });
        assertEquals(code, 7);
        const save = ["login", ...token, "--save"];
        assertEquals((await run(save, { env: given })).code, 7);
      });
    }

    it("says what to set before it can store", async () => {
      const args = ["login", "--token", service.token, "--save"];
      await assertFails(args, { env: service.env }, {
        exit: 2,
        code: "usage",
        message:
          /^there is no HOME, so no place for the (credential|key) file$/,
        hint: /^set HOME or [A-Z_]+$/,
      });
    });

    it("says so at the prompt too", async () => {
      const terminal = new Terminal(["login"], { env: service.env });
      await Promise.any([
        terminal.waitFor("Token"),
        terminal.waitFor("error:"),
      ]);
      if (!terminal.transcript.includes("error:")) {
        await terminal.type(service.token + KEYS.enter);
      }
      const { code, screen } = await terminal.end();
      assertEquals(code, 2);
      assertMatch(screen, /hint: set HOME or [A-Z_]+/);
    });

    it("stores where NANOCTL_CONFIG_DIR and XDG_DATA_HOME say", async () => {
      using home = new Home("with spaces, ümläuts & 'quotes'");
      const env = {
        NANOCTL_CONFIG_DIR: home.at("my config"),
        XDG_DATA_HOME: home.at("my data"),
      };
      const args = ["login", "--token", service.token, "--save"];
      const { code, stderr } = await service.run(args, undefined, env);
      assertEquals(code, 0, stderr);
      assertEquals(home.entries(), [
        "my config/",
        "my config/credentials.json",
        "my config/credentials.lock",
        "my data/",
        "my data/nanoctl/",
        "my data/nanoctl/key",
        "my data/nanoctl/key.lock",
      ]);
      assertEquals(
        (await service.run(["whoami"], undefined, env)).stdout,
        "ada\n",
      );
    });
  });

  it("stores where XDG_CONFIG_HOME and XDG_DATA_HOME say, if they are absolute", async () => {
    using home = new Home();
    const args = ["login", "--token", service.token, "--save"];
    const options = { home, cwd: home.path };
    const xdg = (at: (path: string) => string): Record<string, string> => ({
      ...service.env,
      XDG_CONFIG_HOME: at("c"),
      XDG_DATA_HOME: at("d"),
    });
    await run(args, { ...options, env: xdg((path) => path) });
    assertEquals(home.entries(), STORED_ENTRIES);
    await run(args, { ...options, env: xdg((path) => home.at(path)) });
    assertEquals(
      home.entries().filter((path) => !STORED_ENTRIES.includes(path)),
      [
        "c/",
        "c/nanoctl/",
        "c/nanoctl/credentials.json",
        "c/nanoctl/credentials.lock",
        "d/",
        "d/nanoctl/",
        "d/nanoctl/key",
        "d/nanoctl/key.lock",
      ],
    );
  });

  it("runs from a folder with spaces, and through a link", async () => {
    using home = new Home("a folder with spaces");
    const binary = home.at("my nanoctl");
    Deno.copyFileSync(BINARY, binary);
    Deno.symlinkSync(binary, home.at("a link"));
    const env = { ...service.env, NANOSERVICES_TOKEN: service.token };
    for (const name of ["my nanoctl", "a link"]) {
      const options = { binary: home.at(name), env, cwd: home.path };
      assertEquals((await run(["whoami"], options)).stdout, "ada\n");
    }
  });

  it("takes a token file by a relative path, and from a pipe of the shell", async () => {
    using home = new Home();
    Deno.writeTextFileSync(home.at("token"), service.token);
    const options = { home, env: service.env, cwd: home.path };
    const args = ["whoami", "--token-file"];
    assertEquals((await run([...args, "token"], options)).stdout, "ada\n");
    const command = '"$1" whoami --token-file /dev/stdin < token';
    const { stdout, stderr } = await new Child("/bin/sh", [
      "-c",
      command,
      "sh",
      BINARY,
    ], options).end();
    assertEquals(stdout, "ada\n", stderr);
  });

  itUnless(
    notUnprivileged,
    "says that a HOME can't be written, and needs none to log in",
    async () => {
      using home = new Home();
      // Everybody may look into it, and nobody but root may write.
      Deno.chmodSync(join(home.path, ".."), 0o755);
      Deno.chmodSync(home.path, 0o555);
      const env = { ...service.env, NANOSERVICES_TOKEN: service.token };
      const options = { home, env };
      assertEquals(await runUnprivileged(["login"], options), {
        code: 0,
        stdout: "",
        stderr: "",
      });
      const saved = await runUnprivileged(["login", "--save"], options);
      assertFailure(saved, {
        exit: 7,
        code: "file_unwritable",
        message: /can't be (made|written)/,
        hint: /NANOCTL_CONFIG_DIR/,
      });
      assertEquals(home.entries(), []);
    },
  );

  describe("on a read-only root file system", () => {
    itUnless(
      notReadOnly,
      "logs in with the environment and with an option",
      async () => {
        using home = new Home();
        const env = { ...service.env, NANOSERVICES_TOKEN: service.token };
        const options = { home, env, cwd: home.path };
        assertEquals(await runReadOnly('"$@"', ["login"], options), {
          code: 0,
          stdout: "",
          stderr: "",
        });
        const { stdout } = await runReadOnly('"$@"', ["whoami"], options);
        assertEquals(stdout, "ada\n");
        assertEquals(home.entries(), []);
      },
    );

    itUnless(notReadOnly, "reads a stored login", async () => {
      using home = new Home();
      await service.logIn(home, service.token);
      const options = { home, env: service.env };
      const { stdout, stderr } = await runReadOnly('"$@"', ["whoami"], options);
      assertEquals(stdout, "ada\n", stderr);
    });

    itUnless(
      notReadOnly,
      "says that it can't store, and keeps what is stored",
      async () => {
        using empty = new Home();
        using used = new Home();
        await service.logIn(used, service.token);
        const args = ["login", "--token", service.token, "--save"];
        for (const home of [empty, used]) {
          const options = { home, env: service.env };
          assertFailure(await runReadOnly('"$@"', args, options), {
            exit: 7,
            code: "file_unwritable",
            message: /can't be (made|written)/,
            hint: /NANOCTL_CONFIG_DIR/,
          });
        }
        assertEquals(empty.entries(), []);
        assertEquals(used.entries(), STORED_ENTRIES);
      },
    );
  });

  describe("with a variable that is not UTF-8", () => {
    const MARK = "nano_notUtf8secret0123456789";

    /** Runs the program with this variable, which nothing but a shell can make. */
    async function runWith(
      variable: string,
      args: string[],
      home: Home,
      env: Record<string, string> = {},
    ): Promise<Result> {
      const script = `export ${variable}="$(printf '${MARK}\\377')"; exec "$@"`;
      return await new Child("sh", ["-c", script, "sh", BINARY, ...args], {
        home,
        env: { ...TOOLS, ...service.env, ...env },
      }).end();
    }

    const asked: Record<string, string[][]> = {
      NANOSERVICES_TOKEN: [["token"], ["whoami"], ["login"], ["logout"]],
      NANOSERVICES_TOKEN_FILE: [["token"], ["whoami"]],
      NANOSERVICES_TOKEN_COMMAND: [["token"], ["whoami"]],
      NANOSERVICES_URL: [["token"], ["whoami"]],
      NANOCTL_SERVICE: [["token"], ["whoami"]],
      NANOCTL_PROFILE: [["token"], ["whoami"], ["status"]],
      NANOCTL_CONFIG_DIR: [["token"], ["use", "default"], ["status"]],
      XDG_CONFIG_HOME: [["token"], ["login", "--save", "--token", "nano_x"]],
      HOME: [["token"], ["whoami"], ["use", "default"], ["store", "info"]],
    };
    for (const [variable, commands] of Object.entries(asked)) {
      it(`says so of ${variable}, and not what is in it`, async () => {
        using home = new Home();
        await service.logIn(home, (await service.mint()).token);
        for (const args of commands) {
          for (const mode of [[], ["--json"], ["--verbose"]]) {
            const result = await runWith(variable, [...args, ...mode], home);
            const { code, stdout, stderr } = result;
            const said = `${args} ${mode}: ${code} ${stdout}${stderr}`;
            assertEquals(code, 2, said);
            assertMatch(stderr, new RegExp(`variable ${variable} is not text`));
            assertEquals(stdout, "");
            assertEquals(/ {4}at |Uncaught|notUtf8/.exec(stderr), null, stderr);
          }
        }
      });
    }

    it("does without it wherever it can", async () => {
      using home = new Home();
      await service.logIn(home, (await service.mint()).token);
      const fine: [variable: string, args: string[]][] = [
        ...["HOME", "NANOCTL_PROFILE", "NANOSERVICES_TOKEN", "HTTPS_PROXY"]
          .flatMap((name): [string, string[]][] => [
            [name, ["--version"]],
            [name, ["login", "--help"]],
          ]),
        ["XDG_DATA_HOME", ["use", "default"]],
        ["HTTPS_PROXY", ["whoami"]],
      ];
      for (const [variable, args] of fine) {
        const { code, stderr } = await runWith(variable, args, home);
        assertEquals(code, 0, `${variable} ${args}: ${stderr}`);
      }
    });

    it("goes to no service by another way when a proxy's variable is one", async () => {
      using home = new Home();
      const url = ["--url", "https://nano.invalid", "--token", "nano_x"];
      const result = await runWith("HTTPS_PROXY", ["whoami", ...url], home);
      assertEquals(result.code, 2, result.stderr);
      assertMatch(result.stderr, /variable HTTPS_PROXY is not text/);
      assertEquals(result.stderr.includes(MARK), false);
      const HTTPS_PROXY = "http://127.0.0.1:2";
      const excepted = await runWith("NO_PROXY", ["whoami", ...url], home, {
        HTTPS_PROXY,
      });
      assertEquals(excepted.code, 2, excepted.stderr);
      assertMatch(excepted.stderr, /variable NO_PROXY is not text/);
    });
  });

  it("is one file that can be anywhere: nothing beside it is read", async () => {
    using home = new Home();
    const folder = home.at("bin");
    Deno.mkdirSync(folder);
    const binary = join(folder, "nanoctl");
    Deno.copyFileSync(BINARY, binary);
    Deno.chmodSync(folder, 0o500);
    const { code } = await run(["--version"], { binary, cwd: folder });
    Deno.chmodSync(folder, 0o700);
    assertEquals(code, 0);
  });
});
