import { assert, assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type LoginOptions, runLogin } from "../../src/cli/commands/login.ts";
import { wayOf, withIssuer } from "../../src/cli/oauth_login.ts";
import type { NanoctlError } from "../../src/errors.ts";
import { CredentialStore } from "../../src/store/credential_store.ts";
import {
  type Answer,
  FakeContext,
  type FakeContextOptions,
  inTurn,
  json,
  rejectionOf,
  START,
  TemporaryHome,
  thrownBy,
} from "../support/fake_context.ts";
import {
  deviceCode,
  formOf,
  granted,
  ISSUER,
  metadata,
  PATHS,
  refusal,
  routes,
} from "../support/fake_oauth.ts";

const SECRET = "a client's own secret";
const MACHINE: LoginOptions = {
  clientCredentials: true,
  issuer: ISSUER,
  clientId: "robot",
};
const DEVICE: LoginOptions = { device: true, issuer: ISSUER };

/** A server that grants everything, but for these answers. */
function server(answers: Record<string, Answer> = {}): Answer {
  return routes({
    [PATHS.oauthMetadata]: json(metadata()),
    [PATHS.device]: deviceCode(),
    [PATHS.token]: granted({ refresh_token: "a-refresh-token" }),
    [PATHS.userinfo]: json({ sub: "u-1", preferred_username: "ada" }),
    ...answers,
  });
}

interface Ran {
  context: FakeContext;
  /** What it threw, if it did. */
  error: NanoctlError | undefined;
  /** What is stored of the profile. */
  stored: { username: string; url: string; token: string } | undefined;
}

/** Runs `login`, in a home of its own; `files` are written there, and named by their options. */
async function login(
  options: LoginOptions,
  { env = {}, answer = server(), ...rest }: FakeContextOptions = {},
  files: { clientSecretFile?: string | Uint8Array } = {},
): Promise<Ran> {
  await using home = await TemporaryHome.make();
  const given = { ...options };
  for (const [option, content] of Object.entries(files)) {
    const path = `${home.path}/${option}`;
    await Deno.writeFile(
      path,
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    );
    Object.assign(given, { [option]: path });
  }
  const context = new FakeContext({
    answer,
    ...rest,
    env: { ...home.env, ...env },
  });
  const error = await runLogin(context, given).then(
    () => undefined,
    (thrown) => rejectionOf(Promise.reject(thrown)),
  );
  const store = new CredentialStore(new FakeContext({ env: home.env }));
  const snapshot = await store.read();
  const found = snapshot.find("default");
  const token = await snapshot.openToken("default");
  return {
    context,
    error,
    stored: found && token && {
      username: found.username,
      url: found.url,
      token: token.reveal(),
    },
  };
}

/** The client's secret as the token endpoint got it. */
function secretSent({ context }: Ran): string | undefined {
  const request = context.requests.find(({ url }) =>
    new URL(url).pathname === PATHS.token
  );
  const basic = request?.headers.get("authorization")?.replace("Basic ", "");
  if (basic === undefined) return undefined;
  const [, secret = ""] = atob(basic).split(":");
  return new URLSearchParams(`s=${secret}`).get("s") ?? undefined;
}

describe("the ways of logging in", () => {
  const ways: [options: LoginOptions, way: string | undefined][] = [
    [{}, undefined],
    [{ device: false, clientCredentials: false }, undefined],
    [{ issuer: ISSUER, clientId: "a", scope: "b" }, undefined],
    [{ token: "a" }, undefined],
    [{ device: true }, "device"],
    [{ clientCredentials: true }, "client-credentials"],
    [{ subjectTokenFile: "a" }, "token-exchange"],
    [{ subjectTokenFile: "" }, "token-exchange"],
  ];
  for (const [options, way] of ways) {
    it(`are ${way ?? "none of OAuth"} for ${JSON.stringify(options)}`, () => {
      assertEquals(wayOf(options), way);
    });
  }

  const contradictions: [options: LoginOptions, message: string][] = [
    [
      { device: true, clientCredentials: true },
      "several ways of logging in are given",
    ],
    [
      { device: true, subjectTokenFile: "a" },
      "several ways of logging in are given",
    ],
    [
      { clientCredentials: true, subjectTokenFile: "a" },
      "several ways of logging in are given",
    ],
    [
      { device: true, clientCredentials: true, subjectTokenFile: "a" },
      "several ways of logging in are given",
    ],
    [
      { device: true, token: "a" },
      "a token is given together with a way of getting one",
    ],
    [
      { clientCredentials: true, tokenFile: "a" },
      "a token is given together with a way of getting one",
    ],
    [
      { subjectTokenFile: "a", token: "" },
      "a token is given together with a way of getting one",
    ],
  ];
  for (const [options, message] of contradictions) {
    it(`contradict each other: ${JSON.stringify(options)}`, async () => {
      const error = thrownBy(() => wayOf(options));
      assertEquals([error.code, error.exitCode, error.message], [
        "usage",
        2,
        message,
      ]);
      assert(error.hint);
      const ran = await login({ ...options, issuer: ISSUER });
      assertEquals([ran.error?.message, ran.context.requests.length], [
        message,
        0,
      ]);
    });
  }
});

describe("--issuer", () => {
  it("is the URL of an OAuth service", () => {
    assertEquals(withIssuer<LoginOptions>({ issuer: ISSUER, scope: "a" }), {
      issuer: ISSUER,
      scope: "a",
      url: ISSUER,
      service: "oauth",
    });
  });

  it("changes nothing where it is missing", () => {
    const options = { url: ISSUER, service: "coder" };
    assertEquals(withIssuer(options), options);
  });

  it("goes with the service that it means anyway", () => {
    const options: LoginOptions = { issuer: ISSUER, service: "oauth" };
    assertEquals(withIssuer(options).url, ISSUER);
  });

  const others: LoginOptions[] = [
    { url: ISSUER },
    { url: "https://api.example" },
    { service: "nanoservices" },
    { service: "coder" },
    { service: "" },
    { service: "oauth", url: ISSUER },
  ];
  for (const other of others) {
    it(`is wrong usage with ${JSON.stringify(other)}`, async () => {
      const { error, context } = await login({ ...DEVICE, ...other });
      assertEquals([error?.code, error?.message, context.requests.length], [
        "usage",
        "--issuer is given together with --url or another --service",
        0,
      ]);
    });
  }

  it("goes before the environment's URL", async () => {
    const { stored, context } = await login(DEVICE, {
      env: { NANOSERVICES_URL: "https://api.example" },
    });
    assertEquals(stored?.url, ISSUER);
    for (const { url } of context.requests) {
      assertEquals(new URL(url).origin, ISSUER);
    }
  });

  const spellings = [
    "id.example",
    `${ISSUER}/`,
    "HTTPS://ID.example",
    ` ${ISSUER} `,
  ];
  for (const issuer of spellings) {
    it(`may be spelled ${JSON.stringify(issuer)}`, async () => {
      const { error, stored } = await login({ ...DEVICE, issuer });
      assertEquals([error?.message, stored?.url], [undefined, ISSUER]);
    });
  }

  for (const issuer of ["", "ftp://id.example", `${ISSUER}/?a=b`, "a b"]) {
    it(`is wrong usage as ${JSON.stringify(issuer)}`, async () => {
      const { error, context } = await login({ ...DEVICE, issuer });
      assertEquals([error?.code, context.requests.length], ["usage", 0]);
    });
  }
});

describe("logging in with a device code", () => {
  it("stores who approved it, and what the server granted", async () => {
    const { context, error, stored } = await login(DEVICE);
    assertEquals([error, stored], [undefined, {
      username: "ada",
      url: ISSUER,
      token: "an-access-token",
    }]);
    const { lines } = context.stderr;
    assert(lines.includes(`    ${ISSUER}/page`), context.stderr.text);
    assert(lines.includes("    ABCD-EFGH"), context.stderr.text);
    assert(lines.some((line) => line.startsWith("Welcome, ada. Your token")));
    assertEquals(context.stdout.text, "");
  });

  const owners: [info: Record<string, unknown>, username: string][] = [
    [{ sub: "u-1", preferred_username: "ada", email: "a@b.example" }, "ada"],
    [{ sub: "u-1", email: "a@b.example" }, "a@b.example"],
    [{ sub: "u-1" }, "u-1"],
  ];
  for (const [info, username] of owners) {
    it(`calls the owner of ${JSON.stringify(info)} ${username}`, async () => {
      const { stored } = await login(DEVICE, {
        answer: server({ [PATHS.userinfo]: json(info) }),
      });
      assertEquals(stored?.username, username);
    });
  }

  it("asks for the scope that is given, as the client that is given", async () => {
    const { context } = await login({
      ...DEVICE,
      scope: "a b",
      clientId: "mine",
    });
    const request = context.requests.find(({ url }) => url.endsWith("/device"));
    assertEquals(formOf(request), { client_id: "mine", scope: "a b" });
  });

  it("says the code as JSON with --json, and then the account", async () => {
    const { context } = await login({ ...DEVICE, json: true });
    const [code, account] = context.stdout.lines.map((line) =>
      JSON.parse(line)
    );
    assertEquals(code, {
      user_code: "ABCD-EFGH",
      verification_uri: `${ISSUER}/page`,
      verification_uri_complete: null,
      expires_in: 600,
      interval: 5,
    });
    assertEquals([account.account.username, account.stored], ["ada", true]);
    assertEquals(context.stderr.text, "");
  });

  it("says the code with --quiet too, without which nobody could log in", async () => {
    const { context } = await login({ ...DEVICE, quiet: true });
    assert(context.stderr.text.includes("ABCD-EFGH"));
    assertFalse(context.stderr.text.includes("Welcome"));
  });

  for (
    const [seconds, text] of [
      [1, "1 minute."],
      [89, "1 minute."],
      [90, "2 minutes."],
      [1800, "30 minutes."],
    ]
  ) {
    it(`says that ${seconds} s are ${text}`, async () => {
      const { context } = await login(DEVICE, {
        answer: server({ [PATHS.device]: deviceCode({ expires_in: seconds }) }),
      });
      assert(
        context.stderr.lines.includes(`The code is valid for ${text}`),
        context.stderr.text,
      );
    });
  }

  const codes: [what: string, options: LoginOptions, shown: boolean][] = [
    ["on a terminal", {}, true],
    ["with --no-qr", { noQr: true }, false],
    ["with --quiet", { quiet: true }, false],
    ["with --json", { json: true }, false],
  ];
  for (const [what, options, shown] of codes) {
    it(`shows ${shown ? "a" : "no"} QR code ${what}`, async () => {
      const { context } = await login({ ...DEVICE, ...options }, {
        terminals: ["stderr"],
        env: { TERM: "dumb" },
      });
      const { lines } = context.stderr;
      assertEquals(lines.includes("Scan this with your phone:"), shown);
      assertEquals(lines.some((line) => /[█▀▄]{5}/.test(line)), shown);
    });
  }

  it("shows no QR code in a pipe", async () => {
    const { context } = await login(DEVICE);
    assertFalse(context.stderr.text.includes("scan"));
  });

  it("stores nothing where it was denied", async () => {
    const { error, stored } = await login(DEVICE, {
      answer: server({
        [PATHS.token]: inTurn(
          refusal("authorization_pending"),
          refusal("access_denied"),
        ),
      }),
    });
    assertEquals([error?.code, stored], ["login_denied", undefined]);
  });

  it("stores nothing where the token is refused at once", async () => {
    const { error, stored } = await login(DEVICE, {
      answer: server({ [PATHS.userinfo]: json({}, 401) }),
    });
    assertEquals([error?.code, stored], ["token_invalid", undefined]);
  });
});

describe("logging in as the client itself", () => {
  const secrets: [what: string, content: string, secret: string][] = [
    ["a secret", SECRET, SECRET],
    ["a line break behind it", `${SECRET}\n`, SECRET],
    ["that of Windows", `${SECRET}\r\n`, SECRET],
    ["several", `${SECRET}\n\n`, SECRET],
    ["blanks around it", `  ${SECRET}\t\n`, SECRET],
    ["a byte order mark", `\ufeff${SECRET}`, SECRET],
    ["as much as may be", "x".repeat(65_536), "x".repeat(65_536)],
  ];
  for (const [what, content, secret] of secrets) {
    it(`presents the secret of a file with ${what}`, async () => {
      const ran = await login(MACHINE, {}, { clientSecretFile: content });
      assertEquals([ran.error, secretSent(ran)], [undefined, secret]);
    });
  }

  const unusable: [what: string, content: string | Uint8Array][] = [
    ["nothing", ""],
    ["a line break", "\n"],
    ["blanks", " \t "],
    ["a control character", "a\u001bsecret"],
    ["a zero byte", "a\0secret"],
    ["two lines", "a secret\nanother\n"],
    ["a letter that is not ASCII", "ein Geheimnis für uns"],
    ["what is not UTF-8", new Uint8Array([0x61, 0xff, 0x62])],
    ["UTF-16", new Uint8Array([0xff, 0xfe, 0x61, 0])],
    ["more than any secret", "x".repeat(65_537)],
    ["far more than any secret", "x".repeat(1_000_000)],
  ];
  for (const [what, content] of unusable) {
    it(`asks nothing with a file that holds ${what}`, async () => {
      const { error, context } = await login(MACHINE, {}, {
        clientSecretFile: content,
      });
      assertEquals([error?.code, error?.exitCode, context.requests.length], [
        "not_logged_in",
        3,
        0,
      ]);
      assert(
        /^the file .*clientSecretFile does not hold the client's secret$/
          .test(error?.message ?? ""),
        error?.message,
      );
      assertEquals(error?.hint, "check the path");
    });
  }

  it("asks nothing where there is no such file", async () => {
    const { error, context } = await login({
      ...MACHINE,
      clientSecretFile: "/nowhere/at all",
    });
    assertEquals([error?.code, error?.message, context.requests.length], [
      "not_logged_in",
      "the client's secret can't be read from /nowhere/at all: there is no such file",
      0,
    ]);
  });

  it("takes the secret from the environment, unless there is a file", async () => {
    const env = { NANOCTL_CLIENT_SECRET: "of the environment" };
    assertEquals(
      secretSent(await login(MACHINE, { env })),
      "of the environment",
    );
    assertEquals(
      secretSent(await login(MACHINE, { env }, { clientSecretFile: SECRET })),
      SECRET,
    );
  });

  const { clientId: _, ...nameless } = MACHINE;
  const incomplete: [
    what: string,
    options: LoginOptions,
    env: Record<string, string>,
  ][] = [
    ["neither", nameless, {}],
    ["no secret", MACHINE, {}],
    ["an empty secret", MACHINE, { NANOCTL_CLIENT_SECRET: "" }],
    ["no client", nameless, { NANOCTL_CLIENT_SECRET: SECRET }],
  ];
  for (const [what, options, env] of incomplete) {
    it(`is wrong usage with ${what}`, async () => {
      const { error, context } = await login(options, { env });
      assertEquals([error?.code, error?.message, context.requests.length], [
        "usage",
        "--client-credentials needs a client and its secret",
        0,
      ]);
      assert(error?.hint?.includes("NANOCTL_CLIENT_SECRET"));
    });
  }

  it("is the client, and asks the server for no user", async () => {
    const { context, stored } = await login(
      { ...MACHINE, scope: "a", audience: "b" },
      {},
      { clientSecretFile: SECRET },
    );
    assertEquals(
      context.requests.map(({ url }) => new URL(url).pathname),
      [PATHS.oauthMetadata, PATHS.token],
    );
    assertEquals(formOf(context.requests[1]), {
      grant_type: "client_credentials",
      scope: "a",
      audience: "b",
    });
    assertEquals(context.stderr.lines, [
      `The token from the login at ${ISSUER} is valid: you are robot at ${ISSUER}. It expires on 2026-01-15 (in 1 hour).`,
      "Nothing was stored; add --save to keep it, encrypted.",
    ]);
    assertEquals(stored, undefined);
  });

  it("is stored with --save", async () => {
    const { stored } = await login(
      { ...MACHINE, save: true },
      { now: START },
      { clientSecretFile: SECRET },
    );
    assertEquals(stored, {
      username: "robot",
      url: ISSUER,
      token: "an-access-token",
    });
  });
});
