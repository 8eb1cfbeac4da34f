import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { ErrorCode, NanoctlError } from "../../src/errors.ts";
import { HttpClient } from "../../src/http/client.ts";
import { Secret } from "../../src/secret.ts";
import { nanoservices } from "../../src/services/nanoservices.ts";
import type {
  ExternalAuth,
  ExternalProvider,
} from "../../src/services/service.ts";
import { fixedToken } from "../../src/tokens/fixed.ts";
import {
  type Answer,
  FakeContext,
  inTurn,
  json,
  me,
  presented,
  problem,
  rejectionOf,
  status,
} from "../support/fake_context.ts";

const BASE = "https://api.example";

function service(answer: Answer): { context: FakeContext; client: HttpClient } {
  const context = new FakeContext({ answer });
  const client = new HttpClient({
    context,
    baseUrl: BASE,
    present: nanoservices.present,
    timeoutSeconds: 30,
  }).withTokens(
    fixedToken({ secret: new Secret("nano_1") }, "flag", "--token"),
  );
  return { context, client };
}

function whoamiError(answer: Answer): Promise<NanoctlError> {
  return rejectionOf(nanoservices.whoami(service(answer).client));
}

/** The body of a `GET /v1/me`, with these fields changed. */
function account(change: Record<string, unknown>): Record<string, unknown> {
  return {
    username: "ada",
    email: "ada@example.com",
    token: token({}),
    ...change,
  };
}

function token(change: Record<string, unknown>): Record<string, unknown> {
  return { id: "t", name: "n", expires_at: null, scopes: [], ...change };
}

describe("a nanoservices token", () => {
  it("is presented as a bearer token", () => {
    assertEquals(nanoservices.present(new Secret("nano_1")), [
      "authorization",
      "Bearer nano_1",
    ]);
  });

  it("is made at the service's settings, below its prefix", () => {
    assertEquals(
      nanoservices.tokenPage(`${BASE}/prefix`),
      `${BASE}/prefix/settings/tokens`,
    );
  });
});

describe("whoami of nanoservices", () => {
  it("asks /v1/me with the token", async () => {
    const { context, client } = service(me());
    await nanoservices.whoami(client);
    assertEquals(
      context.requests.map((sent) => [sent.method, sent.url, presented(sent)]),
      [["GET", `${BASE}/v1/me`, "nano_1"]],
    );
  });

  it("gives the user name, the address and the end of the token", async () => {
    const { client } = service(me({ expires_at: "2026-02-01T10:00:00Z" }));
    assertEquals(await nanoservices.whoami(client), {
      username: "ada",
      email: "ada@example.com",
      expiresAt: new Date("2026-02-01T10:00:00Z"),
    });
  });

  it("takes an account without an address", async () => {
    const { client } = service(json(account({ email: null })));
    assertEquals((await nanoservices.whoami(client)).email, null);
  });

  it("does not mind what it does not know", async () => {
    const { client } = service(json(account({ later: { a: [1] } })));
    assertEquals((await nanoservices.whoami(client)).username, "ada");
  });

  const dates: [date: string | null, iso: string | undefined][] = [
    [null, undefined],
    ["2026-02-01T10:00:00Z", "2026-02-01T10:00:00.000Z"],
    ["2026-02-01T10:00:00.5Z", "2026-02-01T10:00:00.500Z"],
    ["2026-02-01T10:00:00.123456789Z", "2026-02-01T10:00:00.123Z"],
    ["2026-02-01T10:00:00+02:00", "2026-02-01T08:00:00.000Z"],
    ["2026-02-01T00:30:00-05:30", "2026-02-01T06:00:00.000Z"],
    ["2026-02-01T10:00:00-00:00", "2026-02-01T10:00:00.000Z"],
    ["2026-02-01t10:00:00z", "2026-02-01T10:00:00.000Z"],
    ["2028-02-29T00:00:00Z", "2028-02-29T00:00:00.000Z"],
  ];
  for (const [date, iso] of dates) {
    it(`takes the expiry ${date} as ${iso ?? "no end"}`, async () => {
      const { client } = service(me({ expires_at: date }));
      const { expiresAt } = await nanoservices.whoami(client);
      assertEquals(expiresAt?.toISOString(), iso);
    });
  }

  const noDates: unknown[] = [
    "",
    "tomorrow",
    "2026-02-01",
    "2026-02-01T10:00:00",
    "2026-02-01 10:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "2026-02-01T25:00:00Z",
    "2026-02-01T24:00:00Z",
    "1767225600",
    1767225600,
    true,
    {},
  ];
  for (const date of noDates) {
    it(`refuses ${JSON.stringify(date)} as an expiry, and names the field`, async () => {
      const error = await whoamiError(
        json(account({ token: token({ expires_at: date }) })),
      );
      assertEquals([error.code, error.exitCode], ["service_response", 6]);
      assert(error.message.includes("token.expires_at"), error.message);
    });
  }

  const shapes: [what: string, body: unknown, field: string][] = [
    ["no user name", account({ username: undefined }), "username"],
    ["an empty user name", account({ username: "" }), "username"],
    ["a number as user name", account({ username: 7 }), "username"],
    [
      "a user name of 257 characters",
      account({ username: "a".repeat(257) }),
      "username",
    ],
    [
      "a token as user name",
      account({ username: `nano_${"a".repeat(40)}` }),
      "username",
    ],
    ["no address", account({ email: undefined }), "email"],
    ["no token", account({ token: undefined }), "token"],
    ["null for the token", account({ token: null }), "token"],
    ["a text for the token", account({ token: "nano_hidden" }), "token"],
    [
      "no expiry",
      account({ token: token({ expires_at: undefined }) }),
      "token.expires_at",
    ],
    [
      "no scopes",
      account({ token: token({ scopes: undefined }) }),
      "token.scopes",
    ],
    [
      "a text for the scopes",
      account({ token: token({ scopes: "a b" }) }),
      "token.scopes",
    ],
    [
      "a scope that is none",
      account({ token: token({ scopes: ["a", 1] }) }),
      "token.scopes.1",
    ],
    ["a list", [], "username"],
    ["null", null, "the whole body"],
    ["a text", "nano_hidden", "the whole body"],
    ["a number", 1, "the whole body"],
  ];
  for (const [what, body, field] of shapes) {
    it(`names the field at fault for ${what}, and says where it came from`, async () => {
      const error = await whoamiError(json(body));
      assertEquals([error.code, error.exitCode], ["service_response", 6]);
      const start = `${BASE} answered in the wrong shape: ${field}: `;
      assert(error.message.startsWith(start), error.message);
      assertMatch(
        error.message.slice(start.length),
        /^(expected .*, received \w+|not an? .*|it (is (missing|empty|too long)|holds a secret))$/,
      );
      assert(error.hint);
    });
  }

  it("does not repeat what stood in a field of the wrong shape: it may be a token", async () => {
    for (
      const body of [
        account({ token: "nano_hidden" }),
        account({ token: token({ scopes: "nano_hidden" }) }),
        account({ token: token({ expires_at: "nano_hidden" }) }),
        "nano_hidden",
      ]
    ) {
      const { message, hint } = await whoamiError(json(body));
      assertFalse(`${message}${hint}`.includes("nano_hidden"), message);
    }
  });

  const texts: [what: string, text: string, type: string | undefined][] = [
    ["an empty body", "", "application/json"],
    ["half a body", '{"username":"ad', "application/json"],
    ["a text", "ada", "text/plain"],
  ];
  for (const [what, text, type] of texts) {
    it(`says that ${what} is not JSON, and of which type it was`, async () => {
      const error = await whoamiError(() =>
        new Response(text, { headers: { "content-type": `${type}` } })
      );
      assertEquals(
        [error.code, error.message],
        [
          "service_response",
          `${BASE} answered with something that is not JSON (${type})`,
        ],
      );
    });
  }

  it("says so where there is no content type either", async () => {
    const error = await whoamiError(() => new Response(new Uint8Array([1])));
    assertEquals(
      error.message,
      `${BASE} answered with something that is not JSON (no content type)`,
    );
  });
});

describe("a problem of nanoservices", () => {
  const problems: [
    httpStatus: number,
    code: string,
    becomes: ErrorCode,
    exitCode: number,
    message: string,
  ][] = [
    [
      401,
      "token_invalid",
      "token_invalid",
      4,
      `${BASE} refused the token from --token: it is not valid`,
    ],
    [
      401,
      "token_expired",
      "token_expired",
      4,
      `${BASE} refused the token from --token: it has expired`,
    ],
    [
      401,
      "token_revoked",
      "token_revoked",
      4,
      `${BASE} refused the token from --token: it was revoked`,
    ],
    [
      401,
      "something_else",
      "token_invalid",
      4,
      `${BASE} refused the token from --token: it is not valid`,
    ],
    [
      403,
      "insufficient_scope",
      "insufficient_scope",
      4,
      "the token from --token lacks a scope for this: why",
    ],
    [
      404,
      "not_found",
      "service_response",
      6,
      `${BASE} answered with the unexpected status 404: why`,
    ],
    [
      429,
      "rate_limited",
      "rate_limited",
      6,
      `${BASE} takes no more requests for now (429)`,
    ],
    [
      500,
      "internal",
      "service_error",
      6,
      `${BASE} failed with status 500: why`,
    ],
    [
      503,
      "unavailable",
      "service_error",
      6,
      `${BASE} failed with status 503: why`,
    ],
  ];
  for (const [httpStatus, code, becomes, exitCode, message] of problems) {
    it(`${httpStatus} ${code} becomes ${becomes}, exit ${exitCode}`, async () => {
      const error = await whoamiError(
        problem(httpStatus, code, { detail: "why" }),
      );
      assertEquals(
        [error.code, error.exitCode, error.message],
        [becomes, exitCode, message],
      );
    });
  }

  it("500 is said with 500 characters of its detail, and with no part of a secret", async () => {
    const secret = new Secret("a secret that is cut off");
    const long = "x".repeat(490) + secret.reveal();
    const { message } = await whoamiError(
      problem(500, "internal", { detail: long }),
    );
    assertEquals(
      message,
      `${BASE} failed with status 500: ${"x".repeat(490)}[secret]`,
    );
    const longer = await whoamiError(
      problem(500, "internal", { detail: "x".repeat(501) }),
    );
    assertEquals(
      longer.message,
      `${BASE} failed with status 500: ${"x".repeat(500)}…`,
    );
  });

  const bare: [httpStatus: number, becomes: ErrorCode][] = [
    [304, "service_response"],
    [400, "service_response"],
    [401, "token_invalid"],
    [403, "insufficient_scope"],
    [404, "service_response"],
    [418, "service_response"],
    [429, "rate_limited"],
    [500, "service_error"],
    [502, "service_error"],
    [599, "service_error"],
  ];
  for (const [httpStatus, becomes] of bare) {
    it(`${httpStatus} without a body becomes ${becomes}`, async () => {
      assertEquals((await whoamiError(status(httpStatus))).code, becomes);
    });
  }

  for (
    const body of [
      "<error/>",
      "[]",
      "null",
      '"token_expired"',
      '{"code":7,"detail":{}}',
    ]
  ) {
    it(`is told by its status where the body is ${body}`, async () => {
      const error = await whoamiError(() =>
        new Response(body, { status: 401 })
      );
      assertEquals(
        [error.code, error.message],
        [
          "token_invalid",
          `${BASE} refused the token from --token: it is not valid`,
        ],
      );
    });
  }

  it("leaves the hint of a refused token to the command, which knows its source", async () => {
    const error = await whoamiError(problem(401, "token_expired"));
    assertEquals(error.hint, undefined);
  });

  const waits: [headers: Record<string, string>, hint: string][] = [
    [{}, "try again later"],
    [{ "retry-after": "90" }, "try again in 90 seconds"],
    [{ "retry-after": "1" }, "try again in 1 second"],
    [{ "retry-after": "soon" }, "try again later"],
    [
      {
        "retry-after": "Thu, 15 Jan 2026 12:01:30 GMT",
        "date": "Thu, 15 Jan 2026 12:00:00 GMT",
      },
      "try again in 90 seconds",
    ],
    [
      { "retry-after": "Thu, 15 Jan 2026 12:01:30 GMT" },
      "try again in 90 seconds",
    ],
    [
      { "retry-after": "Thu, 15 Jan 2026 12:01:30 GMT", "date": "today" },
      "try again in 90 seconds",
    ],
  ];
  for (const [headers, hint] of waits) {
    it(`of too many requests says "${hint}" for ${JSON.stringify(headers)}`, async () => {
      const error = await whoamiError(
        json({ code: "rate_limited" }, 429, headers),
      );
      assertEquals(error.hint, hint);
    });
  }

  it("from another origin says where the redirect led, and that no token went there", async () => {
    const error = await whoamiError(inTurn(
      status(302, { location: "https://other.example/v1/me?a=b" }),
      problem(401, "token_invalid"),
    ));
    assertEquals(
      [error.code, error.message, error.hint],
      [
        "redirect_refused",
        "the service redirected to https://other.example, where its token is not sent (401)",
        "if that is the service, name it with --url https://other.example",
      ],
    );
  });

  it("is not an account that another origin makes up: no token was shown to it", async () => {
    const error = await whoamiError(inTurn(
      status(302, { location: "https://other.example/v1/me" }),
      me(),
    ));
    assertEquals(error.code, "redirect_refused");
  });
});

describe("revoke of nanoservices", () => {
  it("posts to /v1/logout with the token and takes an empty answer", async () => {
    const { context, client } = service(status(204));
    await nanoservices.revoke(client);
    assertEquals(
      context.requests.map((sent) => [sent.method, sent.url, presented(sent)]),
      [["POST", `${BASE}/v1/logout`, "nano_1"]],
    );
  });

  it("fails as whoami does", async () => {
    const { client } = service(problem(401, "token_revoked"));
    const error = await rejectionOf(nanoservices.revoke(client));
    assertEquals(error.code, "token_revoked");
  });

  it("is not repeated when the service is not available", async () => {
    const { context, client } = service(status(503));
    await rejectionOf(nanoservices.revoke(client));
    assertEquals(context.requests.length, 1);
  });
});

/** The body of an external token, with these fields changed. */
function external(change: Record<string, unknown> = {}): Answer {
  return json({
    access_token: "gho_1",
    token_type: "bearer",
    expires_at: null,
    extra: {},
    ...change,
  });
}

function externalAuth(answer: Answer): Promise<ExternalAuth> {
  return nanoservices.externalAuth(service(answer).client, { id: "github" });
}

describe("externalAuth of nanoservices", () => {
  it("asks for a provider by its id, with the token", async () => {
    const { context, client } = service(external());
    await nanoservices.externalAuth(client, { id: "git hub&id=x" });
    assertEquals(
      context.requests.map((sent) => [sent.method, sent.url, presented(sent)]),
      [[
        "GET",
        `${BASE}/v1/external-auth/token?id=git+hub%26id%3Dx`,
        "nano_1",
      ]],
    );
  });

  it("asks for a provider by a URL that it is for", async () => {
    const { context, client } = service(external());
    await nanoservices.externalAuth(client, { match: "https://g.example/a?b" });
    assertEquals(
      context.requests[0]?.url,
      `${BASE}/v1/external-auth/token?match=https%3A%2F%2Fg.example%2Fa%3Fb`,
    );
  });

  it("gives the token, its type, its end and what came with it", async () => {
    const auth = await externalAuth(external({
      expires_at: "2026-02-01T10:00:00Z",
      extra: { authed_user: { id: "U1" }, teams: [1] },
    }));
    assertEquals(auth.token?.accessToken.reveal(), "gho_1");
    assertEquals(
      [auth.token?.tokenType, auth.token?.expiresAt, auth.token?.extra],
      [
        "bearer",
        new Date("2026-02-01T10:00:00Z"),
        { authed_user: { id: "U1" }, teams: [1] },
      ],
    );
    assertFalse(Deno.inspect(auth).includes("gho_1"));
  });

  for (const extra of [null, undefined]) {
    it(`takes ${extra} for nothing more`, async () => {
      const { token } = await externalAuth(external({ extra }));
      assertEquals(token?.extra, {});
    });
  }

  it("keeps every name of what came with it, whatever it means elsewhere", async () => {
    const text = '{"__proto__":1,"constructor":2,"prototype":3,"toString":4}';
    const { token } = await externalAuth(
      external({ extra: JSON.parse(text) }),
    );
    assertEquals(JSON.stringify(token?.extra), text);
  });

  it("refuses what is nested deeper than it could print", async () => {
    const levels = (count: number): Answer => () =>
      new Response(
        '{"access_token":"a","token_type":"b","expires_at":null,"extra":{"0":' +
          "[".repeat(count) + "]".repeat(count) + "}}",
      );
    const { token } = await externalAuth(levels(498));
    assert(JSON.stringify(token?.extra).startsWith('{"0":[[['));
    for (const count of [499, 20_000]) {
      const error = await rejectionOf(externalAuth(levels(count)));
      assertEquals([error.code, error.message], [
        "service_response",
        "https://api.example answered in the wrong shape: it is nested too deeply",
      ]);
    }
  });

  it("gives the URL at which someone must authenticate", async () => {
    const url = "https://api.example/connect/github?state=1";
    assertEquals(await externalAuth(json({ url })), { url });
  });

  for (const url of ["", null]) {
    it(`wants a token beside the URL ${JSON.stringify(url)}`, async () => {
      const error = await rejectionOf(externalAuth(json({ url })));
      assertEquals(error.code, "service_response");
      assertMatch(error.message, /access_token/);
    });
  }

  const urls: unknown[] = [
    7,
    "javascript:alert(1)",
    "file:///etc/passwd",
    "/connect/github",
    "https://",
    "https://api.example/\u001b[2J",
    "https://api.example/a b",
    "https://api.example/\nrm",
    "https://ex\u00e4mple.test/",
  ];
  for (const url of urls) {
    it(`takes no ${JSON.stringify(url)} for a URL`, async () => {
      const error = await rejectionOf(externalAuth(json({ url })));
      assertEquals([error.code, error.exitCode], ["service_response", 6]);
      assertMatch(
        error.message,
        /in the wrong shape: url: (not the URL of a page|expected string, received (null|number))$/,
      );
    });
  }

  const wrong: [field: string, change: Record<string, unknown>][] = [
    ["access_token", { access_token: undefined }],
    ["access_token", { access_token: "" }],
    ["access_token", { access_token: ["s3cret"] }],
    ["access_token", { access_token: "s3cret\nexport PATH=/" }],
    ["access_token", { access_token: "s3cret\u001b[2J" }],
    ["access_token", { access_token: "s3cr\u00e9t" }],
    ["token_type", { token_type: null }],
    ["expires_at", { expires_at: "s3cret" }],
    ["expires_at", { expires_at: 1_700_000_000 }],
    ["extra", { extra: ["s3cret"] }],
    ["extra", { extra: "s3cret" }],
  ];
  for (const [field, change] of wrong) {
    it(`names ${field} where the answer has ${JSON.stringify(change)}, and not what it holds`, async () => {
      const error = await rejectionOf(externalAuth(external(change)));
      assertEquals(error.code, "service_response");
      assertMatch(
        error.message,
        new RegExp(
          `in the wrong shape: ${field}: (expected [\\w()|" ]+, received [\\w ]+|not an? [\\w ]+|it is missing)$`,
        ),
      );
      assertFalse(error.message.includes("s3cr"), error.message);
    });
  }

  it("says which provider the service does not know: exit 2", async () => {
    const error = await rejectionOf(externalAuth(problem(404, "not_found")));
    assertEquals([error.code, error.exitCode, error.message, error.hint], [
      "provider_unknown",
      2,
      `${BASE} knows no external provider github`,
      "see 'nanoctl external-auth list'",
    ]);
  });

  const problems: [status: number, code: string, becomes: ErrorCode][] = [
    [401, "token_expired", "token_expired"],
    [401, "token_revoked", "token_revoked"],
    [403, "insufficient_scope", "insufficient_scope"],
    [429, "rate_limited", "rate_limited"],
    [500, "internal", "service_error"],
    [400, "bad_request", "service_response"],
  ];
  for (const [status, code, becomes] of problems) {
    it(`fails with ${becomes} for ${status} ${code}`, async () => {
      const error = await rejectionOf(externalAuth(problem(status, code)));
      assertEquals(error.code, becomes);
    });
  }

  it("takes nothing from another origin: neither a token nor a URL", async () => {
    const away = status(302, { location: "https://other.example/x" });
    for (const there of [external(), json({ url: "https://other.example" })]) {
      const error = await rejectionOf(externalAuth(inTurn(away, there)));
      assertEquals(error.code, "redirect_refused");
    }
  });
});

describe("listExternalAuth of nanoservices", () => {
  const list = (answer: Answer): Promise<ExternalProvider[]> =>
    nanoservices.listExternalAuth(service(answer).client);
  const providers = [
    { id: "github", name: "GitHub", authenticated: true },
    { id: "slack", name: "Slack", authenticated: false },
  ];

  it("gives the providers, in their order, without what it does not know", async () => {
    const { context, client } = service(
      json({ providers: providers.map((one) => ({ ...one, more: 1 })) }),
    );
    assertEquals(await nanoservices.listExternalAuth(client), providers);
    assertEquals(
      context.requests.map((sent) => [sent.method, sent.url, presented(sent)]),
      [["GET", `${BASE}/v1/external-auth`, "nano_1"]],
    );
  });

  it("takes a service without any", async () => {
    assertEquals(await list(json({ providers: [] })), []);
  });

  const wrong: [field: string, body: unknown][] = [
    ["the whole body", null],
    ["providers", {}],
    ["providers.0.id", { providers: [{ ...providers[0], id: 1 }] }],
    ["providers.1.name", {
      providers: [providers[0], { ...providers[1], name: null }],
    }],
    ["providers.0.authenticated", {
      providers: [{ ...providers[0], authenticated: "yes" }],
    }],
  ];
  for (const [field, body] of wrong) {
    it(`names ${field} in ${JSON.stringify(body)}`, async () => {
      const error = await rejectionOf(list(json(body)));
      assertEquals(error.code, "service_response");
      assertMatch(
        error.message,
        new RegExp(`shape: ${field}: (expected .*, received|it is missing)`),
      );
    });
  }
});

describe("a provider that nanoservices does not know", () => {
  async function codeOf(...answers: Answer[]): Promise<ErrorCode> {
    const { client } = service(inTurn(...answers));
    const asking = nanoservices.externalAuth(client, { id: "nowhere" });
    return (await rejectionOf(asking)).code;
  }

  it("is one that the service says it does not know", async () => {
    assertEquals(await codeOf(problem(404, "not_found")), "provider_unknown");
  });

  it("is not told by the 404 of something else", async () => {
    assertEquals(await codeOf(status(404)), "service_response");
    const moved = status(302, { location: "https://other.example/" });
    const code = await codeOf(moved, problem(404, "not_found"));
    assertEquals(code, "redirect_refused");
  });
});
