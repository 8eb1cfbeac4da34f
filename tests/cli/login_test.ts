import { assert, assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type LoginOptions, runLogin } from "../../src/cli/commands/login.ts";
import { NanoctlError } from "../../src/errors.ts";
import { Secret } from "../../src/secret.ts";
import { CredentialStore } from "../../src/store/credential_store.ts";
import {
  type Answer,
  FakeContext,
  type FakeContextOptions,
  knowing,
  me,
  networkFailure,
  presented,
  problem,
  rejectionOf,
  status,
  TemporaryHome,
} from "../support/fake_context.ts";

const URL = "https://api.example";
const ENDS = "2026-02-14T12:00:00Z";

/** A service that knows one good token, and one of each bad kind. */
const SERVICE = knowing({
  nano_good: me({ expires_at: ENDS }),
  nano_other: me({}, "grace"),
  nano_expired: problem(401, "token_expired"),
  nano_revoked: problem(401, "token_revoked"),
  nano_scope: problem(403, "insufficient_scope", { detail: "account:read" }),
  nano_broken: problem(500, "internal"),
});

let home: TemporaryHome;

/** A test with a home of its own. */
function atHome(name: string, test: () => Promise<void>): void {
  it(name, async () => {
    await using own = await TemporaryHome.make();
    home = own;
    await test();
  });
}

interface Run extends FakeContextOptions {
  options?: LoginOptions;
}

function contextOf({ env, ...rest }: FakeContextOptions): FakeContext {
  return new FakeContext({
    answer: SERVICE,
    ...rest,
    env: { ...home.env, NANOSERVICES_URL: URL, ...env },
  });
}

async function login({ options = {}, ...rest }: Run): Promise<FakeContext> {
  const context = contextOf(rest);
  await runLogin(context, options);
  return context;
}

async function failedLogin(
  { options = {}, ...rest }: Run,
): Promise<{ context: FakeContext; error: NanoctlError }> {
  const context = contextOf(rest);
  return { context, error: await rejectionOf(runLogin(context, options)) };
}

/** The token that is stored for a profile, if there is one. */
async function storedToken(profile = "default"): Promise<string | undefined> {
  const store = new CredentialStore(new FakeContext({ env: home.env }));
  return (await (await store.read()).openToken(profile))?.reveal();
}

/** The sources of a token other than the prompt: how it is given, and how it is named. */
async function sources(token: string): Promise<
  [name: string, run: Run, origin: string][]
> {
  const path = await home.write("token", `${token}\n`);
  return [
    [
      "NANOSERVICES_TOKEN",
      { env: { NANOSERVICES_TOKEN: token } },
      "environment",
    ],
    [
      `the file ${path}`,
      { env: { NANOSERVICES_TOKEN_FILE: path } },
      "environment-file",
    ],
    ["--token", { options: { token } }, "flag"],
    [`the file ${path}`, { options: { tokenFile: path } }, "token-file"],
    [
      "standard input",
      { stdin: `${token}\n`, options: { tokenStdin: true } },
      "stdin",
    ],
  ];
}

describe("login with a token from the environment", () => {
  for (const index of [0, 1]) {
    atHome(
      `is silent and keeps nothing (${["variable", "file"][index]})`,
      async () => {
        const [, run] = (await sources("nano_good"))[index] ?? [];
        const context = await login(run ?? {});
        assertEquals([context.stdout.text, context.stderr.text], ["", ""]);
        assertEquals(context.requests.map(presented), ["nano_good"]);
        assertEquals(await home.credentialFile(), undefined);
      },
    );
  }

  atHome("does not ask anything, not even on a terminal", async () => {
    const context = await login({
      env: { NANOSERVICES_TOKEN: "nano_good" },
      terminals: true,
    });
    assertEquals(context.questions, []);
    assertEquals(context.stderr.text, "");
  });

  atHome("needs no place to store anything", async () => {
    const context = new FakeContext({
      env: { NANOSERVICES_TOKEN: "nano_good", NANOSERVICES_URL: URL },
      answer: SERVICE,
    });
    await runLogin(context, {});
    assertEquals(context.requests.length, 1);
  });
});

describe("login with a token from an option", () => {
  for (const index of [2, 3, 4]) {
    atHome(
      `says who you are and keeps nothing (${
        ["--token", "--token-file", "--token-stdin"][index - 2]
      })`,
      async () => {
        const [name, run] = (await sources("nano_good"))[index] ?? [];
        const context = await login(run ?? {});
        assertEquals(context.stdout.text, "");
        assertEquals(context.stderr.lines, [
          `The token from ${name} is valid: you are ada at ${URL}. It expires on 2026-02-14 (in 30 days).`,
          "Nothing was stored; add --save to keep it, encrypted.",
        ]);
        assertEquals(await home.credentialFile(), undefined);
      },
    );
  }

  atHome("says nothing with --quiet", async () => {
    const context = await login({
      options: { token: "nano_good", quiet: true },
    });
    assertEquals([context.stdout.text, context.stderr.text], ["", ""]);
  });

  atHome("goes before the environment, standard input too", async () => {
    const env = { NANOSERVICES_TOKEN: "nano_other" };
    for (const [, run, origin] of (await sources("nano_good")).slice(2)) {
      const context = await login({ ...run, env });
      assertEquals(context.requests.map(presented), ["nano_good"], origin);
    }
  });

  for (const other of [{ token: "nano_good" }, { tokenFile: "/a/file" }]) {
    atHome(
      `is wrong usage with --token-stdin and ${Object.keys(other)[0]} together`,
      async () => {
        const { context, error } = await failedLogin({
          options: { tokenStdin: true, ...other },
        });
        assertEquals([error.code, error.exitCode], ["usage", 2]);
        assertEquals(context.requests, []);
      },
    );
  }

  atHome("is wrong usage with --token and --token-file together", async () => {
    const { error } = await failedLogin({
      options: { token: "a", tokenFile: "b" },
    });
    assertEquals(error.exitCode, 2);
  });

  for (const stdin of ["", "\n"]) {
    atHome(
      `is not logged in where standard input holds ${JSON.stringify(stdin)}`,
      async () => {
        const { context, error } = await failedLogin({
          stdin,
          options: { tokenStdin: true },
        });
        assertEquals([error.code, error.exitCode], ["not_logged_in", 3]);
        assertEquals(context.requests, []);
      },
    );
  }

  atHome("never sends what can't be a token", async () => {
    const { context, error } = await failedLogin({
      stdin: "Bearer nano_good",
      options: { tokenStdin: true },
    });
    assertEquals(error.code, "token_invalid");
    assertEquals(context.requests, []);
  });

  atHome("reads no more of standard input than a token can have", async () => {
    const { context, error } = await failedLogin({
      stdin: "x".repeat(1_000_000),
      options: { tokenStdin: true },
    });
    assertEquals(error.code, "token_invalid");
    assertEquals(context.inputLimits, [2 * 16 * 1024 + 4]);
  });
});

describe("login --save", () => {
  for (const index of [0, 1, 2, 3, 4]) {
    atHome(
      `stores the token from ${
        [
          "the variable",
          "the variable's file",
          "--token",
          "--token-file",
          "standard input",
        ][index]
      }`,
      async () => {
        const [, run] = (await sources("nano_good"))[index] ?? [];
        const context = await login({
          ...run,
          options: { ...run?.options, save: true },
        });
        assertEquals(await storedToken(), "nano_good");
        assertEquals(
          context.stderr.lines.at(-1),
          `Stored, encrypted, as profile default in ${home.env.NANOCTL_CONFIG_DIR}/credentials.json.`,
        );
      },
    );
  }

  atHome("stores nothing that the service refuses", async () => {
    await failedLogin({ options: { token: "nano_expired", save: true } });
    assertEquals(await home.credentialFile(), undefined);
  });

  atHome(
    "stores under the profile that is named, and makes it the active one",
    async () => {
      await login({ options: { token: "nano_good", save: true } });
      await login({
        options: { token: "nano_other", save: true, profile: "work" },
      });
      assertEquals(await storedToken("default"), "nano_good");
      assertEquals(await storedToken("work"), "nano_other");
      const store = new CredentialStore(new FakeContext({ env: home.env }));
      assertEquals((await store.read()).active, "work");
    },
  );

  atHome(
    "stores what the service said of the token, and never the token in plain",
    async () => {
      await login({ options: { token: "nano_good", save: true } });
      const text = await home.credentialFile() ?? "";
      assertFalse(text.includes("nano_good"));
      const { username, expiresAt, url, service } = (await new CredentialStore(
        new FakeContext({ env: home.env }),
      ).read()).find("default") ?? {};
      assertEquals([username, expiresAt, url, service], [
        "ada",
        new Date(ENDS),
        URL,
        "nanoservices",
      ]);
    },
  );
});

describe("login at a prompt", () => {
  atHome(
    "asks, encrypts, stores, and welcomes with user name and expiry date",
    async () => {
      const context = await login({ terminals: true, typed: ["nano_good"] });
      assertEquals(context.questions, ["Token"]);
      assertEquals(context.stdout.text, "");
      assertEquals(context.stderr.lines, [
        `Log in to ${URL}: make a token at ${URL}/settings/tokens and paste it here.`,
        `Welcome, ada. Your token for ${URL} expires on 2026-02-14 (in 30 days).`,
        `Stored, encrypted, as profile default in ${home.env.NANOCTL_CONFIG_DIR}/credentials.json.`,
      ]);
      assertEquals(await storedToken(), "nano_good");
    },
  );

  atHome("takes the line break off what was pasted", async () => {
    await login({ terminals: true, typed: [" nano_good\r\n"] });
    assertEquals(await storedToken(), "nano_good");
  });

  atHome("says so when the token does not expire", async () => {
    const context = await login({ terminals: true, typed: ["nano_other"] });
    assertEquals(
      context.stderr.lines[1],
      `Welcome, grace. Your token for ${URL} does not expire.`,
    );
  });

  atHome("asks a second time and says why the first was refused", async () => {
    const context = await login({
      terminals: true,
      typed: ["nano_expired", "nano_good"],
    });
    assertEquals(context.questions.length, 2);
    assertEquals(
      context.stderr.lines[1],
      `${URL} refused the token from the prompt: it has expired. Try again (2 left).`,
    );
    assertEquals(await storedToken(), "nano_good");
  });

  atHome("asks three times and no more, and gives the last error", async () => {
    const { context, error } = await failedLogin({
      terminals: true,
      typed: ["nano_expired", "nano_unknown", "nano_revoked", "nano_good"],
    });
    assertEquals(context.questions.length, 3);
    assertEquals([error.code, error.exitCode], ["token_revoked", 4]);
    assertEquals(error.hint, `make a new token at ${URL}/settings/tokens`);
    assertEquals(await home.credentialFile(), undefined);
  });

  atHome(
    "counts what is empty or can't be a token as a try, without sending it",
    async () => {
      const context = await login({
        terminals: true,
        typed: ["", "two words", "nano_good"],
      });
      assertEquals(context.requests.map(presented), [undefined, "nano_good"]);
      assertEquals(context.stderr.lines.slice(1, 3), [
        "the prompt holds no token: it is empty. Try again (2 left).",
        "the prompt does not hold a token: it has a space in it; it was not sent. Try again (1 left).",
      ]);
    },
  );

  atHome("asks again where a scope is missing", async () => {
    const context = await login({
      terminals: true,
      typed: ["nano_scope", "nano_good"],
    });
    assertEquals(context.questions.length, 2);
  });

  atHome("does not ask again where another token would not help", async () => {
    const down: [Answer, string][] = [
      [networkFailure("(Connect): dns error: nope"), "network_name"],
      [status(500), "service_error"],
      [() => new Response("<html>"), "service_response"],
    ];
    for (const [answer, code] of down) {
      const { context, error } = await failedLogin({
        terminals: true,
        typed: ["nano_good", "nano_good"],
        answer,
      });
      // What finds out which service it is, without a token, may fail before.
      assertEquals(error.code, code);
      assert(context.questions.length <= 1);
    }
  });

  atHome("ends at Ctrl-C without a word", async () => {
    const { context, error } = await failedLogin({
      terminals: true,
      typed: [new NanoctlError("interrupted", "interrupted")],
    });
    assertEquals(error.exitCode, 130);
    assertEquals(context.requests.map(presented), [undefined]);
  });

  for (
    const terminals of [false, ["stdin"], ["stderr"], ["stdout"]] as const
  ) {
    atHome(
      `is wrong usage where the terminals are ${terminals || "none"}`,
      async () => {
        const { context, error } = await failedLogin({
          terminals: terminals ? [...terminals] : false,
        });
        assertEquals([error.code, error.exitCode, error.message], [
          "usage",
          2,
          "no token was given, and there is no terminal to ask for one",
        ]);
        assert(error.hint?.includes("NANOSERVICES_TOKEN"));
        assertEquals(context.questions, []);
      },
    );
  }

  atHome("works with stdout in a pipe", async () => {
    const context = await login({
      terminals: ["stdin", "stderr"],
      typed: ["nano_good"],
    });
    assertEquals(context.questions.length, 1);
  });

  atHome("leaves a stored login as it is when the new one fails", async () => {
    await login({ terminals: true, typed: ["nano_good"] });
    const before = await home.credentialFile();
    await failedLogin({
      terminals: true,
      typed: ["nano_expired", "nano_expired", "nano_expired"],
    });
    assertEquals(await home.credentialFile(), before);
  });

  atHome("replaces the stored login", async () => {
    await login({ terminals: true, typed: ["nano_good"] });
    await login({ terminals: true, typed: ["nano_other"] });
    assertEquals(await storedToken(), "nano_other");
  });
});

describe("login --json", () => {
  atHome(
    "prints the account and whether it was stored, in stable snake_case keys",
    async () => {
      const context = await login({
        options: { token: "nano_good", json: true },
      });
      assertEquals(context.stdout.lines.length, 1);
      assertEquals(JSON.parse(context.stdout.text), {
        account: { username: "ada", email: "ada@example.com" },
        service: "nanoservices",
        url: URL,
        profile: "default",
        origin: "flag",
        expires_at: "2026-02-14T12:00:00.000Z",
        stored: false,
      });
      assertEquals(context.stderr.text, "");
    },
  );

  atHome("names the origin of each source", async () => {
    for (const [, run, origin] of await sources("nano_good")) {
      const context = await login({
        ...run,
        options: { ...run.options, json: true },
      });
      assertEquals(JSON.parse(context.stdout.text).origin, origin);
    }
  });

  atHome(
    "says that a token was stored, and null for one without an end",
    async () => {
      const context = await login({
        options: { token: "nano_other", json: true, save: true },
      });
      const { stored, expires_at } = JSON.parse(context.stdout.text);
      assertEquals([stored, expires_at], [true, null]);
    },
  );

  atHome("prints nothing but the account after a prompt", async () => {
    const context = await login({
      terminals: true,
      typed: ["nano_good"],
      options: { json: true },
    });
    assertEquals(JSON.parse(context.stdout.text).origin, "prompt");
  });
});

describe("a login that fails", () => {
  const refusals: [token: string, code: string, exitCode: number][] = [
    ["nano_unknown", "token_invalid", 4],
    ["nano_expired", "token_expired", 4],
    ["nano_revoked", "token_revoked", 4],
    ["nano_scope", "insufficient_scope", 4],
    ["nano_broken", "service_error", 6],
  ];
  for (const [token, code, exitCode] of refusals) {
    atHome(
      `tells ${code} apart, exit ${exitCode}, and never shows the token`,
      async () => {
        for (const [, run] of await sources(token)) {
          const { context, error } = await failedLogin(run);
          assertEquals([error.code, error.exitCode], [code, exitCode]);
          assertEquals(context.stdout.text, "");
          assertFalse(`${error.message}${error.hint}`.includes(token));
        }
      },
    );
  }

  atHome(
    "says which variable to unset, and what to do then",
    async () => {
      const { error } = await failedLogin({
        env: { NANOSERVICES_TOKEN: "nano_expired" },
      });
      assertEquals(
        error.hint,
        `unset NANOSERVICES_TOKEN and log in with 'nanoctl login', or give it a token made at ${URL}/settings/tokens`,
      );
    },
  );

  atHome("says which variable to unset where it names a file", async () => {
    const path = await home.write("token", "nano_expired");
    const { error } = await failedLogin({
      env: { NANOSERVICES_TOKEN_FILE: path },
    });
    assert(error.hint?.startsWith("unset NANOSERVICES_TOKEN_FILE and"));
  });

  atHome(
    "keeps what the service said out of the terminal's reach",
    async () => {
      const context = contextOf({
        answer: me({}, "ada\u001b[2J\u202e"),
      });
      await runLogin(context, { token: "nano_good" });
      // deno-lint-ignore no-control-regex
      assertFalse(/[\u001b\u202e]/.test(context.stderr.text));
    },
  );
});

describe("login with the options of every command", () => {
  atHome("goes to --url before NANOSERVICES_URL", async () => {
    const context = await login({
      options: { token: "nano_good", url: "https://other.example" },
    });
    assertEquals(context.requests[0]?.url, "https://other.example/v1/me");
  });

  atHome(
    "refuses plain http to another machine, unless --insecure-http",
    async () => {
      const options = { token: "nano_good", url: "http://other.example" };
      const { context, error } = await failedLogin({ options });
      assertEquals([error.code, context.requests.length], ["usage", 0]);
      const allowed = await login({
        options: { ...options, insecureHttp: true },
      });
      assertEquals(allowed.requests.length, 1);
    },
  );

  for (const timeout of [0, -1, 86_401, NaN, Infinity]) {
    atHome(`refuses --timeout ${timeout}`, async () => {
      const { context, error } = await failedLogin({
        options: { token: "nano_good", timeout },
      });
      assertEquals([error.code, context.requests.length], ["usage", 0]);
    });
  }

  atHome(
    "refuses a CA file that is not there, from the option or the variable",
    async () => {
      const path = "/no/such/ca.pem";
      const byOption = await failedLogin({
        options: { token: "nano_good", caFile: path },
      });
      const byVariable = await failedLogin({
        options: { token: "nano_good" },
        env: { NANOCTL_CA_FILE: path },
      });
      for (const { error } of [byOption, byVariable]) {
        assertEquals(error.code, "usage");
        assert(error.message.includes(path));
      }
    },
  );

  atHome("says each request with --verbose, and never the token", async () => {
    const context = await login({
      env: { NANOSERVICES_TOKEN: "nano_good" },
      options: { verbose: true },
    });
    assertEquals(context.stderr.lines, [
      `GET ${URL}/v1/me 200, 0 ms, try 1, token: NANOSERVICES_TOKEN`,
    ]);
  });

  atHome("keeps to the stored profile's URL at the next login", async () => {
    const store = new CredentialStore(new FakeContext({ env: home.env }));
    await store.save({
      profile: "default",
      service: "nanoservices",
      url: "https://stored.example",
      username: "ada",
      expiresAt: undefined,
      token: new Secret("nano_old"),
    });
    const context = new FakeContext({
      env: home.env,
      terminals: true,
      typed: ["nano_good"],
      answer: SERVICE,
    });
    await runLogin(context, {});
    assertEquals(context.requests[0]?.url, "https://stored.example/v1/me");
  });
});
