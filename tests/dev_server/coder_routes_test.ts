import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { DevServer } from "../../src/dev_server/server.ts";
import {
  type Answer,
  ask,
  askAs,
  mint,
  seen,
  send,
  withServer,
} from "./helpers.ts";

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;
const ME = "/api/v2/users/me";
const LOGOUT = "/api/v2/users/logout";
const PROVIDERS = "/api/v2/external-auth";
const AGENT_TOKEN = "/api/v2/workspaceagents/me/external-auth";
const FOR_USERS: [string, string][] = [
  ["GET", ME],
  ["GET", `${ME}/keys/0123456789`],
  ["POST", LOGOUT],
  ["GET", PROVIDERS],
];

/** Asks as Coder's clients do. */
function askCoder(
  server: DevServer,
  token: string,
  path: string,
  init: RequestInit = {},
): Promise<Answer> {
  const headers = { "Coder-Session-Token": token };
  return ask(server, path, { headers, ...init });
}

/** Asserts an error in Coder's shape, and gives its detail. */
function assertRefused(answer: Answer, status: number): string {
  assertEquals(answer.status, status, answer.text);
  assertEquals(answer.headers.get("content-type"), "application/json");
  assertEquals(Object.keys(answer.json), ["message", "detail"]);
  const { message, detail } = answer.json;
  assert(message.length > 0 && detail.length > 0);
  return detail;
}

describe(`GET ${ME}`, () => {
  it("says who the user is", () =>
    withServer(async (server) => {
      const { token } = await mint(server, {
        wire: "coder",
        username: "grace",
        email: "grace@navy.example",
      });
      const { status, json } = await askCoder(server, token, ME);
      assertEquals(status, 200);
      const { id, ...rest } = json;
      assertMatch(id, UUID);
      assertEquals(rest, {
        username: "grace",
        name: "",
        email: "grace@navy.example",
        avatar_url: "",
        created_at: "2030-01-01T00:00:00.000Z",
        updated_at: "2030-01-01T00:00:00.000Z",
        last_seen_at: "2030-01-01T00:00:00.000Z",
        status: "active",
        login_type: "password",
        organization_ids: [],
        roles: [],
      });
      const again = await askCoder(server, token, ME);
      assertEquals(again.json.id, id);
    }));

  it("accepts any user's token, and no other header", () =>
    withServer(async (server) => {
      const coder = await mint(server, { wire: "coder" });
      for (const token of [server.token, coder.token]) {
        assertEquals((await askCoder(server, token, ME)).json.username, "ada");
        assertEquals((await askAs(server, token)).json.username, "ada");
        assertRefused(await askAs(server, token, ME), 401);
        const headers = { "Coder-Session-Token": token };
        assertEquals((await ask(server, "/v1/me", { headers })).status, 401);
      }
    }));
});

describe(`GET ${ME}/keys/<key id>`, () => {
  it("says when the key of a token ends", () =>
    withServer(async (server, clock) => {
      const { token } = await mint(server, {
        wire: "coder",
        name: "ci",
        expires_in: 3600,
      });
      clock.pass(60);
      const [id] = token.split("-");
      const key = await askCoder(server, token, `${ME}/keys/${id}`);
      const me = await askCoder(server, token, ME);
      assertEquals(key.json, {
        id,
        user_id: me.json.id,
        token_name: "ci",
        login_type: "token",
        scope: "all",
        scopes: ["account:read", "external-auth:read"],
        allow_list: [{ type: "*", id: "*" }],
        created_at: "2030-01-01T00:00:00.000Z",
        updated_at: "2030-01-01T00:00:00.000Z",
        last_used: "2030-01-01T00:01:00.000Z",
        expires_at: "2030-01-01T01:00:00.000Z",
        lifetime_seconds: 3600,
      });
    }));

  it("has Go's zero time for a key without an end", () =>
    withServer(async (server) => {
      const { token, id } = await mint(server, {
        wire: "coder",
        expires_at: null,
      });
      const { json } = await askCoder(server, token, `${ME}/keys/${id}`);
      assertEquals(
        [json.expires_at, json.lifetime_seconds],
        ["0001-01-01T00:00:00Z", 0],
      );
    }));

  it("knows no key of another user, of an agent, or that was revoked", () =>
    withServer(async (server) => {
      const { token } = await mint(server, { wire: "coder" });
      const others = [
        await mint(server, { wire: "coder", username: "grace" }),
        await mint(server, { wire: "coder", agent: "main" }),
        await mint(server, { wire: "coder", state: "revoked" }),
        { id: "0123456789" },
      ];
      for (const { id } of others) {
        const path = `${ME}/keys/${id}`;
        assertRefused(await askCoder(server, token, path), 404);
      }
    }));
});

describe(`POST ${LOGOUT}`, () => {
  it("ends the presented token, on both wires", () =>
    withServer(async (server) => {
      const { token } = await mint(server, { wire: "coder", scopes: [] });
      const init = {
        method: "POST",
        headers: { "Coder-Session-Token": token },
      };
      const { status, json } = await ask(server, LOGOUT, init);
      assertEquals([status, Object.keys(json)], [200, ["message"]]);
      assertMatch(
        assertRefused(await askCoder(server, token, ME), 401),
        /revoked/,
      );
      assertEquals((await askAs(server, token)).json.code, "token_revoked");
      assertEquals((await askAs(server, server.token)).status, 200);
    }));
});

describe(`GET ${PROVIDERS}`, () => {
  it("lists the providers, and the links of those that are connected", () =>
    withServer(async (server, clock) => {
      const list = async (): Promise<Answer["json"]> =>
        (await askCoder(server, server.token, PROVIDERS)).json;
      const { providers, links } = await list();
      const common = {
        device: false,
        display_icon: "",
        allow_refresh: false,
        allow_validate: false,
        supports_revocation: false,
        code_challenge_methods_supported: [],
      };
      assertEquals(providers, [
        { ...common, id: "github", type: "github", display_name: "GitHub" },
        { ...common, id: "slack", type: "slack", display_name: "Slack" },
      ]);
      assertEquals(links, []);
      await send(server, "PATCH", "/dev/external-auth/github", {
        connected: true,
      });
      await send(server, "PATCH", "/dev/external-auth/slack", {
        connected: true,
        expires_in: 60,
      });
      clock.pass(60);
      const dates = {
        created_at: "2030-01-01T00:00:00.000Z",
        updated_at: "2030-01-01T00:00:00.000Z",
        has_refresh_token: false,
        validate_error: "",
      };
      assertEquals((await list()).links, [
        {
          ...dates,
          provider_id: "github",
          expires: "0001-01-01T00:00:00Z",
          authenticated: true,
        },
        {
          ...dates,
          provider_id: "slack",
          expires: "2030-01-01T00:01:00.000Z",
          authenticated: false,
        },
      ]);
    }));
});

describe(`GET ${AGENT_TOKEN}`, () => {
  it("gives the URL at which to connect, then the token", () =>
    withServer(async (server) => {
      const { token } = await mint(server, { wire: "coder", agent: "main" });
      const path = `${AGENT_TOKEN}?id=slack`;
      const before = await askCoder(server, token, path);
      assertEquals(before.status, 200);
      assertEquals(before.json, {
        access_token: "",
        token_extra: null,
        type: "",
        username: "",
        password: "",
        expires_at: "0001-01-01T00:00:00Z",
        url: `${server.url}/external-auth/slack`,
      });
      await send(server, "PATCH", "/dev/external-auth/slack", {
        connected: true,
        access_token: "xoxp-1",
        extra: { authed_user: { id: "U1" } },
        expires_in: 60,
      });
      const after = await askCoder(server, token, path);
      assertEquals(after.json, {
        access_token: "xoxp-1",
        token_extra: { authed_user: { id: "U1" } },
        url: "",
        type: "slack",
        username: "xoxp-1",
        password: "",
        expires_at: "2030-01-01T00:01:00.000Z",
      });
    }));

  it("has Go's zero values for a token without an end or extras", () =>
    withServer(async (server) => {
      const { token } = await mint(server, { agent: "main" });
      await send(server, "PATCH", "/dev/external-auth/github", {
        connected: true,
      });
      const query = new URLSearchParams({ match: "https://github.com/a/b" });
      const path = `${AGENT_TOKEN}?${query}`;
      const { json } = await askCoder(server, token, path);
      assertMatch(json.access_token, /^gho_[0-9A-Za-z]{36}$/);
      assertEquals(
        [json.expires_at, json.token_extra, json.url],
        ["0001-01-01T00:00:00Z", null, ""],
      );
    }));

  for (
    const [query, status] of [
      ["", 400],
      ["?id=github&match=github.com", 400],
      ["?id=gitlab", 404],
      ["?match=https://gitlab.com/x", 404],
    ] as const
  ) {
    it(`answers ${JSON.stringify(query)} with ${status}`, () =>
      withServer(async (server) => {
        const { token } = await mint(server, { agent: "main" });
        const path = `${AGENT_TOKEN}${query}`;
        assertRefused(await askCoder(server, token, path), status);
      }));
  }
});

describe("Coder's routes", () => {
  it("tell a user's token and an agent's apart", () =>
    withServer(async (server) => {
      for (const wire of ["coder", "nanoservices"]) {
        const agent = await mint(server, { wire, agent: "main" });
        for (const [method, path] of FOR_USERS) {
          const headers = { "Coder-Session-Token": agent.token };
          const answer = await ask(server, path, { method, headers });
          assertMatch(assertRefused(answer, 401), /agent's, not a user's/);
        }
        const { token } = await mint(server, { wire });
        const path = `${AGENT_TOKEN}?id=github`;
        const answer = await askCoder(server, token, path);
        assertMatch(assertRefused(answer, 401), /user's, not an agent's/);
      }
    }));

  it("ask for a token", () =>
    withServer(async (server) => {
      for (
        const [method, path] of [
          ...FOR_USERS,
          ["GET", AGENT_TOKEN] as [string, string],
        ]
      ) {
        assertRefused(await ask(server, path, { method }), 401);
        const headers = { "Coder-Session-Token": "0123456789-unknown" };
        const unknown = await ask(server, path, { method, headers });
        assertMatch(assertRefused(unknown, 401), /invalid/);
      }
    }));

  it("ask for the scope", () =>
    withServer(async (server) => {
      const user = await mint(server, { wire: "coder", scopes: [] });
      const agent = await mint(server, { agent: "main", scopes: [] });
      const routes: [string, string, string][] = [
        [user.token, ME, "account:read"],
        [user.token, `${ME}/keys/${user.id}`, "account:read"],
        [user.token, PROVIDERS, "external-auth:read"],
        [agent.token, `${AGENT_TOKEN}?id=github`, "external-auth:read"],
      ];
      for (const [token, path, scope] of routes) {
        const answer = await askCoder(server, token, path);
        assert(assertRefused(answer, 403).includes(scope));
      }
    }));

  const outcomes: [Record<string, unknown>, number, RegExp, string | null][] = [
    [{ state: "expired" }, 401, /expired at 2030-01-01T00:00:00/, null],
    [{ state: "revoked" }, 401, /revoked/, null],
    [{ state: "rate_limited" }, 429, /told/, "1"],
    [{ state: "rate_limited", retry_after: 90 }, 429, /told/, "90"],
    [{ state: "failing" }, 500, /told/, null],
    [{ state: "unavailable" }, 503, /told/, null],
    [{ state: "unavailable", retry_after: 7 }, 503, /told/, "7"],
  ];
  for (const [wish, status, detail, retryAfter] of outcomes) {
    it(`answer ${JSON.stringify(wish)} with ${status}`, () =>
      withServer(async (server) => {
        const user = await mint(server, { wire: "coder", ...wish });
        const agent = await mint(server, {
          wire: "coder",
          agent: "main",
          ...wish,
        });
        const routes: [string, string][] = [
          [user.token, ME],
          [user.token, PROVIDERS],
          [agent.token, `${AGENT_TOKEN}?id=github`],
        ];
        for (const [token, path] of routes) {
          const answer = await askCoder(server, token, path);
          assertMatch(assertRefused(answer, status), detail);
          assertEquals(answer.headers.get("retry-after"), retryAfter);
        }
      }));
  }

  it("answer garbled and misshapen tokens so", () =>
    withServer(async (server) => {
      const garbled = await mint(server, { state: "garbled" });
      const { status, headers } = await askCoder(server, garbled.token, ME);
      assertEquals(status, 200);
      assertEquals(headers.get("content-type"), "text/html; charset=UTF-8");
      const misshapen = await mint(server, { state: "misshapen" });
      const { json } = await askCoder(server, misshapen.token, ME);
      assertEquals([json.id, json.username], [42, 42]);
    }));

  it("fail only so often as was asked for", () =>
    withServer(async (server) => {
      const { token } = await mint(server, {
        wire: "coder",
        state: "failing",
        fail_times: 2,
      });
      const statuses: number[] = [];
      for (let times = 0; times < 3; times++) {
        statuses.push((await askCoder(server, token, ME)).status);
      }
      assertEquals(statuses, [500, 500, 200]);
    }));

  it("leave a slow answer when the service stops", () =>
    withServer(async (server) => {
      const { token, id } = await mint(server, {
        wire: "coder",
        state: "slow",
        delay: 600,
      });
      const asked = askCoder(server, token, ME).then(
        ({ status }) => status,
        () => "cut off",
      );
      await seen(server, id);
      await server.shutdown();
      assert([503, "cut off"].includes(await asked));
    }));

  it("are refused in Coder's shape where there are none", () =>
    withServer(async (server) => {
      assertRefused(await ask(server, "/api/v2/templates"), 404);
      for (const [method, path] of FOR_USERS) {
        const wrong = method === "GET" ? "POST" : "GET";
        assertRefused(await ask(server, path, { method: wrong }), 405);
      }
    }));

  it("leave no token in the list of requests", () =>
    withServer(async (server) => {
      const user = await mint(server, { wire: "coder" });
      const agent = await mint(server, { wire: "coder", agent: "main" });
      for (const { token } of [user, agent]) {
        const headers = { "User-Agent": token, "Coder-Session-Token": token };
        await ask(server, `/api/v2/${token}`, { headers });
        await ask(server, `${ME}?token=${token}`, { headers });
      }
      const { text, json } = await ask(server, "/dev/requests");
      assert(!text.includes(user.token) && !text.includes(agent.token));
      const ids = json.requests.map((seen: { token_id: string }) =>
        seen.token_id
      );
      assertEquals(ids, [null, user.id, null, agent.id]);
    }));
});
