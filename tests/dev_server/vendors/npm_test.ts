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

const WHOAMI = "/-/whoami";
const PROFILE = "/-/npm/v1/user";
const TOKENS = "/-/npm/v1/tokens";
const READER = ["read", "account"];

/** Asks with a new token of these fields. */
const askMinted = minter(WHOAMI, bearer);

/** Ends a token, by default the one that asks, as `npm logout` does. */
function logout(
  server: RunningServer,
  token: string,
  more: Record<string, string> = {},
  ended = token,
): Promise<Answer> {
  const headers = { Authorization: `Bearer ${token}`, ...more };
  return ask(server, `/-/user/token/${ended}`, { method: "DELETE", headers });
}

/** The list of the tokens of the one that asks. */
async function listed(
  server: RunningServer,
  query = "",
): Promise<Answer["json"]> {
  return (await askAs(server, server.token, `${TOKENS}${query}`)).json;
}

async function deleteKey(
  server: RunningServer,
  key: string,
): Promise<Answer> {
  const init = {
    method: "DELETE",
    headers: { Authorization: `Bearer ${server.token}` },
  };
  return await ask(server, `${TOKENS}/token/${key}`, init);
}

async function sha512(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  return new Uint8Array(await crypto.subtle.digest("SHA-512", bytes)).toHex();
}

await itAnswersLikeFixtures("npm", {
  account: (server) => askAs(server, server.token, WHOAMI),
  email: (server) =>
    askMinted(server, { scopes: ["read", "account", "otp"] }, PROFILE),
  expiry: (server) => askAs(server, server.token, TOKENS),
  invalid: (server) => askAs(server, "npm_unknown", WHOAMI),
  expired: (server) => askMinted(server, { state: "expired" }),
  revoked: (server) => askMinted(server, { state: "revoked" }),
  no_token: (server) => get(server, WHOAMI),
  scope_missing: (server) =>
    askMinted(server, { scopes: ["read", "write"] }, PROFILE),
  rate_limited: (server) => askMinted(server, { state: "rate_limited" }),
  failing: (server) => askMinted(server, { state: "failing" }),
  one_time_password: async (server) => {
    const { token } = await mint(server, { scopes: ["write", "otp"] });
    return logout(server, token);
  },
  revoked_successfully: (server) => logout(server, server.token),
  revoked_by_key: async (server) =>
    deleteKey(server, await sha512(server.token)),
  not_found: (server) => askAs(server, server.token, "/-/none"),
  ping: (server) => get(server, "/-/ping"),
});

describe("dev-server --as npm", () => {
  it("has npm's tokens", () =>
    withVendor("npm", (server) => {
      assertMatch(server.token, /^npm_[A-Za-z0-9]{36}$/);
      return Promise.resolve();
    }));

  const refused: [string, (token: string) => string][] = [
    ["the scheme token", (token) => `token ${token}`],
    ["Basic", (token) => basic("ada", token)],
    ["no scheme", (token) => token],
  ];
  for (const [name, present] of refused) {
    it(`takes no token with ${name}`, () =>
      withVendor("npm", async (server) => {
        const Authorization = present(server.token);
        const answer = await get(server, WHOAMI, { Authorization });
        assertEquals(answer.status, 401);
        assertEquals(answer.headers.get("npm-notice"), null);
      }));
  }

  it("has a notice for a token that is no longer good", () =>
    withVendor("npm", async (server) => {
      const { headers } = await askMinted(server, { state: "revoked" });
      assertMatch(headers.get("npm-notice") ?? "", /expired or revoked/);
    }));

  it("names the user to each token, and says more to some", () =>
    withVendor("npm", async (server) => {
      const fields = { username: "grace", email: "grace@navy.example" };
      const granular = { ...fields, scopes: ["read"] };
      const { json } = await askMinted(server, granular);
      assertEquals(json, { username: "grace" });
      for (const path of [PROFILE, TOKENS]) {
        assertEquals((await askMinted(server, granular, path)).status, 403);
      }
      const profile = (await askMinted(server, fields, PROFILE)).json;
      assertEquals([profile.name, profile.email], [
        "grace",
        "grace@navy.example",
      ]);
      assertEquals(profile.tfa, false);
    }));

  it("has nothing at other paths and for other methods", () =>
    withVendor("npm", async (server) => {
      const headers = { Authorization: `Bearer ${server.token}` };
      for (
        const [method, path] of [
          ["GET", "/"],
          ["GET", "/whoami"],
          ["GET", `${WHOAMI}/`],
          ["GET", "/-/npm/v1/tokens/token/0"],
          ["GET", `/-/user/token/${server.token}`],
          ["POST", WHOAMI],
          ["DELETE", TOKENS],
        ] as const
      ) {
        const answer = await ask(server, path, { method, headers });
        assertEquals([answer.status, answer.json.error], [404, "Not found"]);
      }
    }));

  it("says after how long to ask again", () =>
    withVendor("npm", async (server) => {
      for (
        const [state, status] of [
          ["rate_limited", 429],
          ["unavailable", 503],
        ] as const
      ) {
        const answer = await askMinted(server, { state, retry_after: 30 });
        assertEquals(answer.status, status);
        assertEquals(answer.headers.get("retry-after"), "30");
      }
    }));
});

describe("the tokens of dev-server --as npm", () => {
  it("are listed with the key of the one that asks", () =>
    withVendor("npm", async (server) => {
      await mint(server, { name: "second", scopes: READER, expires_at: null });
      await mint(server, { username: "grace" });
      await mint(server, { state: "expired" });
      await mint(server, { state: "revoked" });
      const { objects: [first, second], total, urls } = await listed(server);
      assertEquals([total, urls], [2, {}]);
      assertEquals(
        [first.token, first.key, first.readonly, first.expires],
        [
          server.token.slice(0, 6),
          await sha512(server.token),
          false,
          server.expiresAt.toISOString(),
        ],
      );
      assertEquals(
        [second.token, second.name, second.readonly, second.expires],
        ["[REDACTED]", "second", true, null],
      );
    }));

  it("come in pages", () =>
    withVendor("npm", async (server) => {
      await mint(server, { name: "second" });
      await mint(server, { name: "third" });
      const first = await listed(server, "?perPage=2");
      assertEquals([first.total, first.objects.length], [3, 2]);
      assertEquals(first.urls, { next: `${TOKENS}?page=1&perPage=2` });
      const { objects, urls } = await listed(server, "?perPage=2&page=1");
      assertEquals([objects.length, objects[0].name], [1, "third"]);
      assertEquals(urls, { prev: `${TOKENS}?page=0&perPage=2` });
    }));

  for (const query of ["?page=1", "?page=-1", "?perPage=0", "?perPage=x"]) {
    it(`have no page ${query}`, () =>
      withVendor("npm", async (server) => {
        const path = `${TOKENS}${query}`;
        assertEquals((await askAs(server, server.token, path)).status, 400);
      }));
  }

  it("end themselves and others of their user by value", () =>
    withVendor("npm", async (server) => {
      const own = await mint(server);
      const other = await mint(server, { username: "grace" });
      const end = async (ended: string): Promise<number> =>
        (await logout(server, server.token, {}, ended)).status;
      assertEquals(await end(own.token), 200);
      assertEquals((await askAs(server, own.token, WHOAMI)).status, 401);
      assertEquals(await end(other.token), 404);
      assertEquals(await end(server.token), 200);
      assertEquals((await askAs(server, server.token, WHOAMI)).status, 401);
    }));

  it("end by their key", () =>
    withVendor("npm", async (server) => {
      const own = await mint(server, { name: "second" });
      const { objects } = await listed(server);
      assertEquals((await deleteKey(server, objects[1].key)).status, 204);
      assertEquals((await askAs(server, own.token, WHOAMI)).status, 401);
      assertEquals((await deleteKey(server, objects[1].key)).status, 404);
    }));

  it("end nothing if they may only read", () =>
    withVendor("npm", async (server) => {
      const { token } = await mint(server, { scopes: READER });
      assertEquals((await logout(server, token)).status, 403);
      assertEquals((await askAs(server, token, WHOAMI)).status, 200);
    }));

  it("end with a one-time password where the account asks for it", () =>
    withVendor("npm", async (server) => {
      const { token } = await mint(server, { scopes: ["write", "otp"] });
      for (const given of [{}, { "npm-otp": "word" }]) {
        const { status, headers } = await logout(server, token, given);
        assertEquals([status, headers.get("www-authenticate")], [401, "OTP"]);
      }
      const given = { "npm-otp": "123456" };
      assertEquals((await logout(server, token, given)).status, 200);
    }));
});
