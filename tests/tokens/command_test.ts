import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import type { TokenProvider } from "../../src/http/token_provider.ts";
import { commandToken } from "../../src/tokens/command.ts";
import {
  FakeContext,
  rejectionOf,
  START,
  TemporaryHome,
} from "../support/fake_context.ts";
import { until } from "../support/nanoctl.ts";
import { isFile } from "../../scripts/process.ts";

const PATH = "/usr/local/bin:/usr/bin:/bin";

/** So many seconds after the start, as a program may print it. */
function after(seconds: number): string {
  return new Date(START.getTime() + seconds * 1000).toISOString();
}

describe("a program that prints the token", () => {
  let home: TemporaryHome;
  let context: FakeContext;
  beforeEach(async () => {
    home = await TemporaryHome.make();
    context = new FakeContext({ env: { PATH, HOME: home.path } });
  });
  afterEach(async () => await home[Symbol.asyncDispose]());

  function provider(...command: string[]): TokenProvider {
    const given = { command, source: "--token-command", timeoutSeconds: 30 };
    return commandToken(context, given, "token-command");
  }

  /** A shell's script; the variable n is which run it is, from 1. */
  function script(text: string, ...args: string[]): TokenProvider {
    const runs = join(home.path, "runs");
    const counting = `echo >> ${runs}; n=$(($(wc -l < ${runs})))`;
    return provider("sh", "-c", `${counting}\n${text}`, "sh", ...args);
  }

  /** How often the script has run. */
  function runs(): number {
    try {
      const text = Deno.readTextFileSync(join(home.path, "runs"));
      return text.split("\n").length - 1;
    } catch {
      return 0;
    }
  }

  async function tokenOf(of: TokenProvider): Promise<string> {
    return (await of.getToken()).secret.reveal();
  }

  const PRINTED: [what: string, text: string][] = [
    ["the token alone", "nano_1"],
    ["a line break behind it", "nano_1\\n"],
    ["one of Windows", "nano_1\\r\\n"],
    ["white space around it", "  nano_1 \\n\\n"],
    ["JSON", '{"token":"nano_1"}'],
    ["JSON in lines", '{\\n  "token": "nano_1"\\n}\\n'],
    ["JSON with more in it", '{"token":"nano_1","type":"x","expires_at":null}'],
    ["a byte order mark", "\\357\\273\\277nano_1"],
  ];
  for (const [what, text] of PRINTED) {
    it(`is understood if it prints ${what}`, async () => {
      const given = provider("printf", text);
      assertEquals(await tokenOf(given), "nano_1");
      const { expiresAt } = await given.getToken();
      assertEquals(expiresAt, undefined);
    });
  }

  it("says when the token ends", async () => {
    for (const date of [after(3600), "2026-01-15T14:00:00.25+01:00"]) {
      const json = JSON.stringify({ token: "nano_1", expires_at: date });
      const { expiresAt } = await provider("printf", json).getToken();
      assertEquals(expiresAt, new Date(date));
    }
  });

  it("is told of in --verbose where white space was left out", async () => {
    const { note = "" } = await provider("printf", "nano_1\n\n").getToken();
    assertMatch(note, /white space around the token from .*printf/);
    assertEquals(
      (await provider("printf", "nano_1\n").getToken()).note,
      undefined,
    );
  });

  it("has an origin, a name, and a time limit of its own", () => {
    const { origin, source, hasOwnTimeLimit } = provider("printf");
    assertEquals([origin, source, hasOwnTimeLimit], [
      "token-command",
      "--token-command",
      true,
    ]);
    assertEquals(runs(), 0);
  });

  it("gets its arguments as they are, and no shell", async () => {
    const words = ["$HOME", "a b", "", "*", "'", '"', "--x=1", "ü"];
    const given = script(
      'printf %s "nano_$#$(printf "<%s>" "$@" | cksum)" | tr -d " "',
      ...words,
    );
    const sum = new Deno.Command("sh", {
      args: ["-c", `printf "<%s>" "$@" | cksum | tr -d " "`, "sh", ...words],
    }).outputSync();
    const expected = new TextDecoder().decode(sum.stdout).trim();
    assertEquals(await tokenOf(given), `nano_${words.length}${expected}`);
  });

  it("gets our environment, without what is ours", async () => {
    for (
      const name of [
        ...["NANOSERVICES_TOKEN", "NANOSERVICES_TOKEN_COMMAND"],
        ...["NANOCTL_PASSPHRASE", "NANOCTL_ENCRYPTION_KEY", "CODER_URL"],
      ]
    ) context.variables.set(name, "hidden");
    context.variables.set("OP_SESSION", "its own");
    const given = script(
      `printf nano_; env | cut -d= -f1 | grep -vE '^(PWD|SHLVL|_|OLDPWD)$' | sort | tr '\\n' .`,
    );
    assertEquals(await tokenOf(given), "nano_HOME.OP_SESSION.PATH.");
  });

  it("has the terminal as its input, or nothing at all", async () => {
    const given = script("printf nano_; readlink /proc/self/fd/0 | tr / _");
    assertEquals(await tokenOf(given), "nano__dev_null");
  });

  describe("that does not give a token is an error:", () => {
    const long = "head -c 70000 /dev/zero | tr '\\0' x";
    const FAILED: [script: string, code: string, message: RegExp][] = [
      [
        "exit 7",
        "not_logged_in",
        /^the program sh of --token-command failed with exit code 7$/,
      ],
      ["echo nano_1; exit 1", "not_logged_in", /failed with exit code 1$/],
      ["kill -KILL $$", "not_logged_in", /was ended by SIGKILL$/],
      ["kill -INT $$", "interrupted", /^interrupted$/],
      [
        "true",
        "not_logged_in",
        /^the output of .* holds no token: it is empty$/,
      ],
      ["echo", "not_logged_in", /it is empty$/],
      [
        "echo two words",
        "token_invalid",
        /has a space in it; it was not sent$/,
      ],
      ["echo one; echo two", "token_invalid", /has more than one line/],
      ["echo 'Bearer nano_1'", "token_invalid", /begins with "Bearer"/],
      ["echo '\"nano_1\"'", "token_invalid", /has quotation marks around it/],
      ["printf '\\377\\376'", "token_invalid", /not text in UTF-8$/],
      [long, "token_invalid", /printed more than 65536 bytes/],
      [`${long}; sleep 1000`, "token_invalid", /printed more than 65536 bytes/],
      ["yes", "token_invalid", /printed more than 65536 bytes/],
      ["echo '{'", "token_invalid", /begins with {, but is no JSON object/],
      ["echo '{}'", "token_invalid", /is JSON without a token/],
      [`echo '{"token":7}'`, "token_invalid", /is JSON without a token/],
      [`echo '{"token":""}'`, "not_logged_in", /it is empty$/],
      [`echo '{"token":"a b"}'`, "token_invalid", /has a space in it/],
      [
        `echo '{"token":"a","expires_at":7}'`,
        "token_invalid",
        /no date \(RFC 3339\)/,
      ],
      [`echo '{"token":"a","expires_at":"soon"}'`, "token_invalid", /no date/],
      [
        `echo '{"token":"a","expires_at":"2026-01-15"}'`,
        "token_invalid",
        /no date/,
      ],
      [
        `echo '{"token":"a","expires_at":"2026-13-15T12:00:00Z"}'`,
        "token_invalid",
        /no date/,
      ],
    ];
    for (const [text, code, message] of FAILED) {
      it(text, async () => {
        const error = await rejectionOf(script(text).getToken());
        assertEquals(error.code, code, error.message);
        assertMatch(error.message, message);
      });
    }

    it("a program that is not there", async () => {
      const { code, message, hint } = await rejectionOf(
        provider("no-such-program", "x").getToken(),
      );
      assertEquals(code, "not_logged_in");
      assertEquals(
        message,
        "the program no-such-program of --token-command was not found",
      );
      assertMatch(hint ?? "", /^install it/);
      const path = await rejectionOf(provider("/no/such/program").getToken());
      assertMatch(path.message, /was not found$/);
    });

    it("a program that can't be run", async () => {
      const path = await home.write("text", "no program");
      const { code, message } = await rejectionOf(provider(path).getToken());
      assertEquals([code, message], [
        "not_logged_in",
        `the program ${path} of --token-command can't be run`,
      ]);
    });

    it("a program that only the working folder has", async () => {
      const path = await home.write(
        "op-of-a-test",
        "#!/bin/sh\necho nano_evil",
      );
      await Deno.chmod(path, 0o700);
      const before = Deno.cwd();
      Deno.chdir(home.path);
      try {
        for (const entry of ["", "."]) {
          context.variables.set("PATH", `${PATH}:${entry}`);
          const { code, message } = await rejectionOf(
            provider("op-of-a-test").getToken(),
          );
          assertEquals(code, "not_logged_in");
          assertMatch(message, /only in an empty or relative entry of PATH/);
        }
      } finally {
        Deno.chdir(before);
      }
    });

    it("and repeats nothing of what it printed", async () => {
      for (
        const text of [
          "echo s3cret-one; exit 1",
          "echo s3cret one",
          `echo '{"token":"s3cret one"}'`,
          `echo '{"s3cret'`,
          `echo '{"token":"a","expires_at":"s3cret"}'`,
        ]
      ) {
        const { message, hint = "" } = await rejectionOf(
          script(text).getToken(),
        );
        // The script is not the program, and so in no message.
        assert(!`${message}${hint}`.includes("s3cret"), message);
      }
    });
  });

  it("is stopped after its time, even if it does not want to end", async () => {
    const pid = join(home.path, "pid");
    const command = [
      "sh",
      "-c",
      `trap '' TERM; echo $$ > ${pid}; while :; do sleep 0.1; done`,
    ];
    const error = await rejectionOf(
      commandToken(context, {
        command,
        source: "NANOSERVICES_TOKEN_COMMAND",
        timeoutSeconds: 0.5,
      }, "environment-command").getToken(),
    );
    assertEquals([error.code, error.message], [
      "not_logged_in",
      "the program sh of NANOSERVICES_TOKEN_COMMAND did not end within 0.5 s",
    ]);
    assertMatch(error.hint ?? "", /--timeout/);
    assert(!isRunning(Number(Deno.readTextFileSync(pid))));
  });

  it("is ended by Ctrl-C", async () => {
    const pid = join(home.path, "pid");
    const token = script(
      `echo $$ > ${pid}.new; mv ${pid}.new ${pid}; exec sleep 1000`,
    ).getToken();
    token.catch(() => {});
    await until(() => isFile(pid), "the program runs");
    context.interrupt();
    assertEquals((await rejectionOf(token)).code, "interrupted");
    assert(!isRunning(Number(Deno.readTextFileSync(pid))));
  });

  it("does not run after Ctrl-C", async () => {
    context.interrupt();
    const { code } = await rejectionOf(script("echo nano_1").getToken());
    assertEquals([code, runs()], ["interrupted", 0]);
  });

  it("runs once for all that ask, and not again", async () => {
    const given = script('sleep 0.1; echo "nano_$n"');
    assertEquals(
      await Promise.all([tokenOf(given), tokenOf(given), tokenOf(given)]),
      ["nano_1", "nano_1", "nano_1"],
    );
    context.time = new Date(START.getTime() + 10 * 86_400_000);
    assertEquals([await tokenOf(given), runs()], ["nano_1", 1]);
  });

  const SPANS: [life: number, kept: number, again: number][] = [
    [3600, 3539, 3540],
    [300, 239, 240],
    [100, 79, 80],
  ];
  for (const [life, kept, again] of SPANS) {
    it(`runs again shortly before a token of ${life} s ends`, async () => {
      const given = script(
        `echo "{\\"token\\":\\"nano_$n\\",\\"expires_at\\":\\"${
          after(life)
        }\\"}"`,
      );
      assertEquals(await tokenOf(given), "nano_1");
      context.time = new Date(after(kept));
      assertEquals(await tokenOf(given), "nano_1");
      context.time = new Date(after(again));
      assertEquals(await tokenOf(given), "nano_2");
    });
  }

  it("that fails the next time leaves the token until it ends", async () => {
    const given = script(
      `[ $n = 1 ] && echo "{\\"token\\":\\"nano_1\\",\\"expires_at\\":\\"${
        after(3600)
      }\\"}"`,
    );
    await given.getToken();
    context.time = new Date(after(3550));
    assertEquals([await tokenOf(given), runs()], ["nano_1", 2]);
    context.time = new Date(after(3600));
    assertEquals((await rejectionOf(given.getToken())).code, "not_logged_in");
  });

  it("runs again after a 401, once for all that were refused", async () => {
    const given = script('sleep 0.1; echo "nano_$n"');
    const refused = await given.getToken();
    const renew = (): Promise<boolean> =>
      given.renew?.(refused) ?? Promise.resolve(false);
    assertEquals(await Promise.all([renew(), renew()]), [true, true]);
    assertEquals([await tokenOf(given), runs()], ["nano_2", 2]);
    // A late one was refused what is no longer held.
    assertEquals([await renew(), runs()], [true, 2]);
  });

  it("runs once only for a token that it prints again", async () => {
    const given = script("echo nano_same");
    const refused = await given.getToken();
    assertEquals(await given.renew?.(refused), false);
    assertEquals(await given.renew?.(refused), false);
    assertEquals(runs(), 2);
  });

  it("that fails after a 401 says so", async () => {
    const given = script("[ $n = 1 ] && echo nano_1");
    const refused = await given.getToken();
    const { message } = await rejectionOf(
      given.renew?.(refused) ?? Promise.resolve(),
    );
    assertMatch(message, /failed with exit code 1/);
  });
});

/** Whether a process is there that is no zombie. */
function isRunning(pid: number): boolean {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return !/^State:\s+Z/m.test(status);
  } catch {
    return false;
  }
}
