import { assert, assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { ErrorCode, NanoctlError } from "../../src/errors.ts";
import { HttpClient } from "../../src/http/client.ts";
import type { TokenOrigin } from "../../src/http/token_provider.ts";
import { Secret, withoutSecrets } from "../../src/secret.ts";
import { coder } from "../../src/services/coder.ts";
import { nanoservices } from "../../src/services/nanoservices.ts";
import type {
  IdentityProof,
  ProviderQuery,
} from "../../src/services/service.ts";
import { fixedToken } from "../../src/tokens/fixed.ts";
import {
  type Answer,
  FakeContext,
  inTurn,
  json,
  rejectionOf,
  type SentRequest,
  status,
} from "../support/fake_context.ts";

const BASE = "https://coder.example";
const KEY_ID = "0123456789";
const TOKEN = `${KEY_ID}-abcdefghijklmnopqrstuv`;
const AGENT_TOKEN = "8f2c0a2e-6a0d-4d6c-9d0b-0f4c3f2f1e77";
const NO_TIME = "0001-01-01T00:00:00Z";

interface Stage {
  context: FakeContext;
  client: HttpClient;
}

function service(
  answer: Answer,
  token = TOKEN,
  origin: TokenOrigin = "flag",
): Stage {
  const { context, client } = anonymous(answer);
  const source = origin === "flag" ? "--token" : "--agent-token";
  const provider = fixedToken({ secret: new Secret(token) }, origin, source);
  return { context, client: client.withTokens(provider) };
}

function asAgent(answer: Answer): Stage {
  return service(answer, AGENT_TOKEN, "agent-token");
}

/** A client without a token, as an exchange gets it. */
function anonymous(answer: Answer): Stage {
  const context = new FakeContext({ answer });
  const client = new HttpClient({
    context,
    baseUrl: BASE,
    present: coder.present,
    timeoutSeconds: 30,
  });
  return { context, client };
}

/** What was sent, as method, URL and the token that came with it. */
function sent({ context }: Stage): (string | null)[][] {
  return context.requests.map(({ method, url, headers }) => [
    method,
    url.replace(BASE, ""),
    headers.get("coder-session-token"),
  ]);
}

/** An error as Coder answers it. */
function refusal(
  httpStatus: number,
  message: string,
  detail?: string,
): Answer {
  return json({ message, detail }, httpStatus, {
    "content-type": "application/json; charset=utf-8",
  });
}

const SIGNED_OUT =
  "You are signed out or your session has expired. Please sign in again to continue.";
const NO_AGENT = refusal(
  401,
  "Workspace agent token invalid.",
  "An agent token must be a valid UUIDv4. (len 33)",
);

function user(change: Record<string, unknown> = {}): Answer {
  return json({
    id: "a169451c-8525-4352-b8ca-070dd449a1a5",
    username: "ada",
    email: "ada@example.com",
    roles: [],
    ...change,
  });
}

function key(expires_at: unknown): Answer {
  return json({ id: KEY_ID, scope: "all", expires_at });
}

describe("a coder token", () => {
  it("is presented in a header of its own", () => {
    assertEquals(coder.present(new Secret(TOKEN)), [
      "coder-session-token",
      TOKEN,
    ]);
  });

  it("is made at the deployment's settings, below its prefix", () => {
    assertEquals(
      coder.tokenPage(`${BASE}/prefix`),
      `${BASE}/prefix/settings/tokens`,
    );
  });

  it("goes into no other header", async () => {
    const stage = service(inTurn(user(), key(null)));
    await coder.whoami(stage.client);
    for (const { headers, url } of stage.context.requests) {
      const names = [...headers].filter(([, value]) => value.includes(TOKEN))
        .map(([name]) => name);
      assertEquals([names, url.includes(TOKEN)], [
        ["coder-session-token"],
        false,
      ]);
    }
  });
});

describe("whoami of coder", () => {
  it("asks for the user, and for the key that the token names", async () => {
    const stage = service(inTurn(user(), key(null)));
    await coder.whoami(stage.client);
    assertEquals(sent(stage), [
      ["GET", "/api/v2/users/me", TOKEN],
      ["GET", `/api/v2/users/me/keys/${KEY_ID}`, TOKEN],
    ]);
  });

  it("gives the user name, the address and the end of the key", async () => {
    const { client } = service(inTurn(user(), key("2026-02-01T10:00:00Z")));
    assertEquals(await coder.whoami(client), {
      username: "ada",
      email: "ada@example.com",
      expiresAt: new Date("2026-02-01T10:00:00Z"),
    });
  });

  for (const email of [null, undefined]) {
    it(`takes an account with ${email} for its address`, async () => {
      const { client } = service(inTurn(user({ email }), key(null)));
      assertEquals((await coder.whoami(client)).email, null);
    });
  }

  const dates: [date: unknown, iso: string | undefined][] = [
    [NO_TIME, undefined],
    [null, undefined],
    ["2026-02-01T10:00:00Z", "2026-02-01T10:00:00.000Z"],
    ["2026-02-01T10:00:00.123456Z", "2026-02-01T10:00:00.123Z"],
    ["2026-02-01T10:00:00.123456789+02:00", "2026-02-01T08:00:00.123Z"],
    // A time that was set, if only just.
    ["0001-01-01T00:00:01Z", "0001-01-01T00:00:01.000Z"],
  ];
  for (const [date, iso] of dates) {
    it(`takes the expiry ${date} as ${iso ?? "no end"}`, async () => {
      const { client } = service(inTurn(user(), key(date)));
      const { expiresAt } = await coder.whoami(client);
      assertEquals(expiresAt?.toISOString(), iso);
    });
  }

  const noDates = [undefined, "", "tomorrow", "2026-02-30T00:00:00Z", 0, {}];
  for (const date of noDates) {
    it(`refuses ${JSON.stringify(date)} as an expiry, and names the field`, async () => {
      const { client } = service(inTurn(user(), key(date)));
      const error = await rejectionOf(coder.whoami(client));
      assertEquals([error.code, error.exitCode], ["service_response", 6]);
      assert(error.message.includes(": expires_at: "), error.message);
    });
  }

  for (const code of [403, 404]) {
    it(`knows no end of a key that it may not read (${code})`, async () => {
      const { client } = service(inTurn(
        user(),
        refusal(code, "Resource not found or you do not have access"),
      ));
      const account = await coder.whoami(client);
      const { username, expiresAt, expiryUnknown } = account;
      assertEquals([username, expiresAt, expiryUnknown], [
        "ada",
        undefined,
        true,
      ]);
    });
  }

  const failures: [answer: Answer, becomes: ErrorCode][] = [
    [refusal(401, SIGNED_OUT, "API key is invalid."), "token_invalid"],
    [refusal(429, "You've been rate limited"), "rate_limited"],
    [refusal(500, "Internal error fetching API key."), "service_error"],
    [json([]), "service_response"],
    [status(204), "service_response"],
  ];
  for (const [answer, becomes] of failures) {
    it(`fails with ${becomes} where the key's answer does`, async () => {
      const { client } = service(inTurn(user(), answer));
      assertEquals(
        (await rejectionOf(coder.whoami(client))).code,
        becomes,
      );
    });
  }

  it("does not believe another origin what it says of the key", async () => {
    const { client } = service(inTurn(
      user(),
      status(302, { location: "https://other.example/key" }),
      key(NO_TIME),
    ));
    const error = await rejectionOf(coder.whoami(client));
    assertEquals(error.code, "redirect_refused");
  });

  const withoutKey = [
    AGENT_TOKEN.replaceAll("-", ""),
    "-secret",
    "0123456789-",
    "../../etc-secret",
    "0123/456789-secret",
    "0123%2f-secret",
    "a_b-secret",
  ];
  for (const token of withoutKey) {
    it(`asks for no key with the token ${token}, and knows no end`, async () => {
      const stage = service(user(), token);
      const { expiresAt, expiryUnknown } = await coder.whoami(stage.client);
      assertEquals([expiresAt, expiryUnknown], [undefined, true]);
      assertEquals(sent(stage), [["GET", "/api/v2/users/me", token]]);
    });
  }

  const shapes: [what: string, body: unknown, field: string][] = [
    ["no user name", { email: null }, "username"],
    ["an empty user name", { username: "" }, "username"],
    ["a number as user name", { username: 7 }, "username"],
    ["a number as address", { username: "ada", email: 7 }, "email"],
    ["a list", [], "username"],
    ["null", null, "the whole body"],
    ["a text", "hidden", "the whole body"],
  ];
  for (const [what, body, field] of shapes) {
    it(`names the field at fault for ${what}`, async () => {
      const { client } = service(json(body));
      assertWrongShape(await rejectionOf(coder.whoami(client)), field);
    });
  }

  it("says of which type something is that is not JSON", async () => {
    const { client } = service(() =>
      new Response("ada", {
        headers: { "content-type": "text/plain; charset=utf-8" },
      })
    );
    const error = await rejectionOf(coder.whoami(client));
    assertEquals(
      error.message,
      `${BASE} answered with something that is not JSON (text/plain; charset=utf-8)`,
    );
  });

  for (const httpStatus of [200, 403, 404, 500]) {
    it(`names a web page in the place of the token's key, ${httpStatus}`, async () => {
      const page = (): Response =>
        new Response("<!doctype html><title>Sign in</title>", {
          status: httpStatus,
        });
      const { client } = service(inTurn(user(), page));
      const { message } = await rejectionOf(coder.whoami(client));
      assert(message.includes("answered with a web page"), message);
    });
  }
});

function assertWrongShape(error: NanoctlError, field: string): void {
  assertEquals([error.code, error.exitCode], ["service_response", 6]);
  const start = `${BASE} answered in the wrong shape: ${field}: `;
  assert(error.message.startsWith(start), error.message);
  assertFalse(`${error.message}${error.hint}`.includes("hidden"));
}

describe("a problem of coder", () => {
  async function whoamiError(answer: Answer): Promise<NanoctlError> {
    return await rejectionOf(coder.whoami(service(answer).client));
  }

  const problems: [
    httpStatus: number,
    message: string,
    detail: string | undefined,
    becomes: ErrorCode,
    exitCode: number,
    says: string,
  ][] = [
    [
      401,
      SIGNED_OUT,
      "API key is invalid.",
      "token_invalid",
      4,
      `${BASE} refused the token from --token: it is not valid`,
    ],
    [
      401,
      SIGNED_OUT,
      "API key secret is invalid.",
      "token_invalid",
      4,
      `${BASE} refused the token from --token: it is not valid`,
    ],
    [
      401,
      SIGNED_OUT,
      'API key expired at "2026-01-01 12:00:00 +0000 UTC".',
      "token_expired",
      4,
      `${BASE} refused the token from --token: it has expired`,
    ],
    [
      401,
      'User is not active (status = "suspended"). Contact an admin.',
      undefined,
      "token_invalid",
      4,
      `${BASE} refused the token from --token: it is not valid: User is not active (status = "suspended"). Contact an admin.`,
    ],
    [
      401,
      "This is for a user's session that is signed in.",
      "The token was revoked.",
      "token_revoked",
      4,
      `${BASE} refused the token from --token: it was revoked`,
    ],
    [
      403,
      "Forbidden.",
      "You don't have permission to view this content.",
      "insufficient_scope",
      4,
      "the token from --token lacks a scope for this: Forbidden. You don't have permission to view this content.",
    ],
    [
      404,
      "Route not found.",
      undefined,
      "service_response",
      6,
      `${BASE} answered with the unexpected status 404: Route not found.`,
    ],
    [
      429,
      "You've been rate limited for sending too many requests!",
      undefined,
      "rate_limited",
      6,
      `${BASE} takes no more requests for now (429)`,
    ],
    [
      500,
      "An internal server error occurred.",
      "pq: sorry",
      "service_error",
      6,
      `${BASE} failed with status 500: An internal server error occurred. pq: sorry`,
    ],
    [
      503,
      "Failed with 503.",
      undefined,
      "service_error",
      6,
      `${BASE} failed with status 503: Failed with 503.`,
    ],
  ];
  for (const [code, message, detail, becomes, exitCode, says] of problems) {
    it(`${code} ${detail ?? message} becomes ${becomes}`, async () => {
      const error = await whoamiError(refusal(code, message, detail));
      assertEquals(
        [error.code, error.exitCode, error.message],
        [becomes, exitCode, says],
      );
    });
  }

  it("says nothing of an identity that the service sends back", async () => {
    const jsonWebToken = "header.payload.signature";
    const { client } = anonymous(refusal(401, "No.", `Not ${jsonWebToken}`));
    const error = await rejectionOf(
      coder.exchangeIdentity(
        client,
        { cloud: "google", jsonWebToken },
        undefined,
      ),
    );
    assertEquals(
      withoutSecrets(error.message),
      `${BASE} did not accept the google identity of this instance: No. Not [secret]`,
    );
  });

  for (
    const body of ["", "<error/>", "[]", '"x"', '{"message":7,"detail":{}}']
  ) {
    it(`is told by its status where the body is ${body || "empty"}`, async () => {
      const error = await whoamiError(() =>
        new Response(body, { status: 500 })
      );
      assertEquals(
        [error.code, error.message],
        ["service_error", `${BASE} failed with status 500`],
      );
    });
  }

  it("leaves the hint of a refused token to the command, which knows its source", async () => {
    assertEquals((await whoamiError(status(401))).hint, undefined);
  });

  it("of too many requests says when to try again", async () => {
    const error = await whoamiError(
      json({ message: "rate limited" }, 429, { "retry-after": "90" }),
    );
    assertEquals(error.hint, "try again in 90 seconds");
  });
});

describe("revoke of coder", () => {
  it("posts to the logout with the token", async () => {
    const stage = service(json({ message: "Logged out!" }));
    await coder.revoke(stage.client);
    assertEquals(sent(stage), [["POST", "/api/v2/users/logout", TOKEN]]);
  });

  it("fails as whoami does, and is not repeated", async () => {
    const refused = service(refusal(401, SIGNED_OUT, "API key is invalid."));
    const error = await rejectionOf(coder.revoke(refused.client));
    assertEquals(error.code, "token_invalid");
    const failing = service(status(503));
    await rejectionOf(coder.revoke(failing.client));
    assertEquals(failing.context.requests.length, 1);
  });
});

describe("a provider's token of coder", () => {
  /** What an agent is answered for a connected provider. */
  function link(change: Record<string, unknown> = {}): Answer {
    return json({
      access_token: "gho_1",
      token_extra: { scope: "repo" },
      url: "",
      type: "github",
      username: "gho_1",
      password: "",
      ...change,
    });
  }

  async function externalAuthError(stage: Stage): Promise<NanoctlError> {
    return await rejectionOf(
      coder.externalAuth(stage.client, { id: "github" }),
    );
  }

  const queries: [query: ProviderQuery, search: string][] = [
    [{ id: "github" }, "id=github"],
    [{ id: "a b&c=d/é" }, "id=a+b%26c%3Dd%2F%C3%A9"],
    [
      { match: "https://github.com/a/b.git" },
      "match=https%3A%2F%2Fgithub.com%2Fa%2Fb.git",
    ],
  ];
  for (const [query, search] of queries) {
    it(`is asked for with ${search}`, async () => {
      const stage = asAgent(link());
      await coder.externalAuth(stage.client, query);
      const path = `/api/v2/workspaceagents/me/external-auth?${search}`;
      assertEquals(sent(stage), [["GET", path, AGENT_TOKEN]]);
    });
  }

  it("comes with what the provider said, and is a bearer token whatever its type", async () => {
    const { client } = asAgent(link({ expires_at: "2026-02-01T10:00:00Z" }));
    const { token, url } = await coder.externalAuth(client, { id: "github" });
    assertEquals(
      [
        token?.accessToken.reveal(),
        token?.tokenType,
        token?.extra,
        token?.expiresAt?.toISOString(),
        url,
      ],
      [
        "gho_1",
        "Bearer",
        { scope: "repo" },
        "2026-02-01T10:00:00.000Z",
        undefined,
      ],
    );
  });

  for (const token_extra of [null, undefined]) {
    it(`may come without anything else (${token_extra})`, async () => {
      const { client } = asAgent(link({ token_extra }));
      const { token } = await coder.externalAuth(client, { id: "github" });
      assertEquals(token?.extra, {});
    });
  }

  for (const expires_at of [undefined, null, NO_TIME]) {
    it(`has no end where it is ${expires_at}`, async () => {
      const { client } = asAgent(link({ expires_at }));
      const { token } = await coder.externalAuth(client, { id: "github" });
      assertEquals(token?.expiresAt, undefined);
    });
  }

  for (const url of ["", undefined, null]) {
    it(`is there where the URL is ${JSON.stringify(url)}`, async () => {
      const { client } = asAgent(link({ url }));
      const { token } = await coder.externalAuth(client, { id: "github" });
      assertEquals(token?.accessToken.reveal(), "gho_1");
    });
  }

  it("is a URL where someone must authenticate first", async () => {
    const url = `${BASE}/external-auth/github`;
    const { client } = asAgent(
      link({ access_token: "", token_extra: null, type: "", url }),
    );
    const auth = await coder.externalAuth(client, { id: "github" });
    assertEquals([auth.url, auth.token], [url, undefined]);
  });

  it("is a URL even where a token stands beside it", async () => {
    const url = `${BASE}/external-auth/github`;
    const { client } = asAgent(link({ url }));
    const auth = await coder.externalAuth(client, { id: "github" });
    assertEquals([auth.url, auth.token], [url, undefined]);
  });

  it("comes with what git takes for a login, as secrets", async () => {
    const { client } = asAgent(
      link({ type: "gitlab", username: "oauth2", password: "glpat_secret" }),
    );
    const { git } = await coder.externalAuth(client, { id: "gitlab" });
    assertEquals(
      [git?.type, git?.username.reveal(), git?.password.reveal()],
      ["gitlab", "oauth2", "glpat_secret"],
    );
    assertEquals(`${git?.password}`, "[secret]");
  });

  const noPages: unknown[] = [
    "javascript:alert(1)",
    "file:///etc/passwd",
    "/external-auth/github",
    "https://",
    "https://a b.example/",
    "https://coder.example/\nhttps://evil.example/",
    "https://coder.example/\u001b[2J",
    "https://coder.example/\u202e",
  ];
  for (const url of noPages) {
    it(`is not at ${JSON.stringify(url)}: nobody can open that`, async () => {
      const stage = asAgent(link({ access_token: "", url }));
      assertWrongShape(await externalAuthError(stage), "url");
    });
  }

  const shapes: [what: string, body: unknown, field: string][] = [
    ["neither a token nor a URL", {}, "access_token"],
    ["an empty token", { access_token: "", url: "" }, "access_token"],
    ["a number as token", { access_token: 7 }, "access_token"],
    ["a number as URL", { access_token: "", url: 7 }, "access_token"],
    [
      "a token with a line break",
      { access_token: "gho_hidden\nX-Evil: 1" },
      "access_token",
    ],
    [
      "a list as extra",
      { access_token: "gho_hidden", token_extra: "hidden" },
      "token_extra",
    ],
    [
      "a number as expiry",
      { access_token: "gho_hidden", expires_at: 7 },
      "expires_at",
    ],
    ["null", null, "the whole body"],
    ["a text", "hidden", "the whole body"],
  ];
  for (const [what, body, field] of shapes) {
    it(`is refused with ${what}, and the field is named`, async () => {
      assertWrongShape(await externalAuthError(asAgent(json(body))), field);
    });
  }

  it("says that there is no such provider", async () => {
    const stage = asAgent(refusal(
      404,
      'No matching external auth provider found in Coder for the url "".',
      "External auth provider not found.",
    ));
    const error = await externalAuthError(stage);
    assertEquals(
      [error.code, error.exitCode, error.message, error.hint],
      [
        "provider_unknown",
        2,
        `${BASE} knows no external provider github`,
        "see 'nanoctl external-auth list'",
      ],
    );
  });

  const otherPlaces: [what: string, answer: Answer][] = [
    ["a deployment without the route", refusal(404, "Route not found.")],
    ["a proxy", () => new Response("not found", { status: 404 })],
    ["a server that says nothing", status(404)],
  ];
  for (const [what, answer] of otherPlaces) {
    it(`does not take the 404 of ${what} for one of the provider`, async () => {
      const error = await externalAuthError(asAgent(answer));
      assertEquals(
        [error.code, error.hint],
        ["service_response", "check that the URL is the service's"],
      );
    });
  }

  it("does not believe another origin that there is no such provider", async () => {
    const stage = asAgent(inTurn(
      status(302, { location: "https://other.example/" }),
      refusal(404, "External auth provider not found."),
    ));
    assertEquals((await externalAuthError(stage)).code, "redirect_refused");
  });

  it("is for agents, and a person is told so", async () => {
    const error = await externalAuthError(service(NO_AGENT));
    assertEquals(
      [error.code, error.exitCode, error.message, error.hint],
      [
        "token_invalid",
        4,
        `${BASE} refused the token from --token: a user's session can't read the tokens of external providers, only a workspace's agent can`,
        "run it in the workspace, or give --agent-token or --agent-token-file",
      ],
    );
  });

  const origins: TokenOrigin[] = [
    "agent-token",
    "agent-token-file",
    "agent-environment",
    "agent-environment-file",
    "aws-instance-identity",
    "azure-instance-identity",
    "google-instance-identity",
  ];
  for (const origin of origins) {
    it(`is refused to a wrong ${origin} as any token is`, async () => {
      const answer = refusal(401, "Workspace agent not authorized.", "No.");
      const error = await externalAuthError(
        service(answer, AGENT_TOKEN, origin),
      );
      assertEquals(
        [error.code, error.message, error.hint],
        [
          "token_invalid",
          `${BASE} refused the token from --agent-token: it is not valid`,
          undefined,
        ],
      );
    });
  }

  const failures: [answer: Answer, becomes: ErrorCode][] = [
    [refusal(400, "'url' or 'id' must be provided!"), "service_response"],
    [refusal(403, "Forbidden."), "insufficient_scope"],
    [refusal(429, "You've been rate limited"), "rate_limited"],
    [refusal(500, "Failed to get external auth link."), "service_error"],
    [
      status(302, { location: "https://other.example/" }),
      "redirect_refused",
    ],
  ];
  for (const [answer, becomes] of failures) {
    it(`fails with ${becomes} as everything does`, async () => {
      const stage = asAgent(inTurn(answer, answer, answer, NO_AGENT));
      assertEquals((await externalAuthError(stage)).code, becomes);
    });
  }
});

describe("the providers of coder", () => {
  function providers(change: Record<string, unknown> = {}): Answer {
    return json({
      providers: [
        { id: "github", type: "github", display_name: "GitHub" },
        { id: "slack", type: "slack", display_name: "Slack" },
        { id: "jfrog", type: "jfrog", display_name: "JFrog" },
      ],
      links: [
        { provider_id: "github", authenticated: true, expires: NO_TIME },
        { provider_id: "slack", authenticated: false, validate_error: "no" },
        { provider_id: "gone", authenticated: true },
      ],
      ...change,
    });
  }

  it("are listed with whether the link to each holds", async () => {
    const stage = service(providers());
    assertEquals(await coder.listExternalAuth(stage.client), [
      { id: "github", name: "GitHub", authenticated: true },
      { id: "slack", name: "Slack", authenticated: false },
      { id: "jfrog", name: "JFrog", authenticated: false },
    ]);
    assertEquals(sent(stage), [["GET", "/api/v2/external-auth", TOKEN]]);
  });

  for (const links of [null, undefined, []]) {
    it(`may have no links: ${JSON.stringify(links)}`, async () => {
      const { client } = service(providers({ links }));
      const listed = await coder.listExternalAuth(client);
      assertEquals(listed.map(({ authenticated }) => authenticated), [
        false,
        false,
        false,
      ]);
    });
  }

  const shapes: [what: string, change: unknown, field: string][] = [
    ["no providers", { providers: undefined }, "providers"],
    ["a text for the providers", { providers: "hidden" }, "providers"],
    [
      "a provider without an id",
      { providers: [{ display_name: "x" }] },
      "providers.0.id",
    ],
    [
      "a provider without a name",
      { providers: [{ id: "x" }] },
      "providers.0.display_name",
    ],
    ["a link of nothing", { links: [{}] }, "links.0.provider_id"],
    [
      "a link that says nothing",
      { links: [{ provider_id: "github" }] },
      "links.0.authenticated",
    ],
  ];
  for (const [what, change, field] of shapes) {
    it(`are refused with ${what}, and the field is named`, async () => {
      const { client } = service(providers({ ...Object(change) }));
      assertWrongShape(
        await rejectionOf(coder.listExternalAuth(client)),
        field,
      );
    });
  }

  it("are not for agents, which are told so", async () => {
    const { client } = asAgent(refusal(401, SIGNED_OUT, "Invalid API key"));
    const error = await rejectionOf(coder.listExternalAuth(client));
    assertEquals(
      [error.code, error.message, error.hint],
      [
        "token_invalid",
        `${BASE} refused the token from --agent-token: an agent can't list the external providers, only a user's session can`,
        "ask for one by its id: nanoctl external-auth access-token <provider>",
      ],
    );
  });

  it("are refused to a person's wrong token as ever", async () => {
    const { client } = service(refusal(401, SIGNED_OUT, "API key is invalid."));
    const error = await rejectionOf(coder.listExternalAuth(client));
    assertEquals(
      error.message,
      `${BASE} refused the token from --token: it is not valid`,
    );
  });
});

describe("an identity exchange of coder", () => {
  const proofs: [proof: IdentityProof, body: Record<string, string>][] = [
    [
      { cloud: "aws", signature: "c2ln\nbmF0", document: '{\n "a" : 1\n}' },
      { signature: "c2ln\nbmF0", document: '{\n "a" : 1\n}' },
    ],
    [
      { cloud: "azure", signature: "MII", encoding: "pkcs7" },
      { signature: "MII", encoding: "pkcs7" },
    ],
    [{ cloud: "google", jsonWebToken: "a.b.c" }, { json_web_token: "a.b.c" }],
  ];

  function first({ context }: Stage): SentRequest {
    const [request] = context.requests;
    assert(request);
    return request;
  }

  for (const [proof, body] of proofs) {
    it(`sends the proof of ${proof.cloud} to the byte, and no token`, async () => {
      const stage = anonymous(json({ session_token: AGENT_TOKEN }));
      const token = await coder.exchangeIdentity(
        stage.client,
        proof,
        undefined,
      );
      assertEquals(
        [token.secret.reveal(), token.expiresAt],
        [AGENT_TOKEN, undefined],
      );
      const path = `/api/v2/workspaceagents/${proof.cloud}-instance-identity`;
      assertEquals(sent(stage), [["POST", path, null]]);
      assertEquals(JSON.parse(first(stage).body ?? ""), body);
    });
  }

  const proof: IdentityProof = { cloud: "google", jsonWebToken: "a.b.c" };

  const refusals: [httpStatus: number, message: string, detail?: string][] = [
    [400, "Error decoding JWT claims."],
    [401, "Invalid GCP identity.", "idtoken: token expired"],
    [403, "Forbidden."],
    [404, 'Instance with id "4520031799277581759" not found.'],
  ];
  for (const [code, message, detail] of refusals) {
    it(`that is refused with ${code} says what the deployment said`, async () => {
      const { client } = anonymous(refusal(code, message, detail));
      const error = await rejectionOf(
        coder.exchangeIdentity(client, proof, undefined),
      );
      const said = detail === undefined ? message : `${message} ${detail}`;
      assertEquals(
        [error.code, error.exitCode, error.message],
        [
          "token_invalid",
          4,
          `${BASE} did not accept the google identity of this instance: ${said}`,
        ],
      );
      assert(error.hint);
    });
  }

  for (const code of [429, 500]) {
    it(`that fails with ${code} is not the instance's fault, and is sent once`, async () => {
      const stage = anonymous(refusal(code, "No."));
      const error = await rejectionOf(
        coder.exchangeIdentity(stage.client, proof, undefined),
      );
      assertEquals(error.exitCode, 6);
      assertEquals(stage.context.requests.length, 1);
    });
  }

  for (const session_token of [undefined, null, "", 7, "a b", "hidden\n"]) {
    it(`gives no session of ${JSON.stringify(session_token)}`, async () => {
      const { client } = anonymous(json({ session_token }));
      const error = await rejectionOf(
        coder.exchangeIdentity(client, proof, undefined),
      );
      assertWrongShape(error, "session_token");
    });
  }

  it("does not hand its proof to another origin", async () => {
    const stage = anonymous(inTurn(
      status(307, { location: "https://other.example/" }),
      json({ session_token: AGENT_TOKEN }),
    ));
    const error = await rejectionOf(
      coder.exchangeIdentity(stage.client, proof, undefined),
    );
    assertEquals(error.exitCode, 6);
    const elsewhere = stage.context.requests.filter(({ url }) =>
      !url.startsWith(BASE)
    );
    assertEquals(elsewhere.map(({ body }) => body), []);
  });
});

describe("a refusal of another origin", () => {
  /** Redirects, and refuses the token that it does not even see there. */
  function elsewhere(): Answer {
    return inTurn(
      status(302, { location: "https://other.example/" }),
      refusal(401, SIGNED_OUT),
    );
  }

  it("says nothing of what a person or an agent may do", async () => {
    const person = service(elsewhere()).client;
    const agent = asAgent(elsewhere()).client;
    const errors = [
      await rejectionOf(coder.externalAuth(person, { id: "github" })),
      await rejectionOf(coder.listExternalAuth(agent)),
    ];
    assertEquals(errors.map(({ code }) => code), [
      "redirect_refused",
      "redirect_refused",
    ]);
  });
});

describe("the names of the services", () => {
  it("are what each is called", () => {
    assertEquals([coder.name, nanoservices.name], ["coder", "nanoservices"]);
  });
});
