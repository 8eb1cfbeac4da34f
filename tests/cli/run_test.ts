import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { run } from "../../src/cli/run.ts";
import { versionText } from "../../src/version.ts";
import { NanoctlError } from "../../src/errors.ts";
import { VERSION } from "../../src/version.ts";
import {
  FakeContext,
  type FakeContextOptions,
  json,
  me,
  networkFailure,
  never,
  presented,
  problem,
  TemporaryHome,
} from "../support/fake_context.ts";

interface Ran {
  exitCode: number;
  stdout: string;
  stderr: string;
  context: FakeContext;
}

async function ran(
  args: string[],
  options: FakeContextOptions = {},
): Promise<Ran> {
  const context = new FakeContext(options);
  const exitCode = await run(args, context);
  const { stdout, stderr } = context;
  return { exitCode, stdout: stdout.text, stderr: stderr.text, context };
}

const LOGGED_IN = { NANOSERVICES_TOKEN: "nano_1" };

describe("a command line that works", () => {
  it("is exit 0, with data on stdout and nothing on stderr", async () => {
    const { exitCode, stdout, stderr } = await ran(["whoami"], {
      env: LOGGED_IN,
      answer: me(),
    });
    assertEquals([exitCode, stdout, stderr], [0, "ada\n", ""]);
  });

  it("prints version, target and runtime with --version", async () => {
    const { exitCode, stdout } = await ran(["--version"]);
    assertEquals([exitCode, stdout], [0, `${versionText()}\n`]);
    assertMatch(
      stdout,
      /^nanoctl \d+\.\d+\.\d+\S* \(\S+, Deno \d+\.\d+\.\d+\)\n$/,
    );
    assert(stdout.startsWith(`nanoctl ${VERSION} `));
  });

  const globals: [what: string, args: string[]][] = [
    ["after the command", [
      "whoami",
      "--url",
      "https://a.example",
      "-t",
      "nano_2",
    ]],
    ["before the command", [
      "--url",
      "https://a.example",
      "--token",
      "nano_2",
      "whoami",
    ]],
    ["on both sides", [
      "--url",
      "https://a.example",
      "whoami",
      "--token",
      "nano_2",
    ]],
    ["with an equals sign", [
      "whoami",
      "--url=https://a.example",
      "--token=nano_2",
    ]],
    ["with one in front", [
      "--url=https://a.example",
      "whoami",
      "--token",
      "nano_2",
    ]],
    ["with several in front", [
      "--timeout=5",
      "--url=https://a.example",
      "-t=nano_2",
      "whoami",
    ]],
    ["with short ones joined in front", [
      "-qvt",
      "nano_2",
      "--url=https://a.example",
      "whoami",
    ]],
    ["with short ones joined behind", [
      "whoami",
      "--url",
      "https://a.example",
      "-qt",
      "nano_2",
    ]],
    ["with an equals sign in the value", [
      "--token=nano_2",
      "whoami",
      "--url=https://a.example",
    ]],
  ];
  for (const [what, args] of globals) {
    it(`takes the global options ${what}`, async () => {
      const { exitCode, context } = await ran(args, { answer: me() });
      assertEquals(exitCode, 0);
      assertEquals(
        context.requests.map((sent) => [sent.url, presented(sent)]),
        [["https://a.example/v1/me", "nano_2"]],
      );
    });
  }
});

describe("a command line that fails", () => {
  const failures: [
    what: string,
    args: string[],
    options: FakeContextOptions,
    exitCode: number,
    code: string,
  ][] = [
    [
      "wrong usage",
      ["whoami", "--timeout", "0"],
      { env: LOGGED_IN },
      2,
      "usage",
    ],
    ["nobody logged in", ["whoami"], {}, 3, "not_logged_in"],
    [
      "a refused token",
      ["whoami"],
      { env: LOGGED_IN, answer: problem(401, "token_expired") },
      4,
      "token_expired",
    ],
    [
      "a missing scope",
      ["whoami"],
      { env: LOGGED_IN, answer: problem(403, "insufficient_scope") },
      4,
      "insufficient_scope",
    ],
    [
      "the network",
      ["whoami"],
      {
        env: LOGGED_IN,
        answer: networkFailure("(Connect): dns error: not known"),
      },
      5,
      "network_name",
    ],
    [
      "the service",
      ["whoami"],
      { env: LOGGED_IN, answer: problem(500, "internal") },
      6,
      "service_error",
    ],
    [
      "an answer without sense",
      ["whoami"],
      { env: LOGGED_IN, answer: json({}) },
      6,
      "service_response",
    ],
  ];
  for (const [what, args, options, exitCode, code] of failures) {
    it(`is exit ${exitCode} for ${what}, with one error line and at most one hint`, async () => {
      const result = await ran(args, options);
      assertEquals([result.exitCode, result.stdout], [exitCode, ""]);
      assertMatch(result.stderr, /^error: [^\n]+\n(hint: [^\n]+\n)?$/);
    });

    it(`names ${code} with --json, on stderr`, async () => {
      const result = await ran([...args, "--json"], options);
      assertEquals([result.exitCode, result.stdout], [exitCode, ""]);
      const { error } = JSON.parse(result.stderr);
      assertEquals(error.code, code);
      assertEquals(typeof error.message, "string");
      assertEquals(
        Object.keys(error).filter((key) =>
          !["code", "message", "hint"].includes(key)
        ),
        [],
      );
    });
  }

  it("is exit 7 for a credential file that does not parse, which stays as it is", async () => {
    await using home = await TemporaryHome.make();
    await Deno.mkdir(home.env.NANOCTL_CONFIG_DIR, { mode: 0o700 });
    const path = `${home.env.NANOCTL_CONFIG_DIR}/credentials.json`;
    await Deno.writeTextFile(path, "{", { mode: 0o600 });
    const { exitCode, stderr } = await ran(["whoami"], { env: home.env });
    assertEquals(exitCode, 7);
    assert(stderr.includes(path), stderr);
    assertEquals(await home.credentialFile(), "{");
  });
});

describe("a command line that makes no sense", () => {
  it("is exit 2 for a misspelled command, and suggests the right one", async () => {
    const { exitCode, stdout, stderr } = await ran(["lgin"]);
    assertEquals([exitCode, stdout], [2, ""]);
    assertEquals(
      stderr,
      `error: unknown command "lgin"\nhint: did you mean 'nanoctl login'? See 'nanoctl --help'\n`,
    );
  });

  it("sends nobody to the help of a command that there is not", async () => {
    const { stderr } = await ran(["frobnicate"]);
    assertEquals(stderr.split("\n")[1], "hint: see 'nanoctl --help'");
  });

  it("is exit 2 for a misspelled option, and suggests the right one", async () => {
    const { exitCode, stderr } = await ran(["login", "--tokne", "nano_hidden"]);
    assertEquals(exitCode, 2);
    assertEquals(
      stderr,
      "error: unknown option \"--tokne\"\nhint: did you mean '--token'? See 'nanoctl login --help'\n",
    );
  });

  const withToken: [what: string, args: string[]][] = [
    ["an argument too many", ["whoami", "nano_hidden"]],
    ["several of them", ["logout", "--all", "nano_hidden", "nano_hidden"]],
    ["a misspelled option", ["login", "--tokne", "nano_hidden"]],
    ["a misspelled option with an equals sign", [
      "login",
      "--tokne=nano_hidden",
    ]],
    ["one before the command", ["--tokne=nano_hidden", "login"]],
    ["a value for an option without one", [
      "login",
      "--token-stdin=nano_hidden",
    ]],
    ["a token without its option", ["nano_hidden"]],
    ["a token behind an option without its value", [
      "login",
      "--token-file",
      "--token=nano_hidden",
    ]],
    ["a token that was given twice", [
      "login",
      "-t",
      "nano_hidden",
      "-t",
      "nano_hidden",
    ]],
    ["a token in place of a number", ["login", "--timeout", "nano_hidden"]],
  ];
  for (const [what, args] of withToken) {
    it(`is exit 2 for ${what}, and does not repeat what may be a token`, async () => {
      for (const extra of [[], ["--json"]]) {
        const { exitCode, stderr, context } = await ran([...args, ...extra]);
        assertEquals([exitCode, context.requests.length], [2, 0]);
        assertFalse(stderr.includes("nano_hidden"), stderr);
      }
    });
  }

  it("is exit 2 for an option without its value", async () => {
    const { exitCode, stderr } = await ran(["login", "--token"]);
    assertEquals(exitCode, 2);
    assert(stderr.includes("--token"), stderr);
  });

  it("names the option that another one takes for its value", async () => {
    for (const option of ["--token-file", "--url", "--profile"]) {
      const { exitCode, stderr } = await ran(["login", option, "--token=x"]);
      assertEquals([exitCode, stderr.split("\n")[0]], [
        2,
        `error: missing value for option "${option}"`,
      ]);
    }
  });

  it("is an object with --json, before or after the command", async () => {
    for (const args of [["lgin", "--json"], ["--json", "lgin"]]) {
      const { exitCode, stderr } = await ran(args);
      assertEquals([exitCode, JSON.parse(stderr).error.code], [2, "usage"]);
    }
  });
});

describe("what nobody expected", () => {
  const broken = (error: unknown): FakeContext => {
    const context = new FakeContext();
    Object.defineProperty(context, "env", {
      value: {
        get: (): never => {
          throw error;
        },
      },
    });
    return context;
  };

  const thrown: [what: string, error: unknown, kind: string][] = [
    ["an error", new TypeError("nano_hidden\nat file:///x.ts:1"), "TypeError"],
    [
      "an error with a cause",
      new Error("nano_hidden", { cause: new Error("nano_hidden") }),
      "Error",
    ],
    ["a text", "nano_hidden", "Error"],
    ["undefined", undefined, "Error"],
  ];
  for (const [what, error, kind] of thrown) {
    it(`is one line and exit 1, without the text of ${what} and without a trace`, async () => {
      const context = broken(error);
      assertEquals(await run(["whoami"], context), 1);
      assertEquals(context.stderr.lines, [
        `error: something went wrong inside nanoctl (${kind})`,
        "hint: please report it with the command that you ran, but without its token",
      ]);
    });
  }

  it("is an object with --json too", async () => {
    const context = broken(new TypeError("nano_hidden"));
    assertEquals(await run(["whoami", "--json"], context), 1);
    assertEquals(JSON.parse(context.stderr.text).error.code, "failed");
    assertFalse(context.stderr.text.includes("nano_hidden"));
  });
});

describe("a stream that nobody reads any more", () => {
  it("ends the command with exit 1 and without a word", async () => {
    const context = new FakeContext({ env: LOGGED_IN, answer: me() });
    context.stdout.failure = new Deno.errors.BrokenPipe("gone");
    assertEquals(await run(["whoami"], context), 1);
    assertEquals(context.stderr.text, "");
  });

  it("does not hide the exit code of an error that can't be said", async () => {
    const context = new FakeContext();
    context.stderr.failure = new Deno.errors.BrokenPipe("gone");
    assertEquals(await run(["whoami"], context), 3);
  });
});

describe("Ctrl-C", () => {
  it("is exit 130 in the middle of a request", async () => {
    const context: FakeContext = new FakeContext({
      env: LOGGED_IN,
      answer: (request) => {
        queueMicrotask(() => context.interrupt());
        return never(request);
      },
    });
    assertEquals(await run(["whoami"], context), 130);
    assertEquals(context.stdout.text, "");
    assertEquals(context.stderr.lines, ["error: interrupted"]);
  });

  it("is exit 130 at the prompt", async () => {
    const { exitCode, stdout } = await ran(["login"], {
      env: { HOME: "/nowhere" },
      terminals: true,
      typed: [new NanoctlError("interrupted", "interrupted")],
    });
    assertEquals([exitCode, stdout], [130, ""]);
  });

  it("ends even what can't be aborted, such as a question", async () => {
    const asked = Promise.withResolvers<void>();
    const context = new FakeContext({
      env: { HOME: "/nowhere" },
      terminals: true,
    });
    context.prompts.secret = (): Promise<string> => {
      asked.resolve();
      return new Promise(() => {});
    };
    const running = run(["login"], context);
    await asked.promise;
    context.interrupt();
    assertEquals(await running, 130);
  });
});
