import { assert, assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { ErrorCode } from "../../../src/errors.ts";
import { Secret } from "../../../src/secret.ts";
import { oauth } from "../../../src/services/oauth/service.ts";
import type { Account } from "../../../src/services/service.ts";
import { fixedToken } from "../../../src/tokens/fixed.ts";
import {
  type Answer,
  type FakeContext,
  json,
  networkFailure,
  rejectionOf,
  status,
} from "../../support/fake_context.ts";
import type { HttpClient } from "../../../src/http/client.ts";
import {
  clientFor,
  ISSUER,
  metadata,
  PATHS,
} from "../../support/fake_oauth.ts";

const TOKEN = "an-access-token-of-a-person";
const PROVIDER = fixedToken(
  { secret: new Secret(TOKEN) },
  "token-file",
  "the file t",
);

/** A server whose userinfo endpoint answers so. */
function service(
  answer: Answer,
  change: Record<string, unknown> = {},
): { context: FakeContext; http: HttpClient } {
  return clientFor(
    (request) =>
      new URL(request.url).pathname.startsWith("/.well-known/")
        ? json(metadata(change))(request)
        : answer(request),
    { provider: PROVIDER },
  );
}

async function whoami(info: unknown): Promise<Account> {
  return await oauth.whoami(service(json(info)).http);
}

describe("a token of an OAuth server", () => {
  it("is presented as a bearer token", () => {
    assertEquals(oauth.present(new Secret("a")), ["authorization", "Bearer a"]);
  });

  it("goes to the userinfo endpoint and not to the metadata", async () => {
    const { context, http } = service(json({ sub: "1" }));
    await oauth.whoami(http);
    assertEquals(
      context.requests.map(({ method, url, headers }) => [
        method,
        url,
        headers.get("authorization"),
      ]),
      [
        ["GET", `${ISSUER}${PATHS.oauthMetadata}`, null],
        ["GET", `${ISSUER}${PATHS.userinfo}`, `Bearer ${TOKEN}`],
      ],
    );
  });

  it("goes to an endpoint elsewhere that the metadata names, query and all", async () => {
    const endpoint = "https://api.example:8443/v1/me?fields=sub";
    const { context, http } = service(json({ sub: "1" }), {
      userinfo_endpoint: endpoint,
    });
    await oauth.whoami(http);
    const { url, headers } = context.requests[1] ?? {};
    assertEquals([url, headers?.get("authorization")], [
      endpoint,
      `Bearer ${TOKEN}`,
    ]);
  });

  it("goes over no plain http to another machine", async () => {
    const { context, http } = service(json({ sub: "1" }), {
      userinfo_endpoint: "http://id.example/userinfo",
    });
    const { code } = await rejectionOf(oauth.whoami(http));
    assertEquals([code, context.requests.length], ["usage", 1]);
  });

  it("says nothing of its owner without such an endpoint", async () => {
    const { http } = service(json({ sub: "1" }), {
      userinfo_endpoint: undefined,
    });
    const error = await rejectionOf(oauth.whoami(http));
    assertEquals([error.code, error.message], [
      "service_response",
      `${ISSUER} has no userinfo endpoint`,
    ]);
  });

  it("is made at the server", () => {
    assertEquals(oauth.tokenPage(ISSUER), ISSUER);
  });
});

describe("the owner of such a token", () => {
  const names: [info: Record<string, unknown>, name: string][] = [
    [{ preferred_username: "ada", email: "a@b.example" }, "ada"],
    [{ email: "a@b.example" }, "a@b.example"],
    [{ preferred_username: "", email: "a@b.example" }, "a@b.example"],
    [{ preferred_username: null, email: null }, "u-1"],
    [{ preferred_username: "", email: "" }, "u-1"],
    [{}, "u-1"],
    // Names that could not be stored.
    [{ preferred_username: "x".repeat(257) }, "u-1"],
    [{ preferred_username: `I am ${TOKEN}` }, "u-1"],
    [{ email: `${"x".repeat(250)}@b.example` }, "u-1"],
  ];
  for (const [info, name] of names) {
    it(`is ${name} for ${JSON.stringify(info).slice(0, 60)}`, async () => {
      assertEquals((await whoami({ sub: "u-1", ...info })).username, name);
    });
  }

  const addresses: [email: unknown, address: string | null][] = [
    ["a@b.example", "a@b.example"],
    ["", null],
    [null, null],
    [undefined, null],
  ];
  for (const [email, address] of addresses) {
    it(`has the address ${address} for ${JSON.stringify(email)}`, async () => {
      assertEquals((await whoami({ sub: "u-1", email })).email, address);
    });
  }

  it("does not tell when the token ends", async () => {
    const { expiresAt, expiryUnknown } = await whoami({ sub: "u-1" });
    assertEquals([expiresAt, expiryUnknown], [undefined, true]);
  });

  const wrong: [info: unknown, field: string][] = [
    [{}, "sub"],
    [{ sub: null }, "sub"],
    [{ sub: 1 }, "sub"],
    [{ sub: "" }, "sub"],
    [{ sub: "x".repeat(257) }, "sub"],
    [{ sub: TOKEN }, "sub"],
    [{ sub: "1", preferred_username: 1 }, "preferred_username"],
    [{ sub: "1", email: {} }, "email"],
    [null, "the whole body"],
    ["ada", "the whole body"],
  ];
  for (const [info, field] of wrong) {
    it(`is a wrong answer: ${JSON.stringify(info).slice(0, 60)}`, async () => {
      const error = await rejectionOf(whoami(info));
      assertEquals([error.code, error.exitCode], ["service_response", 6]);
      assert(
        error.message.startsWith(
          `${ISSUER} answered in the wrong shape: ${field}: `,
        ),
        error.message,
      );
      assertFalse(error.message.includes(TOKEN));
    });
  }

  const failures: [what: string, answer: Answer, code: ErrorCode][] = [
    ["no JSON", () => new Response("ada"), "service_response"],
    ["a web page", () => new Response("<html>"), "service_response"],
    ["401", status(401), "token_invalid"],
    ["401 as JSON", json({ error: "invalid_token" }, 401), "token_invalid"],
    ["403", json({ error: "insufficient_scope" }, 403), "insufficient_scope"],
    ["404", status(404), "service_response"],
    ["429", status(429, { "retry-after": "90" }), "rate_limited"],
    ["503", status(503, { "retry-after": "90" }), "service_error"],
    [
      "a redirect elsewhere",
      (request) =>
        new URL(request.url).host === "evil.example"
          ? new Response(null, { status: 401 })
          : new Response(null, {
            status: 302,
            headers: { location: "https://evil.example/" },
          }),
      "redirect_refused",
    ],
    [
      "nothing",
      networkFailure("error (Connect): Connection refused (os error 111)"),
      "network_refused",
    ],
  ];
  for (const [what, answer, code] of failures) {
    it(`stays unknown with ${code} where ${what} answers`, async () => {
      const { context, http } = service(answer);
      const error = await rejectionOf(oauth.whoami(http));
      assertEquals(error.code, code);
      for (const { url, headers } of context.requests) {
        const { host } = new URL(url);
        assertEquals(
          host === "evil.example" && headers.has("authorization"),
          false,
        );
      }
    });
  }

  const described: [status: number, description: unknown, end: string][] = [
    [403, "ask for more", ": ask for more"],
    [403, `${TOKEN} is too weak`, ": [secret] is too weak"],
    [403, 1, "for this"],
    [403, { a: 1 }, "for this"],
    [503, "at night", ": at night"],
  ];
  for (const [httpStatus, error_description, end] of described) {
    it(`stays unknown, and the server says ${JSON.stringify(error_description)} of it`, async () => {
      const { http } = service(
        json({ error: "x", error_description }, httpStatus, {
          "retry-after": "90",
        }),
      );
      const { message } = await rejectionOf(oauth.whoami(http));
      assert(message.endsWith(end), message);
    });
  }
});

describe("what an OAuth server can't do", () => {
  const calls: [what: string, call: () => Promise<unknown>, code: ErrorCode][] =
    [
      [
        "end a token that it did not give us",
        () => oauth.revoke(clientFor(status(200)).http),
        "failed",
      ],
      [
        "hand on a provider's token",
        () => oauth.externalAuth(clientFor(status(200)).http, { id: "github" }),
        "usage",
      ],
      [
        "list providers",
        () => oauth.listExternalAuth(clientFor(status(200)).http),
        "usage",
      ],
      [
        "take an instance's identity",
        () =>
          oauth.exchangeIdentity(clientFor(status(200)).http, {
            cloud: "google",
            jsonWebToken: "a.b.c",
          }, undefined),
        "usage",
      ],
    ];
  for (const [what, call, code] of calls) {
    it(`is to ${what}, which says what to do`, async () => {
      const error = await rejectionOf(call());
      assertEquals(error.code, code);
      assert(error.hint);
    });
  }
});
