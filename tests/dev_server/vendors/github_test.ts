import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { RunningServer } from "../../../src/dev_server/server.ts";
import { type Answer, ask, mint } from "../helpers.ts";
import { basic, get, itAnswersLikeFixtures, withVendor } from "./helpers.ts";

const USER = "/api/v3/user";
const EMAILS = "/api/v3/user/emails";

/** Asks with a new token of these fields. */
async function askMinted(
  server: RunningServer,
  fields: Record<string, unknown>,
  path = USER,
): Promise<Answer> {
  const { token } = await mint(server, fields);
  return get(server, path, { Authorization: `Bearer ${token}` });
}

function revoke(
  server: RunningServer,
  body: string,
  token = server.token,
): Promise<Answer> {
  const headers = { Authorization: `Bearer ${token}` };
  const path = "/api/v3/credentials/revoke";
  return ask(server, path, { method: "POST", headers, body });
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
