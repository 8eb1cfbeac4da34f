import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import {
  assertFails,
  assertFailure,
  BINARY,
  Child,
  CREDENTIALS,
  Home,
  NO_METADATA,
  run,
  start,
  until,
} from "../support/nanoctl.ts";
import {
  answer,
  HostileServer,
  ME,
  meAnswer,
} from "../support/hostile_server.ts";
import {
  commandLine,
  eachOf,
  PATH,
  runScript,
  someToken,
} from "../support/store_files.ts";
import { KEYS, Terminal } from "../support/terminal.ts";

const URL = "http://127.0.0.1:9";
const SH = "/bin/sh";

let home: Home;
let token: string;
/** How nanoctl is run without anything of the token in its environment. */
let options: { home: Home; env: Record<string, string> };
/** Arguments of an `exec` that has a token. */
let exec: string[];

beforeEach(() => {
  home = new Home();
  token = someToken();
  Deno.writeTextFileSync(home.at("token"), token);
  options = { home, env: { PATH, NANOSERVICES_URL: URL } };
  exec = ["exec", "--token-file", home.at("token"), "--"];
});
afterEach(() => home[Symbol.dispose]());

/** The environment as `env -0` prints it. */
function variables(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split("\0").filter((line) => line !== "").map((line) => {
      const equals = line.indexOf("=");
      return [line.slice(0, equals), line.slice(equals + 1)];
    }),
  );
}

describe("exec gives the token", () => {
  it("to the child in its environment, with the URL that it is for, and changes nothing else", async () => {
    const env = {
      ...options.env,
      ODD: "a=b\nc ü",
      EMPTY: "",
      HTTP_PROXY: "http://127.0.0.1:1",
    };
    const { code, stdout } = await run([...exec, "env", "-0"], { home, env });
    assertEquals(code, 0);
    assertEquals(variables(stdout), {
      ...NO_METADATA,
      ...env,
      HOME: home.path,
      NANOSERVICES_TOKEN: token,
      NANOCTL_SERVICE: "nanoservices",
    });
  });

  it("in the place of a token and a token file that were there", async () => {
    const env = {
      ...options.env,
      NANOSERVICES_TOKEN: "nano_other",
      NANOSERVICES_TOKEN_FILE: "/nowhere",
    };
    const args = ["exec", "--url", "http://127.0.0.1:10/x/", ...exec.slice(1)];
    const { stdout } = await run([...args, "env", "-0"], { home, env });
    const child = variables(stdout);
    assertEquals(child.NANOSERVICES_TOKEN, token);
    assertEquals(child.NANOSERVICES_URL, "http://127.0.0.1:10/x");
    assert(!("NANOSERVICES_TOKEN_FILE" in child), stdout);
  });

  it("under the name that --env says, and leaves the others as they are", async () => {
    const env = { ...options.env, NANOSERVICES_TOKEN_FILE: home.at("token") };
    const args = ["exec", "--env", "API_TOKEN", "--", "env", "-0"];
    const { stdout } = await run(args, { home, env });
    const child = variables(stdout);
    assertEquals(child, {
      ...NO_METADATA,
      ...env,
      HOME: home.path,
      API_TOKEN: token,
    });
  });

  it("to nobody who looks at the processes", async () => {
    // Both wait, with their environments and arguments to be looked at.
    const child = start([...exec, "sleep", "30"], options);
    const pid = await childOf(child.pid);
    const of = (path: string): string => Deno.readTextFileSync(`/proc/${path}`);
    assertEquals(variables(of(`${pid}/environ`)).NANOSERVICES_TOKEN, token);
    assert(!of(`${child.pid}/environ`).includes(token));
    assert(!of(`${child.pid}/cmdline`).includes(token));
    assertEquals(of(`${pid}/cmdline`).split("\0").slice(1), ["30", ""]);
    child.kill("SIGTERM");
    assertEquals((await child.end()).code, 128 + 15);
  });

  it("that a nanoctl in the child then uses, at the same place", async () => {
    await using server = new HostileServer(meAnswer());
    const args = ["exec", "--url", server.url, ...exec.slice(1)];
    const { stdout } = await run([...args, BINARY, "whoami"], options);
    assertEquals(stdout, "mallory\n");
    assert(server.received.includes(`Bearer ${token}\r\n`));
  });

  it("and nothing that opens the store, nor another token", async () => {
    const others = {
      NANOSERVICES_TOKEN_FILE: "/nowhere",
      NANOCTL_PASSPHRASE: "s3cret",
      NANOCTL_ENCRYPTION_KEY: "s3cret",
      NANOCTL_NEW_PASSPHRASE: "s3cret",
      NANOCTL_NEW_ENCRYPTION_KEY: "s3cret",
    };
    const { stdout, code } = await run(
      ["exec", "--token", token, "--", SH, "-c", "env"],
      { env: { PATH, NANOSERVICES_URL: "http://127.0.0.1:2", ...others } },
    );
    assertEquals(code, 0);
    assert(stdout.includes(`NANOSERVICES_TOKEN=${token}\n`));
    for (const name of Object.keys(others)) {
      assertFalse(stdout.includes(`${name}=`), stdout);
    }
  });

  it("from the store, and only as long as it is valid", async () => {
    for (const [lifetime, exit] of [[3_600_000, 0], [1500, 4]]) {
      using own = new Home();
      const ends = new Date(Date.now() + Number(lifetime));
      const body = JSON.parse(ME);
      body.token.expires_at = ends.toISOString();
      await using server = new HostileServer(
        answer(200, {}, JSON.stringify(body)),
      );
      const env = { PATH, NANOSERVICES_URL: server.url };
      const login = ["login", "--token", token, "--save"];
      const saved = await run(login, { home: own, env });
      assertEquals(saved.code, 0, saved.stderr);
      if (exit === 4) await until(() => new Date() > ends, "it has expired");
      const result = await run(
        ["exec", "--", SH, "-c", "echo ran; env"],
        { home: own, env },
      );
      assertEquals(result.code, exit, result.stderr);
      if (exit === 0) {
        assert(result.stdout.includes(`NANOSERVICES_TOKEN=${token}\n`));
        assertMatch(result.stderr, /^warning: the token expires /);
      } else {
        assertFailure(result, {
          exit: 4,
          code: "token_expired",
          message: /^the stored token expired/,
          hint: /nanoctl login/,
          secret: token,
        });
      }
      assert(own.entries().includes(CREDENTIALS));
    }
  });
});

/** The one child of a process, once it is there and has become another program. */
async function childOf(pid: number): Promise<number> {
  let child = 0;
  await until(() => {
    const path = `/proc/${pid}/task`;
    const children = [...Deno.readDirSync(path)].flatMap(({ name }) =>
      readIfThere(`${path}/${name}/children`).split(" ")
    ).map(Number).filter((id) => id > 0);
    child = children[0] ?? 0;
    // In the middle of its start it has no arguments at all.
    const started = readIfThere(`/proc/${child}/cmdline`);
    return started !== "" && started !== readIfThere(`/proc/${pid}/cmdline`);
  }, "it has a child");
  return child;
}

describe("exec ends", () => {
  it("with the exit code of the child", async () => {
    await eachOf([0, 1, 2, 3, 42, 126, 127, 130, 255], async (code) => {
      const result = await run([...exec, SH, "-c", `exit ${code}`], options);
      assertEquals(result, { code, stdout: "", stderr: "" });
    });
  });

  const deaths: [Deno.Signal, number][] = [
    ["SIGHUP", 1],
    ["SIGINT", 2],
    ["SIGQUIT", 3],
    ["SIGKILL", 9],
    ["SIGUSR1", 10],
    ["SIGSEGV", 11],
    ["SIGPIPE", 13],
    ["SIGTERM", 15],
  ];
  it("with 128 and the number of the signal that killed the child", async () => {
    await eachOf(deaths, async ([signal, number]) => {
      const script = `ulimit -c 0; kill -${signal.slice(3)} $$`;
      const { code, stderr } = await run([...exec, SH, "-c", script], options);
      assertEquals([code, stderr], [128 + number, ""], signal);
    });
  });

  const failures: {
    name: string;
    args: () => string[];
    exit: number;
    code: string;
    says: RegExp;
    hint?: RegExp;
  }[] = [
    {
      name: "a command that is not on the PATH",
      args: () => [...exec, "no-such-command"],
      exit: 127,
      code: "command_not_found",
      says: /^the command no-such-command was not found$/,
    },
    {
      name: "a path at which there is nothing",
      args: () => [...exec, "/no/such/command"],
      exit: 127,
      code: "command_not_found",
      says: /^the command \/no\/such\/command was not found$/,
    },
    {
      name: "a file that is not executable",
      args: () => [...exec, home.at("token")],
      exit: 126,
      code: "command_not_executable",
      says: /can't be run$/,
      hint: /permissions/,
    },
    {
      name: "a folder",
      args: () => [...exec, home.path],
      exit: 126,
      code: "command_not_executable",
      says: /can't be run$/,
      hint: /permissions/,
    },
    {
      name: "no command",
      args: () => exec.slice(0, -1),
      exit: 2,
      code: "usage",
      says: /no command to run/,
      hint: /nanoctl exec -- <command>/,
    },
    {
      name: "nothing behind the hyphens",
      args: () => exec,
      exit: 2,
      code: "usage",
      says: /no command to run/,
      hint: /nanoctl exec -- <command>/,
    },
    {
      name: "a name for --env that is none",
      args: () => ["exec", "--env", "A=B", ...exec.slice(1), "true"],
      exit: 2,
      code: "usage",
      says: /--env/,
      hint: /letters/,
    },
    {
      name: "a command without the two hyphens",
      args: () => ["exec", "--token", token, "echo", "hello"],
      exit: 2,
      code: "usage",
      says: /^the command to run has to come after --$/,
      hint: /nanoctl exec -- <command>/,
    },
    {
      name: "no token",
      args: () => ["exec", "--", "true"],
      exit: 3,
      code: "not_logged_in",
      says: /not logged in/,
      hint: /nanoctl login/,
    },
  ];
  for (const { name, args, exit, code, says, hint } of failures) {
    it(`with ${exit} for ${name}`, async () => {
      await assertFails(args(), options, {
        exit,
        code,
        message: says,
        hint,
        secret: token,
      });
    });
  }

  it("with 127 for a command that is to be found without a PATH", async () => {
    for (const env of [{}, { PATH: "" }]) {
      await assertFails([...exec, "true"], { home, env }, {
        exit: 127,
        code: "command_not_found",
        message: /^the command true was not found: there is no PATH$/,
        hint: /set PATH/,
      });
      const byPath = await run([...exec, "/bin/sh", "-c", "exit 5"], {
        home,
        env,
      });
      assertEquals(byPath.code, 5);
    }
  });

  it("with 126 for a program that no machine can run", async () => {
    const path = home.at("garbage");
    Deno.writeTextFileSync(path, "\x01\x02\x03", { mode: 0o755 });
    assertEquals((await run([...exec, path], options)).code, 126);
  });
});

describe("exec leaves alone", () => {
  it("the arguments of the command", async () => {
    const words = ["--json", "-t", "--", "a b", "", "--url=x", "'$X'", "ü\n"];
    const script = `printf '%s\\0' "$@"`;
    const { code, stdout } = await run(
      [...exec, SH, "-c", script, "sh", ...words],
      options,
    );
    assertEquals([code, stdout.split("\0")], [0, [...words, ""]]);
  });

  it("every byte through standard input, output and error", async () => {
    const bytes = Uint8Array.from({ length: 1 << 20 }, (_, i) => i * 31 >> 3);
    const script = `cat; cat "$1" >&2`;
    const path = home.at("bytes");
    await Deno.writeFile(path, bytes);
    const process = new Deno.Command(BINARY, {
      args: [...exec, SH, "-c", script, "sh", path],
      clearEnv: true,
      env: options.env,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = process.stdin.getWriter();
    const fed = writer.write(bytes).then(() => writer.close());
    const { code, stdout, stderr } = await process.output();
    await fed;
    assertEquals(code, 0);
    assertEquals(stdout, bytes);
    assertEquals(stderr, bytes);
  });

  it("what stands behind the command on standard input", async () => {
    const { code, stdout } = await runScript(
      `printf 'one\\ntwo\\n' | { ${
        commandLine(BINARY, ...exec, SH, "-c", "read a; echo child $a")
      }; cat; }`,
      options,
    );
    // A shell's read takes a pipe byte by byte: the rest is for the next one.
    assertEquals([code, stdout], [0, "child one\ntwo\n"]);
  });

  it("the open files, the folder and the signals: the child has what it would have without", async () => {
    const script = "ls /proc/self/fd; pwd; umask; ulimit -n; " +
      "grep -E '^Sig(Blk|Ign)' /proc/self/status";
    const inherited = { ...options, cwd: home.path };
    const through = await run([...exec, SH, "-c", script], inherited);
    const direct = await new Child(SH, ["-c", script], inherited).end();
    assertEquals(through, direct);
  });
});

describe("exec passes signals on", () => {
  const passed: [Deno.Signal, number][] = [
    ["SIGTERM", 15],
    ["SIGHUP", 1],
    ["SIGINT", 2],
    ["SIGQUIT", 3],
    ["SIGUSR1", 10],
    ["SIGUSR2", 12],
  ];
  for (const [signal, number] of passed) {
    const name = signal.slice(3);

    it(`${signal} once, to a child that does something about it`, async () => {
      const said = home.at("said");
      const script =
        `trap 'echo ${name} >> "$1"' ${name}; trap 'exit 7' ALRM; ` +
        `echo ready; while :; do sleep 0.02; done`;
      const child = start([...exec, SH, "-c", script, "sh", said], options);
      assertEquals(await child.firstLine, "ready");
      child.kill(signal);
      const read = (): string => readIfThere(said);
      await until(() => read() !== "", "the child has had the signal");
      // A second one of the kind would be behind it, and before this.
      Deno.kill(await childOf(child.pid), "SIGALRM");
      assertEquals((await child.end()).code, 7);
      assertEquals(read(), `${name}\n`);
    });

    it(`${signal} to a child that it kills: the exit code is ${128 + number}`, async () => {
      const child = start(
        [...exec, SH, "-c", "ulimit -c 0; echo ready; exec sleep 30"],
        options,
      );
      await child.firstLine;
      const pid = await childOf(child.pid);
      child.kill(signal);
      const result = await child.end();
      assertEquals([result.code, result.stderr], [128 + number, ""]);
      await until(() => !isThere(pid), "the child is gone");
    });
  }

  it("from the very first moment: none is lost, and no child is left alone", async () => {
    const script = `trap 'exit 9' TERM; kill -TERM $PPID; ` +
      `i=0; while [ $i -lt 100 ]; do sleep 0.02; i=$((i+1)); done; exit 3`;
    const codes: number[] = [];
    await eachOf(Array(150).keys(), async () => {
      codes.push((await run([...exec, SH, "-c", script], options)).code);
    }, 4);
    assertEquals(codes, Array(150).fill(9));
  });
});

function isThere(pid: number): boolean {
  try {
    Deno.statSync(`/proc/${pid}`);
    return true;
  } catch {
    return false;
  }
}

function readIfThere(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

describe("exec on a terminal", () => {
  /** The command line for a terminal: nanoctl and its arguments come from the harness. */
  function onTerminal(script: string): Terminal {
    return new Terminal([...exec, SH, "-c", script], options);
  }

  it("leaves it a terminal for the child, in all three places", async () => {
    const terminal = onTerminal(
      "test -t 0 && test -t 1 && test -t 2 && stty size && exit 5",
    );
    const { code, screen, before, after } = await terminal.end();
    assertEquals([code, screen.trim()], [5, "24 80"]);
    assertEquals(before, after);
  });

  it("lets the child read what is typed", async () => {
    const terminal = onTerminal('echo ready; read line; echo "<$line>"');
    await terminal.waitFor("ready");
    await terminal.type(`hello${KEYS.enter}`);
    const { code, screen } = await terminal.end();
    assertEquals(code, 0);
    assertMatch(screen, /<hello>/);
  });

  it("passes Ctrl-C to the child once, and ends as the child ends", async () => {
    const terminal = onTerminal(
      "n=0; trap 'n=$((n+1)); echo caught $n.' INT; " +
        "trap 'echo $n in all; exit 6' USR1; " +
        "echo ready; while :; do sleep 0.02; done",
    );
    await terminal.waitFor("ready");
    for (const times of [1, 2, 3, 4, 5, 6]) {
      await terminal.type(KEYS.ctrlC);
      await terminal.waitFor(`caught ${times}.`);
    }
    // It goes the way that a second Ctrl-C would have gone before it.
    Deno.kill(await childOf(terminal.shellPid), "SIGUSR1");
    const { code, screen } = await terminal.end();
    assertEquals(code, 6);
    assertMatch(screen, /^6 in all\r$/m);
  });

  it("ends with 130 when Ctrl-C kills the child", async () => {
    const terminal = onTerminal("echo ready; exec sleep 30");
    await terminal.waitFor("ready");
    await terminal.type(KEYS.ctrlC);
    const { code, screen } = await terminal.end();
    assertEquals(code, 130);
    assert(!/error|interrupted/.test(screen), screen);
  });

  it("stays until a child that pays no heed to Ctrl-C is done", async () => {
    const terminal = onTerminal("trap '' INT; echo ready; read line; exit 8");
    await terminal.waitFor("ready");
    await terminal.type(KEYS.ctrlC);
    await terminal.type(KEYS.ctrlC);
    await terminal.type(`x${KEYS.enter}`);
    assertEquals((await terminal.end()).code, 8);
  });

  it("does not stay behind when the window is closed", async () => {
    const terminal = onTerminal("echo ready; exec sleep 30");
    await terminal.waitFor("ready");
    const pid = await childOf(terminal.shellPid);
    const child = await childOf(pid).catch(() => 0);
    await terminal.hangUp();
    await until(() => !isThere(pid) && !isThere(child), "both are gone");
  });
});
