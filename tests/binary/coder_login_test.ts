import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import {
  type CoderFault,
  type CoderKey,
  CoderService,
} from "../support/coder_service.ts";
import {
  assertFails,
  CREDENTIALS,
  Home,
  type Result,
  run,
  STORED_ENTRIES,
} from "../support/nanoctl.ts";
import { KEYS, Terminal } from "../support/terminal.ts";
import { OPTION_WAYS, type TokenWay } from "../support/token_ways.ts";

const DAY = 86_400_000;

const WAYS: TokenWay[] = [
  ...OPTION_WAYS,
  {
    name: "NANOSERVICES_TOKEN",
    origin: "environment",
    source: () => "NANOSERVICES_TOKEN",
    args: () => [],
    env: (token) => ({ NANOSERVICES_TOKEN: token }),
  },
  {
    name: "NANOSERVICES_TOKEN_FILE",
    origin: "environment-file",
    source: (file) => `the file ${file}`,
    args: () => [],
    env: (_, file) => ({ NANOSERVICES_TOKEN_FILE: file }),
  },
];

describe("a person on coder", () => {
  let coder: CoderService;
  let key: CoderKey;
  let home: Home;
  let secrets: Home;

  beforeEach(() => {
    coder = new CoderService();
    key = coder.addKey({ expiresAt: new Date(Date.now() + 30 * DAY + 60_000) });
    home = new Home();
    secrets = new Home();
    Deno.writeTextFileSync(secrets.at("token"), `${key.token}\n`);
  });
  afterEach(async () => {
    home[Symbol.dispose]();
    secrets[Symbol.dispose]();
    await coder[Symbol.asyncDispose]();
    // Whatever a test did: a token in another place than its header is a fault.
    coder.assertPresentedOnly(key.token);
    for (const { headers } of coder.requests) {
      assertEquals(headers.authorization, undefined);
    }
  });

  /** The options that lead to the deployment. */
  function there(): string[] {
    return ["--service", "coder", "--url", coder.url];
  }

  function logIn(way: TokenWay, ...args: string[]): Promise<Result> {
    const file = secrets.at("token");
    return run(
      ["login", ...there(), ...way.args(key.token, file), ...args],
      {
        home,
        env: way.env?.(key.token, file) ?? {},
        ...(way.stdin ? { stdin: `${key.token}\n` } : {}),
      },
    );
  }

  /** Stores the key, as a person would who has it. */
  async function stored(...args: string[]): Promise<void> {
    const { code, stderr } = await run(
      ["login", ...there(), "--token-stdin", "--save", ...args],
      { home, stdin: key.token },
    );
    assertEquals(code, 0, stderr);
    coder.forget();
  }

  for (const way of WAYS) {
    describe(`logs in with ${way.name}`, () => {
      const isSilent = way.origin.startsWith("environment");

      it("and hears who they are, and until when", async () => {
        const { code, stdout, stderr } = await logIn(way);
        assertEquals([code, stdout], [0, ""], stderr);
        const source = way.source(secrets.at("token"));
        assertEquals(
          stderr.replace(/\d{4}-\d\d-\d\d/, "<date>"),
          isSilent
            ? ""
            : `The token from ${source} is valid: you are ada at ${coder.url}. It expires on <date> (in 30 days).\n` +
              "Nothing was stored; add --save to keep it, encrypted.\n",
        );
        assertEquals(coder.paths, [
          "GET /api/v2/users/me",
          `GET /api/v2/users/me/keys/${key.id}`,
        ]);
        assertEquals(home.entries(), []);
      });

      it("and stores it with --save, encrypted", async () => {
        const { code, stdout, stderr } = await logIn(way, "--save");
        assertEquals([code, stdout], [0, ""], stderr);
        assertMatch(stderr, /\nStored, encrypted, as profile default in /);
        assertEquals(home.entries(), STORED_ENTRIES);
        for (const secret of key.token.split("-")) {
          assertEquals(home.holds(secret), false);
        }
        const file = JSON.parse(Deno.readTextFileSync(home.at(CREDENTIALS)));
        const { service, url, account, expires_at } = file.profiles.default;
        assertEquals(
          { service, url, account, expires_at },
          {
            service: "coder",
            url: coder.url,
            account: { username: "ada" },
            expires_at: key.expiresAt?.toISOString(),
          },
        );
      });

      it("and gets the account with --json", async () => {
        const { code, stdout, stderr } = await logIn(way, "--json");
        assertEquals([code, stderr], [0, ""]);
        assertEquals(JSON.parse(stdout), {
          account: { username: "ada", email: "ada@example.com" },
          service: "coder",
          url: coder.url,
          profile: "default",
          origin: way.origin,
          expires_at: key.expiresAt?.toISOString(),
          stored: false,
        });
      });

      it("and no line of --verbose has the token", async () => {
        const { code, stderr } = await logIn(way, "--verbose");
        assertEquals(code, 0);
        assertMatch(stderr, /GET .*\/api\/v2\/users\/me\b/);
        const [, secret = ""] = key.token.split("-");
        assertEquals(stderr.includes(secret), false, stderr);
      });
    });
  }

  it("logs in at the prompt, which names the page of the tokens", async () => {
    const terminal = new Terminal(["login", ...there()], { home });
    await terminal.waitFor("Token", "make a token at");
    assert(terminal.transcript.includes(`${coder.url}/settings/tokens`));
    await terminal.type(key.token + KEYS.enter);
    const { code, screen } = await terminal.end();
    assertEquals(code, 0, screen);
    assertMatch(screen, /Welcome, ada\. Your token for .* \(in 30 days\)/);
    assertEquals(screen.includes(key.token), false);
    const { stdout } = await run(["whoami"], { home });
    assertEquals(stdout, "ada\n");
  });

  it("may try again at the prompt when a token is refused", async () => {
    const terminal = new Terminal(["login", ...there()], { home });
    await terminal.waitFor("Token", "make a token at");
    await terminal.type(`${coder.addKey().id}-wrong${KEYS.enter}`);
    await terminal.waitFor("Token", "Try again (2 left).");
    await terminal.type(key.token + KEYS.enter);
    assertEquals((await terminal.end()).code, 0);
  });

  const ends: [what: string, wish: Partial<CoderKey>, says: RegExp][] = [
    ["that never ends", { expiresAt: undefined }, /It does not expire\./],
    [
      "that ends soon",
      { expiresAt: new Date(Date.now() + 3 * 3_600_000 + 60_000) },
      /\(in 3 hours\)\./,
    ],
  ];
  for (const [what, wish, says] of ends) {
    it(`logs in with a key ${what}`, async () => {
      const { token } = coder.addKey(wish);
      const args = ["login", ...there(), "--token", token];
      const { code, stderr } = await run(args, { home });
      assertEquals(code, 0);
      assertMatch(stderr, says);
    });
  }

  it("logs in with a key that may not be read", async () => {
    const { token } = coder.addKey({ readable: false, username: "grace" });
    const args = ["login", ...there(), "--token", token, "--json"];
    const { code, stdout } = await run(args, { home });
    const { account, expires_at } = JSON.parse(stdout);
    assertEquals([code, account.username, expires_at], [0, "grace", null]);
    const { stderr } = await run(args.slice(0, -1), { home });
    assertMatch(stderr, /It ends when the service says so\./);
  });

  describe("with a stored login needs no --service afterwards", () => {
    beforeEach(() => stored());

    it("for whoami", async () => {
      assertEquals(await run(["whoami"], { home }), {
        code: 0,
        stdout: "ada\n",
        stderr: "",
      });
      const { stdout } = await run(["whoami", "--json"], { home });
      assertEquals(JSON.parse(stdout), {
        account: { username: "ada", email: "ada@example.com" },
        service: "coder",
        url: coder.url,
        profile: "default",
        origin: "store",
        expires_at: key.expiresAt?.toISOString(),
      });
    });

    it("for token, which asks nobody", async () => {
      const { stdout } = await run(["token"], { home });
      assertEquals([stdout, coder.requests], [`${key.token}\n`, []]);
    });

    it("for status, which asks with --check alone", async () => {
      const { code, stdout } = await run(["status", "--json"], { home });
      const { profiles, token } = JSON.parse(stdout);
      assertEquals(
        [code, profiles[0].service, token.service, coder.requests],
        [0, "coder", "coder", []],
      );
      const checked = await run(["status", "--check"], { home });
      assertEquals(checked.code, 0);
      assertMatch(checked.stdout, /default +coder +http:\/\/127\.0\.0\.1:\d+ /);
      assertEquals(
        checked.stderr,
        `The active token is valid: you are ada at ${coder.url}.\n`,
      );
      assertEquals(coder.paths[0], "GET /api/v2/users/me");
    });

    it("for api", async () => {
      const { code, stdout } = await run(["api", "/api/v2/users/me"], { home });
      assertEquals([code, JSON.parse(stdout).username], [0, "ada"]);
    });

    it("under a profile of its own", async () => {
      const grace = coder.addKey({ username: "grace" });
      const args = ["login", ...there(), "--token-stdin", "--save"];
      await run([...args, "--profile", "work"], { home, stdin: grace.token });
      const as = async (profile: string): Promise<string> =>
        (await run(["whoami", "--profile", profile], { home })).stdout;
      assertEquals([await as("default"), await as("work")], [
        "ada\n",
        "grace\n",
      ]);
    });

    it("and is not logged in to another service or URL", async () => {
      const elsewhere = new URL(coder.url).port === "1" ? 2 : 1;
      for (
        const args of [
          ["--service", "nanoservices"],
          ["--url", `http://127.0.0.1:${elsewhere}`],
        ]
      ) {
        await assertFails(["whoami", ...args], { home }, {
          exit: 3,
          code: "not_logged_in",
          message:
            /profile default is for http:\/\/127\.0\.0\.1:\d+ \(coder\)$/,
          hint: /nanoctl login --url/,
          secret: key.token,
        });
      }
      assertEquals(coder.requests, []);
    });
  });

  describe("logs out", () => {
    beforeEach(() => stored());

    it("here alone without --revoke", async () => {
      assertEquals((await run(["logout"], { home })).code, 0);
      assertEquals([coder.requests, coder.keys.includes(key)], [[], true]);
    });

    it("and ends the key with --revoke", async () => {
      const { code, stderr } = await run(["logout", "--revoke"], { home });
      assertEquals(code, 0, stderr);
      assertMatch(stderr, /ended at the service/);
      assertEquals(coder.paths, ["POST /api/v2/users/logout"]);
      assertEquals(coder.keys.includes(key), false);
      assertEquals((await run(["whoami"], { home })).code, 3);
    });

    it("with --revoke takes a key for ended that is refused", async () => {
      coder.keys.length = 0;
      const { code } = await run(["logout", "--revoke"], { home });
      assertEquals(code, 0);
    });

    it("and keeps a key that --revoke could not end", async () => {
      coder.faults.push({ path: "/logout", status: 500 });
      await assertFails(["logout", "--revoke"], { home }, {
        exit: 6,
        code: "service_error",
        message: /was not ended and stays stored: .* status 500: An internal/,
        hint: /nanoctl logout --profile default$/,
        secret: key.token,
      });
      assertEquals((await run(["whoami"], { home })).stdout, "ada\n");
    });
  });

  describe("lists the external providers", () => {
    beforeEach(async () => {
      await stored();
      const github = { id: "github", type: "github", displayName: "GitHub" };
      coder.setProvider({ ...github, link: { accessToken: "gho_external" } });
      coder.setProvider({ id: "slack", type: "slack", displayName: "Slack" });
    });

    it("as a table", async () => {
      assertEquals(await run(["external-auth", "list"], { home }), {
        code: 0,
        stdout: [
          "ID      NAME    AUTHENTICATED",
          "github  GitHub  yes",
          "slack   Slack   no\n",
        ].join("\n"),
        stderr: "",
      });
      assertEquals(coder.paths, ["GET /api/v2/external-auth"]);
    });

    it("as JSON", async () => {
      const { stdout } = await run(["external-auth", "list", "--json"], {
        home,
      });
      assertEquals(JSON.parse(stdout), {
        providers: [
          { id: "github", name: "GitHub", authenticated: true },
          { id: "slack", name: "Slack", authenticated: false },
        ],
      });
    });

    it("of which there may be none", async () => {
      coder.providers.length = 0;
      assertEquals(await run(["external-auth", "list"], { home }), {
        code: 0,
        stdout: "",
        stderr: "The service knows no external providers.\n",
      });
    });

    for (
      const args of [
        ["github"],
        ["slack"],
        ["nowhere"],
        ["github", "--extra", "a"],
      ]
    ) {
      it(`but can't have the token with ${args.join(" ")}, and hears what can`, async () => {
        const command = ["external-auth", "access-token", ...args];
        await assertFails(command, { home }, {
          exit: 4,
          code: "token_invalid",
          message:
            /^http:\/\/127\.0\.0\.1:\d+ refused the token from .*: a user's session can't read the tokens of external providers, only a workspace's agent can$/,
          hint:
            /^run it in the workspace, or give --agent-token or --agent-token-file$/,
          secret: key.token,
        });
      });
    }

    it("and in a workspace is the agent, until --token says otherwise", async () => {
      const { token } = coder.addAgent();
      const env = { CODER_AGENT_URL: coder.url, CODER_AGENT_TOKEN: token };
      const command = ["external-auth", "access-token", "github"];
      assertEquals(await run(command, { home, env }), {
        code: 0,
        stdout: "gho_external\n",
        stderr: "",
      });
      const asPerson = [...command, "--token", key.token];
      assertEquals((await run(asPerson, { home, env })).code, 4);
      // What is for people alone is still the person's.
      assertEquals((await run(["whoami"], { home, env })).stdout, "ada\n");
    });
  });

  /** A failure, and what `whoami` makes of it. */
  interface Failing {
    name: string;
    /** The token; the key's own if left out. */
    token?: () => string;
    faults?: CoderFault[];
    exit: number;
    code: string;
    message: RegExp;
    hint?: RegExp;
  }

  const PAGE =
    /^make a new token at http:\/\/127\.0\.0\.1:\d+\/settings\/tokens$/;
  const NOT_VALID = /refused the token from the file .*: it is not valid$/;
  const failures: Failing[] = [
    {
      name: "a key that there is not",
      token: () => `${"x".repeat(10)}-${"y".repeat(22)}`,
      exit: 4,
      code: "token_invalid",
      message: NOT_VALID,
      hint: PAGE,
    },
    {
      name: "a wrong secret",
      token: () => `${key.id}-${"y".repeat(22)}`,
      exit: 4,
      code: "token_invalid",
      message: NOT_VALID,
      hint: PAGE,
    },
    {
      name: "a token of another form",
      token: () => "nano_1234",
      exit: 4,
      code: "token_invalid",
      message: NOT_VALID,
      hint: PAGE,
    },
    {
      name: "an agent's token",
      token: () => coder.addAgent().token,
      exit: 4,
      code: "token_invalid",
      message: NOT_VALID,
      hint: PAGE,
    },
    {
      name: "an expired key",
      token: () => coder.addKey({ expiresAt: new Date(0) }).token,
      exit: 4,
      code: "token_expired",
      message: /refused the token from the file .*: it has expired$/,
      hint: PAGE,
    },
    {
      name: "a key without the scope",
      faults: [{ path: "/users/me", status: 403 }],
      exit: 4,
      code: "insufficient_scope",
      message: /lacks a scope for this: Forbidden\. You don't have permission/,
      hint: /^make a token with more scopes$/,
    },
    {
      name: "a user who is not there",
      faults: [{ path: "/users/me", status: 404 }],
      exit: 6,
      code: "service_response",
      message: /unexpected status 404: Resource not found or you do not have/,
      hint: /^check that the URL is the service's$/,
    },
    {
      name: "too many requests",
      faults: [{ path: "/users/me", status: 429 }],
      exit: 6,
      code: "rate_limited",
      message: /takes no more requests for now \(429\)$/,
      hint: /^try again in 60 seconds$/,
    },
    {
      name: "a failure of the deployment",
      faults: [{ path: "/users/me", status: 500 }],
      exit: 6,
      code: "service_error",
      message:
        /failed with status 500: An internal server error occurred\. pq: sorry/,
      hint: /^the fault is the service's: try again later$/,
    },
    {
      name: "a failure to tell of the key",
      faults: [{
        path: "/keys/KEY",
        status: 500,
        message: "Internal error fetching API key.",
      }],
      exit: 6,
      code: "service_error",
      message: /failed with status 500: Internal error fetching API key\./,
      hint: /^the fault is the service's: try again later$/,
    },
    {
      name: "a deployment that is away for good",
      faults: [{ path: "/users/me", status: 503 }],
      exit: 6,
      code: "service_error",
      message: /failed with status 503: Failed with 503\.$/,
      hint: /^the fault is the service's/,
    },
    {
      name: "a web page",
      faults: [{
        path: "/users/me",
        status: 200,
        body: "<!DOCTYPE html><html></html>",
        headers: { "content-type": "text/html; charset=utf-8" },
      }],
      exit: 6,
      code: "service_response",
      message: /answered with a web page, perhaps a sign-in page or a captiv/,
      hint: /^open the service's URL in a browser/,
    },
    {
      name: "an account without a name",
      faults: [{ path: "/users/me", status: 200, body: '{"id":"x"}' }],
      exit: 6,
      code: "service_response",
      message: /in the wrong shape: username: /,
      hint: /^check that the URL is the service's/,
    },
    {
      name: "a key that says nothing of its end",
      faults: [{ path: "/keys/KEY", status: 200, body: "{}" }],
      exit: 6,
      code: "service_response",
      message: /in the wrong shape: expires_at: /,
      hint: /^check that the URL is the service's/,
    },
    {
      name: "terminal codes in what the deployment says",
      faults: [{
        path: "/users/me",
        status: 500,
        message: "\u001b[2J\u202eNo.\u0007",
        detail: "",
      }],
      exit: 6,
      code: "service_error",
      // In JSON they are escaped, for a person they are gone.
      // deno-lint-ignore no-control-regex
      message: /failed with status 500: (\u001b)?\[2J(\u202e)?No\.(\u0007)?$/,
      hint: /^the fault is the service's: try again later$/,
    },
  ];
  for (const { name, token, faults = [], ...expected } of failures) {
    it(`hears of ${name}: exit ${expected.exit}, ${expected.code}`, async () => {
      const given = token?.() ?? key.token;
      Deno.writeTextFileSync(secrets.at("token"), given);
      for (const fault of faults) {
        const path = fault.path.replace("KEY", key.id);
        coder.faults.push({ ...fault, path });
      }
      const file = ["--token-file", secrets.at("token")];
      await assertFails(["whoami", ...there(), ...file], { home }, {
        ...expected,
        secret: given,
      });
      assertEquals(home.entries(), []);
    });
  }

  it("is served again once the deployment is back", async () => {
    coder.faults.push({ path: "/users/me", status: 503, times: 2 });
    const args = ["whoami", ...there(), "--token", key.token];
    assertEquals((await run(args, { home })).stdout, "ada\n");
    assertEquals(coder.paths.slice(0, 3), [
      "GET /api/v2/users/me",
      "GET /api/v2/users/me",
      "GET /api/v2/users/me",
    ]);
  });
});
