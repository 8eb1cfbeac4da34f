import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createLocalJWKSet, jwtVerify, SignJWT } from "jose";
import { ask, askAs, mint, send, withServer } from "./helpers.ts";
import {
  assertRefused,
  DEVICE_CODE,
  deviceLogin,
  exchange,
  post,
  refresh,
  register,
  token,
  TOKEN_EXCHANGE,
  workloadToken,
} from "./oauth_requests.ts";

const DEFAULT_SCOPE = "account:read external-auth:read";

function basic(id: string, secret: string): Record<string, string> {
  return { Authorization: `Basic ${btoa(`${id}:${secret}`)}` };
}

describe("the metadata of the authorization server", () => {
  it("names the endpoints at the origin that was asked", () =>
    withServer(async (server) => {
      const { url } = server;
      const path = "/.well-known/oauth-authorization-server";
      const { status, json } = await ask(server, path);
      assertEquals(status, 200);
      const auth = ["none", "client_secret_basic", "client_secret_post"];
      assertEquals(json, {
        issuer: url,
        device_authorization_endpoint: `${url}/oauth/device`,
        token_endpoint: `${url}/oauth/token`,
        revocation_endpoint: `${url}/oauth/revoke`,
        introspection_endpoint: `${url}/oauth/introspect`,
        userinfo_endpoint: `${url}/oauth/userinfo`,
        jwks_uri: `${url}/oauth/jwks`,
        grant_types_supported: [
          DEVICE_CODE,
          "refresh_token",
          "client_credentials",
          TOKEN_EXCHANGE,
        ],
        response_types_supported: [],
        scopes_supported: [...DEFAULT_SCOPE.split(" "), "offline_access"],
        token_endpoint_auth_methods_supported: auth,
        revocation_endpoint_auth_methods_supported: auth,
        introspection_endpoint_auth_methods_supported: auth,
      });
      const local = url.replace("127.0.0.1", "localhost");
      const answer = await fetch(`${local}${path}`);
      assertEquals((await answer.json()).issuer, local);
    }));

  it("has the public key of the workload tokens, and no private part", () =>
    withServer(async (server, clock) => {
      const { json } = await ask(server, "/oauth/jwks");
      assertEquals(Object.keys(json.keys[0]).sort(), [
        "alg",
        "crv",
        "kid",
        "kty",
        "use",
        "x",
        "y",
      ]);
      const { payload } = await jwtVerify(
        await workloadToken(server),
        createLocalJWKSet(json),
        { audience: server.url, currentDate: clock.now() },
      );
      assertEquals(payload.sub, "repo:acme/app");
    }));
});

describe("a client of the authorization server", () => {
  it("authenticates in the header or in the form", () =>
    withServer(async (server) => {
      const client = await register(server);
      const { client_id, client_secret } = client;
      assertMatch(client_secret, /^nano_secret\w{40}$/);
      const grant_type = "client_credentials";
      const posted = await token(server, { grant_type, ...client });
      assertEquals(posted.status, 200);
      for (const repeated of [undefined, client_id]) {
        const { status } = await token(
          server,
          { grant_type, client_id: repeated },
          basic(client_id, client_secret),
        );
        assertEquals(status, 200);
      }
    }));

  it("form-encodes its id and secret in the header", () =>
    withServer(async (server) => {
      const client = { client_id: "ci", client_secret: "a b:" };
      await send(server, "POST", "/dev/oauth/clients", client);
      const { status } = await token(
        server,
        { grant_type: "client_credentials", client_id: undefined },
        basic("ci", "a+b%3A"),
      );
      assertEquals(status, 200);
    }));

  const wrong: [name: string, fields: Record<string, string | undefined>][] = [
    ["no client", { client_id: undefined }],
    ["an empty id", { client_id: "" }],
    ["an unknown one", { client_id: "other" }],
    ["an inherited name", { client_id: "__proto__" }],
    ["a secret of the public client", { client_secret: "hunter2" }],
    ["no secret", { client_id: "ci" }],
    ["a wrong secret", { client_id: "ci", client_secret: "hunter2" }],
  ];
  for (const [name, fields] of wrong) {
    it(`is refused: ${name}`, () =>
      withServer(async (server) => {
        await register(server);
        for (const path of ["device", "token", "revoke", "introspect"]) {
          const answer = await post(server, `/oauth/${path}`, fields);
          assertRefused(answer, "invalid_client");
          assertEquals(answer.headers.get("www-authenticate"), null);
        }
      }));
  }

  const headers = {
    "a wrong secret": basic("ci", "hunter2"),
    "an unknown client": basic("other", "hunter2"),
    "no secret": basic("ci", ""),
    "no colon": { Authorization: `Basic ${btoa("ci")}` },
    "no base64": { Authorization: "Basic ***" },
    "a malformed encoding": basic("ci", "%zz"),
    "a text that is not UTF-8": { Authorization: "Basic /zov" },
    "another scheme": { Authorization: "Bearer hunter2" },
  };
  for (const [name, header] of Object.entries(headers)) {
    it(`is challenged for a header with ${name}`, () =>
      withServer(async (server) => {
        await register(server);
        const fields = { grant_type: "client_credentials" };
        const answer = await token(
          server,
          { ...fields, client_id: undefined },
          header,
        );
        assertRefused(answer, "invalid_client");
        assertMatch(answer.headers.get("www-authenticate") ?? "", /^Basic /);
      }));
  }

  it("can't authenticate in two ways, or as two", () =>
    withServer(async (server) => {
      const client = await register(server);
      const header = basic(client.client_id, client.client_secret);
      const grant_type = "client_credentials";
      const twice = await token(server, { grant_type, ...client }, header);
      assertRefused(twice, "invalid_request");
      assertRefused(
        await token(server, { grant_type, client_id: "nanoctl" }, header),
        "invalid_request",
      );
    }));
});

describe("the token endpoint", () => {
  it("refuses a grant that is missing, unknown or not the client's", () =>
    withServer(async (server) => {
      assertRefused(await token(server, {}), "invalid_request");
      assertRefused(await token(server, { grant_type: "" }), "invalid_request");
      for (const grant_type of ["password", "authorization_code", "toString"]) {
        assertRefused(
          await token(server, { grant_type }),
          "unsupported_grant_type",
        );
      }
      assertRefused(
        await token(server, { grant_type: "client_credentials" }),
        "unauthorized_client",
      );
    }));

  it("refuses a grant without its own parameter", () =>
    withServer(async (server) => {
      for (const grant_type of [DEVICE_CODE, "refresh_token", TOKEN_EXCHANGE]) {
        assertRefused(await token(server, { grant_type }), "invalid_request");
      }
    }));

  it("grants a confidential client what is its own, without a refresh token", () =>
    withServer(async (server, clock) => {
      const client = await register(server);
      const grant_type = "client_credentials";
      const { status, json, headers } = await token(server, {
        grant_type,
        ...client,
      });
      const { access_token, ...rest } = json;
      assertEquals(status, 200);
      assertEquals(rest, {
        token_type: "Bearer",
        expires_in: 3600,
        scope: DEFAULT_SCOPE,
      });
      assertEquals(headers.get("cache-control"), "no-store");
      assertEquals((await askAs(server, access_token)).json.username, "ci");
      clock.pass(3600);
      const after = await askAs(server, access_token);
      assertEquals([after.status, after.json.code], [401, "token_expired"]);
    }));

  it("grants fewer scopes, and none that it does not know", () =>
    withServer(async (server) => {
      const client = await register(server);
      const fields = { grant_type: "client_credentials", ...client };
      const scope = "external-auth:read";
      const { json } = await token(server, { ...fields, scope });
      assertEquals(json.scope, scope);
      const { status } = await askAs(server, json.access_token);
      assertEquals(status, 403);
      for (const scope of ["admin", "account:read  x", " ", "offline_access"]) {
        assertRefused(
          await token(server, { ...fields, scope }),
          "invalid_scope",
        );
      }
    }));
});

describe("a refresh", () => {
  it("replaces the refresh token each time", () =>
    withServer(async (server) => {
      let { access_token, refresh_token } = await deviceLogin(server);
      for (let times = 1; times <= 3; times++) {
        const { status, json } = await refresh(server, refresh_token);
        assertEquals(status, 200);
        assertNotEquals(json.refresh_token, refresh_token);
        assertNotEquals(json.access_token, access_token);
        assertEquals((await askAs(server, json.access_token)).status, 200);
        ({ access_token, refresh_token } = json);
      }
      const { json } = await ask(server, "/dev/oauth");
      assertEquals([json.refreshes, json.reuses], [3, 0]);
    }));

  it("ends the whole family for a spent refresh token, and no other", () =>
    withServer(async (server) => {
      const other = await deviceLogin(server);
      const first = await deviceLogin(server);
      const second = (await refresh(server, first.refresh_token)).json;
      assertRefused(
        await refresh(server, first.refresh_token),
        "invalid_grant",
      );
      for (const { access_token } of [first, second]) {
        const { json } = await askAs(server, access_token);
        assertEquals(json.code, "token_revoked");
      }
      assertRefused(
        await refresh(server, second.refresh_token),
        "invalid_grant",
      );
      assertEquals((await ask(server, "/dev/oauth")).json.reuses, 1);
      assertEquals((await askAs(server, other.access_token)).status, 200);
      assertEquals((await refresh(server, other.refresh_token)).status, 200);
    }));

  it("is carried out once of two at the same time, and then ends the family", () =>
    withServer(async (server) => {
      const { refresh_token } = await deviceLogin(server);
      const answers = await Promise.all([
        refresh(server, refresh_token),
        refresh(server, refresh_token),
      ]);
      assert(answers.some(({ status }) => status === 400));
      for (const { json } of answers.filter(({ status }) => status === 200)) {
        assertEquals((await askAs(server, json.access_token)).status, 401);
      }
      const { json } = await ask(server, "/dev/oauth");
      assertEquals([json.refreshes, json.reuses], [1, 1]);
    }));

  it("narrows the scope of the access token, and never widens it", () =>
    withServer(async (server) => {
      const login = await deviceLogin(server, { scope: "account:read" });
      const wider = { scope: DEFAULT_SCOPE };
      const refused = await refresh(server, login.refresh_token, wider);
      assertRefused(refused, "invalid_scope");
      // The refusal did not spend it.
      const { status } = await refresh(server, login.refresh_token);
      assertEquals(status, 200);

      const both = await deviceLogin(server);
      const narrow = { scope: "external-auth:read" };
      const narrowed = await refresh(server, both.refresh_token, narrow);
      assertEquals(narrowed.json.scope, "external-auth:read");
      const { access_token } = narrowed.json;
      assertEquals((await askAs(server, access_token)).status, 403);
      const { json } = await refresh(server, narrowed.json.refresh_token);
      assertEquals(json.scope, DEFAULT_SCOPE);
    }));

  it("is refused for a token that is expired, unknown or another client's", () =>
    withServer(async (server, clock) => {
      const { access_token, refresh_token } = await deviceLogin(server);
      const client = await register(server);
      for (const value of ["hunter2", access_token, server.token]) {
        assertRefused(await refresh(server, value), "invalid_grant");
      }
      const stolen = await refresh(server, refresh_token, client);
      assertRefused(stolen, "invalid_grant");
      clock.pass(30 * 24 * 60 * 60);
      assertRefused(await refresh(server, refresh_token), "invalid_grant");
      assertEquals((await ask(server, "/dev/oauth")).json.reuses, 0);
    }));

  it("keeps the refresh token where rotation is off", () =>
    withServer(async (server) => {
      const { refresh_token } = await deviceLogin(server);
      await send(server, "PATCH", "/dev/oauth", { rotate: false });
      for (let times = 0; times < 2; times++) {
        const { status, json } = await refresh(server, refresh_token);
        assertEquals([status, json.refresh_token], [200, undefined]);
      }
    }));

  it("can lose its answer after it was carried out", () =>
    withServer(async (server) => {
      const { refresh_token } = await deviceLogin(server);
      await send(server, "PATCH", "/dev/oauth", { fail_refresh: "after" });
      const { status, text } = await refresh(server, refresh_token);
      assertEquals(status, 503);
      assert(!text.includes("nano_"));
      await send(server, "PATCH", "/dev/oauth", { fail_refresh: null });
      assertRefused(await refresh(server, refresh_token), "invalid_grant");
      const { json } = await ask(server, "/dev/oauth");
      assertEquals([json.refreshes, json.reuses], [1, 1]);
    }));
});

describe("a token exchange", () => {
  it("gives a token of the workload's user", () =>
    withServer(async (server) => {
      const types = ["jwt", "id_token"].map((name) =>
        `urn:ietf:params:oauth:token-type:${name}`
      );
      const client = await register(server);
      for (const fields of [{}, client]) {
        for (const subject_token_type of types) {
          const { status, json } = await exchange(
            server,
            await workloadToken(server),
            { subject_token_type, audience: server.url, ...fields },
          );
          const { access_token, ...rest } = json;
          assertEquals(status, 200);
          assertEquals(rest, {
            token_type: "Bearer",
            expires_in: 3600,
            scope: DEFAULT_SCOPE,
            issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
          });
          const account = await askAs(server, access_token);
          assertEquals(account.json.username, "repo-acme-app");
        }
      }
    }));

  it("refuses a token that is not one for this service", () =>
    withServer(async (server, clock) => {
      const other = await crypto.subtle.generateKey(
        { name: "ECDSA", namedCurve: "P-256" },
        false,
        ["sign"],
      );
      const seconds = Number(clock.now()) / 1000;
      const claims = {
        iss: "https://workload.example",
        sub: "x",
        aud: server.url,
        iat: seconds,
        exp: seconds + 60,
      };
      const forged = await new SignJWT(claims)
        .setProtectedHeader({ alg: "ES256" })
        .sign((other as CryptoKeyPair).privateKey);
      const part = (json: unknown): string => btoa(JSON.stringify(json));
      const unsigned = `${part({ alg: "none" })}.${part(claims)}.`;
      const good = await workloadToken(server);
      const [head, , signature] = good.split(".");
      for (
        const value of [
          "hunter2",
          server.token,
          forged,
          unsigned.replaceAll("=", ""),
          `${head}.${part({ ...claims, sub: "root" })}.${signature}`,
          await workloadToken(server, { audience: "https://other.example" }),
          await workloadToken(server, { expires_in: -1 }),
          await workloadToken(server, { expires_in: 0 }),
        ]
      ) {
        const answer = await exchange(server, value);
        assertRefused(answer, "invalid_request");
        assert(!answer.text.includes(value));
      }
      clock.pass(600);
      assertRefused(await exchange(server, good), "invalid_request");
    }));

  it("refuses what it does not offer", () =>
    withServer(async (server) => {
      const good = await workloadToken(server);
      const type = (name: string): string =>
        `urn:ietf:params:oauth:token-type:${name}`;
      for (
        const [fields, error] of [
          [{ subject_token_type: undefined }, "invalid_request"],
          [{ subject_token_type: type("saml2") }, "invalid_request"],
          [{ requested_token_type: type("jwt") }, "invalid_request"],
          [{ actor_token: good }, "invalid_request"],
          [{ scope: "admin" }, "invalid_scope"],
          [{ audience: "https://other.example" }, "invalid_target"],
          [{ resource: "https://other.example" }, "invalid_target"],
        ] as const
      ) {
        assertRefused(await exchange(server, good, fields), error);
      }
    }));
});

describe("an access token of the authorization server", () => {
  it("can be changed by the admin route like any other", () =>
    withServer(async (server) => {
      const { access_token } = await deviceLogin(server);
      const { json } = await askAs(server, access_token);
      assertEquals(json.token.name, "oauth nanoctl");
      await send(server, "PATCH", `/dev/tokens/${json.token.id}`, {
        state: "rate_limited",
      });
      assertEquals((await askAs(server, access_token)).status, 429);
    }));

  it("tells whose it is", () =>
    withServer(async (server) => {
      const path = "/oauth/userinfo";
      const { access_token } = await deviceLogin(server);
      const { status, json } = await askAs(server, access_token, path);
      assertEquals(status, 200);
      assertMatch(json.sub, /^[\da-f-]{36}$/);
      assertEquals(json, {
        sub: json.sub,
        preferred_username: "ada",
        email: "ada@example.com",
      });
      const first = await askAs(server, server.token, path);
      assertEquals(first.json, json);
      const { token } = await mint(server, { scopes: ["external-auth:read"] });
      assertEquals((await askAs(server, token, path)).status, 403);
      const none = await ask(server, path);
      assertEquals(none.status, 401);
      assertMatch(none.headers.get("www-authenticate") ?? "", /^Bearer /);
    }));
});
