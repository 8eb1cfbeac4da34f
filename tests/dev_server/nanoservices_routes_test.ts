import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { DevServer } from "../../src/dev_server/server.ts";
import {
  type Answer,
  ask,
  askAs,
  mint,
  seen,
  send,
  until,
  withServer,
} from "./helpers.ts";

function logout(server: DevServer, token: string): Promise<Answer> {
  return askAs(server, token, "/v1/logout", { method: "POST" });
}

describe("GET /v1/me", () => {
  it("says whose the token is and what it is", () =>
    withServer(async (server) => {
      const { id, token } = await mint(server, {
        username: "grace",
        email: "grace@navy.example",
        name: "ci",
        expires_at: "2031-02-03T04:05:06+01:00",
      });
      const { status, json, headers } = await askAs(server, token);
      assertEquals(status, 200);
      assertEquals(headers.get("content-type"), "application/json");
      assertEquals(json, {
        username: "grace",
        email: "grace@navy.example",
        token: {
          id,
          name: "ci",
          expires_at: "2031-02-03T03:05:06.000Z",
          scopes: ["account:read", "external-auth:read"],
        },
      });
    }));

  it("gives null for a token that never expires", () =>
    withServer(async (server) => {
      const { token } = await mint(server, { expires_at: null });
      assertEquals((await askAs(server, token)).json.token.expires_at, null);
    }));

  it("takes the scheme in any case", () =>
    withServer(async (server) => {
      const headers = { Authorization: `bEARER ${server.token}` };
      assertEquals((await ask(server, "/v1/me", { headers })).status, 200);
    }));

  for (
    const value of [undefined, "Basic YTpi", "Bearer", "Bearer a b", "nano_x"]
  ) {
    it(`asks for a token when Authorization is ${value}`, () =>
      withServer(async (server) => {
        const headers: HeadersInit = value ? { Authorization: value } : {};
        const answer = await ask(server, "/v1/me", { headers });
        assertEquals(answer.status, 401);
        assertEquals(answer.json, {
          type: "about:blank",
          title: "Unauthorized",
          status: 401,
          detail: "The request has no bearer token.",
          code: "token_invalid",
        });
        assertEquals(
          answer.headers.get("content-type"),
          "application/problem+json",
        );
        assertEquals(
          answer.headers.get("www-authenticate"),
          'Bearer realm="nanoctl dev-server"',
        );
      }));
  }

  it("refuses a token that it does not know", () =>
    withServer(async (server) => {
      const { status, json, headers } = await askAs(server, "nano_unknown");
      assertEquals([status, json.code], [401, "token_invalid"]);
      assertEquals(
        headers.get("www-authenticate"),
        'Bearer realm="nanoctl dev-server", error="invalid_token", error_description="The token is not known."',
      );
    }));

  it("refuses a token from the moment of its expiry on", () =>
    withServer(async (server, clock) => {
      const { token } = await mint(server, { expires_in: 60 });
      clock.pass(59);
      assertEquals((await askAs(server, token)).status, 200);
      clock.pass(1);
      const { status, json } = await askAs(server, token);
      assertEquals([status, json.code], [401, "token_expired"]);
    }));

  it("refuses a token without the scope, and names the scope", () =>
    withServer(async (server) => {
      const { token } = await mint(server, { scopes: ["other"] });
      const { status, json, headers } = await askAs(server, token);
      assertEquals([status, json.code], [403, "insufficient_scope"]);
      assertEquals(
        headers.get("www-authenticate"),
        'Bearer realm="nanoctl dev-server", error="insufficient_scope", scope="account:read"',
      );
    }));
});

describe("POST /v1/logout", () => {
  it("ends the presented token and no other", () =>
    withServer(async (server) => {
      const { token } = await mint(server);
      const answer = await logout(server, token);
      assertEquals([answer.status, answer.text], [204, ""]);
      const { status, json } = await askAs(server, token);
      assertEquals([status, json.code], [401, "token_revoked"]);
      assertEquals((await logout(server, token)).json.code, "token_revoked");
      assertEquals((await askAs(server, server.token)).status, 200);
    }));

  it("needs no scope", () =>
    withServer(async (server) => {
      const { token } = await mint(server, { scopes: [] });
      assertEquals((await logout(server, token)).status, 204);
    }));

  it("does nothing for a token whose state is another answer", () =>
    withServer(async (server) => {
      for (const state of ["failing", "rate_limited", "garbled"]) {
        const { token, id } = await mint(server, { state });
        await logout(server, token);
        const { json } = await ask(server, `/dev/tokens/${id}`);
        assertEquals(json.state, state);
      }
    }));
});

describe("a token's state", () => {
  const outcomes: [string, number, string][] = [
    ["expired", 401, "token_expired"],
    ["revoked", 401, "token_revoked"],
    ["rate_limited", 429, "rate_limited"],
    ["failing", 500, "internal"],
    ["unavailable", 503, "unavailable"],
  ];
  for (const [state, status, code] of outcomes) {
    it(`${state} is answered with ${status} ${code}`, () =>
      withServer(async (server) => {
        const { token } = await mint(server, { state });
        for (let times = 0; times < 3; times++) {
          const answer = await askAs(server, token);
          assertEquals([answer.status, answer.json.code], [status, code]);
          assertEquals(
            answer.headers.get("content-type"),
            "application/problem+json",
          );
        }
      }));
  }

  it("rate_limited and unavailable carry the Retry-After asked for", () =>
    withServer(async (server) => {
      for (
        const [fields, expected] of [
          [{ state: "rate_limited" }, "1"],
          [{ state: "rate_limited", retry_after: 0 }, "0"],
          [{ state: "rate_limited", retry_after: 90 }, "90"],
          [{ state: "unavailable" }, null],
          [{ state: "unavailable", retry_after: 7 }, "7"],
        ] as const
      ) {
        const { token } = await mint(server, fields);
        const { headers } = await askAs(server, token);
        assertEquals(headers.get("retry-after"), expected);
      }
    }));

  it("garbled is HTML where JSON was due", () =>
    withServer(async (server) => {
      const { token } = await mint(server, { state: "garbled" });
      const { status, headers } = await askAs(server, token);
      assertEquals(status, 200);
      assertEquals(headers.get("content-type"), "text/html; charset=UTF-8");
    }));

  it("misshapen is JSON of another shape", () =>
    withServer(async (server) => {
      const { token } = await mint(server, { state: "misshapen" });
      const { status, json } = await askAs(server, token);
      assertEquals(status, 200);
      assertEquals([json.username, json.token], [42, "none"]);
      const path = "/v1/external-auth/token?id=github";
      const external = await askAs(server, token, path);
      assertEquals([external.json.access_token, external.json.url], [42, 42]);
    }));

  it("slow answers in the end", () =>
    withServer(async (server) => {
      const { token } = await mint(server, { state: "slow", delay: 0.01 });
      assertEquals((await askAs(server, token)).status, 200);
    }));

  it("slow gives up when the client leaves", () =>
    withServer(async (server) => {
      const { token, id } = await mint(server, { state: "slow", delay: 600 });
      const controller = new AbortController();
      const { signal } = controller;
      const left = assertRejects(() =>
        askAs(server, token, "/v1/me", { signal })
      );
      await seen(server, id);
      controller.abort();
      await left;
      await until(async () =>
        (await ask(server, "/dev/requests")).json.requests.length === 1
      );
      const { json } = await ask(server, "/dev/requests");
      assertEquals(json.requests[0].status, null);
    }));

  for (
    const [state, status] of [
      ["failing", 500],
      ["rate_limited", 429],
      ["unavailable", 503],
    ] as const
  ) {
    it(`${state} gives way to valid after fail_times requests`, () =>
      withServer(async (server) => {
        const { token, id } = await mint(server, { state, fail_times: 2 });
        const statuses = [];
        for (let times = 0; times < 4; times++) {
          statuses.push((await askAs(server, token)).status);
        }
        assertEquals(statuses, [status, status, 200, 200]);
        const { json } = await ask(server, `/dev/tokens/${id}`);
        assertEquals([json.state, json.requests], ["valid", 4]);
      }));
  }

  it("revoked comes before expired, and both before the others", () =>
    withServer(async (server) => {
      const past = { expires_in: -1 };
      const revoked = await mint(server, { ...past, state: "revoked" });
      const failing = await mint(server, { ...past, state: "failing" });
      assertEquals(
        (await askAs(server, revoked.token)).json.code,
        "token_revoked",
      );
      assertEquals(
        (await askAs(server, failing.token)).json.code,
        "token_expired",
      );
    }));

  it("can change later", () =>
    withServer(async (server) => {
      const { token, id } = await mint(server);
      const path = `/dev/tokens/${id}`;
      for (
        const [change, status] of [
          [{ state: "revoked" }, 401],
          [{ state: "valid" }, 200],
          [{ scopes: [] }, 403],
          [{ scopes: ["account:read"] }, 200],
          [{ state: "expired" }, 401],
          [{ state: "valid", expires_in: 60 }, 200],
          [{ expires_in: 0 }, 401],
          [{ expires_at: null }, 200],
          [{ state: "failing", fail_times: 1 }, 500],
          [{}, 200],
        ] as const
      ) {
        assertEquals((await send(server, "PATCH", path, change)).status, 200);
        assertEquals((await askAs(server, token)).status, status);
      }
    }));
});

describe("any other request", () => {
  it("to an unknown path is 404", () =>
    withServer(async (server) => {
      for (
        const path of ["/v1/", "/v1/nothing", "/nowhere", "/dev", "/v2/me"]
      ) {
        const { status, json } = await ask(server, path);
        assertEquals([status, json.code], [404, "not_found"]);
      }
    }));

  for (
    const [method, path, allow] of [
      ["POST", "/v1/me", "GET, HEAD"],
      ["GET", "/v1/logout", "POST"],
      ["DELETE", "/dev/tokens", "GET, HEAD, POST"],
      ["POST", "/dev/requests", "GET, HEAD, DELETE"],
      ["DELETE", "/dev/tokens/x", "GET, HEAD, PATCH"],
      ["PUT", "/settings/tokens", "GET, HEAD, POST"],
      ["POST", "/", "GET, HEAD"],
    ] as const
  ) {
    it(`${method} ${path} is 405`, () =>
      withServer(async (server) => {
        const { status, json, headers } = await ask(server, path, { method });
        assertEquals([status, json.code], [405, "method_not_allowed"]);
        assertEquals(headers.get("allow"), allow);
      }));
  }

  it("HEAD is GET without the body", () =>
    withServer(async (server) => {
      const answer = await askAs(server, server.token, "/v1/me", {
        method: "HEAD",
      });
      assertEquals([answer.status, answer.headers.get("content-type")], [
        200,
        "application/json",
      ]);
    }));
});
