import { assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { HttpClient } from "../../src/http/client.ts";
import type { TokenProvider } from "../../src/http/token_provider.ts";
import { nanoservices } from "../../src/services/nanoservices.ts";
import {
  type Agent,
  agentOf,
  type AgentOptions,
  agentProvider,
} from "../../src/tokens/agent.ts";
import { AGENT_AUTHS } from "../../src/tokens/agent_auths.ts";
import {
  FakeContext,
  rejectionOf,
  TemporaryHome,
  thrownBy,
} from "../support/fake_context.ts";

type Variables = Record<string, string>;

function found(
  env: Variables,
  options: AgentOptions = {},
): Agent | undefined {
  return agentOf(new FakeContext({ env }), options);
}

function provider(env: Variables, options: AgentOptions = {}): TokenProvider {
  // No request is expected of it.
  const context = new FakeContext({ env });
  const agent = agentOf(context, options);
  if (!agent) throw new Error("there is no agent");
  const client = new HttpClient({
    context,
    baseUrl: "https://api.example",
    present: nanoservices.present,
    timeoutSeconds: 30,
  });
  return agentProvider(
    { context, service: nanoservices, client, log: () => {} },
    agent,
  );
}

async function tokenOf(supplier: TokenProvider): Promise<string> {
  return (await supplier.getToken()).secret.reveal();
}

describe("whether a command acts as an agent", () => {
  it("is no where nothing says so, whatever a person's variables are", () => {
    const env = {
      NANOSERVICES_URL: "https://api.example",
      NANOSERVICES_TOKEN: "nano_1",
      NANOSERVICES_TOKEN_FILE: "/token",
      CODER_URL: "https://coder.example",
      CODER_SESSION_TOKEN: "key-secret",
    };
    assertEquals(found(env), undefined);
  });

  const names = ["TOKEN", "TOKEN_FILE", "URL", "AUTH"];
  for (const prefix of ["NANOSERVICES_AGENT_", "CODER_AGENT_"]) {
    for (const name of names) {
      it(`is no where ${prefix}${name} is empty`, () => {
        assertEquals(found({ [`${prefix}${name}`]: "" }), undefined);
      });

      it(`is yes where ${prefix}${name} alone is set`, () => {
        const value = name === "AUTH" ? "token" : "something";
        assertFalse(found({ [`${prefix}${name}`]: value }) === undefined);
      });
    }
  }

  const options: AgentOptions[] = [
    { agentToken: "agent_1" },
    { agentTokenFile: "/token" },
    { agentUrl: "https://api.example" },
    { auth: "token" },
  ];
  for (const option of options) {
    it(`is yes with ${Object.keys(option)} alone`, () => {
      assertFalse(found({}, option) === undefined);
    });
  }
});

describe("the agent's URL", () => {
  const cases: [name: string, Variables, AgentOptions, string | undefined][] = [
    ["is none where none is given", {}, { auth: "token" }, undefined],
    [
      "is the option's before any variable's",
      {
        NANOSERVICES_AGENT_URL: "https://nano.example",
        CODER_AGENT_URL: "https://coder.example",
      },
      { agentUrl: "https://option.example" },
      "https://option.example",
    ],
    [
      "is NANOSERVICES_AGENT_URL's before CODER_AGENT_URL's",
      {
        CODER_AGENT_URL: "https://coder.example",
        NANOSERVICES_AGENT_URL: "https://nano.example",
      },
      {},
      "https://nano.example",
    ],
    [
      "is CODER_AGENT_URL's where the other is empty",
      {
        CODER_AGENT_URL: "https://coder.example",
        NANOSERVICES_AGENT_URL: "",
      },
      {},
      "https://coder.example",
    ],
  ];
  for (const [name, env, options, url] of cases) {
    it(name, () => assertEquals(found(env, options)?.url, url));
  }
});

describe("the service that an agent is of", () => {
  const cases: [
    name: string,
    Variables,
    AgentOptions,
    string | undefined,
  ][] = [
    [
      "is not told by options",
      {},
      {
        agentToken: "agent_1",
        agentUrl: "https://a.example",
        auth: "token",
      },
      undefined,
    ],
    [
      "is coder for CODER_AGENT_TOKEN",
      {
        CODER_AGENT_TOKEN: "agent_1",
      },
      {},
      "coder",
    ],
    [
      "is coder for CODER_AGENT_TOKEN_FILE",
      {
        CODER_AGENT_TOKEN_FILE: "/token",
      },
      {},
      "coder",
    ],
    [
      "is coder for CODER_AGENT_URL",
      {
        CODER_AGENT_URL: "https://coder.example",
      },
      {},
      "coder",
    ],
    [
      "is coder for CODER_AGENT_AUTH alone",
      {
        CODER_AGENT_AUTH: "aws-instance-identity",
      },
      {},
      "coder",
    ],
    [
      "is nanoservices for NANOSERVICES_AGENT_TOKEN",
      {
        NANOSERVICES_AGENT_TOKEN: "agent_1",
      },
      {},
      "nanoservices",
    ],
    [
      "is told by the URL's spelling before the token's",
      {
        CODER_AGENT_URL: "https://coder.example",
        NANOSERVICES_AGENT_TOKEN: "agent_1",
      },
      {},
      "coder",
    ],
    [
      "is told by the URL's spelling before the token's, the other way round",
      {
        NANOSERVICES_AGENT_URL: "https://nano.example",
        CODER_AGENT_TOKEN: "agent_1",
      },
      {},
      "nanoservices",
    ],
    [
      "is told by the token's spelling where the URL is an option",
      { CODER_AGENT_TOKEN: "agent_1" },
      { agentUrl: "https://a.example" },
      "coder",
    ],
    [
      "is told by the URL's spelling where the token is an option",
      { CODER_AGENT_URL: "https://coder.example" },
      { agentToken: "agent_1" },
      "coder",
    ],
    [
      "is not told by a variable whose token an option hides",
      { CODER_AGENT_TOKEN: "agent_1" },
      { agentToken: "agent_2" },
      undefined,
    ],
    [
      "is not told by a variable whose token file a token option hides",
      { CODER_AGENT_TOKEN_FILE: "/token" },
      { agentToken: "agent_2" },
      undefined,
    ],
    [
      "is told by the token before the way to authenticate",
      {
        NANOSERVICES_AGENT_TOKEN: "agent_1",
        CODER_AGENT_AUTH: "aws-instance-identity",
      },
      {},
      "nanoservices",
    ],
    [
      "is not told by an empty variable",
      { CODER_AGENT_URL: "", CODER_AGENT_TOKEN: "" },
      { auth: "token" },
      undefined,
    ],
    [
      "is that of the token file that counts, not of a token that it hides",
      {
        CODER_AGENT_TOKEN_FILE: "/token",
        CODER_AGENT_TOKEN: "agent_1",
      },
      {},
      "coder",
    ],
    [
      "is nanoservices where both spellings give a token, of whatever kind",
      {
        CODER_AGENT_TOKEN_FILE: "/token",
        NANOSERVICES_AGENT_TOKEN: "agent_1",
      },
      {},
      "nanoservices",
    ],
  ];
  for (const [name, env, options, service] of cases) {
    it(name, () => assertEquals(found(env, options)?.service, service));
  }
});

describe("the way an agent authenticates", () => {
  it("is by token unless said", () => {
    assertEquals(found({ CODER_AGENT_TOKEN: "agent_1" })?.auth, "token");
  });

  for (const auth of AGENT_AUTHS) {
    it(`is ${auth} where the option, or either variable, says so`, () => {
      for (
        const agent of [
          found({}, { auth }),
          found({ NANOSERVICES_AGENT_AUTH: auth }),
          found({ CODER_AGENT_AUTH: auth }),
        ]
      ) assertEquals(agent?.auth, auth);
    });
  }

  it("is the option's, then NANOSERVICES_AGENT_AUTH's", () => {
    const env = {
      CODER_AGENT_AUTH: "google-instance-identity",
      NANOSERVICES_AGENT_AUTH: "azure-instance-identity",
    };
    assertEquals(found(env)?.auth, "azure-instance-identity");
    const auth = "aws-instance-identity";
    assertEquals(found(env, { auth })?.auth, auth);
  });

  const wrong: [source: string, Variables, AgentOptions][] = [
    ["--auth", {}, { auth: "nano_secret" }],
    ["--auth", {}, { auth: "" }],
    ["--auth", {}, { auth: "AWS-instance-identity" }],
    ["CODER_AGENT_AUTH", { CODER_AGENT_AUTH: "nano_secret" }, {}],
    ["NANOSERVICES_AGENT_AUTH", { NANOSERVICES_AGENT_AUTH: "aws" }, {}],
  ];
  for (const [source, env, options] of wrong) {
    const shown = JSON.stringify({ ...env, ...options });
    it(`is a usage error for ${shown}, which it does not repeat`, () => {
      const error = thrownBy(() => found(env, options));
      assertEquals([error.code, error.message], [
        "usage",
        `what ${source} gives is no way for an agent to authenticate`,
      ]);
      assertEquals(error.hint, `the ways are: ${AGENT_AUTHS.join(", ")}`);
    });
  }
});

describe("two tokens for an agent", () => {
  it("are a usage error as options", () => {
    const error = thrownBy(() =>
      found({}, { agentToken: "agent_1", agentTokenFile: "/token" })
    );
    assertEquals([error.code, error.message], [
      "usage",
      "--agent-token and --agent-token-file are both given",
    ]);
  });
});

describe("the agent's token", () => {
  async function withFile(
    use: (path: string, home: TemporaryHome) => Promise<void>,
  ): Promise<void> {
    await using home = await TemporaryHome.make();
    await use(await home.write("token", "agent_file\n"), home);
  }

  /** The token that counts, with where it is from; `<file>` stands for a file that holds agent_file. */
  const cases: [
    name: string,
    Variables,
    AgentOptions,
    [token: string, origin: string, source: string],
  ][] = [
    ["is --agent-token's", {}, { agentToken: "agent_1" }, [
      "agent_1",
      "agent-token",
      "--agent-token",
    ]],
    ["is in --agent-token-file", {}, { agentTokenFile: "<file>" }, [
      "agent_file",
      "agent-token-file",
      "the file <file>",
    ]],
    [
      "is NANOSERVICES_AGENT_TOKEN's",
      { NANOSERVICES_AGENT_TOKEN: "agent_1" },
      {},
      ["agent_1", "agent-environment", "NANOSERVICES_AGENT_TOKEN"],
    ],
    ["is CODER_AGENT_TOKEN's", { CODER_AGENT_TOKEN: "agent_1" }, {}, [
      "agent_1",
      "agent-environment",
      "CODER_AGENT_TOKEN",
    ]],
    [
      "is in NANOSERVICES_AGENT_TOKEN_FILE",
      { NANOSERVICES_AGENT_TOKEN_FILE: "<file>" },
      {},
      ["agent_file", "agent-environment-file", "the file <file>"],
    ],
    ["is in CODER_AGENT_TOKEN_FILE", { CODER_AGENT_TOKEN_FILE: "<file>" }, {}, [
      "agent_file",
      "agent-environment-file",
      "the file <file>",
    ]],
    [
      "is --agent-token's before any variable's",
      {
        NANOSERVICES_AGENT_TOKEN: "agent_2",
        CODER_AGENT_TOKEN: "agent_3",
        NANOSERVICES_AGENT_TOKEN_FILE: "/no/such/file",
        CODER_AGENT_TOKEN_FILE: "/no/such/file",
      },
      { agentToken: "agent_1" },
      ["agent_1", "agent-token", "--agent-token"],
    ],
    [
      "is in --agent-token-file before any variable's",
      {
        NANOSERVICES_AGENT_TOKEN: "agent_2",
        CODER_AGENT_TOKEN: "agent_3",
        NANOSERVICES_AGENT_TOKEN_FILE: "/no/such/file",
      },
      { agentTokenFile: "<file>" },
      ["agent_file", "agent-token-file", "the file <file>"],
    ],
    [
      "is NANOSERVICES_AGENT_TOKEN's before CODER_AGENT_TOKEN's",
      {
        CODER_AGENT_TOKEN: "agent_2",
        NANOSERVICES_AGENT_TOKEN: "agent_1",
      },
      {},
      ["agent_1", "agent-environment", "NANOSERVICES_AGENT_TOKEN"],
    ],
    [
      "is CODER_AGENT_TOKEN's where the other is empty",
      {
        CODER_AGENT_TOKEN: "agent_2",
        NANOSERVICES_AGENT_TOKEN: "",
        NANOSERVICES_AGENT_TOKEN_FILE: "",
      },
      {},
      ["agent_2", "agent-environment", "CODER_AGENT_TOKEN"],
    ],
    [
      "is NANOSERVICES_AGENT_TOKEN's before that in CODER_AGENT_TOKEN_FILE",
      {
        CODER_AGENT_TOKEN_FILE: "/no/such/file",
        NANOSERVICES_AGENT_TOKEN: "agent_1",
      },
      {},
      ["agent_1", "agent-environment", "NANOSERVICES_AGENT_TOKEN"],
    ],
    [
      "is in the file before the variable of the same spelling, as a person's is",
      { CODER_AGENT_TOKEN_FILE: "<file>", CODER_AGENT_TOKEN: "agent_1" },
      {},
      ["agent_file", "agent-environment-file", "the file <file>"],
    ],
  ];
  for (const [name, env, options, expected] of cases) {
    it(name, async () => {
      await withFile(async (path) => {
        const put = <T extends object>(all: T): T =>
          JSON.parse(JSON.stringify(all).replaceAll("<file>", path));
        const made = provider(put(env), put(options));
        assertEquals(
          [await tokenOf(made), made.origin, made.source],
          expected.map((text) => text.replace("<file>", path)),
        );
      });
    });
  }

  for (const auth of AGENT_AUTHS) {
    const given: [how: string, Variables, AgentOptions][] = [
      ["--agent-token", {}, { agentToken: "agent_1" }],
      ["CODER_AGENT_TOKEN", { CODER_AGENT_TOKEN: "agent_1" }, {}],
      ["NANOSERVICES_AGENT_TOKEN", { NANOSERVICES_AGENT_TOKEN: "agent_1" }, {}],
    ];
    for (const [how, env, options] of given) {
      it(`from ${how} wins over the option --auth ${auth}, and over both variables`, async () => {
        for (
          const made of [
            provider(env, { ...options, auth }),
            provider({ ...env, NANOSERVICES_AGENT_AUTH: auth }, options),
            provider({ ...env, CODER_AGENT_AUTH: auth }, options),
          ]
        ) assertEquals(await tokenOf(made), "agent_1");
      });
    }

    for (
      const variable of [
        undefined,
        "CODER_AGENT_TOKEN_FILE",
        "NANOSERVICES_AGENT_TOKEN_FILE",
      ]
    ) {
      it(`in a file from ${variable ?? "--agent-token-file"} wins over --auth ${auth}`, async () => {
        await withFile(async (path) => {
          const made = variable
            ? provider({ [variable]: path }, { auth })
            : provider({ CODER_AGENT_AUTH: auth }, { agentTokenFile: path });
          assertEquals(await tokenOf(made), "agent_file");
        });
      });
    }
  }

  it("that is empty does not fall back to an exchange or a variable", () => {
    const error = thrownBy(() =>
      provider({ CODER_AGENT_TOKEN: "agent_1" }, {
        agentToken: "",
        auth: "aws-instance-identity",
      })
    );
    assertEquals([error.code, error.message], [
      "not_logged_in",
      "--agent-token holds no token: it is empty",
    ]);
  });

  it("that can't be a token is refused with its source, and not repeated", () => {
    const error = thrownBy(() =>
      provider({ CODER_AGENT_TOKEN: "agent_1\r\nx-admin: yes" })
    );
    assertEquals([error.code, error.message], [
      "token_invalid",
      "CODER_AGENT_TOKEN does not hold a token: it has more than one line; it was not sent",
    ]);
  });

  it("is exit 3 where there is none, and says how to give one", () => {
    const error = thrownBy(() =>
      provider({}, { agentUrl: "https://a.example" })
    );
    assertEquals([error.code, error.exitCode, error.message, error.hint], [
      "not_logged_in",
      3,
      "there is no token for the agent",
      "give --agent-token-file, or set NANOSERVICES_AGENT_TOKEN or NANOSERVICES_AGENT_TOKEN_FILE",
    ]);
  });
});

describe("the agent's token file", () => {
  it("that is missing is exit 3 with its path, whatever --auth says", async () => {
    const made = provider({ CODER_AGENT_AUTH: "aws-instance-identity" }, {
      agentTokenFile: "/no/such/file",
    });
    const error = await rejectionOf(made.getToken());
    assertEquals([error.code, error.exitCode, error.message], [
      "not_logged_in",
      3,
      "the token file /no/such/file can't be read: there is no such file",
    ]);
  });

  for (const content of ["", "\n", " \r\n"]) {
    it(`with ${JSON.stringify(content)} in it is exit 3`, async () => {
      await using home = await TemporaryHome.make();
      const path = await home.write("token", content);
      const made = provider({ CODER_AGENT_TOKEN_FILE: path });
      const error = await rejectionOf(made.getToken());
      assertEquals([error.code, error.message], [
        "not_logged_in",
        `the file ${path} holds no token: it is empty`,
      ]);
    });
  }

  it("may end its line as Windows does, without a word about it", async () => {
    await using home = await TemporaryHome.make();
    const path = await home.write("token", "agent_1\r\n");
    const token = await provider({}, { agentTokenFile: path }).getToken();
    assertEquals([token.secret.reveal(), token.note], ["agent_1", undefined]);
  });

  it("is read again each time, and renewed once it was rotated", async () => {
    await using home = await TemporaryHome.make();
    const path = await home.write("token", "agent_1");
    const made = provider({ CODER_AGENT_TOKEN_FILE: path });
    const first = await made.getToken();
    assertEquals(await made.renew?.(first), false);
    await home.write("token", "agent_2");
    assertEquals(await tokenOf(made), "agent_2");
    assertEquals(await made.renew?.(first), true);
  });
});

describe("an agent without a token", () => {
  for (const auth of AGENT_AUTHS.filter((auth) => auth !== "token")) {
    it(`gets one by ${auth}, and asks for nothing before it is needed`, () => {
      const made = provider({}, { auth });
      assertEquals([made.origin, made.source], [
        auth,
        `${auth} of this machine`,
      ]);
    });
  }
});
