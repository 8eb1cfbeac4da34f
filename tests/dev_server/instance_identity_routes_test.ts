import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CLOUDS } from "../../src/dev_server/clouds/cloud.ts";
import { ask, askAs, send, withServer } from "./helpers.ts";
import { exchange, identityOf, WIRES } from "./instances.ts";

const ADMIN = "/dev/instance-identity";
const INSTANCES = {
  aws: "i-0f1e2d3c4b5a69788",
  azure: "6d1f4c0e-8a5b-4b67-9a3d-2c7e5f90b1a4",
  google: "4570452845155348778",
};

/** What stands for each wire's refusal: the status, the code where there is one, and the reason. */
function refusal(
  { status, json }: { status: number; json: Record<string, string> },
): [number, string | undefined, string | undefined] {
  return [status, json.code, json.detail];
}

for (const cloud of CLOUDS) {
  const options = { metadata: [cloud] };

  describe(`the exchange of an identity of ${cloud}`, () => {
    it("gives a session of the instance's agent, for an hour", () =>
      withServer(async (server) => {
        const identity = await identityOf(server, cloud);
        const { status, json } = await exchange(server, cloud, identity);
        assertEquals(status, 200);
        assertEquals(Object.keys(json), ["session_token", "expires_at"]);
        assertMatch(json.session_token, /^nano_\w{40}$/);
        assertEquals(json.expires_at, "2030-01-01T01:00:00.000Z");
        const used = await askAs(
          server,
          json.session_token,
          "/v1/external-auth",
        );
        assertEquals(used.status, 200);
        const { json: { tokens } } = await ask(server, "/dev/tokens");
        assertEquals(tokens.at(-1).agent, INSTANCES[cloud]);
        assertEquals(tokens.at(-1).requests, 1);
      }, options));

    it("gives a UUID on Coder's wire", () =>
      withServer(async (server) => {
        const identity = await identityOf(server, cloud, "coder");
        const answer = await exchange(server, cloud, identity, "coder");
        assertEquals(answer.status, 200);
        assertEquals(Object.keys(answer.json), ["session_token"]);
        assertMatch(
          answer.json.session_token,
          /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-/,
        );
        const { json: { tokens } } = await ask(server, "/dev/tokens");
        assertEquals(tokens.at(-1).agent, INSTANCES[cloud]);
      }, options));

    it("refuses what another's key signed", () =>
      withServer((other) =>
        withServer(async (server) => {
          for (const wire of WIRES) {
            const identity = await identityOf(other, cloud, wire);
            const answer = await exchange(server, cloud, identity, wire);
            const [status, code, detail = ""] = refusal(answer);
            assertEquals(status, 401);
            assertEquals(
              code,
              wire === "coder" ? undefined : "token_invalid",
            );
            assertStringIncludes(detail, "signature");
          }
        }, options), options));

    it("refuses an instance that it does not know", () =>
      withServer(async (server) => {
        await send(server, "PATCH", ADMIN, { known: false });
        for (const wire of WIRES) {
          const identity = await identityOf(server, cloud, wire);
          const answer = await exchange(server, cloud, identity, wire);
          assertEquals(answer.status, wire === "coder" ? 404 : 401);
          assertStringIncludes(answer.json.detail, "no agent");
        }
        await send(server, "PATCH", ADMIN, { known: true });
        const identity = await identityOf(server, cloud);
        const { status } = await exchange(server, cloud, identity);
        assertEquals(status, 200);
      }, options));

    it("refuses a body that lacks a field, has it empty, or as no text", () =>
      withServer(async (server) => {
        const identity = await identityOf(server, cloud);
        for (const field of Object.keys(identity)) {
          for (const value of [undefined, "", null, 1, ["a"]]) {
            const body = { ...identity, [field]: value };
            for (const wire of WIRES) {
              const answer = await exchange(server, cloud, body, wire);
              const [status, code, detail = ""] = refusal(answer);
              assertEquals(status, 400);
              assertEquals(
                code,
                wire === "coder" ? undefined : "invalid_request",
              );
              assertStringIncludes(detail, field);
            }
          }
        }
      }, options));

    it("refuses a body that is no JSON object", () =>
      withServer(async (server) => {
        for (const prefix of ["/v1/agents", "/api/v2/workspaceagents"]) {
          const path = `${prefix}/${cloud}-instance-identity`;
          for (const body of ["", "{", "[]", "null", '"a"']) {
            const init = { method: "POST", body };
            assertEquals((await ask(server, path, init)).status, 400);
          }
          const body = JSON.stringify({ a: "x".repeat(64 * 1024) });
          const init = { method: "POST", body };
          assertEquals((await ask(server, path, init)).status, 413);
          assertEquals((await ask(server, path)).status, 405);
        }
      }));
  });
}

describe("the exchange of an identity", () => {
  const options = { metadata: ["azure", "google"] } as const;

  it("holds Google's audience against the wire", () =>
    withServer(async (server) => {
      for (const [wire, audience] of [WIRES, [...WIRES].reverse()]) {
        const identity = await identityOf(server, "google", audience);
        const answer = await exchange(server, "google", identity, wire);
        assertEquals(answer.status, 401);
        assertStringIncludes(answer.json.detail, "audience");
      }
    }, options));

  it("takes a Google token for an hour only", () =>
    withServer(async (server, clock) => {
      const identity = await identityOf(server, "google");
      clock.pass(3599);
      const last = await exchange(server, "google", identity);
      assertEquals(last.status, 200);
      clock.pass(1);
      const { status, json } = await exchange(server, "google", identity);
      assertEquals(status, 401);
      assertStringIncludes(json.detail, "expired");
    }, options));

  it("takes an Azure document for six hours only", () =>
    withServer(async (server, clock) => {
      const identity = await identityOf(server, "azure");
      clock.pass(6 * 60 * 60 - 1);
      const last = await exchange(server, "azure", identity);
      assertEquals(last.status, 200);
      clock.pass(1);
      const { status, json } = await exchange(server, "azure", identity);
      assertEquals(status, 401);
      assertStringIncludes(json.detail, "expired");
    }, options));

  it("never says the identity back", () =>
    withServer(async (server) => {
      const body = { json_web_token: "hunter2", signature: "hunter2" };
      for (const cloud of CLOUDS) {
        for (const wire of WIRES) {
          const { text } = await exchange(
            server,
            cloud,
            { document: "hunter2", encoding: "hunter2", ...body },
            wire,
          );
          assert(!text.includes("hunter2"), text);
        }
      }
    }));
});

describe(ADMIN, () => {
  it("says what there is", () =>
    withServer(async (server) => {
      const { json, status } = await ask(server, ADMIN);
      assertEquals(status, 200);
      assertEquals(json, {
        exchanges: { aws: 0, azure: 0, google: 0 },
        instances: INSTANCES,
        session_lifetime: 3600,
        known: true,
        agents: ["main"],
        fail_status: null,
      });
    }));

  it("puts several agents on an instance, of which one must be named", () =>
    withServer(async (server) => {
      await send(server, "PATCH", ADMIN, { agents: ["beta", "alpha"] });
      for (const wire of WIRES) {
        const identity = await identityOf(server, "aws", wire);
        const none = await exchange(server, "aws", identity, wire);
        assertEquals(none.status, 409);
        if (wire === "coder") {
          assertStringIncludes(none.json.message, "one of: alpha, beta");
        } else assertEquals(none.json.agents, ["alpha", "beta"]);
        const named = { ...identity, agent_name: " beta " };
        assertEquals((await exchange(server, "aws", named, wire)).status, 200);
        const other = { ...identity, agent_name: "gamma" };
        assertEquals((await exchange(server, "aws", other, wire)).status, 404);
      }
      for (const agents of [[], [""], "alpha"]) {
        const { status } = await send(server, "PATCH", ADMIN, { agents });
        assertEquals(status, 400);
      }
    }, { metadata: ["aws"] }));

  it("counts the exchanges of each cloud, refused ones too", () =>
    withServer(async (server) => {
      const identity = await identityOf(server, "aws");
      await exchange(server, "aws", identity);
      await exchange(server, "aws", identity, "coder");
      await exchange(server, "google", {});
      const { json } = await ask(server, ADMIN);
      assertEquals(json.exchanges, { aws: 2, azure: 0, google: 1 });
    }, { metadata: ["aws"] }));

  it("sets how long the next sessions last", () =>
    withServer(async (server, clock) => {
      await send(server, "PATCH", ADMIN, { session_lifetime: 2 });
      const identity = await identityOf(server, "aws");
      const { json } = await exchange(server, "aws", identity);
      assertEquals(json.expires_at, "2030-01-01T00:00:02.000Z");
      const use = async (): Promise<number> =>
        (await askAs(server, json.session_token, "/v1/external-auth")).status;
      clock.pass(1);
      assertEquals(await use(), 200);
      clock.pass(1);
      assertEquals(await use(), 401);
    }, { metadata: ["aws"] }));

  const failures: [number, string][] = [
    [400, "invalid_request"],
    [401, "token_invalid"],
    [403, "forbidden"],
    [404, "not_found"],
    [429, "rate_limited"],
    [500, "internal"],
    [503, "unavailable"],
  ];
  for (const [fail_status, code] of failures) {
    it(`makes the next exchanges fail with ${fail_status}`, () =>
      withServer(async (server) => {
        const identity = await identityOf(server, "aws");
        const change = { fail_status, fail_times: 2 };
        const { json } = await send(server, "PATCH", ADMIN, change);
        assertEquals(json.fail_status, fail_status);
        const first = await exchange(server, "aws", identity);
        assertEquals([first.status, first.json.code], [fail_status, code]);
        const second = await exchange(server, "aws", identity, "coder");
        assertEquals(second.status, fail_status);
        assertEquals(Object.keys(second.json), ["message", "detail"]);
        const third = await exchange(server, "aws", identity);
        assertEquals(third.status, 200);
        assertEquals((await ask(server, ADMIN)).json.fail_status, null);
      }, { metadata: ["aws"] }));
  }

  it("makes exchanges fail until told otherwise", () =>
    withServer(async (server) => {
      await send(server, "PATCH", ADMIN, { fail_status: 503 });
      for (let times = 0; times < 5; times++) {
        assertEquals((await exchange(server, "azure", {})).status, 503);
      }
      await send(server, "PATCH", ADMIN, { fail_status: null });
      assertEquals((await exchange(server, "azure", {})).status, 400);
    }));

  const bad: [string, Record<string, unknown>][] = [
    ["foo", { foo: 1 }],
    ["session_lifetime", { session_lifetime: 0 }],
    ["session_lifetime", { session_lifetime: 1.5 }],
    ["known", { known: "no" }],
    ["fail_status", { fail_status: 200 }],
    ["fail_status", { fail_status: "503" }],
    ["fail_times", { fail_times: 1 }],
    ["fail_times", { fail_times: 1, fail_status: null }],
    ["fail_times", { fail_times: 0, fail_status: 503 }],
  ];
  for (const [field, body] of bad) {
    it(`refuses ${JSON.stringify(body)}, naming ${field}`, () =>
      withServer(async (server) => {
        const before = (await ask(server, ADMIN)).json;
        const change = { session_lifetime: 5, ...body };
        const answer = await send(server, "PATCH", ADMIN, change);
        assertEquals([answer.status, answer.json.field], [400, field]);
        assertEquals((await ask(server, ADMIN)).json, before);
      }));
  }

  it("is for no page of another origin", () =>
    withServer(async (server) => {
      const headers = { Origin: "https://a.example" };
      const init = { method: "PATCH", headers, body: '{"known":false}' };
      assertEquals((await ask(server, ADMIN, init)).status, 403);
      assertEquals((await ask(server, ADMIN, { headers })).status, 403);
      assertEquals((await ask(server, ADMIN)).json.known, true);
    }));
});
