import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type AccessTokenOptions,
  runAccessToken,
} from "../../src/cli/commands/external_auth/access_token.ts";
import { runExternalAuthList } from "../../src/cli/commands/external_auth/list.ts";
import type { NanoctlError } from "../../src/errors.ts";
import { Secret } from "../../src/secret.ts";
import { CredentialStore } from "../../src/store/credential_store.ts";
import {
  type Answer,
  FakeContext,
  type FakeContextOptions,
  inTurn,
  json,
  presented,
  problem,
  rejectionOf,
  TemporaryHome,
} from "../support/fake_context.ts";

const BASE = "https://api.example";
const AGENT = { NANOSERVICES_AGENT_TOKEN: "agent_1" };
const ENV = { ...AGENT, NANOSERVICES_AGENT_URL: BASE };
const PAGE = `${BASE}/external-auth/github`;

/** What a provider says with its token, in every kind of JSON. */
const EXTRA = {
  authed_user: { id: "U1" },
  teams: [{ name: "one" }],
  "a.b": "dotted",
  scopes: ["repo", "gist"],
  count: 0,
  admin: false,
  empty: "",
  none: null,
  nasty: "a\u001b[2J\nb\u202e",
};

function token(change: Record<string, unknown> = {}): Answer {
  return json({
    access_token: "gho_1",
    token_type: "bearer",
    expires_at: null,
    extra: EXTRA,
    ...change,
  });
}

function contextFor(
  answer: Answer,
  options: FakeContextOptions = {},
): FakeContext {
  return new FakeContext({ env: ENV, answer, ...options });
}

/** Runs `external-auth access-token github` and gives what it left behind. */
async function ran(
  answer: Answer,
  options: AccessTokenOptions = {},
  terminals = false,
): Promise<FakeContext> {
  const context = contextFor(answer, { terminals });
  await runAccessToken(context, options, "github");
  return context;
}

async function failed(
  answer: Answer,
  options: AccessTokenOptions = {},
): Promise<{ context: FakeContext; error: NanoctlError }> {
  const context = contextFor(answer);
  const error = await rejectionOf(runAccessToken(context, options, "github"));
  return { context, error };
}

describe("external-auth access-token", () => {
  for (const terminals of [false, true]) {
    const where = terminals ? "a terminal" : "a pipe";
    it(`prints the token and nothing else to ${where}`, async () => {
      const { stdout, stderr } = await ran(token(), {}, terminals);
      assertEquals([stdout.text, stderr.text], ["gho_1\n", ""]);
    });
  }

  it("asks for the provider, with the agent's token", async () => {
    const { requests } = await ran(token());
    assertEquals(
      requests.map((sent) => [sent.method, sent.url, presented(sent)]),
      [["GET", `${BASE}/v1/external-auth/token?id=github`, "agent_1"]],
    );
  });

  it("prints it with --quiet too", async () => {
    assertEquals((await ran(token(), { quiet: true })).stdout.text, "gho_1\n");
  });

  it("gives everything with --json, in stable keys", async () => {
    const { stdout } = await ran(
      token({ expires_at: "2026-02-01T12:00:00+02:00" }),
      { json: true },
    );
    assertEquals(stdout.lines.length, 1);
    assertEquals(JSON.parse(stdout.text), {
      access_token: "gho_1",
      token_type: "bearer",
      expires_at: "2026-02-01T10:00:00.000Z",
      extra: EXTRA,
      url: null,
    });
    // deno-lint-ignore no-control-regex
    assertFalse(/[\u001b\u202e]/.test(stdout.text));
  });

  it("prints the URL and fails with exit 1 where someone must authenticate", async () => {
    const { context, error } = await failed(json({ url: PAGE }));
    assertEquals([context.stdout.text, context.stderr.text], [`${PAGE}\n`, ""]);
    assertEquals([error.code, error.exitCode, error.message, error.hint], [
      "external_auth_required",
      1,
      "not authenticated with github",
      `open ${PAGE} and run this again`,
    ]);
  });

  it("gives the URL with --json in the same keys", async () => {
    const { context, error } = await failed(json({ url: PAGE }), {
      json: true,
    });
    assertEquals(JSON.parse(context.stdout.text), {
      access_token: null,
      token_type: null,
      expires_at: null,
      extra: null,
      url: PAGE,
    });
    assertEquals(error.exitCode, 1);
  });

  it("prints the URL with --extra too: there is no token yet", async () => {
    const { context, error } = await failed(json({ url: PAGE }), {
      extra: "authed_user.id",
    });
    assertEquals([context.stdout.text, error.exitCode], [`${PAGE}\n`, 1]);
  });

  const failures: [what: string, answer: Answer, exit: number][] = [
    ["an unknown provider", problem(404, "not_found"), 2],
    ["a refused token", problem(401, "token_revoked"), 4],
    ["a missing scope", problem(403, "insufficient_scope"), 4],
    ["a failing service", problem(500, "internal"), 6],
    ["a wrong answer", json({ access_token: "gho_1" }), 6],
    ["a URL that is none", json({ url: "javascript:alert(1)" }), 6],
  ];
  for (const [what, answer, exit] of failures) {
    it(`has an empty stdout and exit ${exit}, never 1, for ${what}`, async () => {
      const { context, error } = await failed(answer);
      assertEquals([context.stdout.text, error.exitCode], ["", exit]);
      assertFalse(error.message.includes("gho_1"));
    });
  }
});

describe("external-auth access-token --extra", () => {
  const values: [path: string, printed: string][] = [
    ["authed_user.id", "U1"],
    ["teams.0.name", "one"],
    ["a\\.b", "dotted"],
    ["empty", ""],
    ["authed_user", '{"id":"U1"}'],
    ["scopes", '["repo","gist"]'],
    ["count", "0"],
    ["admin", "false"],
  ];
  for (const [extra, printed] of values) {
    for (const terminals of [false, true]) {
      it(`prints ${printed || "an empty line"} for ${extra} to ${terminals ? "a terminal" : "a pipe"}`, async () => {
        const { stdout, stderr } = await ran(token(), { extra }, terminals);
        assertEquals([stdout.text, stderr.text], [`${printed}\n`, ""]);
      });
    }
  }

  it("prints a string to a pipe as it is, and to a terminal without what it would obey", async () => {
    const extra = "nasty";
    assertEquals(
      (await ran(token(), { extra })).stdout.text,
      "a\u001b[2J\nb\u202e\n",
    );
    assertEquals(
      (await ran(token(), { extra }, true)).stdout.text,
      "a[2J b\n",
    );
  });

  it("prints a number as the service wrote it", async () => {
    const numbers = [
      "12345678901234567890",
      "9007199254740993",
      "1e400",
      "1.0",
    ];
    const answer: Answer = () =>
      new Response(
        `{"access_token":"gho_1","token_type":"bearer","expires_at":null,"extra":{"all":[${numbers}]}}`,
      );
    for (const [index, number] of numbers.entries()) {
      const { stdout } = await ran(answer, { extra: `all.${index}` });
      assertEquals(stdout.text, `${number}\n`);
    }
    const { stdout } = await ran(answer, { json: true });
    assertEquals(/"all":\[(.*?)\]/.exec(stdout.text)?.[1], numbers.join());
    const { error } = await failed(answer, { extra: "all.0.rawJSON" });
    assertEquals(error.code, "extra_missing");
  });

  it("prints JSON with --json, whatever it is", async () => {
    const options = { json: true };
    for (
      const [extra, printed] of [["authed_user.id", '"U1"'], ["count", "0"]]
    ) {
      const { stdout } = await ran(token(), { ...options, extra });
      assertEquals(stdout.text, `${printed}\n`);
    }
  });

  for (const extra of ["none", "nobody", "teams.1", "authed_user.id.x"]) {
    for (const asJson of [false, true]) {
      it(`prints nothing for ${extra} and fails with exit 6${asJson ? " with --json" : ""}`, async () => {
        const { context, error } = await failed(token(), {
          extra,
          json: asJson,
        });
        assertEquals([context.stdout.text, error.code, error.exitCode], [
          "",
          "extra_missing",
          6,
        ]);
        assertEquals(
          error.message,
          `the token has no extra property ${extra}`,
        );
      });
    }
  }

  for (const extra of ["", "a..b", "a\\"]) {
    it(`is a usage error for ${JSON.stringify(extra)}, before anything is sent`, async () => {
      const { context, error } = await failed(token(), { extra });
      assertEquals([error.exitCode, context.requests], [2, []]);
    });
  }
});

describe("external-auth list", () => {
  const providers = [
    { id: "github", name: "GitHub", authenticated: true },
    { id: "slack-bot", name: "Slack", authenticated: false },
  ];

  it("prints a table", async () => {
    const context = contextFor(json({ providers }));
    await runExternalAuthList(context, {});
    assertEquals(context.stdout.lines, [
      "ID         NAME    AUTHENTICATED",
      "github     GitHub  yes",
      "slack-bot  Slack   no",
    ]);
    assertEquals(context.requests.map(presented), ["agent_1"]);
  });

  it("prints JSON with --json", async () => {
    const context = contextFor(json({ providers }));
    await runExternalAuthList(context, { json: true });
    assertEquals(JSON.parse(context.stdout.text), { providers });
  });

  it("says on stderr that there are none, and with --json an empty list", async () => {
    const context = contextFor(json({ providers: [] }));
    await runExternalAuthList(context, {});
    assertEquals([context.stdout.text, context.stderr.text], [
      "",
      "The service knows no external providers.\n",
    ]);
    await runExternalAuthList(context, { json: true });
    assertEquals(context.stdout.text, '{"providers":[]}\n');
  });

  it("keeps control characters of a name from the reader", async () => {
    const context = contextFor(json({
      providers: [{
        id: "a\u001b[2J",
        name: "b\nc\u202e",
        authenticated: true,
      }],
    }));
    await runExternalAuthList(context, {});
    assertEquals(context.stdout.lines[1], "a[2J  b c   yes");
  });
});

describe("who external-auth acts as", () => {
  async function homeWithLogin(): Promise<TemporaryHome> {
    const home = await TemporaryHome.make();
    await new CredentialStore(new FakeContext({ env: home.env })).save({
      profile: "default",
      service: "nanoservices",
      url: "https://stored.example",
      username: "ada",
      expiresAt: undefined,
      token: new Secret("nano_stored"),
    });
    return home;
  }

  /** Where a run asked, and with which token. */
  async function asked(
    env: Record<string, string>,
    options: AccessTokenOptions = {},
  ): Promise<[origin: string, header: string, token: string][]> {
    const context = new FakeContext({
      env,
      answer: (request) =>
        new URL(request.url).pathname.startsWith("/api/v2/")
          ? Response.json({
            access_token: "gho_1",
            url: "",
            expires_at: "0001-01-01T00:00:00Z",
          })
          : token()(request),
    });
    await runAccessToken(context, options, "github");
    assertEquals(context.stdout.text, "gho_1\n");
    return context.requests.map(({ url, headers }) => {
      const name = headers.has("coder-session-token")
        ? "coder-session-token"
        : "authorization";
      return [new URL(url).origin, name, headers.get(name) ?? ""];
    });
  }

  const BEARER = "authorization";
  const CODER = "coder-session-token";
  const cases: [
    what: string,
    env: Record<string, string>,
    options: AccessTokenOptions,
    expected: [origin: string, header: string, token: string],
  ][] = [
    ["the person who is logged in", {}, {}, [
      "https://stored.example",
      BEARER,
      "Bearer nano_stored",
    ]],
    ["an agent at its own URL", ENV, {}, [BASE, BEARER, "Bearer agent_1"]],
    [
      "an agent at the URL of the person's login, where it has none",
      AGENT,
      {},
      ["https://stored.example", BEARER, "Bearer agent_1"],
    ],
    [
      "an agent at NANOSERVICES_URL, where it has none",
      { ...AGENT, NANOSERVICES_URL: "https://nano.example" },
      {},
      ["https://nano.example", BEARER, "Bearer agent_1"],
    ],
    [
      "an agent at --url, where it has none",
      { ...AGENT, NANOSERVICES_URL: "https://nano.example" },
      { url: "https://option.example" },
      ["https://option.example", BEARER, "Bearer agent_1"],
    ],
    [
      "an agent before a person's variables",
      {
        ...ENV,
        NANOSERVICES_TOKEN: "nano_env",
        NANOSERVICES_URL: "https://p.example",
      },
      {},
      [BASE, BEARER, "Bearer agent_1"],
    ],
    ["a person with --token, whatever is said of an agent in variables", ENV, {
      token: "nano_flag",
    }, ["https://stored.example", BEARER, "Bearer nano_flag"]],
    [
      "a person with --token, even where a variable of an agent is wrong",
      { CODER_AGENT_AUTH: "nonsense" },
      { token: "nano_flag" },
      ["https://stored.example", BEARER, "Bearer nano_flag"],
    ],
    [
      "an agent on coder, for CODER_AGENT_*",
      {
        CODER_AGENT_TOKEN: "agent_2",
        CODER_AGENT_URL: "https://coder.example",
      },
      {},
      ["https://coder.example", CODER, "agent_2"],
    ],
    [
      "an agent on nanoservices for CODER_AGENT_*, where --service says so",
      {
        CODER_AGENT_TOKEN: "agent_2",
        CODER_AGENT_URL: "https://coder.example",
      },
      { service: "nanoservices" },
      ["https://coder.example", BEARER, "Bearer agent_2"],
    ],
    [
      "an agent on coder where --service says so",
      ENV,
      { service: "coder" },
      [BASE, CODER, "agent_1"],
    ],
    [
      "an agent on coder for CODER_AGENT_URL with another spelling's token",
      { ...AGENT, CODER_AGENT_URL: "https://coder.example" },
      {},
      ["https://coder.example", CODER, "agent_1"],
    ],
    [
      "an agent of options alone",
      {},
      { agentToken: "agent_3", agentUrl: "https://option.example/" },
      ["https://option.example", BEARER, "Bearer agent_3"],
    ],
  ];
  for (const [what, env, options, expected] of cases) {
    it(`is ${what}`, async () => {
      await using home = await homeWithLogin();
      assertEquals(await asked({ ...home.env, ...env }, options), [expected]);
    });
  }

  it("is a usage error for a person's token and an agent's options together", async () => {
    const persons: AccessTokenOptions[] = [
      { token: "nano_flag" },
      { tokenFile: "/token" },
    ];
    const agents: AccessTokenOptions[] = [
      { agentToken: "agent_1" },
      { agentTokenFile: "/token" },
      { agentUrl: BASE },
      { auth: "token" },
    ];
    for (const person of persons) {
      for (const agent of agents) {
        const { context, error } = await failed(token(), {
          ...person,
          ...agent,
        });
        assertEquals([error.code, error.message, context.requests], [
          "usage",
          "both a person's token and an agent are given",
          [],
        ]);
      }
    }
  });

  for (const text of ["not json", '{"version":99}', '{"version":1']) {
    it(`does not matter to an agent with its own URL where the credential file holds ${text}`, async () => {
      await using home = await homeWithLogin();
      const path = `${home.env.NANOCTL_CONFIG_DIR}/credentials.json`;
      await Deno.writeTextFile(path, text);
      assertEquals(await asked({ ...home.env, ...ENV }, { profile: "work" }), [
        [BASE, BEARER, "Bearer agent_1"],
      ]);
      const context = new FakeContext({ env: { ...home.env, ...AGENT } });
      const error = await rejectionOf(runAccessToken(context, {}, "github"));
      assertEquals(error.exitCode, 7);
    });
  }

  it("is a usage error where --url names another place than the agent's variable", async () => {
    const { context, error } = await failed(token(), {
      url: "https://other.example",
    });
    assertEquals([error.code, error.exitCode], ["usage", 2]);
    assertMatch(error.hint ?? "", /--agent-url/);
    assertEquals(context.requests, []);
  });

  it("is the agent where --url and the agent's variable agree", async () => {
    const context = await ran(token(), { url: `${BASE}/` });
    assertEquals(context.stdout.text, "gho_1\n");
  });

  it("takes the agent's token from standard input with -", async () => {
    const context = new FakeContext({
      env: { NANOSERVICES_AGENT_URL: BASE },
      answer: token(),
      stdin: "agent_from_a_pipe\n",
    });
    await runAccessToken(context, { agentTokenFile: "-" }, "github");
    assertEquals(
      context.requests[0]?.headers.get("authorization"),
      "Bearer agent_from_a_pipe",
    );
  });

  it("takes a token beside a URL that is empty or null", async () => {
    for (const url of ["", null]) {
      const context = await ran(token({ url }));
      assertEquals(context.stdout.text, "gho_1\n");
    }
  });

  it("takes an agent without a home", async () => {
    assertEquals(await asked(ENV), [[BASE, BEARER, "Bearer agent_1"]]);
  });

  const wrong: [what: string, options: AccessTokenOptions, said: RegExp][] = [
    ["a user name in --agent-url", {
      agentUrl: "https://ada:s3cret@api.example",
    }, /^the URL is not a service's URL: it holds a user name or a password$/],
    ["a query in --agent-url", {
      agentUrl: "https://api.example/?s3cret",
    }, /it has a query or a fragment$/],
    ["an empty --agent-url", { agentUrl: "" }, /^an empty text is not/],
    ["ftp in --agent-url", { agentUrl: "ftp://a.example" }, /ftp: is not http/],
    ["--service other", { service: "other" }, /^there is no service other$/],
    ["a bad --auth", { auth: "s3cret" }, /^what --auth gives is no way for an/],
  ];
  for (const [what, options, said] of wrong) {
    it(`is nobody with ${what}: a usage error that repeats no secret`, async () => {
      const { context, error } = await failed(token(), options);
      assertEquals([error.code, context.requests], ["usage", []]);
      assertMatch(error.message, said);
      assertFalse(`${error.message}${error.hint}`.includes("s3cret"));
    });
  }

  it("has its token kept from plain http to another machine", async () => {
    const { context, error } = await failed(token(), {
      agentUrl: "http://api.example",
    });
    assertEquals([error.code, context.requests], ["usage", []]);
    assert(error.hint?.includes("--insecure-http"));
  });

  it("has its identity kept from plain http to another machine", async () => {
    const context = new FakeContext({
      env: { AZURE_METADATA_ENDPOINT: "http://imds.test" },
      answer: () => Response.json({ signature: "UEtDUzc=", encoding: "pkcs7" }),
    });
    const options = {
      agentUrl: "http://api.example",
      auth: "azure-instance-identity",
    };
    const error = await rejectionOf(runAccessToken(context, options, "github"));
    assertEquals(error.code, "usage");
    assertFalse(
      context.requests.some(({ url }) => url.startsWith("http://api.example")),
    );
  });

  const hints: [origin: string, options: AccessTokenOptions, hint: RegExp][] = [
    ["given", { agentToken: "agent_1" }, /^the agent needs a new token: /],
    ["in a variable", {}, /^the agent needs a new token: /],
    ["a person's", { token: "nano_1" }, /^make a new token at /],
  ];
  for (const [origin, options, hint] of hints) {
    it(`is told what to do when a token that is ${origin} was refused`, async () => {
      const { error } = await failed(problem(401, "token_expired"), options);
      assertEquals(error.code, "token_expired");
      assertMatch(error.hint ?? "", hint);
    });
  }

  it("reads the agent's token file again after a 401", async () => {
    await using home = await TemporaryHome.make();
    const path = await home.write("token", "agent_1\r\n");
    const context = new FakeContext({
      env: { NANOSERVICES_AGENT_URL: BASE, CODER_AGENT_TOKEN_FILE: path },
      answer: inTurn(async (request) => {
        await home.write("token", "agent_2\r\n");
        return await problem(401, "token_expired")(request);
      }, token()),
    });
    await runAccessToken(context, {}, "github");
    assertEquals(context.requests.map(presented), ["agent_1", "agent_2"]);
    assertEquals(context.stdout.text, "gho_1\n");
  });

  it("never shows a token with --verbose", async () => {
    const { stderr } = await ran(token(), { verbose: true });
    assertMatch(
      stderr.text,
      /^GET \S+ 200, .*token: NANOSERVICES_AGENT_TOKEN$/m,
    );
    assertFalse(/agent_1|gho_1/.test(stderr.text));
  });
});
