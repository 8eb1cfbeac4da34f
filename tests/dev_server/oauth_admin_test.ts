import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ask, askAs, send, withServer } from "./helpers.ts";
import {
  assertRefused,
  decide,
  deviceLogin,
  post,
  refresh,
  register,
  startDevice,
} from "./oauth_requests.ts";

describe("POST /oauth/revoke", () => {
  it("ends the family of a refresh token", () =>
    withServer(async (server) => {
      const other = await deviceLogin(server);
      const first = await deviceLogin(server);
      const { json } = await refresh(server, first.refresh_token);
      const { status, text } = await post(server, "/oauth/revoke", {
        token: json.refresh_token,
      });
      assertEquals([status, text], [200, ""]);
      for (const { access_token } of [first, json]) {
        const answer = await askAs(server, access_token);
        assertEquals(answer.json.code, "token_revoked");
      }
      assertRefused(await refresh(server, json.refresh_token), "invalid_grant");
      assertEquals((await askAs(server, other.access_token)).status, 200);
    }));

  it("ends an access token only, whatever the hint", () =>
    withServer(async (server) => {
      const { access_token, refresh_token } = await deviceLogin(server);
      const { status } = await post(server, "/oauth/revoke", {
        token: access_token,
        token_type_hint: "refresh_token",
      });
      assertEquals(status, 200);
      const { json } = await askAs(server, access_token);
      assertEquals(json.code, "token_revoked");
      assertEquals((await refresh(server, refresh_token)).status, 200);
    }));

  it("is content with a token that it does not know or that has ended", () =>
    withServer(async (server) => {
      const { refresh_token: token } = await deviceLogin(server);
      for (const value of ["hunter2", token, token]) {
        const answer = await post(server, "/oauth/revoke", { token: value });
        assertEquals(answer.status, 200);
      }
    }));

  it("refuses a token that was not issued to the client, and none", () =>
    withServer(async (server) => {
      const client = await register(server);
      const { access_token, refresh_token } = await deviceLogin(server);
      for (const token of [access_token, refresh_token, server.token]) {
        const answer = await post(server, "/oauth/revoke", {
          token,
          ...client,
        });
        assertRefused(answer, "invalid_grant");
      }
      assertEquals((await askAs(server, access_token)).status, 200);
      assertEquals((await askAs(server, server.token)).status, 200);
      assertEquals((await refresh(server, refresh_token)).status, 200);
      assertRefused(await post(server, "/oauth/revoke", {}), "invalid_request");
    }));
});

describe("POST /oauth/introspect", () => {
  it("describes tokens to any client", () =>
    withServer(async (server) => {
      const client = await register(server);
      const { access_token, refresh_token } = await deviceLogin(server);
      const common = {
        active: true,
        scope: "account:read external-auth:read",
        client_id: "nanoctl",
        username: "ada",
      };
      const now = Date.parse("2030-01-01T00:00:00Z") / 1000;
      for (const fields of [{}, client]) {
        const look = async (token: string): Promise<unknown> =>
          (await post(server, "/oauth/introspect", { token, ...fields })).json;
        assertEquals(await look(access_token), {
          ...common,
          exp: now + 3600,
          token_type: "Bearer",
        });
        const exp = now + 30 * 24 * 60 * 60;
        assertEquals(await look(refresh_token), { ...common, exp });
        assertEquals(await look(server.token), {
          active: true,
          scope: common.scope,
          username: "ada",
          exp,
          token_type: "Bearer",
        });
      }
    }));

  it("says no more than that of a token that is not active", () =>
    withServer(async (server, clock) => {
      const spent = await deviceLogin(server);
      const next = (await refresh(server, spent.refresh_token)).json;
      const revoked = await deviceLogin(server);
      await post(server, "/oauth/revoke", { token: revoked.refresh_token });
      const inactive = async (token: string): Promise<void> => {
        const answer = await post(server, "/oauth/introspect", { token });
        assertEquals([answer.status, answer.json], [200, { active: false }]);
      };
      await inactive("hunter2");
      await inactive(spent.refresh_token);
      await inactive(revoked.refresh_token);
      await inactive(revoked.access_token);
      clock.pass(3600);
      await inactive(next.access_token);
      clock.pass(30 * 24 * 60 * 60);
      await inactive(next.refresh_token);
      // Looking is not presenting.
      assertEquals((await ask(server, "/dev/oauth")).json.reuses, 0);
      assertRefused(
        await post(server, "/oauth/introspect", {}),
        "invalid_request",
      );
    }));
});

describe("the admin routes of the authorization server", () => {
  const DEFAULTS = {
    access_expires_in: 3600,
    refresh_expires_in: 30 * 24 * 60 * 60,
    device_expires_in: 600,
    interval: 5,
    rotate: true,
    fail_refresh: null,
    refreshes: 0,
    reuses: 0,
  };

  it("change the settings one by one", () =>
    withServer(async (server) => {
      const before = await ask(server, "/dev/oauth");
      assertEquals(before.json, DEFAULTS);
      let expected = { ...DEFAULTS };
      for (
        const change of [
          {},
          { access_expires_in: 60 },
          { refresh_expires_in: 120 },
          { device_expires_in: 30, interval: 0.5 },
          { rotate: false },
        ]
      ) {
        expected = { ...expected, ...change };
        const { json } = await send(server, "PATCH", "/dev/oauth", change);
        assertEquals(json, expected);
      }
      const device = await post(server, "/oauth/device", {});
      assertEquals([device.json.expires_in, device.json.interval], [30, 0.5]);
    }));

  it("shorten the life of tokens", () =>
    withServer(async (server, clock) => {
      await send(server, "PATCH", "/dev/oauth", {
        access_expires_in: 60,
        refresh_expires_in: 120,
      });
      const { access_token, refresh_token } = await deviceLogin(server);
      clock.pass(60);
      assertEquals((await askAs(server, access_token)).status, 401);
      clock.pass(60);
      assertRefused(await refresh(server, refresh_token), "invalid_grant");
    }));

  const bad: [path: string, field: string, body: Record<string, unknown>][] = [
    ["", "foo", { foo: 1 }],
    ["", "access_expires_in", { access_expires_in: 0 }],
    ["", "access_expires_in", { access_expires_in: 1.5 }],
    ["", "refresh_expires_in", { refresh_expires_in: "1h" }],
    ["", "device_expires_in", { device_expires_in: -1 }],
    ["", "interval", { interval: -1 }],
    ["", "rotate", { rotate: 1 }],
    ["", "fail_refresh", { fail_refresh: "before" }],
    ["/clients", "client_id", {}],
    ["/clients", "client_id", { client_id: "a b" }],
    ["/clients", "client_id", { client_id: "nanoctl" }],
    ["/clients", "client_secret", { client_id: "ci", client_secret: "ü" }],
    ["/approvals", "choice", { user_code: "BBBB-BBBB", choice: "maybe" }],
    ["/approvals", "username", {
      user_code: "BBBB-BBBB",
      choice: "deny",
      username: "ada",
    }],
    ["/workload-tokens", "subject", {}],
    ["/workload-tokens", "expires_in", { subject: "x", expires_in: 0.5 }],
  ];
  for (const [path, field, body] of bad) {
    it(`refuse ${path} ${JSON.stringify(body)}`, () =>
      withServer(async (server) => {
        const method = path === "" ? "PATCH" : "POST";
        const where = `/dev/oauth${path}`;
        const { status, json } = await send(server, method, where, body);
        assertEquals([status, json.code, json.field], [
          400,
          "invalid_request",
          field,
        ]);
      }));
  }

  it("register a client with a secret of one's choice, once", () =>
    withServer(async (server) => {
      const client = { client_id: "ci", client_secret: "correct horse" };
      const path = "/dev/oauth/clients";
      const { status, json } = await send(server, "POST", path, client);
      assertEquals([status, json], [201, client]);
      const { json: refused } = await send(server, "POST", path, client);
      assertEquals(refused.field, "client_id");
    }));

  it("know no login with another code", () =>
    withServer(async (server) => {
      const { status, json } = await decide(server, "BBBB-BBBB");
      assertEquals([status, json.code], [404, "not_found"]);
    }));

  it("are for this machine's programs only", () =>
    withServer(async (server) => {
      const { user_code } = await startDevice(server);
      for (const path of ["", "/clients", "/approvals", "/workload-tokens"]) {
        const { status } = await ask(server, `/dev/oauth${path}`, {
          method: path === "" ? "PATCH" : "POST",
          headers: { Origin: "https://attacker.example" },
          body: JSON.stringify({ user_code, choice: "approve" }),
        });
        assertEquals(status, 403);
      }
      const { status, headers } = await ask(server, "/dev/oauth/clients");
      assertEquals([status, headers.get("allow")], [405, "POST"]);
      const { json } = await ask(server, "/dev/requests");
      assert(
        json.requests.every(({ path }: { path: string }) =>
          !path.startsWith("/dev/")
        ),
      );
    }));
});
