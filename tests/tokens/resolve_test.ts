import { assert, assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import type { TokenProvider } from "../../src/http/token_provider.ts";
import { Secret } from "../../src/secret.ts";
import { CredentialStore } from "../../src/store/credential_store.ts";
import {
  givenProvider,
  resolveProvider,
  type Target,
  type TokenOptions,
} from "../../src/tokens/resolve.ts";
import {
  FakeContext,
  TemporaryHome,
  thrownBy,
} from "../support/fake_context.ts";

const TARGET: Target = {
  profile: "default",
  service: "nanoservices",
  url: "https://api.example",
};

type SourceName =
  | "flag"
  | "flag file"
  | "flag command"
  | "variable file"
  | "variable"
  | "variable command"
  | "store";

/** Every selection of sources, and the one that wins. */
const PRECEDENCE: [given: SourceName[], wins: TokenProvider["origin"]][] = [
  [["flag"], "flag"],
  [["flag", "variable file"], "flag"],
  [["flag", "variable"], "flag"],
  [["flag", "store"], "flag"],
  [["flag", "variable file", "variable", "store"], "flag"],
  [["flag file"], "token-file"],
  [["flag file", "variable file"], "token-file"],
  [["flag file", "variable"], "token-file"],
  [["flag file", "variable file", "variable", "store"], "token-file"],
  [["flag command"], "token-command"],
  [["flag command", "variable file"], "token-command"],
  [["flag command", "variable"], "token-command"],
  [["flag command", "variable command"], "token-command"],
  [
    ["flag command", "variable file", "variable", "variable command", "store"],
    "token-command",
  ],
  [["flag", "variable command"], "flag"],
  [["flag file", "variable command"], "token-file"],
  [["variable file"], "environment-file"],
  [["variable file", "variable"], "environment-file"],
  [["variable file", "store"], "environment-file"],
  [["variable file", "variable", "store"], "environment-file"],
  [["variable"], "environment"],
  [["variable", "store"], "environment"],
  [["variable file", "variable command"], "environment-file"],
  [["variable", "variable command"], "environment"],
  [["variable command"], "environment-command"],
  [["variable command", "store"], "environment-command"],
  [["store"], "store"],
];

describe("resolveProvider", () => {
  let home: TemporaryHome;
  let store: CredentialStore;

  beforeAll(async () => {
    home = await TemporaryHome.make();
    store = new CredentialStore(new FakeContext({ env: home.env }));
    await store.save({
      ...TARGET,
      username: "ada",
      expiresAt: undefined,
      token: new Secret("nano_store"),
    });
    await home.write("flag_file", "nano_flag_file\n");
    await home.write("variable_file", "nano_variable_file\n");
  });

  afterAll(async () => await home[Symbol.asyncDispose]());

  async function resolve(
    options: TokenOptions,
    env: Record<string, string>,
    target: Target = TARGET,
    stored = true,
  ): Promise<TokenProvider> {
    const empty = new CredentialStore(
      new FakeContext({ env: { NANOCTL_CONFIG_DIR: `${home.path}/empty` } }),
    );
    const from = stored ? store : empty;
    return resolveProvider(
      new FakeContext({ env }),
      options,
      target,
      from,
      await from.read(),
    );
  }

  for (const [given, wins] of PRECEDENCE) {
    const others = given.slice(1);
    it(`takes the ${given[0]} ${others.length ? `before the ${others.join(", the ")}` : "alone"}`, async () => {
      const provider = await resolve(
        {
          ...(given.includes("flag") ? { token: "nano_flag" } : {}),
          ...(given.includes("flag file")
            ? { tokenFile: `${home.path}/flag_file` }
            : {}),
          ...(given.includes("flag command")
            ? { tokenCommand: "printf nano_flag_command" }
            : {}),
        },
        {
          PATH: "/usr/bin:/bin",
          ...(given.includes("variable command")
            ? { NANOSERVICES_TOKEN_COMMAND: "printf nano_variable_command" }
            : {}),
          ...(given.includes("variable file")
            ? { NANOSERVICES_TOKEN_FILE: `${home.path}/variable_file` }
            : {}),
          ...(given.includes("variable")
            ? { NANOSERVICES_TOKEN: "nano_variable" }
            : {}),
        },
        TARGET,
        given.includes("store"),
      );
      assertEquals(provider.origin, wins);
      const { secret } = await provider.getToken();
      assertEquals(secret.reveal(), `nano_${given[0]?.replace(" ", "_")}`);
    });
  }

  it("refuses --token together with --token-file", async () => {
    const snapshot = await store.read();
    const error = thrownBy(() =>
      resolveProvider(
        new FakeContext(),
        { token: "a", tokenFile: "b" },
        TARGET,
        store,
        snapshot,
      )
    );
    assertEquals([error.code, error.exitCode, error.message], [
      "usage",
      2,
      "--token and --token-file are both given",
    ]);
  });

  const SEVERAL: [options: TokenOptions, message: string][] = [
    [
      { token: "a", tokenCommand: "b" },
      "--token and --token-command are both given",
    ],
    [
      { tokenFile: "a", tokenCommand: "b" },
      "--token-file and --token-command are both given",
    ],
    [
      { token: "a", tokenFile: "b", tokenCommand: "c" },
      "--token, --token-file, --token-command are all given",
    ],
  ];
  for (const [options, message] of SEVERAL) {
    it(`refuses ${Object.keys(options).join(" with ")}`, () => {
      const error = thrownBy(() => givenProvider(new FakeContext(), options));
      assertEquals([error.code, error.message], ["usage", message]);
    });
  }

  it("refuses a command that can't be one, and names where it came from", () => {
    const variable = { NANOSERVICES_TOKEN_COMMAND: "pass 'x" };
    const given: [options: TokenOptions, env: Record<string, string>][] = [
      [{ tokenCommand: "" }, {}],
      [{ tokenCommand: "pass 'x" }, variable],
      [{}, variable],
    ];
    const messages = given.map(([options, env]) => {
      const error = thrownBy(() =>
        givenProvider(new FakeContext({ env }), options)
      );
      assertEquals(error.code, "usage");
      return error.message;
    });
    assertEquals(messages, [
      "--token-command names no program",
      "--token-command has a quotation mark without its partner",
      "NANOSERVICES_TOKEN_COMMAND has a quotation mark without its partner",
    ]);
  });

  it("prefers a command of the environment to Coder's own token", async () => {
    const env = {
      CODER_SESSION_TOKEN: "coder_token",
      NANOSERVICES_TOKEN_COMMAND: "printf nano_printed",
    };
    const { origin } = await resolve({ service: "coder" }, env);
    assertEquals(origin, "environment-command");
  });

  it("takes empty variables as unset", async () => {
    const provider = await resolve({}, {
      NANOSERVICES_TOKEN_COMMAND: "",
      NANOSERVICES_TOKEN: "",
      NANOSERVICES_TOKEN_FILE: "",
    });
    assertEquals(provider.origin, "store");
  });

  it("takes an empty file variable as unset where the other one is set", async () => {
    const provider = await resolve({}, {
      NANOSERVICES_TOKEN: "nano_variable",
      NANOSERVICES_TOKEN_FILE: "",
    });
    assertEquals(provider.origin, "environment");
  });

  it("does not fall back from a file that is missing", async () => {
    const provider = await resolve({}, {
      NANOSERVICES_TOKEN: "nano_variable",
      NANOSERVICES_TOKEN_FILE: "/no/such/file",
    });
    assertEquals(provider.origin, "environment-file");
  });

  for (const token of ["", "  "]) {
    it(`takes --token ${JSON.stringify(token)} as not logged in, not as left out`, async () => {
      const snapshot = await store.read();
      const context = new FakeContext({
        env: { NANOSERVICES_TOKEN: "nano_variable" },
      });
      const error = thrownBy(() =>
        resolveProvider(context, { token }, TARGET, store, snapshot)
      );
      assertEquals(error.code, "not_logged_in");
    });
  }

  for (
    const [name, options, env] of [
      ["--token", { token: "two words" }, {}],
      ["NANOSERVICES_TOKEN", {}, { NANOSERVICES_TOKEN: "two words" }],
    ] as const
  ) {
    it(`refuses a ${name} that can't be a token, and names it`, async () => {
      const snapshot = await store.read();
      const context = new FakeContext({ env });
      const error = thrownBy(() =>
        resolveProvider(context, options, TARGET, store, snapshot)
      );
      assertEquals(error.code, "token_invalid");
      assert(error.message.startsWith(`${name} `), error.message);
    });
  }

  it("says that nobody is logged in where nothing is stored", async () => {
    const snapshot = await store.read();
    const error = thrownBy(() =>
      resolveProvider(
        new FakeContext(),
        {},
        { ...TARGET, profile: "work" },
        store,
        snapshot,
      )
    );
    assertEquals([error.code, error.message], [
      "not_logged_in",
      "not logged in: nothing is stored for profile work",
    ]);
  });

  const otherUrls = [
    "https://other.example",
    "http://api.example",
    "https://api.example:8443",
    "https://api.example/prefix",
    "https://www.api.example",
  ];
  for (const url of otherUrls) {
    it(`keeps the token from ${url}, and says which URL it is for`, async () => {
      const snapshot = await store.read();
      const error = thrownBy(() =>
        resolveProvider(
          new FakeContext(),
          {},
          { ...TARGET, url },
          store,
          snapshot,
        )
      );
      assertEquals([error.code, error.exitCode, error.message, error.hint], [
        "not_logged_in",
        3,
        `not logged in to ${url}: profile default is for https://api.example (nanoservices)`,
        `log in there under a profile of its own: nanoctl login --url ${url} --profile <name>`,
      ]);
    });
  }

  it("keeps the token from another service at the same URL", async () => {
    await using other = await TemporaryHome.make();
    const theirs = new CredentialStore(new FakeContext({ env: other.env }));
    await theirs.save({
      ...TARGET,
      service: "coder",
      username: "ada",
      expiresAt: undefined,
      token: new Secret("coder_token"),
    });
    const snapshot = await theirs.read();
    const error = thrownBy(() =>
      resolveProvider(new FakeContext(), {}, TARGET, theirs, snapshot)
    );
    assertEquals(error.code, "not_logged_in");
    assert(error.message.includes("(coder)"), error.message);
  });

  it("takes a token from outside for any URL", async () => {
    const target = { ...TARGET, url: "https://other.example" };
    const provider = await resolve({ token: "nano_flag" }, {}, target);
    assertEquals(provider.origin, "flag");
  });
});

describe("givenProvider", () => {
  it("has none where nothing is given, whatever is stored", () => {
    assertEquals(givenProvider(new FakeContext(), {}), undefined);
  });
});
