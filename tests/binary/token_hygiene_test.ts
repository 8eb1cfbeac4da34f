import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  it,
} from "@std/testing/bdd";
import {
  assertFails,
  assertFailure,
  BINARY,
  CREDENTIALS,
  Home,
  type Result,
  run,
  type RunOptions,
} from "../support/nanoctl.ts";
import { me, StrangeServer } from "../support/servers.ts";
import { Service } from "../support/service.ts";
import { runScript } from "../support/store_files.ts";
import { Terminal } from "../support/terminal.ts";
import { POWERSHELL, utf16 } from "../support/utf_16.ts";

const MARK = "nano_SECRETMARK";

/** A way to give a token to `whoami`, and how the program names it. */
interface Way {
  name: string;
  source: (home: Home) => string;
  options: (text: string, home: Home) => RunOptions & { args: string[] };
}

function fileOf(home: Home): string {
  return home.at("a token");
}

function written(text: string, home: Home): string {
  Deno.writeTextFileSync(fileOf(home), text);
  return fileOf(home);
}

const WAYS: Way[] = [
  {
    name: "--token",
    source: () => "--token",
    options: (text) => ({ args: ["--token", text] }),
  },
  {
    name: "NANOSERVICES_TOKEN",
    source: () => "NANOSERVICES_TOKEN",
    options: (text) => ({ args: [], env: { NANOSERVICES_TOKEN: text } }),
  },
  {
    name: "--token-file",
    source: (home) => `the file ${fileOf(home)}`,
    options: (text, home) => ({ args: ["--token-file", written(text, home)] }),
  },
  {
    name: "NANOSERVICES_TOKEN_FILE",
    source: (home) => `the file ${fileOf(home)}`,
    options: (text, home) => ({
      args: [],
      env: { NANOSERVICES_TOKEN_FILE: written(text, home) },
    }),
  },
  {
    name: "standard input",
    source: () => "standard input",
    options: (text) => ({ args: ["--token-file", "-"], stdin: text }),
  },
];

/** Runs a command with a token that was given in one of these ways. */
async function give(
  command: string[],
  way: Way,
  text: string,
  home: Home,
  url: string,
): Promise<Result> {
  const { args, env, ...options } = way.options(text, home);
  return await run([...command, ...args], {
    ...options,
    home,
    env: { NANOSERVICES_URL: url, ...env },
  });
}

describe("a token", () => {
  let server: StrangeServer;
  const sent: (string | null)[] = [];

  beforeAll(() => {
    server = new StrangeServer(({ headers }) => {
      sent.push(headers.get("authorization"));
      return me();
    });
  });
  beforeEach(() => {
    sent.length = 0;
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const note = (source: string): string =>
    `the white space around the token from ${source} was left out\n`;

  describe("with white space around it", () => {
    const texts = [
      ` ${MARK}`,
      `${MARK} `,
      `\t${MARK}\t`,
      `\n${MARK}\n`,
      `${MARK}\n\n`,
      `\u00a0${MARK}\u2003`,
    ];
    for (const way of WAYS) {
      it(`by ${way.name} is sent without, which --verbose says`, async () => {
        await Promise.all(texts.map(async (text) => {
          using home = new Home();
          const quiet = await give(["whoami"], way, text, home, server.url);
          assertEquals([quiet.stdout, quiet.stderr], ["mallory\n", ""]);
          const said = await give(
            ["whoami", "--verbose"],
            way,
            text,
            home,
            server.url,
          );
          assertStringIncludes(said.stderr, note(way.source(home)));
          assertEquals(said.stderr.match(/white space/g)?.length, 1);
        }));
        assertEquals(
          new Set(sent.splice(0)),
          new Set([`Bearer ${MARK}`]),
        );
      });
    }

    it("is printed and handed on without, and said once", async () => {
      for (
        const command of [["token"], ["exec", "--", "sh", "-c", "echo $T"]]
      ) {
        using home = new Home();
        const path = "/usr/bin:/bin";
        const { stdout, stderr } = await run(
          command[0] === "token"
            ? ["token", "--verbose"]
            : ["exec", "--verbose", "--env", "T", ...command.slice(1)],
          { home, env: { PATH: path, NANOSERVICES_TOKEN: `  ${MARK}\n` } },
        );
        assertEquals(stdout, `${MARK}\n`);
        assertEquals(stderr, note("NANOSERVICES_TOKEN"));
      }
    });

    it("is stored without", async () => {
      using home = new Home();
      const env = { NANOSERVICES_URL: server.url };
      const args = ["login", "--token-stdin", "--save"];
      await run(args, { home, env, stdin: `\t${MARK}  \n` });
      assert(home.entries().includes(CREDENTIALS));
      assertEquals((await run(["token"], { home })).stdout, `${MARK}\n`);
    });

    it("is taken at the prompt, and said with --verbose", async () => {
      using home = new Home();
      const terminal = new Terminal(["login", "--verbose"], {
        home,
        env: { NANOSERVICES_URL: server.url },
      });
      await terminal.waitFor("Token");
      await terminal.type(`  ${MARK} \r`);
      const { code, screen } = await terminal.end();
      assertEquals(code, 0, screen);
      assertStringIncludes(screen, "Welcome, mallory");
      assertStringIncludes(screen, note("the prompt").trimEnd());
      assert(!screen.includes(MARK), screen);
      // The first request finds out which service it is.
      assertEquals(sent.splice(0), [null, `Bearer ${MARK}`]);
    });
  });

  describe("with nothing to say about it", () => {
    const texts: [name: string, text: string][] = [
      ["without a line break", MARK],
      ["with the line break that ends a file", `${MARK}\n`],
      ["with a Windows one", `${MARK}\r\n`],
    ];
    for (const [name, text] of texts) {
      it(`is one ${name}`, async () => {
        for (const way of WAYS) {
          using home = new Home();
          const command = ["whoami", "--verbose"];
          const { stdout, stderr } = await give(
            command,
            way,
            text,
            home,
            server.url,
          );
          assertEquals(stdout, "mallory\n", stderr);
          assertMatch(stderr, /^GET [^\n]+\n$/);
        }
        assertEquals(
          sent.splice(0),
          WAYS.map(() => `Bearer ${MARK}`),
        );
      });
    }
  });

  describe("that is none is told, by every command, and not sent", () => {
    // The ways and the texts of tests/binary/malformed_token_test.ts are not gone through again.
    const commands = [
      ["login"],
      ["login", "--save"],
      ["whoami"],
      ["status", "--check"],
      ["token"],
      ["api", "/v1/me"],
      ["exec", "--", "touch", "RAN"],
    ];
    const texts: [name: string, text: string, says: RegExp][] = [
      ["a whole header", `Authorization: Bearer ${MARK}`, /a space in it/],
      ["a scheme", `bearer\t${MARK}`, /begins with "Bearer"/],
      ["a quotation mark before it", `"${MARK}`, /quotation mark/],
      ["a quotation mark behind it", `${MARK}'`, /quotation mark/],
      ["typographic ones", `\u201c${MARK}\u201d`, /outside of ASCII/],
      ["a bell", `${MARK}\x07`, /a control character/],
      ["a zero-width space", `${MARK}\u200b`, /outside of ASCII/],
      ["an assignment in quotes", `TOKEN="a ${MARK}"`, /a space in it/],
      ["lines of a .env file", `A=1\nT=${MARK}\n`, /more than one line/],
    ];
    for (const [name, text, says] of texts) {
      it(`for ${name}`, async () => {
        await Promise.all(commands.map(async (command) => {
          using home = new Home();
          const env = { NANOSERVICES_URL: server.url, PATH: "/usr/bin:/bin" };
          await assertFails(command, {
            home,
            cwd: home.path,
            env: { ...env, NANOSERVICES_TOKEN: text },
          }, {
            exit: 4,
            code: "token_invalid",
            message: says,
            hint: /^give the token alone/,
            secret: MARK,
          });
          assertEquals(home.entries(), []);
        }));
        assertEquals(sent, []);
      });
    }
  });

  describe("in a file that holds none is told, and not sent", () => {
    const TOO_LONG = /: it is longer than 16384 characters; it was not sent$/;
    const random = crypto.getRandomValues(new Uint8Array(4096));
    const files: [name: string, make: (path: string) => void, says: RegExp][] =
      [
        ["of 10 MB", (path) => {
          Deno.writeTextFileSync(path, MARK.repeat(700_000));
        }, TOO_LONG],
        ["of 10 MB in lines", (path) => {
          Deno.writeTextFileSync(path, `${MARK}\n`.repeat(700_000));
        }, TOO_LONG],
        ["of 10 MB of nothing", (path) => {
          Deno.writeFileSync(path, new Uint8Array());
          Deno.truncateSync(path, 10_000_000);
        }, TOO_LONG],
        ["of 10 MB of white space", (path) => {
          Deno.writeTextFileSync(path, " ".repeat(10_000_000));
        }, /holds no token: it is empty$/],
        ["of random bytes", (path) => {
          Deno.writeFileSync(path, random);
        }, /a control character|outside of ASCII|more than one line|a space/],
        [
          "that is a program",
          (path) => {
            Deno.copyFileSync("/bin/true", path);
          },
          /longer than|a control character|outside of ASCII|more than one line/,
        ],
        ["that PowerShell wrote, in UTF-16, and that was cut short", (path) => {
          const whole = utf16(`${MARK}\r\n`, POWERSHELL);
          Deno.writeFileSync(path, whole.slice(0, -1));
        }, /looks like UTF-16, but is cut short or mixed/],
        ["that links to itself", (path) => {
          Deno.symlinkSync(path, path);
        }, /it is a link that leads nowhere$/],
        ["whose link leads nowhere", (path) => {
          Deno.symlinkSync(`${path}.gone`, path);
        }, /it is a link that leads nowhere$/],
      ];
    for (const [name, make, says] of files) {
      it(`by every way that takes a file, for one ${name}`, async () => {
        using home = new Home();
        make(fileOf(home));
        const env = { NANOSERVICES_URL: server.url };
        for (const command of ["login", "whoami", "token"]) {
          const results = await Promise.all([
            run([command, "--token-file", fileOf(home)], { home, env }),
            run([command], {
              home,
              env: { ...env, NANOSERVICES_TOKEN_FILE: fileOf(home) },
            }),
          ]);
          for (const { code, stdout, stderr } of results) {
            assert(code === 3 || code === 4, `${code}: ${stderr}`);
            assertEquals(stdout, "");
            assertMatch(stderr.split("\n")[0] ?? "", says);
            assert(!stderr.includes("SECRET"), stderr);
          }
        }
        assertEquals([sent, home.entries()], [[], ["a token"]]);
      });
    }

    it("nor is a file without an end read to it", async () => {
      const { code, stderr } = await run(
        ["whoami", "--token-file", "/dev/zero", "--url", server.url],
      );
      assert(code === 3 || code === 4, `${code}: ${stderr}`);
      assertEquals(sent, []);
    });

    it("nor is a pipe without an end", async () => {
      const { code, stdout, stderr } = await runScript(
        `yes ${MARK} | "$1" whoami --token-file -`.replace(
          '"$1"',
          `'${BINARY}'`,
        ),
        { env: { NANOSERVICES_URL: server.url } },
      );
      assertEquals([code, stdout], [4, ""]);
      assertMatch(stderr, /^error: standard input .* longer than 16384/);
      assert(!stderr.includes(MARK), stderr);
      assertEquals(sent, []);
    });

    it("nor is a token that is sent cut out of a longer one", async () => {
      for (const length of [16_384, 16_385]) {
        using home = new Home();
        const text = "x".repeat(length);
        const { code } = await run(
          ["whoami", "--token-file", written(text, home), "--url", server.url],
        );
        assertEquals(code === 4, length > 16_384);
        assertEquals(
          sent.splice(0).map((header) => header?.length),
          // A header of that size is more than the server takes, or all of it comes.
          length > 16_384 ? [] : [7 + length],
        );
      }
    });
  });
});

describe("a refused token", () => {
  let service: Service;

  beforeAll(async () => {
    service = await Service.start();
  });
  afterAll(() => service.stop());

  const page = (): string => `${service.url}/settings/tokens`;
  const LOGIN = "log in with 'nanoctl login'";

  /** The hint of a `whoami` that is refused. */
  async function hintOf(
    home: Home,
    args: string[],
    env: Record<string, string>,
  ): Promise<string> {
    const result = await service.run(["whoami", ...args], home, env);
    return assertFailure(result, {
      exit: 4,
      code: "token_revoked",
      message: /: it was revoked$/,
      hint: /./,
    });
  }

  async function revoked(): Promise<string> {
    return (await service.mint({ state: "revoked" })).token;
  }

  it("from the environment says so, and where nothing is stored speaks of no login", async () => {
    using home = new Home();
    const token = await revoked();
    const file = written(token, home);
    assertEquals(
      await hintOf(home, [], { NANOSERVICES_TOKEN: token }),
      `unset NANOSERVICES_TOKEN and ${LOGIN}, or give it a token made at ${page()}`,
    );
    assertEquals(
      await hintOf(home, [], { NANOSERVICES_TOKEN_FILE: file }),
      `unset NANOSERVICES_TOKEN_FILE and ${LOGIN}, or put a token made at ${page()} into its file`,
    );
  });

  it("from the environment names the stored login that it hides, and unsetting it helps", async () => {
    using home = new Home();
    await service.logIn(home, (await service.mint()).token);
    const token = await revoked();
    const hides = (variable: string): string =>
      `${variable} hides the stored login of profile default (ada): unset it to use that one, or `;
    assertEquals(
      await hintOf(home, [], { NANOSERVICES_TOKEN: token }),
      `${hides("NANOSERVICES_TOKEN")}give it a token made at ${page()}`,
    );
    assertEquals(
      await hintOf(home, [], { NANOSERVICES_TOKEN_FILE: written(token, home) }),
      `${
        hides("NANOSERVICES_TOKEN_FILE")
      }put a token made at ${page()} into its file`,
    );
    assertEquals((await service.run(["whoami"], home)).stdout, "ada\n");
  });

  it("from the environment hides no login of another profile or to another place", async () => {
    using home = new Home();
    await using other = new StrangeServer(() => me());
    const env = { NANOSERVICES_URL: other.url };
    await run(["login", "--token-stdin", "--save"], {
      home,
      env,
      stdin: "nano_elsewhere",
    });
    const NANOSERVICES_TOKEN = await revoked();
    const set = { NANOSERVICES_TOKEN };
    assertMatch(await hintOf(home, [], set), /^unset NANOSERVICES_TOKEN and /);
    await service.logIn(home, service.token, "--profile", "work");
    await run(["use", "default"], { home });
    // Without its name too: it is the one login for this URL.
    for (const args of [["--profile", "work"], []]) {
      assertMatch(
        await hintOf(home, args, set),
        /^NANOSERVICES_TOKEN hides the stored login of profile work \(ada\)/,
      );
    }
  });

  it("from elsewhere says what helps there", async () => {
    using home = new Home();
    const { token, id } = await service.mint();
    await service.logIn(home, token);
    await service.change(id, { state: "revoked" });
    assertEquals(
      await hintOf(home, [], {}),
      "log in again with 'nanoctl login'",
    );
    for (
      const way of [["--token", token], ["--token-file", written(token, home)]]
    ) {
      assertEquals(
        await hintOf(home, way, {}),
        `make a new token at ${page()}`,
      );
    }
  });
});
