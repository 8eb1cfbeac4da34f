import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ask, askAs, FIRST_TOKENS, mint, send, withServer } from "./helpers.ts";

describe("POST /dev/tokens", () => {
  it("mints for the first user, for 30 days, when nothing is chosen", () =>
    withServer(async (server) => {
      for (const body of ["{}", undefined]) {
        const init = body === undefined ? {} : { body };
        const { status, json, headers } = await ask(server, "/dev/tokens", {
          method: "POST",
          ...init,
        });
        const { token, id, ...rest } = json;
        assertEquals(status, 201);
        assertEquals(headers.get("location"), `/dev/tokens/${id}`);
        assertEquals(rest, {
          name: id,
          username: "ada",
          email: "ada@example.com",
          expires_at: "2030-01-31T00:00:00.000Z",
          scopes: ["account:read", "external-auth:read"],
          agent: null,
          state: "valid",
          requests: 0,
        });
        assertEquals((await askAs(server, token)).status, 200);
      }
    }));

  it("makes the user that it names", () =>
    withServer(async (server) => {
      const first = await mint(server, { username: "grace" });
      const { json } = await askAs(server, first.token);
      assertEquals([json.username, json.email], ["grace", "grace@example.com"]);
      await mint(server, { username: "grace", email: "g@example.com" });
      const again = await askAs(server, first.token);
      assertEquals(again.json.email, "g@example.com");
    }));

  it("takes an expiry that is past as expired", () =>
    withServer(async (server) => {
      for (const expires_in of [0, -1, -86_400]) {
        const { json } = await send(server, "POST", "/dev/tokens", {
          expires_in,
        });
        assertEquals(json.state, "expired");
      }
    }));

  it("keeps each scope once", () =>
    withServer(async (server) => {
      const scopes = ["a:b", "account:read", "a:b"];
      const { json } = await send(server, "POST", "/dev/tokens", { scopes });
      assertEquals(json.scopes, ["a:b", "account:read"]);
    }));

  const bad: [string, Record<string, unknown>][] = [
    ["foo", { foo: 1 }],
    ["token", { token: "nano_hunter2" }],
    ["username", { username: 1 }],
    ["username", { username: "" }],
    ["email", { email: "x".repeat(257) }],
    ["name", { name: null }],
    ["state", { state: "broken" }],
    ["expires_in", { expires_in: "1h" }],
    ["expires_in", { expires_in: 1e300 }],
    ["expires_in", { expires_in: 1, expires_at: null }],
    ["expires_at", { expires_at: "tomorrow" }],
    ["expires_at", { expires_at: "2030-01-01" }],
    ["expires_at", { expires_at: "2030-01-01T00:00:00" }],
    ["expires_at", { expires_at: "2030-02-30T00:00:00Z" }],
    ["expires_at", { expires_at: "2030-13-01T00:00:00Z" }],
    ["expires_at", { expires_at: "2030-01-01T24:00:00Z" }],
    ["expires_at", { expires_at: 1893456000 }],
    ["scopes", { scopes: "account:read" }],
    ["scopes.1", { scopes: ["a", 1] }],
    ["scopes.0", { scopes: ['a" b'] }],
    ["retry_after", { state: "rate_limited", retry_after: -1 }],
    ["retry_after", { state: "rate_limited", retry_after: 0.5 }],
    ["retry_after", { state: "failing", retry_after: 1 }],
    ["delay", { state: "slow", delay: 601 }],
    ["delay", { delay: 1 }],
    ["fail_times", { state: "failing", fail_times: 0 }],
    ["fail_times", { fail_times: 1 }],
    ["fail_times", { state: "revoked", fail_times: 1 }],
    ["state", { state: "expired", expires_in: 60 }],
  ];
  for (const [field, body] of bad) {
    it(`refuses ${JSON.stringify(body).slice(0, 60)}, naming ${field}`, () =>
      withServer(async (server) => {
        const answer = await send(server, "POST", "/dev/tokens", body);
        assertEquals(
          [answer.status, answer.json.code, answer.json.field],
          [400, "invalid_request", field],
        );
        assertStringIncludes(answer.json.detail, field);
        assert(!answer.text.includes("hunter2"));
        const { json } = await ask(server, "/dev/tokens");
        assertEquals(json.tokens.length, FIRST_TOKENS);
      }));
  }

  for (
    const body of [
      "{",
      "state=valid",
      "null",
      "[]",
      '"x"',
      "1",
      new Uint8Array([0x22, 0xff, 0x22]),
    ]
  ) {
    it(`refuses the body ${body}`, () =>
      withServer(async (server) => {
        const { status, json } = await ask(server, "/dev/tokens", {
          method: "POST",
          body,
        });
        assertEquals([status, json.code], [400, "invalid_request"]);
      }));
  }

  it("refuses a body beyond 64 KiB, with and without its length", () =>
    withServer(async (server) => {
      const text = JSON.stringify({ name: "x".repeat(64 * 1024) });
      for (const path of ["/dev/tokens", "/settings/tokens"]) {
        const stream = new Blob([text]).stream();
        for (const body of [text, stream]) {
          const init = { method: "POST", body };
          const { status, json } = await ask(server, path, init);
          assertEquals([status, json.code], [413, "too_large"]);
        }
      }
    }));
});

describe("/dev/tokens", () => {
  it("lists tokens without their values", () =>
    withServer(async (server) => {
      const { id, token } = await mint(server, {
        name: "ci",
        state: "slow",
        delay: 0,
      });
      await askAs(server, token);
      const { json, text } = await ask(server, "/dev/tokens");
      assertEquals(json.tokens.length, FIRST_TOKENS + 1);
      assertEquals(json.tokens[0].name, "first token");
      assertEquals(json.tokens.at(-1), {
        id,
        name: "ci",
        username: "ada",
        email: "ada@example.com",
        expires_at: "2030-01-31T00:00:00.000Z",
        scopes: ["account:read", "external-auth:read"],
        agent: null,
        state: "slow",
        requests: 1,
      });
      assert(!text.includes("nano_"));
      const one = await ask(server, `/dev/tokens/${id}`);
      assertEquals(one.json, json.tokens.at(-1));
    }));

  it("knows no other id", () =>
    withServer(async (server) => {
      for (const method of ["GET", "PATCH"]) {
        const { status, json } = await ask(server, "/dev/tokens/tok_none", {
          method,
        });
        assertEquals([status, json.code], [404, "not_found"]);
      }
    }));

  for (
    const [field, body] of [
      ["username", { username: "grace" }],
      ["state", { state: "gone" }],
      ["expires_in", { expires_in: null }],
    ] as const
  ) {
    it(`refuses a change of ${JSON.stringify(body)}`, () =>
      withServer(async (server) => {
        const { id } = await mint(server);
        const path = `/dev/tokens/${id}`;
        const { status, json } = await send(server, "PATCH", path, body);
        assertEquals([status, json.field], [400, field]);
      }));
  }

  it("refuses to make valid what has expired, unless with a new expiry", () =>
    withServer(async (server) => {
      const { id } = await mint(server, { state: "expired" });
      const path = `/dev/tokens/${id}`;
      const refused = await send(server, "PATCH", path, { state: "valid" });
      assertEquals([refused.status, refused.json.field], [400, "state"]);
      assertStringIncludes(refused.json.detail, "expires_in");
      const change = { state: "valid", expires_in: 1 };
      const { json } = await send(server, "PATCH", path, change);
      assertEquals(json.state, "valid");
    }));
});

describe("a body of an admin route", () => {
  it("is refused where it is nested deeper than an answer could show", () =>
    withServer(async (server) => {
      const deep = "[".repeat(20_000) + "]".repeat(20_000);
      const { status, json } = await ask(server, "/dev/external-auth", {
        method: "POST",
        body: `{"id":"a","connected":true,"extra":{"0":${deep}}}`,
      });
      assertEquals([status, json.detail], [
        400,
        "The body is nested too deeply.",
      ]);
      assertEquals((await ask(server, "/dev/external-auth")).status, 200);
    }));
});

describe("/dev/requests", () => {
  it("lists requests, without tokens and without its own", () =>
    withServer(async (server) => {
      const { id, token } = await mint(server);
      const headers = {
        Authorization: `Bearer ${token}`,
        "User-Agent": `nanoctl/1 ${token}`,
      };
      await ask(server, `/v1/me?token=${token}`, { headers });
      await ask(server, `/v1/${token}`, { method: "POST", headers });
      const { json, text } = await ask(server, "/dev/requests");
      const common = {
        time: "2030-01-01T00:00:00.000Z",
        user_agent: "nanoctl/1 [secret]",
      };
      assertEquals(json.requests, [
        { ...common, method: "GET", path: "/v1/me", status: 200, token_id: id },
        {
          ...common,
          method: "POST",
          path: "/v1/[secret]",
          status: 404,
          token_id: null,
        },
      ]);
      assert(!text.includes(token));
    }));

  it("keeps the latest 1000, and forgets them when told", () =>
    withServer(async (server) => {
      for (let times = 0; times < 1001; times++) {
        await ask(server, `/${times}`, { method: "HEAD" });
      }
      const { json } = await ask(server, "/dev/requests");
      assertEquals(json.requests.length, 1000);
      assertEquals(json.requests[0].path, "/1");
      const gone = await ask(server, "/dev/requests", { method: "DELETE" });
      assertEquals(gone.status, 204);
      const { json: after } = await ask(server, "/dev/requests");
      assertEquals(after.requests, []);
    }));
});
