import { assert, assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { ErrorCode } from "../../../src/errors.ts";
import { Secret } from "../../../src/secret.ts";
import {
  discover,
  endpointOf,
  endpointOfGrant,
  grantOf,
} from "../../../src/services/oauth/server.ts";
import {
  type Answer,
  json,
  networkFailure,
  rejectionOf,
  status,
  thrownBy,
} from "../../support/fake_context.ts";
import {
  clientFor,
  confidential,
  ISSUER,
  metadata,
  PATHS,
  routes,
} from "../../support/fake_oauth.ts";

const page: Answer = () =>
  new Response("<!doctype html><title>Sign in</title>", {
    headers: { "content-type": "text/html" },
  });

describe("discovering a server", () => {
  it("asks at the place of RFC 8414 and at no other if it is there", async () => {
    const { context, http } = clientFor(json(metadata()));
    const { token_endpoint } = await discover(http, ISSUER);
    assertEquals(token_endpoint, `${ISSUER}/token`);
    assertEquals(context.requests.map(({ method, url }) => [method, url]), [
      ["GET", `${ISSUER}${PATHS.oauthMetadata}`],
    ]);
  });

  for (const missing of [404, 405]) {
    it(`goes on to that of OpenID Connect after a ${missing}`, async () => {
      const { context, http } = clientFor(routes({
        [PATHS.oauthMetadata]: status(missing),
        [PATHS.openidMetadata]: json(metadata()),
      }));
      assertEquals((await discover(http, ISSUER)).issuer, ISSUER);
      assertEquals(context.requests.map(({ url }) => new URL(url).pathname), [
        PATHS.oauthMetadata,
        PATHS.openidMetadata,
      ]);
    });
  }

  it("puts the one in front of the issuer's path and the other behind it", async () => {
    const { context, http } = clientFor(status(404), {
      baseUrl: `${ISSUER}/realms/main`,
    });
    await rejectionOf(discover(http, `${ISSUER}/realms/main`));
    assertEquals(context.requests.map(({ url }) => new URL(url).pathname), [
      "/.well-known/oauth-authorization-server/realms/main",
      "/realms/main/.well-known/openid-configuration",
    ]);
  });

  it("says that there is none, after both", async () => {
    const { http } = clientFor(status(404));
    const error = await rejectionOf(discover(http, ISSUER));
    assertEquals([error.code, error.message], [
      "service_response",
      `${ISSUER} has no metadata of an OAuth server`,
    ]);
    assert(error.hint?.includes("nanoctl login"));
  });

  it("sends no token, whoever the client is", async () => {
    const token = { secret: new Secret("an-access-token") };
    const { context, http } = clientFor(json(metadata()), {
      provider: {
        origin: "flag",
        source: "--token",
        getToken: () => Promise.resolve(token),
      },
    });
    await discover(http, ISSUER);
    assertFalse(context.requests[0]?.headers.has("authorization"));
  });

  const failures: [what: string, answer: Answer, code: ErrorCode][] = [
    ["a web page", page, "service_response"],
    ["no JSON", () => new Response("what?"), "service_response"],
    ["an empty body", status(200), "service_response"],
    ["null", json(null), "service_response"],
    ["a list", json([]), "service_response"],
    ["a number", json(1), "service_response"],
    ["no issuer", json({}), "service_response"],
    ["an issuer that is none", json({ issuer: "me" }), "service_response"],
    ["an issuer that is no text", json({ issuer: 1 }), "service_response"],
    ["403", json({}, 403), "service_response"],
    ["429", json({}, 429, { "retry-after": "90" }), "rate_limited"],
    ["500", json({}, 500), "service_error"],
    ["503", json({}, 503, { "retry-after": "90" }), "service_error"],
    [
      "a redirect to plain http",
      status(302, { location: "http://id.example/" }),
      "redirect_refused",
    ],
    [
      "nothing",
      networkFailure("error (Connect): Connection refused (os error 111)"),
      "network_refused",
    ],
  ];
  for (const [what, answer, code] of failures) {
    it(`is ${code} where ${what} answers`, async () => {
      const { http } = clientFor(answer);
      const error = await rejectionOf(discover(http, ISSUER));
      assertEquals(error.code, code);
      // What the language says of a mistake is no message for a person.
      assertFalse(/destructure|undefined|\[object/.test(error.message));
    });
  }

  it("does not go on to the other place after an error", async () => {
    const { context, http } = clientFor(json({}, 403));
    await rejectionOf(discover(http, ISSUER));
    assertEquals(context.requests.length, 1);
  });
});

describe("the issuer in the metadata", () => {
  const alike: [asked: string, own: string][] = [
    [ISSUER, `${ISSUER}/`],
    [`${ISSUER}/`, ISSUER],
    [`${ISSUER}/realms/a`, `${ISSUER}/realms/a/`],
    [`${ISSUER}/realms/a/`, `${ISSUER}/realms/a`],
  ];
  for (const [asked, own] of alike) {
    it(`may be ${own} for ${asked}, and is kept as it is spelled`, async () => {
      const { http } = clientFor(json(metadata({ issuer: own })));
      assertEquals((await discover(http, asked)).issuer, own);
    });
  }

  const others = [
    "https://evil.example",
    "http://id.example",
    "https://id.example:8443",
    "https://id.example.evil.example",
    `${ISSUER}/realms/b`,
    `${ISSUER}/?realm=a`,
    `${ISSUER}//`,
    "",
  ];
  for (const issuer of others) {
    it(`may not be ${JSON.stringify(issuer)} for ${ISSUER}`, async () => {
      const { http } = clientFor(json(metadata({ issuer })));
      const error = await rejectionOf(discover(http, ISSUER));
      assertEquals([error.code, error.exitCode], ["service_response", 6]);
      assert(error.message.startsWith(`${ISSUER} answered in the wrong shape`));
    });
  }
});

describe("the endpoints in the metadata", () => {
  const names = [
    "token_endpoint",
    "device_authorization_endpoint",
    "revocation_endpoint",
    "userinfo_endpoint",
  ];
  const wrong: unknown[] = [
    "javascript:alert(1)",
    "file:///etc/passwd",
    "data:text/html,x",
    "ftp://id.example/token",
    "/token",
    "id.example/token",
    "",
    " https://id.example/token",
    "https://id.example/to ken",
    "https://id.example/\u001b[2J",
    "https://[/",
    "https://",
    null,
    1,
    {},
    ["https://id.example/token"],
  ];
  for (const name of names) {
    for (const value of wrong) {
      it(`may not be ${JSON.stringify(value)} (${name})`, async () => {
        const { http } = clientFor(json(metadata({ [name]: value })));
        const error = await rejectionOf(discover(http, ISSUER));
        assertEquals([error.code, error.message], [
          "service_response",
          `the metadata of ${ISSUER} has a wrong ${name}`,
        ]);
      });
    }

    it(`may be missing (${name})`, async () => {
      const { http } = clientFor(json(metadata({ [name]: undefined })));
      assertFalse(name in await discover(http, ISSUER));
    });
  }

  it("may be elsewhere", async () => {
    const elsewhere = "https://tokens.example:8443/a/token?b=c";
    const { http } = clientFor(json(metadata({ token_endpoint: elsewhere })));
    assertEquals((await discover(http, ISSUER)).token_endpoint, elsewhere);
  });
});

describe("how a client authenticates", () => {
  const ways: [
    methods: string[] | undefined,
    way: "header" | "form",
  ][] = [
    [undefined, "header"],
    [["client_secret_basic"], "header"],
    [["client_secret_post", "client_secret_basic"], "header"],
    [["client_secret_post"], "form"],
    [["private_key_jwt", "client_secret_post"], "form"],
    // None of ours: the way that every server has to know.
    [["private_key_jwt"], "header"],
    [[], "header"],
  ];
  for (const [methods, way] of ways) {
    it(`is a ${way} at a server that knows ${methods ?? "any"}`, async () => {
      const { http } = clientFor(status(404));
      const server = metadata({
        token_endpoint_auth_methods_supported: methods,
      });
      const { auth, client } = endpointOf(
        http,
        server,
        confidential("a: secret/é"),
      );
      const [body, headers] = [new URLSearchParams(), new Headers()];
      await auth(server, client, body, headers);
      const basic = `Basic ${btoa("robot:a%3A+secret%2F%C3%A9")}`;
      assertEquals(
        [headers.get("authorization"), body.get("client_secret")],
        way === "header" ? [basic, null] : [null, "a: secret/é"],
      );
    });
  }

  it("is its name alone without a secret", async () => {
    const { http } = clientFor(status(404));
    const { auth, client } = endpointOf(http, metadata(), { id: "nanoctl" });
    const [body, headers] = [new URLSearchParams(), new Headers()];
    await auth(metadata(), client, body, headers);
    assertEquals([body.toString(), [...headers]], ["client_id=nanoctl", []]);
  });
});

describe("the grant that is stored", () => {
  it("holds what renewing and revoking need", () => {
    const client = confidential();
    assertEquals(grantOf(metadata(), client), {
      issuer: ISSUER,
      clientId: "robot",
      clientSecret: client.secret,
      tokenEndpoint: `${ISSUER}/token`,
      revocationEndpoint: `${ISSUER}/revoke`,
    });
  });

  it("gives the same endpoints again without asking the server", () => {
    const { context, http } = clientFor(status(404));
    const { server, client } = endpointOfGrant(
      http,
      grantOf(metadata(), { id: "nanoctl" }),
    );
    assertEquals(
      [server.issuer, server.token_endpoint, server.revocation_endpoint],
      [ISSUER, `${ISSUER}/token`, `${ISSUER}/revoke`],
    );
    assertEquals(client.client_id, "nanoctl");
    assertEquals(context.requests, []);
  });

  it("needs no place to revoke", () => {
    const { http } = clientFor(status(404));
    const grant = grantOf(metadata({ revocation_endpoint: undefined }), {
      id: "nanoctl",
    });
    assertFalse("revocation_endpoint" in endpointOfGrant(http, grant).server);
  });

  it("needs a token endpoint", () => {
    const error = thrownBy(() =>
      grantOf(metadata({ token_endpoint: undefined }), { id: "nanoctl" })
    );
    assertEquals([error.code, error.message], [
      "service_response",
      `${ISSUER} has no token endpoint`,
    ]);
  });
});
