import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { RunningServer } from "../../../src/dev_server/server.ts";
import { type Answer, ask, askAs, mint } from "../helpers.ts";
import {
  basic,
  bearer,
  get,
  itAnswersLikeFixtures,
  minter,
  withVendor,
} from "./helpers.ts";

const ACCOUNT = "/v2/account";
const INFO = "/v1/oauth/token/info";

/** Asks with a new token of these fields. */
const askMinted = minter(ACCOUNT, bearer);

function revoke(
  server: RunningServer,
  body: string,
  token = server.token,
): Promise<Answer> {
  const headers = { Authorization: `Bearer ${token}` };
  const init = { method: "POST", headers, body };
  return ask(server, "/v1/oauth/revoke", init);
}

await itAnswersLikeFixtures("digitalocean", {
  account: (server) => askAs(server, server.token, ACCOUNT),
  account_with_few_scopes: (server) =>
    askMinted(server, { scopes: ["account:read"] }),
  expiry: (server) => askAs(server, server.token, INFO),
  no_expiry: (server) => askMinted(server, { expires_at: null }, INFO),
  expiry_invalid: (server) => askAs(server, "dop_v1_unknown", INFO),
  invalid: (server) => askAs(server, "dop_v1_unknown", ACCOUNT),
  expired: (server) => askMinted(server, { state: "expired" }),
  revoked: (server) => askMinted(server, { state: "revoked" }),
  no_token: (server) => get(server, ACCOUNT),
  scope_missing: (server) => askMinted(server, { scopes: ["droplet:read"] }),
  rate_limited: (server) => askMinted(server, { state: "rate_limited" }),
  failing: (server) => askMinted(server, { state: "failing" }),
  revoked_successfully: (server) => revoke(server, `token=${server.token}`),
  not_found: (server) => askAs(server, server.token, "/v2/accounts"),
});

describe("dev-server --as digitalocean", () => {
  it("has personal access tokens", () =>
    withVendor("digitalocean", (server) => {
      assertMatch(server.token, /^dop_v1_[\da-f]{64}$/);
      return Promise.resolve();
    }));

  const refused: [string, (token: string) => Record<string, string>][] = [
    ["the scheme token", (token) => ({ Authorization: `token ${token}` })],
    ["Basic", (token) => ({ Authorization: basic("ada", token) })],
    ["no scheme", (token) => ({ Authorization: token })],
    ["Vault's header", (token) => ({ "X-Vault-Token": token })],
  ];
  for (const [name, headers] of refused) {
    it(`takes no token with ${name}`, () =>
      withVendor("digitalocean", async (server) => {
        for (const path of [ACCOUNT, INFO]) {
          const { status, json } = await get(
            server,
            path,
            headers(server.token),
          );
          assertEquals([status, json.id], [401, "unauthorized"]);
        }
      }));
  }

  it("shows of the account what the scopes are for", () =>
    withVendor("digitalocean", async (server) => {
      const fields = {
        username: "grace",
        email: "grace@navy.example",
        scopes: ["account:read", "droplet:read"],
      };
      const { account } = (await askMinted(server, fields)).json;
      assertEquals([account.name, account.email], [
        "grace",
        "grace@navy.example",
      ]);
      assertEquals([account.droplet_limit, account.floating_ip_limit], [
        25,
        undefined,
      ]);
      assertMatch(account.uuid, /^[\da-f]{40}$/);
    }));

  it("says the scopes of a token, and how long it has left", () =>
    withVendor("digitalocean", async (server, clock) => {
      const fields = { scopes: ["droplet:read"], expires_in: 3600 };
      const { token } = await mint(server, fields);
      clock.pass(59.5);
      const { json } = await askAs(server, token, INFO);
      assertEquals([json.scopes, json.expires_in_seconds, json.created_at], [
        ["droplet:read"],
        3540,
        Date.parse("2030-01-01T00:00:00Z") / 1000,
      ]);
      const never = await askMinted(server, { expires_at: null }, INFO);
      assertEquals(never.json.expires_in_seconds, null);
    }));

  it("has nothing at other paths and for other methods", () =>
    withVendor("digitalocean", async (server) => {
      const headers = { Authorization: `Bearer ${server.token}` };
      for (
        const [method, path] of [
          ["GET", "/"],
          ["GET", "/v2"],
          ["GET", "/account"],
          ["GET", "/v2/account/"],
          ["POST", ACCOUNT],
          ["POST", INFO],
          ["GET", "/v1/oauth/revoke"],
        ] as const
      ) {
        const answer = await ask(server, path, { method, headers });
        assertEquals([answer.status, answer.json.id], [404, "not_found"]);
      }
    }));

  it("names the request in an error as in the header", () =>
    withVendor("digitalocean", async (server) => {
      const { json, headers } = await get(server, ACCOUNT);
      assertEquals(json.request_id, headers.get("x-request-id"));
    }));

  it("counts requests for an hour each", () =>
    withVendor("digitalocean", async (server, clock) => {
      const start = clock.now().getTime() / 1000;
      const rate = async (): Promise<(string | null)[]> => {
        const { headers } = await askAs(server, server.token, ACCOUNT);
        return ["remaining", "reset"].map((name) =>
          headers.get(`ratelimit-${name}`)
        );
      };
      assertEquals(await rate(), ["4999", `${start + 3600}`]);
      clock.pass(60);
      assertEquals(await rate(), ["4998", `${start + 3600}`]);
    }));

  it("says when a rate limit ends, in both ways", () =>
    withVendor("digitalocean", async (server, clock) => {
      const fields = { state: "rate_limited", retry_after: 29 };
      const { headers } = await askMinted(server, fields);
      const reset = clock.now().getTime() / 1000 + 29;
      assertEquals(headers.get("ratelimit-remaining"), "0");
      assertEquals(headers.get("ratelimit-reset"), `${reset}`);
      assertEquals(headers.get("retry-after"), "29");
    }));

  it("is not available when it is told so", () =>
    withVendor("digitalocean", async (server) => {
      const fields = { state: "unavailable", retry_after: 7 };
      const { status, json, headers } = await askMinted(server, fields);
      assertEquals([status, json.id], [503, "service_unavailable"]);
      assertEquals(headers.get("retry-after"), "7");
    }));

  it("ends a token of the same user, and tells nothing of others", () =>
    withVendor("digitalocean", async (server) => {
      const own = await mint(server);
      const other = await mint(server, { username: "grace" });
      for (const value of [own.token, other.token, "unknown"]) {
        const { status, json } = await revoke(server, `token=${value}`);
        assertEquals([status, json], [200, {}]);
      }
      assertEquals((await askAs(server, own.token, ACCOUNT)).status, 401);
      assertEquals((await askAs(server, other.token, ACCOUNT)).status, 200);
    }));

  it("needs a valid token to end one, and to be told which", () =>
    withVendor("digitalocean", async (server) => {
      const unknown = await revoke(server, `token=${server.token}`, "unknown");
      assertEquals(unknown.status, 401);
      assertEquals((await revoke(server, "")).status, 400);
      const json = JSON.stringify({ token: server.token });
      assertEquals((await revoke(server, json)).status, 400);
    }));
});
