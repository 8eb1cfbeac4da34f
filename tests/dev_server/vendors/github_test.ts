import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { RunningServer } from "../../../src/dev_server/server.ts";
import { type Answer, ask, mint } from "../helpers.ts";
import { decide, DEVICE_CODE, type Fields, post } from "../oauth_requests.ts";
import {
  basic,
  bearer,
  get,
  itAnswersLikeFixtures,
  minter,
  withVendor,
} from "./helpers.ts";

const USER = "/api/v3/user";
const EMAILS = "/api/v3/user/emails";

/** Asks with a new token of these fields. */
const askMinted = minter(USER, bearer);

function revoke(
  server: RunningServer,
  body: string,
  token = server.token,
): Promise<Answer> {
  const headers = { Authorization: `Bearer ${token}` };
  const path = "/api/v3/credentials/revoke";
  return ask(server, path, { method: "POST", headers, body });
}

const JSON_ONLY = { Accept: "application/json" };

function startDevice(
  server: RunningServer,
  fields: Fields = {},
  headers: HeadersInit = JSON_ONLY,
): Promise<Answer> {
  return post(server, "/login/device/code", fields, headers);
}

function poll(
  server: RunningServer,
  device_code: string,
  fields: Fields = {},
  headers: HeadersInit = JSON_ONLY,
): Promise<Answer> {
  const all = { grant_type: DEVICE_CODE, device_code, ...fields };
  return post(server, "/login/oauth/access_token", all, headers);
}

/** Starts a device login, decides it if there is a choice, and polls. */
async function pollNew(
  server: RunningServer,
  choice?: "approve" | "deny",
  fields: Fields = {},
): Promise<Answer> {
  const scope = "repo gist";
  const { device_code, user_code } = (await startDevice(server, { scope }))
    .json;
  if (choice) await decide(server, user_code, choice);
  return poll(server, device_code, fields);
}

await itAnswersLikeFixtures("github", {
  account: (server) => askMinted(server, {}),
  account_without_expiry: (server) => askMinted(server, { expires_at: null }),
  emails: (server) => askMinted(server, { scopes: ["user:email"] }, EMAILS),
  invalid: (server) => get(server, USER, { Authorization: "Bearer ghp_no" }),
  expired: (server) => askMinted(server, { state: "expired" }),
  revoked: (server) => askMinted(server, { state: "revoked" }),
  no_token: (server) => get(server, USER),
  scope_missing: (server) => askMinted(server, { scopes: ["repo"] }, EMAILS),
  scope_missing_said: (server) =>
    askMinted(server, { scopes: ["gist"] }, "/api/v3/notifications"),
  rate_limited: (server) => askMinted(server, { state: "rate_limited" }),
  revoked_successfully: (server) =>
    revoke(server, JSON.stringify({ credentials: [server.token] })),
  not_found: (server) => get(server, "/api/v3/users-of"),
  meta: (server) => get(server, "/api/v3/meta"),
  device_code: (server) => startDevice(server),
  device_code_as_form: (server) => startDevice(server, {}, {}),
  device_unknown_client: (server) => startDevice(server, { client_id: "no" }),
  device_pending: (server) => pollNew(server),
  device_slow_down: async (server) => {
    const { device_code } = (await startDevice(server)).json;
    await poll(server, device_code);
    return poll(server, device_code);
  },
  device_expired: async (server, clock) => {
    const { device_code } = (await startDevice(server)).json;
    clock.pass(900);
    return poll(server, device_code);
  },
  device_denied: (server) => pollNew(server, "deny"),
  device_wrong_code: (server) => poll(server, "0".repeat(40)),
  device_wrong_client: (server) =>
    pollNew(server, "approve", { client_id: "no" }),
  device_wrong_grant: (server) =>
    pollNew(server, "approve", { grant_type: "password" }),
  device_token: (server) => pollNew(server, "approve"),
});

describe("dev-server --as github", () => {
  it("has tokens in GitHub's format, also the ones that it is asked for", () =>
    withVendor("github", async (server) => {
      const { token } = await mint(server, { name: "another" });
      assertMatch(server.token, /^ghp_[A-Za-z0-9]{36}$/);
      assertMatch(token, /^ghp_[A-Za-z0-9]{36}$/);
    }));

  const presentations: [string, (token: string) => string][] = [
    ["Bearer", (token) => `Bearer ${token}`],
    ["token", (token) => `token ${token}`],
    ["Basic with any user name", (token) => basic("anyone", token)],
  ];
  for (const [name, present] of presentations) {
    it(`takes a token with ${name}`, () =>
      withVendor("github", async (server) => {
        const Authorization = present(server.token);
        const { status, json } = await get(server, USER, { Authorization });
        assertEquals([status, json.login], [200, "ada"]);
      }));
  }

  const refused: [string, (token: string) => Record<string, string>][] = [
    ["the header of GitLab", (token) => ({ "PRIVATE-TOKEN": token })],
    ["no scheme", (token) => ({ Authorization: token })],
    ["another scheme", (token) => ({ Authorization: `Digest ${token}` })],
    ["Basic as the user name", (token) => ({
      Authorization: basic(token, ""),
    })],
  ];
  for (const [name, headers] of refused) {
    it(`takes no token with ${name}`, () =>
      withVendor("github", async (server) => {
        const { status, json } = await get(server, USER, headers(server.token));
        assertEquals([status, json.message], [401, "Requires authentication"]);
      }));
  }

  for (
    const path of ["/user", "/api/v3/user/", "/api/v4/user", "/v1/me", "/"]
  ) {
    it(`has nothing at ${path}`, () =>
      withVendor("github", async (server) => {
        const Authorization = `Bearer ${server.token}`;
        const { status } = await get(server, path, { Authorization });
        assertEquals(status, 404);
      }));
  }

  it("has nothing for another method", () =>
    withVendor("github", async (server) => {
      const { status } = await ask(server, USER, { method: "POST" });
      assertEquals(status, 404);
    }));

  it("refuses a version of the API that there is not", () =>
    withVendor("github", async (server) => {
      const headers = {
        Authorization: `Bearer ${server.token}`,
        "X-GitHub-Api-Version": "2020-01-01",
      };
      assertEquals((await get(server, USER, headers)).status, 400);
      headers["X-GitHub-Api-Version"] = "2022-11-28";
      assertEquals((await get(server, USER, headers)).status, 200);
    }));

  it("counts requests in the headers of the rate limit", () =>
    withVendor("github", async (server, clock) => {
      const Authorization = `Bearer ${server.token}`;
      await get(server, USER, { Authorization });
      const { headers } = await get(server, USER, { Authorization });
      assertEquals(headers.get("x-ratelimit-used"), "2");
      assertEquals(headers.get("x-ratelimit-remaining"), "4998");
      const reset = clock.now().getTime() / 1000 + 3600;
      assertEquals(headers.get("x-ratelimit-reset"), `${reset}`);
    }));

  it("says when a rate limit ends", () =>
    withVendor("github", async (server, clock) => {
      const fields = { state: "rate_limited", retry_after: 90 };
      const { headers } = await askMinted(server, fields);
      const reset = clock.now().getTime() / 1000 + 90;
      assertEquals(headers.get("x-ratelimit-reset"), `${reset}`);
      assertEquals(headers.get("retry-after"), null);
    }));

  it("says the scopes and the expiry of a valid token only", () =>
    withVendor("github", async (server) => {
      const fields = { scopes: ["gist", "repo"], expires_in: 60 };
      const { headers } = await askMinted(server, fields);
      assertEquals(headers.get("x-oauth-scopes"), "gist, repo");
      assertEquals(
        headers.get("github-authentication-token-expiration"),
        "2030-01-01 00:01:00 UTC",
      );
      const refused = await askMinted(server, { state: "expired" });
      assertEquals(refused.headers.get("x-oauth-scopes"), null);
    }));

  it("fails as it is told to", () =>
    withVendor("github", async (server) => {
      const failing = await askMinted(server, { state: "failing" });
      assertEquals([failing.status, failing.json.message], [
        500,
        "Server Error",
      ]);
      const state = "unavailable";
      assertEquals((await askMinted(server, { state })).status, 503);
    }));

  it("ends the tokens that it is given, with a valid one", () =>
    withVendor("github", async (server) => {
      const { token } = await mint(server);
      const body = JSON.stringify({ credentials: [token, "ghp_unknown"] });
      assertEquals((await revoke(server, body, "ghp_unknown")).status, 401);
      assertEquals((await revoke(server, body)).status, 202);
      const Authorization = `Bearer ${token}`;
      assertEquals((await get(server, USER, { Authorization })).status, 401);
    }));

  for (
    const [body, status] of [
      ["{", 400],
      ["[]", 422],
      ['{"credentials":[]}', 422],
      ['{"credentials":[42]}', 422],
    ] as const
  ) {
    it(`refuses to end what ${body} names`, () =>
      withVendor("github", async (server) => {
        assertEquals((await revoke(server, body)).status, status);
      }));
  }
});

describe("the device flow of dev-server --as github", () => {
  it("gives a token with the scopes that were asked for, which never expires", () =>
    withVendor("github", async (server) => {
      const { json } = await pollNew(server, "approve");
      assertMatch(json.access_token, /^gho_\w{36}$/);
      assertEquals(json.scope, "repo,gist");
      const Authorization = `Bearer ${json.access_token}`;
      const { headers, json: user } = await get(server, USER, {
        Authorization,
      });
      assertEquals(user.login, "ada");
      assertEquals(headers.get("x-oauth-scopes"), "repo, gist");
      const expiry = "github-authentication-token-expiration";
      assertEquals(headers.get(expiry), null);
    }));

  it("asks with codes of GitHub's format, on GitHub's page", () =>
    withVendor("github", async (server) => {
      const { json } = await startDevice(server);
      assertMatch(json.device_code, /^[\da-f]{40}$/);
      assertMatch(json.user_code, /^[A-Z]{4}-[A-Z]{4}$/);
      assertEquals(json.verification_uri, `${server.url}/login/device`);
      assertEquals([json.expires_in, json.interval], [900, 5]);
      const query = new URLSearchParams({ user_code: json.user_code });
      const page = await ask(server, `/login/device?${query}`);
      assertEquals(page.status, 200);
      const [, form_token = ""] = /name="form_token" value="(\w+)"/
        .exec(page.text) ?? [];
      const body = new URLSearchParams({
        form_token,
        user_code: json.user_code,
        choice: "approve",
      });
      await ask(server, "/login/device", { method: "POST", body });
      const { json: granted } = await poll(server, json.device_code);
      assertEquals(granted.token_type, "bearer");
    }));

  it("tells the errors with status 200, and with the new interval", () =>
    withVendor("github", async (server, clock) => {
      const { device_code } = (await startDevice(server)).json;
      await poll(server, device_code);
      const first = await poll(server, device_code);
      assertEquals([first.status, first.json.interval], [200, 10]);
      clock.pass(9);
      const second = await poll(server, device_code);
      assertEquals(second.json.interval, 15);
      clock.pass(15);
      const third = await poll(server, device_code);
      assertEquals(third.json.error, "authorization_pending");
    }));

  it("answers with a form unless the client accepts JSON, also errors", () =>
    withVendor("github", async (server) => {
      const started = await startDevice(server, {}, {});
      const device_code = new URLSearchParams(started.text).get("device_code");
      const polled = await poll(server, device_code ?? "", {}, {});
      const error = new URLSearchParams(polled.text).get("error");
      assertEquals([polled.status, error], [200, "authorization_pending"]);
    }));
});
