import { assert, assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { ErrorCode } from "../../../src/errors.ts";
import type { GrantedTokens, OAuthGrant } from "../../../src/grant.ts";
import { Secret } from "../../../src/secret.ts";
import { refresh, revokeTokens } from "../../../src/services/oauth/renewal.ts";
import {
  type Answer,
  type FakeContext,
  inTurn,
  json,
  networkFailure,
  rejectionOf,
  START,
  status,
} from "../../support/fake_context.ts";
import {
  clientFor,
  confidential,
  formOf,
  granted,
  ISSUER,
  refusal,
} from "../../support/fake_oauth.ts";

const REFRESH = new Secret("the refresh token");
const ACCESS = new Secret("the-access-token");
const GRANT: OAuthGrant = {
  issuer: ISSUER,
  clientId: "nanoctl",
  tokenEndpoint: `${ISSUER}/token`,
  revocationEndpoint: `${ISSUER}/revoke`,
};

/** A failure, whatever was asked for. */
const FAILURES: [what: string, answer: Answer, code: ErrorCode][] = [
  ["unsupported_grant_type", refusal("unsupported_grant_type"), "login_denied"],
  ["invalid_scope", refusal("invalid_scope"), "login_denied"],
  ["invalid_request", refusal("invalid_request"), "service_response"],
  ["constructor", refusal("constructor"), "service_response"],
  ["429", status(429), "rate_limited"],
  ["500", json({ error: "invalid_grant" }, 500), "service_error"],
  ["503", status(503), "service_error"],
  ["a web page", () => new Response("<html>"), "service_response"],
  ["404", json({}, 404), "service_response"],
  [
    "a refused connection",
    networkFailure("error (Connect): Connection refused (os error 111)"),
    "network_refused",
  ],
  [
    "a redirect elsewhere",
    status(308, { location: "https://evil.example/" }),
    "redirect_refused",
  ],
];

async function refreshed(
  answer: Answer,
  grant = GRANT,
): Promise<{ context: FakeContext; tokens: GrantedTokens }> {
  const { context, http } = clientFor(answer);
  const now = (): Date => context.now();
  return { context, tokens: await refresh(http, grant, REFRESH, now) };
}

describe("spending a refresh token", () => {
  it("asks the token endpoint of the grant, and no metadata", async () => {
    const { context } = await refreshed(granted());
    const [request, another] = context.requests;
    assertEquals([request?.method, request?.url, another], [
      "POST",
      `${ISSUER}/token`,
      undefined,
    ]);
    assertEquals(formOf(request), {
      grant_type: "refresh_token",
      refresh_token: "the refresh token",
      client_id: "nanoctl",
    });
  });

  it("authenticates a client with a secret", async () => {
    const { id, secret } = confidential("s3cret");
    const { context } = await refreshed(granted(), {
      ...GRANT,
      clientId: id,
      clientSecret: secret,
    });
    assertEquals(
      context.requests[0]?.headers.get("authorization"),
      `Basic ${btoa("robot:s3cret")}`,
    );
  });

  it("gives the new tokens and their life from now on", async () => {
    const { tokens } = await refreshed(
      granted({ refresh_token: "the next one" }),
    );
    const { token, refreshToken, expiresAt, renewAt } = tokens;
    assertEquals([token.reveal(), refreshToken?.reveal()], [
      "an-access-token",
      "the next one",
    ]);
    assertEquals(
      [expiresAt, renewAt].map((date) => Number(date) - Number(START)),
      [3_600_000, 3_540_000],
    );
  });

  it("keeps the old refresh token where there is no new one", async () => {
    const { tokens } = await refreshed(granted());
    assertEquals(tokens.refreshToken?.reveal(), "the refresh token");
  });

  for (const refresh_token of ["", null, 1]) {
    it(`does not take ${JSON.stringify(refresh_token)} for a new one`, async () => {
      const { code } = await rejectionOf(refreshed(granted({ refresh_token })));
      assertEquals(code, "service_response");
    });
  }

  const ended = ["invalid_grant", "invalid_client", "unauthorized_client"];
  for (const error of ended) {
    it(`ends the login after ${error}`, async () => {
      const failure = await rejectionOf(
        refreshed(refusal(error, "the refresh token was revoked")),
      );
      assertEquals([failure.code, failure.exitCode, failure.message], [
        "login_ended",
        4,
        `${ISSUER} does not renew the login any more (${error}): [secret] was revoked`,
      ]);
    });
  }

  for (const [what, answer, code] of FAILURES) {
    it(`is ${code} after ${what}, and not repeated`, async () => {
      const { context, http } = clientFor(answer);
      const error = await rejectionOf(
        refresh(http, GRANT, REFRESH, () => context.now()),
      );
      assertEquals([error.code, context.requests.length], [code, 1]);
    });
  }

  it("is not done over plain http to another machine", async () => {
    const { code } = await rejectionOf(
      refreshed(granted(), { ...GRANT, tokenEndpoint: "http://id.example/t" }),
    );
    assertEquals(code, "usage");
  });
});

const BOTH = { token: ACCESS, refreshToken: REFRESH };

describe("revoking the tokens of a login", () => {
  it("ends the refresh token first, then the access token", async () => {
    const { context, http } = clientFor(status(200));
    assertEquals(await revokeTokens(http, GRANT, BOTH), true);
    assertEquals(context.requests.map(({ method, url }) => [method, url]), [
      ["POST", `${ISSUER}/revoke`],
      ["POST", `${ISSUER}/revoke`],
    ]);
    assertEquals(context.requests.map(formOf), [
      {
        client_id: "nanoctl",
        token: "the refresh token",
        token_type_hint: "refresh_token",
      },
      {
        client_id: "nanoctl",
        token: "the-access-token",
        token_type_hint: "access_token",
      },
    ]);
  });

  it("ends the access token where there is no other", async () => {
    const { context, http } = clientFor(status(200));
    assertEquals(await revokeTokens(http, GRANT, { token: ACCESS }), true);
    assertEquals(context.requests.map((request) => formOf(request)["token"]), [
      "the-access-token",
    ]);
  });

  it("authenticates a client with a secret", async () => {
    const { id, secret } = confidential("s3cret");
    const { context, http } = clientFor(status(200));
    await revokeTokens(
      http,
      { ...GRANT, clientId: id, clientSecret: secret },
      BOTH,
    );
    for (const { headers } of context.requests) {
      assertEquals(
        headers.get("authorization"),
        `Basic ${btoa("robot:s3cret")}`,
      );
    }
  });

  it("is not possible at a server without an endpoint for it", async () => {
    const { context, http } = clientFor(status(200));
    const { revocationEndpoint: _, ...grant } = GRANT;
    assertFalse(await revokeTokens(http, grant, BOTH));
    assertEquals(context.requests, []);
  });

  const UNSUPPORTED = refusal("unsupported_token_type");

  it("is done where the server ends the access token along with the other", async () => {
    const { context, http } = clientFor(inTurn(status(200), UNSUPPORTED));
    assertEquals(await revokeTokens(http, GRANT, BOTH), true);
    assertEquals(context.requests.length, 2);
  });

  it("is not done where the server can't end the refresh token", async () => {
    const { context, http } = clientFor(inTurn(UNSUPPORTED, status(200)));
    const { code } = await rejectionOf(revokeTokens(http, GRANT, BOTH));
    assertEquals([code, context.requests.length], ["service_response", 1]);
  });

  it("is not done where the server can't end the only token", async () => {
    const { http } = clientFor(UNSUPPORTED);
    const error = await rejectionOf(
      revokeTokens(http, GRANT, { token: ACCESS }),
    );
    assertEquals([error.code, error.message], [
      "service_response",
      `${ISSUER} refused the request with status 400: unsupported_token_type`,
    ]);
  });

  const refusals: typeof FAILURES = [
    ...FAILURES.filter(([what]) => what !== "404"),
    ["invalid_client", refusal("invalid_client"), "login_denied"],
    ["unauthorized_client", refusal("unauthorized_client"), "login_denied"],
  ];
  for (const [what, answer, code] of refusals) {
    it(`is ${code} after ${what} for the first token, and goes no further`, async () => {
      const { context, http } = clientFor(inTurn(answer, status(200)));
      const error = await rejectionOf(revokeTokens(http, GRANT, BOTH));
      assertEquals([error.code, context.requests.length], [code, 1]);
    });

    it(`is ${code} after ${what} for the second token`, async () => {
      const { http } = clientFor(inTurn(status(200), answer));
      const error = await rejectionOf(revokeTokens(http, GRANT, BOTH));
      assertEquals(error.code, code);
    });
  }

  it("repeats no token that the server repeats", async () => {
    const { http } = clientFor(({ body }) =>
      Response.json({ error: "invalid_request", error_description: body }, {
        status: 400,
      })
    );
    const { message } = await rejectionOf(revokeTokens(http, GRANT, BOTH));
    assert(message.includes("[secret]"), message);
    for (const text of ["the refresh token", "the+refresh+token"]) {
      assertFalse(message.includes(text), message);
    }
  });
});
