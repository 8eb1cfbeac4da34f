import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { RunningServer } from "../../../src/dev_server/server.ts";
import { type Answer, ask, mint } from "../helpers.ts";
import { decide, DEVICE_CODE, type Fields, post } from "../oauth_requests.ts";
import {
  basic,
  get,
  itAnswersLikeFixtures,
  minter,
  withVendor,
} from "./helpers.ts";

const USER = "/api/v4/user";
const SELF = "/api/v4/personal_access_tokens/self";

/** Asks with a new token of these fields. */
const askMinted = minter(USER, (token) => ({ "PRIVATE-TOKEN": token }));

function askBearer(
  server: RunningServer,
  token: string,
  path = USER,
): Promise<Answer> {
  return get(server, path, { Authorization: `Bearer ${token}` });
}

function end(server: RunningServer, token: string): Promise<Answer> {
  const headers = { "PRIVATE-TOKEN": token };
  return ask(server, SELF, { method: "DELETE", headers });
}

function startDevice(
  server: RunningServer,
  fields: Fields = {},
): Promise<Answer> {
  return post(server, "/oauth/authorize_device", fields);
}

function poll(
  server: RunningServer,
  device_code: string,
  fields: Fields = {},
): Promise<Answer> {
  const all = { grant_type: DEVICE_CODE, device_code, ...fields };
  return post(server, "/oauth/token", all);
}

/** Starts a device login, decides it if there is a choice, and polls. */
async function pollNew(
  server: RunningServer,
  choice?: "approve" | "deny",
): Promise<Answer> {
  const started = await startDevice(server, { scope: "read_user" });
  const { device_code, user_code } = started.json;
  if (choice) await decide(server, user_code, choice);
  return poll(server, device_code);
}

/** The tokens of a new device login. */
async function login(
  server: RunningServer,
): Promise<{ access_token: string; refresh_token: string }> {
  return (await pollNew(server, "approve")).json;
}

function refresh(
  server: RunningServer,
  refresh_token: string,
): Promise<Answer> {
  const fields = { grant_type: "refresh_token", refresh_token };
  return post(server, "/oauth/token", fields);
}

await itAnswersLikeFixtures("gitlab", {
  account: (server) => askMinted(server, {}),
  token: (server) => askMinted(server, {}, SELF),
  token_without_expiry: (server) =>
    askMinted(server, { expires_at: null }, SELF),
  token_of_oauth: async (server) =>
    askBearer(server, (await login(server)).access_token, SELF),
  no_token: (server) => get(server, USER),
  invalid: (server) => get(server, USER, { "PRIVATE-TOKEN": "glpat-no" }),
  invalid_bearer: (server) => askBearer(server, "glpat-no"),
  expired: (server) => askMinted(server, { state: "expired" }),
  revoked: (server) => askMinted(server, { state: "revoked" }),
  scope_missing: (server) => askMinted(server, { scopes: ["read_repository"] }),
  rate_limited: (server) => askMinted(server, { state: "rate_limited" }),
  revoked_successfully: (server) => end(server, server.token),
  not_found: (server) => get(server, "/api/v4/usr"),
  wrong_method: (server) => ask(server, USER, { method: "POST" }),
  version_without_token: (server) => get(server, "/api/v4/version"),
  device_code: (server) => startDevice(server),
  device_pending: (server) => pollNew(server),
  device_slow_down: async (server) => {
    const { device_code } = (await startDevice(server)).json;
    await poll(server, device_code);
    return poll(server, device_code);
  },
  device_expired: async (server, clock) => {
    const { device_code } = (await startDevice(server)).json;
    clock.pass(300);
    return poll(server, device_code);
  },
  device_denied: (server) => pollNew(server, "deny"),
  device_unknown_client: (server) => poll(server, "x", { client_id: "no" }),
  device_token: (server) => pollNew(server, "approve"),
  refreshed: async (server) =>
    refresh(server, (await login(server)).refresh_token),
  oauth_token_info: async (server) =>
    askBearer(server, (await login(server)).access_token, "/oauth/token/info"),
  oauth_revoked: async (server) => {
    const { access_token } = await login(server);
    return post(server, "/oauth/revoke", { token: access_token });
  },
});

describe("dev-server --as gitlab", () => {
  it("has tokens in GitLab's format", () =>
    withVendor("gitlab", (server) => {
      assertMatch(server.token, /^glpat-\w{20}$/);
      return Promise.resolve();
    }));

  const presentations: [string, (token: string) => Record<string, string>][] = [
    ["PRIVATE-TOKEN", (token) => ({ "PRIVATE-TOKEN": token })],
    ["Bearer", (token) => ({ Authorization: `Bearer ${token}` })],
    ["Basic with any user name", (token) => ({
      Authorization: basic("anyone", token),
    })],
  ];
  for (const [name, present] of presentations) {
    it(`takes a personal token with ${name}`, () =>
      withVendor("gitlab", async (server) => {
        const { status, json } = await get(
          server,
          USER,
          present(server.token),
        );
        assertEquals([status, json.username], [200, "ada"]);
      }));
  }

  for (const scheme of ["token", "Digest"]) {
    it(`takes no token with the scheme ${scheme}`, () =>
      withVendor("gitlab", async (server) => {
        const Authorization = `${scheme} ${server.token}`;
        const { status, json } = await get(server, USER, { Authorization });
        assertEquals([status, json.message], [401, "401 Unauthorized"]);
      }));
  }

  for (const scope of ["api", "read_api", "read_user"]) {
    it(`lets a token with ${scope} ask whose it is`, () =>
      withVendor("gitlab", async (server) => {
        const { status } = await askMinted(server, { scopes: [scope] });
        assertEquals(status, 200);
      }));
  }

  it("lets any token ask what it is and end itself", () =>
    withVendor("gitlab", async (server) => {
      const { token } = await mint(server, { scopes: ["write_repository"] });
      const { json } = await get(server, SELF, { "PRIVATE-TOKEN": token });
      assertEquals(json.scopes, ["write_repository"]);
      assertEquals((await end(server, token)).status, 204);
      const again = await end(server, token);
      assertEquals([again.status, again.json.error], [401, "invalid_token"]);
      assertMatch(again.json.error_description, /^Token was revoked/);
    }));

  const DAY = 24 * 60 * 60;
  const expiries: [number, string][] = [
    [1, "2030-01-02"],
    [DAY, "2030-01-02"],
    [DAY + 1, "2030-01-03"],
  ];
  for (const [expires_in, date] of expiries) {
    it(`says that a token which ends ${expires_in} seconds after midnight ends on ${date}`, () =>
      withVendor("gitlab", async (server) => {
        const { json } = await askMinted(server, { expires_in }, SELF);
        assertEquals(json.expires_at, date);
      }));
  }

  it("says in plain text when a rate limit ends", () =>
    withVendor("gitlab", async (server) => {
      const fields = { state: "rate_limited", retry_after: 90 };
      const { text, headers } = await askMinted(server, fields);
      assertEquals(text, "Retry later\n");
      assertEquals(headers.get("retry-after"), "90");
      assertEquals(
        headers.get("ratelimit-resettime"),
        "Tue, 01 Jan 2030 00:01:30 GMT",
      );
    }));

  for (const path of ["/api/v4/user/", "/api/v3/user", "/user", "/"]) {
    it(`has nothing at ${path}`, () =>
      withVendor("gitlab", async (server) => {
        const { status } = await askBearer(server, server.token, path);
        assertEquals(status, 404);
      }));
  }

  it("fails as it is told to", () =>
    withVendor("gitlab", async (server) => {
      const failing = await askMinted(server, { state: "failing" });
      assertEquals(failing.status, 500);
      const unavailable = await askMinted(server, { state: "unavailable" });
      assertEquals(unavailable.status, 503);
    }));
});

describe("OAuth of dev-server --as gitlab", () => {
  it("asks with codes of GitLab's format", () =>
    withVendor("gitlab", async (server) => {
      const { json } = await startDevice(server);
      assertMatch(json.user_code, /^[A-Z]{8}$/);
      assertEquals(json.verification_uri, `${server.url}/oauth/device`);
      const page = await fetch(json.verification_uri_complete);
      assertEquals(page.status, 200);
      assert((await page.text()).includes('action="/oauth/device"'));
    }));

  it("gives tokens that only a bearer can present", () =>
    withVendor("gitlab", async (server) => {
      const { access_token, refresh_token } = await login(server);
      assertMatch(access_token, /^[\da-f]{64}$/);
      assertMatch(refresh_token, /^[\da-f]{64}$/);
      assertEquals((await askBearer(server, access_token)).status, 200);
      const headers = { "PRIVATE-TOKEN": access_token };
      assertEquals((await get(server, USER, headers)).status, 401);
    }));

  it("tells how long a token is valid, and not of a personal one", () =>
    withVendor("gitlab", async (server, clock) => {
      const { access_token } = await login(server);
      clock.pass(200);
      const path = "/oauth/token/info";
      const { json } = await askBearer(server, access_token, path);
      assertEquals([json.expires_in, json.scope], [7000, ["read_user"]]);
      assertEquals(json.application, { uid: "nanoctl" });
      const personal = await askBearer(server, server.token, path);
      assertEquals([personal.status, personal.json.error], [
        401,
        "invalid_token",
      ]);
    }));

  it("replaces both tokens in a refresh, each once", () =>
    withVendor("gitlab", async (server) => {
      const first = await login(server);
      const { json: second } = await refresh(server, first.refresh_token);
      assertEquals((await askBearer(server, second.access_token)).status, 200);
      const again = await refresh(server, first.refresh_token);
      assertEquals([again.status, again.json.error], [400, "invalid_grant"]);
    }));

  it("ends the tokens of a login, and says the same of any others", () =>
    withVendor("gitlab", async (server) => {
      const { access_token } = await login(server);
      for (const token of [access_token, server.token, "unknown"]) {
        const { status, json } = await post(server, "/oauth/revoke", { token });
        assertEquals([status, json], [200, {}]);
      }
      assertEquals((await askBearer(server, access_token)).status, 401);
      assertEquals((await askBearer(server, server.token)).status, 200);
    }));

  it("refuses another grant and a scope that it does not know", () =>
    withVendor("gitlab", async (server) => {
      const fields = { grant_type: "password" };
      const { json } = await post(server, "/oauth/token", fields);
      assertEquals(json.error, "unsupported_grant_type");
      const { json: scope } = await startDevice(server, { scope: "root" });
      assertEquals(scope.error, "invalid_scope");
    }));

  it("describes itself, without the endpoint of the device flow", () =>
    withVendor("gitlab", async (server) => {
      for (
        const name of ["openid-configuration", "oauth-authorization-server"]
      ) {
        const { json } = await ask(server, `/.well-known/${name}`);
        assertEquals(json.issuer, server.url);
        assertEquals(json.token_endpoint, `${server.url}/oauth/token`);
        assert(json.grant_types_supported.includes("device_code"));
        assert(!("device_authorization_endpoint" in json));
      }
    }));
});
