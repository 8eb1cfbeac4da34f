import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  it,
} from "@std/testing/bdd";
import { type CoderAgent, CoderService } from "../support/coder_service.ts";
import {
  type Cloud,
  CLOUDS,
  type MetadataStandIn,
  startMetadata,
} from "../support/metadata_services.ts";
import {
  assertFails,
  Home,
  type Result,
  run,
  shellQuote,
} from "../support/nanoctl.ts";

/** What a way of authenticating is given in a test. */
interface Given {
  url: string;
  token: string;
  /** A file that holds the token. */
  file: string;
}

/** One way in which an agent proves who it is. */
interface Way {
  name: string;
  args?: (given: Given) => string[];
  env?: (given: Given) => Record<string, string>;
  cloud?: Cloud;
  /** The token's source as a message names it. */
  source: (given: Given) => string;
}

const WAYS: Way[] = [
  {
    name: "--agent-token",
    args: ({ url, token }) => [
      ...["--service", "coder", "--agent-url", url],
      ...["--agent-token", token],
    ],
    source: () => "--agent-token",
  },
  {
    name: "--agent-token-file",
    args: ({ url, file }) => [
      ...["--service", "coder", "--agent-url", url],
      ...["--agent-token-file", file],
    ],
    source: ({ file }) => `the file ${file}`,
  },
  {
    name: "CODER_AGENT_TOKEN",
    env: ({ url, token }) => ({
      CODER_AGENT_URL: url,
      CODER_AGENT_TOKEN: token,
    }),
    source: () => "CODER_AGENT_TOKEN",
  },
  {
    name: "CODER_AGENT_TOKEN_FILE",
    env: ({ url, file }) => ({
      CODER_AGENT_URL: url,
      CODER_AGENT_TOKEN_FILE: file,
    }),
    source: ({ file }) => `the file ${file}`,
  },
  {
    name: "NANOSERVICES_AGENT_TOKEN with --service coder",
    args: () => ["--service", "coder"],
    env: ({ url, token }) => ({
      NANOSERVICES_AGENT_URL: url,
      NANOSERVICES_AGENT_TOKEN: token,
    }),
    source: () => "NANOSERVICES_AGENT_TOKEN",
  },
  {
    name: "--auth aws-instance-identity",
    cloud: "aws",
    args: ({ url }) => [
      ...["--service", "coder", "--agent-url", url],
      ...["--auth", "aws-instance-identity"],
    ],
    source: () => "aws-instance-identity of this machine",
  },
  {
    name: "CODER_AGENT_AUTH=azure-instance-identity",
    cloud: "azure",
    env: ({ url }) => ({
      CODER_AGENT_URL: url,
      CODER_AGENT_AUTH: "azure-instance-identity",
    }),
    source: () => "azure-instance-identity of this machine",
  },
  {
    name:
      "NANOSERVICES_AGENT_AUTH=google-instance-identity with CODER_AGENT_URL",
    cloud: "google",
    env: ({ url }) => ({
      CODER_AGENT_URL: url,
      NANOSERVICES_AGENT_AUTH: "google-instance-identity",
    }),
    source: () => "google-instance-identity of this machine",
  },
];

/** What the deployment does: the provider that is asked for, and what goes wrong. */
const OUTCOMES = {
  token: { provider: "slack" },
  URL: { provider: "github" },
  "unknown provider": { provider: "nowhere" },
  401: { provider: "slack", fault: 401 },
  500: { provider: "slack", fault: 500 },
} as const;

type Outcome = "token" | "URL" | "unknown provider" | "401" | "500";

/** What a run is expected to leave; `{url}`, `{source}` and `{token}` stand for the row's own. */
interface Expected {
  code: number;
  stdout?: string;
  /** The error's line, without `error: `; none where it is left out. */
  error?: string;
  hint?: RegExp;
}

interface Command {
  args: (provider: string) => string[];
  /** What it does wherever a row does not say otherwise. */
  expected: Record<Outcome, Expected>;
}

const EXTERNAL_TOKEN = "xoxp-1234-external";
const EXTRA = {
  authed_user: { id: "U1234", scope: "chat:write" },
  teams: [{ name: "Ünïcode" }],
};

const REFUSED: Expected = {
  code: 4,
  error: "{url} refused the token from {source}: it is not valid",
  hint: /agent/,
};
const FAILED: Expected = {
  code: 6,
  error:
    "{url} failed with status 500: An internal server error occurred. pq: sorry, too many clients already",
  hint: /^the fault is the service's: try again later$/,
};
const UNKNOWN: Expected = {
  code: 2,
  error: "{url} knows no external provider nowhere",
  hint: /^see 'nanoctl external-auth list'$/,
};
const MUST_AUTHENTICATE: Expected = {
  code: 1,
  stdout: "{url}/external-auth/github\n",
  error: "not authenticated with github",
  hint:
    /^open http:\/\/127\.0\.0\.1:\d+\/external-auth\/github and run this again$/,
};
const NOT_FOR_AGENTS: Expected = {
  code: 4,
  error:
    "{url} refused the token from {source}: an agent can't list the external providers, only a user's session can",
  hint:
    /^ask for one by its id: nanoctl external-auth access-token <provider>$/,
};

const COMMANDS: Record<string, Command> = {
  "external-auth access-token": {
    args: (provider) => ["external-auth", "access-token", provider],
    expected: {
      token: { code: 0, stdout: `${EXTERNAL_TOKEN}\n` },
      URL: MUST_AUTHENTICATE,
      "unknown provider": UNKNOWN,
      401: REFUSED,
      500: FAILED,
    },
  },
  "external-auth access-token --extra": {
    args: (provider) => [
      ...["external-auth", "access-token", provider],
      ...["--extra", "authed_user.id"],
    ],
    expected: {
      token: { code: 0, stdout: "U1234\n" },
      URL: MUST_AUTHENTICATE,
      "unknown provider": UNKNOWN,
      401: REFUSED,
      500: FAILED,
    },
  },
  "external-auth access-token --json": {
    args: (provider) => ["external-auth", "access-token", provider, "--json"],
    expected: {
      token: {
        code: 0,
        stdout: `${
          JSON.stringify({
            access_token: EXTERNAL_TOKEN,
            token_type: "Bearer",
            expires_at: null,
            extra: EXTRA,
            url: null,
          })
        }\n`,
      },
      URL: {
        ...MUST_AUTHENTICATE,
        stdout:
          '{"access_token":null,"token_type":null,"expires_at":null,"extra":null,"url":"{url}/external-auth/github"}\n',
      },
      "unknown provider": UNKNOWN,
      401: REFUSED,
      500: FAILED,
    },
  },
  "external-auth list": {
    args: () => ["external-auth", "list"],
    expected: {
      token: NOT_FOR_AGENTS,
      URL: NOT_FOR_AGENTS,
      "unknown provider": NOT_FOR_AGENTS,
      401: NOT_FOR_AGENTS,
      500: FAILED,
    },
  },
  api: {
    args: (provider) => [
      "api",
      `/api/v2/workspaceagents/me/external-auth?id=${provider}`,
    ],
    expected: {
      token: {
        code: 0,
        stdout: `${
          JSON.stringify({
            access_token: EXTERNAL_TOKEN,
            token_extra: EXTRA,
            url: "",
            type: "slack",
            username: EXTERNAL_TOKEN,
            password: "",
          })
        }\n`,
      },
      URL: {
        code: 0,
        stdout:
          '{"access_token":"","token_extra":null,"url":"{url}/external-auth/github","type":"","username":"","password":""}\n',
      },
      "unknown provider": {
        code: 1,
        stdout:
          '{"message":"No matching external auth provider found in Coder for the url \\"\\".","detail":"External auth provider not found."}\n',
        error:
          "GET /api/v2/workspaceagents/me/external-auth was answered with the status 404",
      },
      401: {
        ...REFUSED,
        stdout:
          '{"message":"You are signed out or your session has expired. Please sign in again to continue.","detail":"API key is invalid."}\n',
      },
      500: {
        ...FAILED,
        stdout:
          '{"message":"An internal server error occurred.","detail":"pq: sorry, too many clients already"}\n',
      },
    },
  },
};

describe("an agent of coder", () => {
  let coder: CoderService;
  let agent: CoderAgent;
  let files: Home;
  const metadata = new Map<Cloud, MetadataStandIn>();

  beforeAll(() => {
    coder = new CoderService();
    agent = coder.addAgent(...CLOUDS);
    coder.setProvider({
      id: "slack",
      type: "slack",
      displayName: "Slack",
      link: { accessToken: EXTERNAL_TOKEN, extra: EXTRA },
    });
    coder.setProvider({ id: "github", type: "github", displayName: "GitHub" });
    files = new Home();
    for (const cloud of CLOUDS) metadata.set(cloud, startMetadata(cloud));
  });
  afterAll(async () => {
    files[Symbol.dispose]();
    for (const standIn of metadata.values()) {
      await standIn[Symbol.asyncDispose]();
    }
    metadata.clear();
    await coder[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    coder.forget();
    coder.faults.length = 0;
    for (const { asked } of metadata.values()) asked.length = 0;
    Deno.writeTextFileSync(files.at("token"), `${agent.token}\n`);
  });

  function given(): Given {
    return { url: coder.url, token: agent.token, file: files.at("token") };
  }

  /** The environment of a machine that is an instance of all three clouds at once. */
  function clouds(): Record<string, string> {
    const variables: Record<string, string> = {};
    for (const { cloud, env } of metadata.values()) {
      const own = Object.entries(env).filter(([name]) =>
        name.startsWith({ aws: "AWS", azure: "AZURE", google: "GCE" }[cloud])
      );
      Object.assign(variables, Object.fromEntries(own));
    }
    return variables;
  }

  function asked(): string[] {
    return [...metadata.values()].flatMap(({ paths }) => paths);
  }

  function runAs(
    way: Way,
    args: string[],
    home: Home,
    env: Record<string, string> = {},
  ): Promise<Result> {
    return run([...args, ...way.args?.(given()) ?? []], {
      home,
      env: { ...clouds(), ...way.env?.(given()), ...env },
    });
  }

  function assertExpected(
    { code, stdout, stderr }: Result,
    expected: Expected,
    way: Way,
    isJson: boolean,
  ): void {
    const filled = (text: string): string =>
      text.replaceAll("{url}", coder.url)
        .replaceAll("{source}", way.source(given()));
    assertEquals(
      [code, stdout],
      [expected.code, filled(expected.stdout ?? "")],
      stderr,
    );
    if (expected.error === undefined) return assertEquals(stderr, "");
    const { message, hint } = isJson ? JSON.parse(stderr).error : said(stderr);
    assertEquals(message, filled(expected.error));
    if (expected.hint) assertMatch(hint ?? "", expected.hint);
    else assertEquals(hint, undefined);
  }

  function said(stderr: string): { message?: string; hint?: string } {
    const [, message, hint] =
      /^error: ([^\n]+)\n(?:hint: ([^\n]+)\n)?$/.exec(stderr) ?? [];
    return {
      ...(message === undefined ? {} : { message }),
      ...(hint === undefined ? {} : { hint }),
    };
  }

  const outcomes: Outcome[] = [
    "token",
    "URL",
    "unknown provider",
    "401",
    "500",
  ];
  for (const way of WAYS) {
    describe(`with ${way.name}`, () => {
      for (const [command, { args, expected }] of Object.entries(COMMANDS)) {
        for (const outcome of outcomes) {
          const row = expected[outcome];
          it(`${command}: ${outcome} is exit ${row.code}`, async () => {
            using home = new Home();
            const { provider, ...rest } = OUTCOMES[outcome];
            if ("fault" in rest) {
              coder.faults.push({ path: "external-auth", status: rest.fault });
            }
            const result = await runAs(way, args(provider), home);
            assertExpected(result, row, way, command.endsWith("--json"));
            assertWhatWasSent(way, row);
            assertEquals(home.entries(), []);
          });
        }
      }
    });
  }

  /** The token in its header and nowhere else, and an exchange only where the way is one. */
  function assertWhatWasSent(way: Way, { code }: Expected): void {
    const refused = code === 4;
    // A refused session is exchanged for another one, once.
    const exchanges = way.cloud ? refused ? 2 : 1 : 0;
    assertEquals(coder.exchanges, exchanges);
    const presented = coder.assertPresentedOnly(agent.token);
    assertEquals(presented, coder.requests.length - exchanges);
    assert(presented > 0);
    for (const { headers, path } of coder.requests) {
      assertEquals(headers.authorization, undefined);
      if (path.endsWith("-instance-identity")) {
        assertEquals(headers["coder-session-token"], undefined);
      }
    }
    const requests = { aws: 3, azure: 1, google: 1 };
    assertEquals(
      asked().length,
      way.cloud ? exchanges * requests[way.cloud] : 0,
    );
  }

  for (const way of WAYS.filter(({ cloud }) => cloud)) {
    it(`is told which identity was refused with ${way.name}`, async () => {
      using home = new Home();
      const { instances } = agent;
      agent.instances = [];
      try {
        const { code, stdout, stderr } = await runAs(
          way,
          ["external-auth", "access-token", "slack"],
          home,
        );
        assertEquals([code, stdout], [4, ""], stderr);
        assertMatch(
          stderr,
          new RegExp(
            `^error: ${coder.url} did not accept the ${way.cloud} identity of this instance: Instance with id "[\\w-]+" not found\\.\nhint: .*agent for this instance\n$`,
          ),
        );
        assertEquals(coder.exchanges, 1);
      } finally {
        agent.instances = instances;
      }
    });
  }

  describe("says nothing of its tokens", () => {
    for (const way of WAYS) {
      it(`with --verbose and ${way.name}`, async () => {
        using home = new Home();
        const args = ["external-auth", "access-token", "slack", "--verbose"];
        const { code, stdout, stderr } = await runAs(way, args, home);
        assertEquals([code, stdout], [0, `${EXTERNAL_TOKEN}\n`]);
        assertMatch(stderr, /GET .*\/workspaceagents\/me\/external-auth/);
        for (const secret of [agent.token, EXTERNAL_TOKEN]) {
          assertEquals(stderr.includes(secret.slice(0, 12)), false, stderr);
        }
        assertEquals(home.entries(), []);
      });
    }
  });

  describe("with a token and --auth", () => {
    // A child process that was handed the token must not exchange again (coder/coder #21503).
    const auths = CLOUDS.map((cloud) => `${cloud}-instance-identity`);
    const tokens = WAYS.filter(({ cloud }) => !cloud);
    for (const auth of auths) {
      for (const way of tokens) {
        it(`uses ${way.name} and never ${auth}`, async () => {
          using home = new Home();
          const args = ["external-auth", "access-token", "slack"];
          const results = [
            await runAs(way, [...args, "--auth", auth], home),
            await runAs(way, args, home, { CODER_AGENT_AUTH: auth }),
            await runAs(way, args, home, { NANOSERVICES_AGENT_AUTH: auth }),
          ];
          for (const { code, stdout, stderr } of results) {
            assertEquals([code, stdout], [0, `${EXTERNAL_TOKEN}\n`], stderr);
          }
          assertEquals([coder.exchanges, asked()], [0, []]);
        });
      }
    }

    it("does not fall back on --auth where the token is refused", async () => {
      using home = new Home();
      const stale = crypto.randomUUID();
      const { code } = await run(
        ["external-auth", "access-token", "slack"],
        {
          home,
          env: {
            ...clouds(),
            CODER_AGENT_URL: coder.url,
            CODER_AGENT_AUTH: "aws-instance-identity",
            CODER_AGENT_TOKEN: stale,
          },
        },
      );
      assertEquals([code, coder.exchanges, asked()], [4, 0, []]);
    });
  });

  describe("with both spellings", () => {
    const wrong = "ffffffff-ffff-4fff-bfff-ffffffffffff";
    const nano = ["authorization", "/v1/external-auth/token"];
    const toCoder = [
      "coder-session-token",
      "/api/v2/workspaceagents/me/external-auth",
    ];
    interface Choice {
      name: string;
      args?: string[];
      env: (given: Given) => Record<string, string>;
      /** The header that presents the token, and the path. */
      asks: string[];
    }
    const choices: Choice[] = [
      {
        name: "takes the token of NANOSERVICES_*, and the service of the URL",
        env: ({ url, token }) => ({
          CODER_AGENT_URL: url,
          CODER_AGENT_TOKEN: wrong,
          NANOSERVICES_AGENT_TOKEN: token,
        }),
        asks: toCoder,
      },
      {
        name: "takes the URL of NANOSERVICES_*, and its service",
        env: ({ url, token }) => ({
          CODER_AGENT_URL: "http://127.0.0.1:1",
          CODER_AGENT_TOKEN: token,
          NANOSERVICES_AGENT_URL: url,
        }),
        asks: nano,
      },
      {
        name:
          "takes the token file of NANOSERVICES_*, not the token of CODER_*",
        env: ({ url, file }) => ({
          CODER_AGENT_URL: url,
          CODER_AGENT_TOKEN: wrong,
          NANOSERVICES_AGENT_TOKEN_FILE: file,
        }),
        asks: toCoder,
      },
      {
        name:
          "takes the token of NANOSERVICES_*, not the token file of CODER_*",
        env: ({ url, token }) => ({
          CODER_AGENT_URL: url,
          CODER_AGENT_TOKEN_FILE: "/nowhere",
          NANOSERVICES_AGENT_TOKEN: token,
        }),
        asks: toCoder,
      },
      {
        name: "takes the service of the token where no agent's URL is given",
        env: ({ url, token }) => ({
          NANOSERVICES_URL: url,
          CODER_AGENT_TOKEN: token,
        }),
        asks: toCoder,
      },
      {
        name:
          "takes the service of the token that counts, not of the hidden one",
        env: ({ url, token }) => ({
          NANOSERVICES_URL: url,
          CODER_AGENT_TOKEN_FILE: "/nowhere",
          NANOSERVICES_AGENT_TOKEN: token,
        }),
        asks: nano,
      },
      {
        name: "takes --service before all",
        args: ["--service", "nanoservices"],
        env: ({ url, token }) => ({
          CODER_AGENT_URL: url,
          CODER_AGENT_TOKEN: token,
        }),
        asks: nano,
      },
    ];
    for (const { name, args = [], env, asks } of choices) {
      it(name, async () => {
        using home = new Home();
        await run(["external-auth", "access-token", "slack", ...args], {
          home,
          env: env(given()),
        });
        const [request] = coder.requests;
        assert(request);
        const { headers, path } = request;
        const presenting = Object.entries(headers).filter(([, value]) =>
          value.includes(agent.token)
        );
        assertEquals([...presenting.map(([header]) => header), path], asks);
      });
    }

    it("takes an option before both", async () => {
      using home = new Home();
      const env = {
        CODER_AGENT_URL: "http://127.0.0.1:1",
        CODER_AGENT_TOKEN: wrong,
        NANOSERVICES_AGENT_URL: "http://127.0.0.1:1",
        NANOSERVICES_AGENT_TOKEN_FILE: "/nowhere",
      };
      const args = ["--agent-url", coder.url, "--agent-token", agent.token];
      const { code, stdout, stderr } = await run(
        [
          "external-auth",
          "access-token",
          "slack",
          "--service",
          "coder",
          ...args,
        ],
        { home, env },
      );
      assertEquals([code, stdout], [0, `${EXTERNAL_TOKEN}\n`], stderr);
    });
  });

  describe("with a token file", () => {
    function env(): Record<string, string> {
      return {
        CODER_AGENT_URL: coder.url,
        CODER_AGENT_TOKEN_FILE: files.at("token"),
      };
    }

    it("that is rotated just works", async () => {
      using home = new Home();
      const args = ["external-auth", "access-token", "slack"];
      const before = agent.token;
      assertEquals((await run(args, { home, env: env() })).code, 0);
      const after = coder.rotate(agent);
      assertEquals((await run(args, { home, env: env() })).code, 4);
      Deno.writeTextFileSync(files.at("token"), `${after}\n`);
      assertEquals((await run(args, { home, env: env() })).code, 0);
      assertEquals(
        coder.requests.map(({ headers }) => headers["coder-session-token"]),
        [before, before, after],
      );
    });

    it("reads it again when the token is refused", async () => {
      using home = new Home();
      const before = agent.token;
      // The file is rotated while the request is on its way.
      await using front = rotating(coder, agent, files.at("token"));
      const { code, stdout, stderr } = await run(
        ["external-auth", "access-token", "slack"],
        { home, env: { ...env(), CODER_AGENT_URL: front.url } },
      );
      assertEquals([code, stdout], [0, `${EXTERNAL_TOKEN}\n`], stderr);
      assertEquals(
        coder.requests.map(({ headers }) => headers["coder-session-token"]),
        [before, agent.token],
      );
    });

    const faults: [what: string, content: string | undefined, says: RegExp][] =
      [
        ["is missing", undefined, /can't be read: there is no such file/],
        ["is empty", "", /holds no token: it is empty/],
        ["holds nothing but white space", " \n", /holds no token: it is empty/],
      ];
    for (const [what, content, message] of faults) {
      it(`that ${what} is exit 3, and nothing is sent`, async () => {
        using home = new Home();
        if (content === undefined) Deno.removeSync(files.at("token"));
        else Deno.writeTextFileSync(files.at("token"), content);
        await assertFails(
          ["external-auth", "access-token", "slack"],
          { home, env: env() },
          { exit: 3, code: "not_logged_in", message, hint: undefined },
        );
        assertEquals(coder.requests, []);
      });
    }
  });

  it("has a session that is exchanged again when the service forgets it", async () => {
    using home = new Home();
    const before = agent.token;
    await using front = rotating(coder, agent, files.at("token"));
    const { code, stdout, stderr } = await run(
      ["external-auth", "access-token", "slack"],
      {
        home,
        env: {
          ...clouds(),
          CODER_AGENT_URL: front.url,
          CODER_AGENT_AUTH: "google-instance-identity",
        },
      },
    );
    assertEquals([code, stdout], [0, `${EXTERNAL_TOKEN}\n`], stderr);
    assertEquals(coder.exchanges, 2);
    assertEquals(before === agent.token, false);
    assertEquals(coder.assertPresentedOnly(agent.token), 1);
  });

  it("proves a Google identity to coder, and to nobody else", async () => {
    using home = new Home();
    const standIn = metadata.get("google");
    assert(standIn);
    const env = {
      ...clouds(),
      CODER_AGENT_URL: coder.url,
      CODER_AGENT_AUTH: "google-instance-identity",
    };
    await run(["external-auth", "access-token", "slack"], { home, env });
    assertEquals(standIn.asked.map(({ target }) => target), [
      "/computeMetadata/v1/instance/service-accounts/default/identity?audience=coder&format=full",
    ]);
  });

  describe("runs the scripts of Coder's documentation word for word", () => {
    // As they stand there, but for the name of the program.
    const CLONE = `#!/usr/bin/env sh

OUTPUT=$(nanoctl external-auth access-token github)
if [ $? -eq 0 ]; then
  echo "Authenticated with GitHub"
else
  echo "Please authenticate with GitHub:"
  echo $OUTPUT
fi
`;
    const EXTRA_ID =
      'nanoctl external-auth access-token slack --extra "authed_user.id"';

    /** Runs a script in a workspace, with the program on its PATH. */
    async function inWorkspace(script: string): Promise<Result> {
      using home = new Home();
      const { BINARY, Child } = await import("../support/nanoctl.ts");
      Deno.writeTextFileSync(
        home.at("nanoctl"),
        `#!/bin/sh\nexec ${shellQuote(BINARY)} "$@"\n`,
        { mode: 0o755 },
      );
      return await new Child("/bin/sh", ["-c", script], {
        home,
        env: {
          ...clouds(),
          PATH: `${home.path}:/usr/bin:/bin`,
          CODER_AGENT_URL: coder.url,
          CODER_AGENT_TOKEN: agent.token,
        },
      }).end();
    }

    it("when someone must authenticate", async () => {
      const { code, stdout } = await inWorkspace(CLONE);
      assertEquals([code, stdout], [
        0,
        `Please authenticate with GitHub:\n${coder.url}/external-auth/github\n`,
      ]);
    });

    it("when someone has authenticated", async () => {
      const github = { id: "github", type: "github", displayName: "GitHub" };
      coder.setProvider({ ...github, link: { accessToken: "gho_1" } });
      try {
        assertEquals(await inWorkspace(CLONE), {
          code: 0,
          stdout: "Authenticated with GitHub\n",
          stderr: "",
        });
      } finally {
        coder.setProvider(github);
      }
    });

    it("for an extra property", async () => {
      assertEquals(await inWorkspace(EXTRA_ID), {
        code: 0,
        stdout: "U1234\n",
        stderr: "",
      });
    });

    it("which the page on workspaces has too", () => {
      const page = Deno.readTextFileSync(
        new URL("../../docs/workspaces.md", import.meta.url),
      );
      assert(page.includes(CLONE), "the script for git clone");
      assert(page.includes(EXTRA_ID), "the extra property");
    });
  });
});

/** Stands before a deployment, and rotates the agent's token just before the first request for a provider's. */
function rotating(
  coder: CoderService,
  agent: CoderAgent,
  file: string,
): { url: string } & AsyncDisposable {
  let isFirst = true;
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname, search } = new URL(request.url);
      if (isFirst && pathname.endsWith("/external-auth")) {
        isFirst = false;
        Deno.writeTextFileSync(file, `${coder.rotate(agent)}\n`);
      }
      const body = request.method === "GET" ? null : await request.text();
      return await fetch(`${coder.url}${pathname}${search}`, {
        method: request.method,
        headers: request.headers,
        body,
      });
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
