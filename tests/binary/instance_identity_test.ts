import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { openAgentOrPersonSession } from "../../src/cli/session/agent_session.ts";
import { Output } from "../../src/cli/output.ts";
import {
  ACCESS_TOKEN,
  AgentService,
  SESSION,
} from "../support/agent_service.ts";
import { FakeContext } from "../support/fake_context.ts";
import { HostileServer } from "../support/hostile_server.ts";
import {
  type AskedMetadata,
  AWS_DOCUMENT,
  AWS_SIGNATURE,
  AZURE_SIGNATURE,
  type Cloud,
  CLOUDS,
  googleToken,
  METADATA_VARIABLES,
  type Misbehaviour,
  startMetadata,
} from "../support/metadata_services.ts";
import {
  assertFails,
  assertFailure,
  Home,
  NO_METADATA,
  run,
  start,
} from "../support/nanoctl.ts";
import { timesSent } from "../support/runtime.ts";
import { StrangeServer } from "../support/servers.ts";
import { NameProxy } from "../support/proxies.ts";

/** What each cloud's instance proves itself with, on the wire. */
const PROOFS: Record<Cloud, Record<string, string>> = {
  aws: { signature: AWS_SIGNATURE, document: AWS_DOCUMENT },
  azure: { signature: AZURE_SIGNATURE, encoding: "pkcs7" },
  google: { json_web_token: googleToken("nanoservices") },
};
const IDENTITY_PATH = "/latest/dynamic/instance-identity";
/** What each metadata service is asked; AWS for its two parts at once. */
const PATHS: Record<Cloud, string[]> = {
  aws: [
    `GET ${IDENTITY_PATH}/document`,
    `GET ${IDENTITY_PATH}/signature`,
    "PUT /latest/api/token",
  ],
  azure: ["GET /metadata/attested/document"],
  google: [
    "GET /computeMetadata/v1/instance/service-accounts/default/identity",
  ],
};
const NAMES: Record<Cloud, string> = {
  aws: "AWS",
  azure: "Azure",
  google: "Google",
};
/** The clouds as the hint names them. */
const PLACES: Record<Cloud, string> = {
  aws: "AWS",
  azure: "Azure",
  google: "Google Cloud",
};
/** A token that is in the environment and for nobody here. */
const PERSONS_TOKEN = "nano_of_the_person";
/** By when a metadata service that does not do its work must be given up, in milliseconds: 2 seconds, and what a start takes. */
const GIVEN_UP = 3000;

/** A name of the metadata service's own for a URL: Google's variable holds a host. */
function placeOf(cloud: Cloud, url: string): Record<string, string> {
  return {
    [METADATA_VARIABLES[cloud]]: cloud === "google"
      ? url.replace("http://", "")
      : url,
  };
}

/** The environment of an agent that has nothing but its instance. */
function agentEnv(cloud: Cloud, service: AgentService): Record<string, string> {
  return {
    NANOSERVICES_AGENT_URL: service.url,
    NANOSERVICES_AGENT_AUTH: `${cloud}-instance-identity`,
  };
}

/** Fails where a metadata service was shown what is not for it. */
function assertNoCredentials(asked: AskedMetadata[]): void {
  assert(asked.length > 0);
  for (const { target, headers, body } of asked) {
    const names = Object.keys(headers).filter((name) =>
      /^(proxy-)?authorization$|^cookie$|^coder-/.test(name)
    );
    assertEquals(names, []);
    const shown = JSON.stringify([target, headers, body]);
    assertFalse(shown.includes(SESSION), shown);
    assertFalse(shown.includes(PERSONS_TOKEN), shown);
  }
}

/** Fails where any of what an agent must keep to itself is in the text. */
function assertNoSecret(text: string, cloud: Cloud): void {
  for (
    const secret of [
      SESSION,
      "AQAAA",
      ...Object.values(PROOFS[cloud]).map((proof) => proof.slice(0, 40)),
    ]
  ) {
    if (secret === "pkcs7") continue;
    assertFalse(text.includes(secret), `${secret} in ${text}`);
  }
}

describe("one of several agents on an instance", () => {
  const access = ["external-auth", "access-token", "github"];

  for (const cloud of CLOUDS) {
    it(`on ${cloud} is named in the exchange, and not where the name is blank`, async () => {
      await using metadata = startMetadata(cloud);
      await using service = new AgentService();
      const ways: [args: string[], env: Record<string, string>][] = [
        [["--agent-name", "beta"], {}],
        [[], { CODER_AGENT_NAME: " beta " }],
        [[], { NANOSERVICES_AGENT_NAME: "beta", CODER_AGENT_NAME: "x" }],
        [[], { CODER_AGENT_NAME: " " }],
        [[], {}],
      ];
      for (const [args, name] of ways) {
        const env = { ...metadata.env, ...agentEnv(cloud, service), ...name };
        const result = await run([...args, ...access], { env });
        assertEquals(result.code, 0, result.stderr);
      }
      const named = { ...PROOFS[cloud], agent_name: "beta" };
      assertEquals(service.proofs, [
        named,
        named,
        named,
        PROOFS[cloud],
        PROOFS[cloud],
      ]);
    });
  }

  const conflicts: [wire: string, body: unknown][] = [
    ["nanoservices", { code: "agent_ambiguous", agents: ["alpha", "beta"] }],
    ["coder", {
      message:
        'Multiple agents found with instance ID "i-1". Set CODER_AGENT_NAME to one of: alpha, beta',
    }],
  ];
  for (const [wire, body] of conflicts) {
    it(`has to be named where ${wire} answers that there are several`, async () => {
      await using metadata = startMetadata("aws");
      await using service = new StrangeServer(() =>
        Response.json(body as Record<string, unknown>, { status: 409 })
      );
      const env = {
        ...metadata.env,
        NANOSERVICES_AGENT_URL: service.url,
        NANOSERVICES_AGENT_AUTH: "aws-instance-identity",
        NANOCTL_SERVICE: wire,
      };
      await assertFails([...access, "--service", wire], { env }, {
        exit: 2,
        code: "usage",
        message: /has several agents on this instance: alpha, beta$/,
        hint: /--agent-name, NANOSERVICES_AGENT_NAME or CODER_AGENT_NAME$/,
      });
    });
  }
});

describe("an agent that has nothing but its instance", () => {
  const commands: [args: string[], stdout: string][] = [
    [["external-auth", "access-token", "github"], `${ACCESS_TOKEN}\n`],
    [
      ["external-auth", "list", "--json"],
      '{"providers":[{"id":"github","name":"GitHub","authenticated":true}]}\n',
    ],
    [["api", "/v1/me"], '{"reached":"/v1/me"}'],
  ];
  for (const cloud of CLOUDS) {
    for (const [args, stdout] of commands) {
      it(`on ${cloud} runs ${args.join(" ")}: the metadata service gets no token, and no file is left`, async () => {
        using home = new Home();
        await using metadata = startMetadata(cloud);
        await using service = new AgentService();
        const env = {
          ...metadata.env,
          ...agentEnv(cloud, service),
          NANOSERVICES_TOKEN: PERSONS_TOKEN,
          CODER_SESSION_TOKEN: PERSONS_TOKEN,
        };
        const result = await run([...args, "--verbose"], { home, env });
        assertEquals([result.code, result.stdout], [0, stdout], result.stderr);
        assertEquals(metadata.paths.toSorted(), PATHS[cloud]);
        assertNoCredentials(metadata.asked);
        assertEquals(service.proofs, [PROOFS[cloud]]);
        assertEquals(
          service.asked.map(({ method, authorization }) => [
            method,
            authorization,
          ]),
          [["POST", null], ["GET", `Bearer ${SESSION}1`]],
        );
        assertEquals(home.entries(), []);
        assertNoSecret(result.stderr, cloud);
        assertNoSecret(result.stdout, cloud);
        assertMatch(
          result.stderr,
          new RegExp(`token: ${cloud}-instance-identity of this machine$`, "m"),
        );
      });
    }

    it(`on ${cloud} may be told so by options, against its variables`, async () => {
      await using metadata = startMetadata(cloud);
      await using service = new AgentService();
      const { code, stdout, stderr } = await run([
        "external-auth",
        "access-token",
        "github",
        `--agent-url=${service.url}`,
        "--auth",
        `${cloud}-instance-identity`,
      ], {
        env: {
          ...metadata.env,
          NANOSERVICES_AGENT_URL: "http://127.0.0.1:1",
          CODER_AGENT_AUTH: "token",
        },
      });
      assertEquals([code, stdout], [0, `${ACCESS_TOKEN}\n`], stderr);
    });

    it(`on ${cloud} exchanges nothing where it was handed a token`, async () => {
      await using metadata = startMetadata(cloud);
      await using service = new AgentService();
      service.tokens.add("agent_1");
      const env = { ...metadata.env, ...agentEnv(cloud, service) };
      const { code, stderr } = await run(
        ["api", "/v1/me", "--auth", `${cloud}-instance-identity`],
        { env: { ...env, CODER_AGENT_TOKEN: "agent_1" } },
      );
      assertEquals(
        [code, metadata.asked, service.exchanges],
        [0, [], 0],
        stderr,
      );
    });

    it(`on ${cloud} is refused with exit 4 where the service knows no such agent`, async () => {
      await using metadata = startMetadata(cloud);
      await using service = new AgentService();
      service.refusal = () =>
        Response.json(
          { code: "not_found", detail: "No such agent.\u001b[2J" },
          {
            status: 404,
          },
        );
      const result = await run(["api", "/v1/me"], {
        env: { ...metadata.env, ...agentEnv(cloud, service) },
      });
      assertFailure(result, {
        exit: 4,
        code: "token_invalid",
        message: new RegExp(
          `^${service.url} did not accept the ${cloud} identity of this instance: No such agent\\.`,
        ),
        hint: /^check that the service has an agent for this instance$/,
      });
      assertEquals([service.exchanges, service.asked.length], [1, 1]);
    });
  }
});

describe("a request to a metadata service", () => {
  let proxy: NameProxy;
  let service: AgentService;
  beforeAll(() => {
    service = new AgentService();
    proxy = new NameProxy(service.url);
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await service[Symbol.asyncDispose]();
  });

  /** This machine by an address that no exception for loopback covers. */
  const HERE = "http://0.0.0.0";

  const spellings = [
    ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"],
    ["http_proxy", "https_proxy", "all_proxy"],
  ];
  for (const names of spellings) {
    const env = (): Record<string, string> =>
      Object.fromEntries(names.map((name) => [name, proxy.url()]));

    it(`would go through ${names.join(", ")} if it were any other`, async () => {
      const before = proxy.lines.length;
      const port = new URL(service.url).port;
      service.tokens.add("agent_1");
      const { code, stderr } = await run([
        "api",
        "/v1/me",
        "--insecure-http",
        "--agent-token=agent_1",
        `--agent-url=${HERE}:${port}`,
      ], { env: env() });
      assertEquals(code, 0, stderr);
      assertEquals(proxy.lines.slice(before), [
        `GET ${HERE}:${port}/v1/me HTTP/1.1`,
      ]);
    });

    for (const cloud of CLOUDS) {
      it(`of ${cloud} never goes through ${names.join(", ")}`, async () => {
        await using metadata = startMetadata(cloud);
        const before = proxy.lines.length;
        const { code, stderr } = await run(["api", "/v1/me"], {
          env: {
            ...env(),
            ...placeOf(cloud, `${HERE}:${new URL(metadata.url).port}`),
            ...agentEnv(cloud, service),
          },
        });
        assertEquals(code, 0, stderr);
        assertEquals(metadata.paths.toSorted(), PATHS[cloud]);
        assertEquals(proxy.lines.slice(before), []);
      });
    }
  }
});

/** How a command ends whose metadata service is no good. */
interface GivenUp {
  exit: 5 | 6;
  code: string;
  /** What follows on the name of the metadata service. */
  said: RegExp;
  /** The command; `api` unless said. */
  args?: string[];
}

/** Runs a command of an agent whose metadata service is no good: at once, once, no word to the service, no file. */
async function assertGivenUp(
  cloud: Cloud,
  env: Record<string, string>,
  expected: GivenUp,
): Promise<void> {
  using home = new Home();
  await using service = new AgentService();
  const started = performance.now();
  await assertFails(
    // A time limit that nothing here may wait for.
    expected.args ?? ["api", "--timeout", "25", "/v1/me"],
    { home, env: { ...env, ...agentEnv(cloud, service) } },
    {
      exit: expected.exit,
      code: expected.code,
      message: new RegExp(
        `^the ${NAMES[cloud]} metadata service ${expected.said.source}`,
      ),
      hint: new RegExp(
        `^this works on ${PLACES[cloud]} instances only; ${
          METADATA_VARIABLES[cloud]
        } names another place for the metadata service$`,
      ),
      secret: SESSION,
    },
  );
  const took = performance.now() - started;
  assert(took < GIVEN_UP, `it took ${took} ms`);
  assertEquals(service.asked, []);
  assertEquals(home.entries(), []);
}

const TIMED_OUT = /can't be used: .* did not answer within 2 s$/;
const REDIRECTED =
  /can't be used: .* redirects elsewhere, which is not followed/;

const SENT = await timesSent();

describe("a metadata service that does not do its work is given up at once:", () => {
  const failures: [
    what: Misbehaviour,
    exit: 5 | 6,
    code: string,
    said: RegExp,
  ][] = [
    ["stall", 5, "network_timeout", TIMED_OUT],
    ["stall-body", 5, "network_timeout", TIMED_OUT],
    ["redirect", 6, "redirect_refused", REDIRECTED],
    [
      "html",
      6,
      "service_response",
      /at \S+ answered with a web page, perhaps a sign-in page or a captive portal$/,
    ],
    ["empty", 6, "service_response", /at \S+ answered with nothing$/],
    ["large", 6, "service_response", /can't be used: .* more than 64 KiB$/],
    ["nonsense", 6, "service_response", /at \S+ answered with some.+ is no /],
    [401, 6, "service_response", /at \S+ answered \/\S+ with status 401$/],
    [403, 6, "service_response", /at \S+ answered \/\S+ with status 403$/],
    [404, 6, "service_response", /at \S+ answered \/\S+ with status 404$/],
    [429, 6, "service_response", /at \S+ answered \/\S+ with status 429$/],
    [500, 6, "service_response", /at \S+ answered \/\S+ with status 500$/],
    [503, 6, "service_response", /at \S+ answered \/\S+ with status 503$/],
  ];
  for (const cloud of CLOUDS) {
    for (const [misbehaves, exit, code, said] of failures) {
      it(`${cloud}, ${misbehaves}`, async () => {
        await using metadata = startMetadata(cloud, { misbehaves });
        await assertGivenUp(cloud, metadata.env, { exit, code, said });
        // As text and with --json: once each, without another try.
        assertEquals(metadata.asked.length, 2, metadata.paths.join());
      });
    }

    it(`${cloud}, redirect to another server, which hears nothing`, async () => {
      await using other = startMetadata(cloud);
      await using metadata = startMetadata(cloud, {
        misbehaves: "redirect",
        redirectTo: other.url,
      });
      await assertGivenUp(cloud, metadata.env, {
        exit: 6,
        code: "redirect_refused",
        said: REDIRECTED,
      });
      assertEquals(other.asked, []);
    });

    it(`${cloud}, refuses the connection`, async () => {
      await assertGivenUp(cloud, {}, {
        exit: 5,
        code: "network_refused",
        said: /can't be used: .*refused/,
        args: ["external-auth", "access-token", "github"],
      });
    });

    const broken: [what: string, bytes: string, exit: 5 | 6, code: string][] = [
      ["hangs up", "", 5, "network"],
      [
        "closes half way",
        "HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\neyJh",
        5,
        "network",
      ],
      ["closes within its head", "HTTP/1.1 200 OK\r\nconte", 5, "network"],
      ["does not speak HTTP", "SSH-2.0-OpenSSH_9.2\r\n", 6, "service_response"],
    ];
    for (const [what, bytes, exit, code] of broken) {
      it(`${cloud}, ${what}`, async () => {
        await using server = new HostileServer(bytes);
        await assertGivenUp(cloud, placeOf(cloud, server.url), {
          exit,
          code,
          said: /can't be used: /,
        });
        const isCut = /hangs up|head/.test(what);
        assertEquals(server.connections, isCut ? 2 * SENT : 2);
      });
    }
  }

  for (const part of ["document", "signature"]) {
    for (const [misbehaves, exit, code, said] of failures) {
      // What is signed is for the service to judge.
      if (misbehaves === "nonsense") continue;
      it(`aws, ${misbehaves} for the ${part} alone`, async () => {
        await using metadata = startMetadata("aws", {
          misbehaves,
          only: `/${part}`,
        });
        await assertGivenUp("aws", metadata.env, { exit, code, said });
        // Each twice at most: the token and both parts are asked for once.
        assert(metadata.asked.length <= 6, metadata.paths.join());
      });
    }
  }

  it("aws, a token that would be two headers", async () => {
    await using server = new HostileServer(
      "HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\nimds\r\nx-y: yes",
    );
    await assertGivenUp("aws", placeOf("aws", server.url), {
      exit: 6,
      code: "service_response",
      said: /at \S+ answered with something that is no metadata token$/,
    });
    assertEquals(server.connections, 2);
    assertFalse(/x-y/i.test(server.received));
  });

  for (const cloud of CLOUDS) {
    it(`${cloud}, named by something that is no URL: exit 2`, async () => {
      await using service = new AgentService();
      await assertFails(["api", "/v1/me"], {
        env: {
          ...agentEnv(cloud, service),
          [METADATA_VARIABLES[cloud]]: "http://ada:s3cret@127.0.0.1",
        },
      }, {
        exit: 2,
        code: "usage",
        message: /does not hold the URL of a metadata service$/,
        hint: /, or unset it$/,
        secret: "s3cret",
      });
      assertEquals(service.asked, []);
    });
  }
});

describe("two hundred requests at once in one process", () => {
  for (const cloud of CLOUDS) {
    it(`cost one exchange on ${cloud}, and one more when the session ended`, async () => {
      await using metadata = startMetadata(cloud);
      await using service = new AgentService();
      const context = new FakeContext({
        network: true,
        env: { ...metadata.env, ...agentEnv(cloud, service) },
      });
      const session = await openAgentOrPersonSession(
        context,
        {},
        new Output(context),
      );
      const all = async (): Promise<void> => {
        const tokens = await Promise.all(
          Array.from(
            { length: 200 },
            () =>
              session.service.externalAuth(session.client, { id: "github" }),
          ),
        );
        assertEquals(
          new Set(tokens.map(({ token }) => token?.accessToken.reveal())),
          new Set([ACCESS_TOKEN]),
        );
      };
      await all();
      assertEquals(service.exchanges, 1);
      assertEquals(metadata.paths.toSorted(), PATHS[cloud]);
      await all();
      assertEquals(service.exchanges, 1);
      service.forget();
      await all();
      assertEquals(service.exchanges, 2);
      // Not even the session that it had by then.
      assertNoCredentials(metadata.asked);
    });
  }
});

describe("a token of an agent", () => {
  it("is in no argument of a process while it is used, and in no child's", async () => {
    using home = new Home();
    await using metadata = startMetadata("google");
    await using service = new AgentService();
    const reached = Promise.withResolvers<void>();
    const open = Promise.withResolvers<void>();
    service.gate = () => {
      reached.resolve();
      return open.promise;
    };
    const child = start(["external-auth", "access-token", "github"], {
      home,
      env: { ...metadata.env, ...agentEnv("google", service) },
    });
    await reached.promise;
    const of = (name: string): string =>
      Deno.readTextFileSync(`/proc/${child.pid}/${name}`);
    assertNoSecret(of("cmdline"), "google");
    assertNoSecret(of("environ"), "google");
    const children = [...Deno.readDirSync(`/proc/${child.pid}/task`)].map(
      ({ name }) => of(`task/${name}/children`),
    );
    assertEquals(children.join(""), "");
    open.resolve();
    assertEquals((await child.end()).code, 0);
    assertEquals(home.entries(), []);
  });

  for (const ending of ["", "\n", "\r\n"]) {
    it(`is read again from its file after a 401, which ends with ${JSON.stringify(ending)}`, async () => {
      using home = new Home();
      await using service = new AgentService();
      const path = home.at("token");
      Deno.writeTextFileSync(path, `agent_1${ending}`);
      service.tokens.add("agent_2");
      service.onRefused = () => Deno.writeTextFile(path, `agent_2${ending}`);
      const { code, stdout, stderr } = await run(
        ["api", "/v1/me", "--verbose", "--agent-token-file", path],
        { home, env: { NANOSERVICES_AGENT_URL: service.url } },
      );
      assertEquals([code, stdout], [0, '{"reached":"/v1/me"}'], stderr);
      assertEquals(
        service.asked.map(({ authorization }) => authorization),
        ["Bearer agent_1", "Bearer agent_2"],
      );
      assertFalse(/agent_[12]/.test(stderr), stderr);
      assertEquals(home.entries(), ["token"]);
    });
  }

  it("is sent only twice where its file stays as it was: exit 4", async () => {
    using home = new Home();
    await using service = new AgentService();
    Deno.writeTextFileSync(home.at("token"), "agent_1");
    const result = await run(["api", "/v1/me"], {
      home,
      env: {
        CODER_AGENT_TOKEN_FILE: home.at("token"),
        NANOSERVICES_AGENT_URL: service.url,
      },
    });
    assertEquals([result.code, service.asked.length], [4, 1]);
    assertFalse(result.stderr.includes("agent_1"));
  });

  it("is what the file holds at each request of one process", async () => {
    using home = new Home();
    await using service = new AgentService();
    const path = home.at("token");
    const context = new FakeContext({
      network: true,
      env: {
        NANOSERVICES_AGENT_URL: service.url,
        NANOSERVICES_AGENT_TOKEN_FILE: path,
      },
    });
    const { client } = await openAgentOrPersonSession(
      context,
      {},
      new Output(context),
    );
    for (const token of ["agent_1", "agent_2"]) {
      service.tokens.add(token);
      Deno.writeTextFileSync(path, token);
      await client.send({ path: "/v1/me" });
    }
    assertEquals(
      service.asked.map(({ authorization }) => authorization),
      ["Bearer agent_1", "Bearer agent_2"],
    );
  });
});

describe("the options of an agent", () => {
  const others: string[][] = [
    ["login"],
    ["logout"],
    ["whoami"],
    ["status"],
    ["token"],
    ["use", "work"],
    ["exec", "--", "true"],
    ["store", "info"],
    ["dev-server", "--port", "0"],
  ];
  const options: string[][] = [
    ["--agent-token", "s3cret"],
    ["--agent-token=s3cret"],
    ["--agent-token-file", "s3cret"],
    ["--agent-url", "https://s3cret.example"],
    ["--auth", "s3cret"],
  ];
  for (const [command = "", ...rest] of others) {
    it(`are wrong usage of ${command}, and not repeated`, async () => {
      using home = new Home();
      await Promise.all(options.map(async (option) => {
        const result = await run([command, ...option, ...rest], { home });
        const shown = `${command} ${option}: ${result.stderr}`;
        assertEquals([result.code, result.stdout], [2, ""], shown);
        assertFalse(result.stderr.includes("s3cret"), shown);
      }));
      assertEquals(home.entries(), []);
    });
  }

  it("lead nowhere real by themselves in a test", () => {
    assertEquals(
      Object.keys(NO_METADATA).sort(),
      Object.values(METADATA_VARIABLES).sort(),
    );
    for (const place of Object.values(NO_METADATA)) {
      assertMatch(place, /^(http:\/\/)?127\.0\.0\.1:2$/);
    }
  });
});
