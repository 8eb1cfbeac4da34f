import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { DevServer } from "../../src/dev_server/server.ts";
import { type Answer, ask, askAs, send, withServer } from "./helpers.ts";

const ADMIN = "/dev/external-auth";

/** What the nanoservices wire says of a provider. */
async function tokenOf(
  server: DevServer,
  query: Record<string, string>,
): Promise<Answer["json"]> {
  const path = `/v1/external-auth/token?${new URLSearchParams(query)}`;
  return (await askAs(server, server.token, path)).json;
}

function change(
  server: DevServer,
  id: string,
  body: Record<string, unknown>,
): Promise<Answer> {
  return send(server, "PATCH", `${ADMIN}/${id}`, body);
}

describe(`GET ${ADMIN}`, () => {
  it("lists the providers, without their access tokens", () =>
    withServer(async (server) => {
      const none = { token_type: null, expires_at: null, extra: null };
      const github = {
        id: "github",
        name: "GitHub",
        match: "^(https?://)?github\\.com(/|$)",
        connected: false,
        ...none,
      };
      const slack = {
        id: "slack",
        name: "Slack",
        match: null,
        connected: false,
        ...none,
      };
      const before = await ask(server, ADMIN);
      assertEquals(before.json, { providers: [github, slack] });
      await change(server, "github", {
        connected: true,
        access_token: "gho_hunter2",
      });
      const { json, text } = await ask(server, ADMIN);
      assertEquals(json.providers[0], {
        ...github,
        connected: true,
        token_type: "Bearer",
        extra: {},
      });
      assert(!text.includes("hunter2"));
      const one = await ask(server, `${ADMIN}/github`);
      assertEquals(one.json, json.providers[0]);
      assert(!one.text.includes("hunter2"));
    }));
});

describe(`PATCH ${ADMIN}/<id>`, () => {
  it("connects with a token as the provider makes it, another each time", () =>
    withServer(async (server) => {
      const seen: Answer["json"][] = [];
      for (let times = 0; times < 2; times++) {
        const { json } = await change(server, "github", { connected: true });
        assertEquals(json.connected, true);
        seen.push(await tokenOf(server, { id: "github" }));
      }
      for (const { access_token, ...rest } of seen) {
        assertMatch(access_token, /^gho_[0-9A-Za-z]{36}$/);
        assertEquals(rest, {
          token_type: "Bearer",
          expires_at: null,
          extra: {},
        });
      }
      assertNotEquals(seen[0].access_token, seen[1].access_token);
    }));

  it("gives Slack's token extra properties, and half a day", () =>
    withServer(async (server, clock) => {
      await change(server, "slack", { connected: true });
      const first = await tokenOf(server, { id: "slack" });
      assertMatch(first.access_token, /^xoxe\.xoxp-1-\w{40}$/);
      assertEquals(first.expires_at, "2030-01-01T12:00:00.000Z");
      assertMatch(first.extra.authed_user.id, /^U[0-9A-Z]{10}$/);
      assertMatch(first.extra.teams[0].id, /^T[0-9A-Z]{10}$/);
      assertMatch(first.extra.teams[0].name, /^team-\d{4}$/);
      assertMatch(first.extra["dotted.key"], /^\w{12}$/);
      clock.pass(12 * 60 * 60);
      assertEquals(await tokenOf(server, { id: "slack" }), {
        url: `${server.url}/external-auth/slack`,
      });
      const { json } = await ask(server, `${ADMIN}/slack`);
      assertEquals(json.connected, false);
      await change(server, "slack", { connected: true });
      const second = await tokenOf(server, { id: "slack" });
      assertNotEquals(second.extra, first.extra);
    }));

  it("connects with what is chosen, and changes it later", () =>
    withServer(async (server) => {
      await change(server, "github", {
        connected: true,
        access_token: "one",
        token_type: "mac",
        expires_in: 60,
        extra: { a: [1, null], "b.c": {} },
      });
      assertEquals(await tokenOf(server, { id: "github" }), {
        access_token: "one",
        token_type: "mac",
        expires_at: "2030-01-01T00:01:00.000Z",
        extra: { a: [1, null], "b.c": {} },
      });
      await change(server, "github", { access_token: "two", expires_at: null });
      assertEquals(await tokenOf(server, { id: "github" }), {
        access_token: "two",
        token_type: "mac",
        expires_at: null,
        extra: { a: [1, null], "b.c": {} },
      });
    }));

  it("disconnects", () =>
    withServer(async (server) => {
      await change(server, "github", { connected: true });
      const { json } = await change(server, "github", { connected: false });
      assertEquals([json.connected, json.extra], [false, null]);
      const { url } = await tokenOf(server, { id: "github" });
      assertEquals(url, `${server.url}/external-auth/github`);
    }));

  it("changes the name and what it matches", () =>
    withServer(async (server) => {
      const { json } = await change(server, "slack", {
        name: "Chat",
        match: "https://git.example/team",
      });
      assertEquals(
        [json.name, json.match, json.connected],
        ["Chat", "https://git.example/team", false],
      );
      const page = { url: `${server.url}/external-auth/slack` };
      for (
        const url of [
          "https://git.example/team",
          "https://git.example/team/x.git",
        ]
      ) assertEquals(await tokenOf(server, { match: url }), page);
      for (
        const url of [
          "https://git.example/teams",
          "https://git.example/",
          "https://git!example/team",
          "http://git.example/team",
        ]
      ) {
        const { code } = await tokenOf(server, { match: url });
        assertEquals(code, "not_found", url);
      }
      await change(server, "slack", { match: null });
      const gone = await tokenOf(server, { match: "https://git.example/team" });
      assertEquals(gone.code, "not_found");
    }));

  for (
    const [field, body] of [
      ["foo", { foo: 1 }],
      ["id", { id: "gitlab" }],
      ["name", { name: "" }],
      ["match", { match: "(" }],
      ["connected", { connected: "yes" }],
      ["access_token", { connected: true, access_token: "" }],
      ["access_token", { connected: true, access_token: ["hunter2"] }],
      ["access_token", { access_token: "hunter2" }],
      ["access_token", { connected: false, access_token: "hunter2" }],
      ["token_type", { token_type: "Bearer" }],
      ["expires_in", { expires_in: 1 }],
      ["expires_in", { connected: true, expires_in: 1, expires_at: null }],
      ["expires_at", { connected: true, expires_at: "tomorrow" }],
      ["extra", { extra: {} }],
      ["extra", { connected: true, extra: [] }],
      ["extra", { connected: true, extra: "hunter2" }],
      ["extra", { connected: true, extra: null }],
    ] as [string, Record<string, unknown>][]
  ) {
    it(`refuses ${JSON.stringify(body)}, naming ${field}`, () =>
      withServer(async (server) => {
        const before = await ask(server, ADMIN);
        const answer = await change(server, "github", body);
        assertEquals(
          [answer.status, answer.json.code, answer.json.field],
          [400, "invalid_request", field],
        );
        assertStringIncludes(answer.json.detail, field);
        assert(!answer.text.includes("hunter2"));
        assertEquals((await ask(server, ADMIN)).json, before.json);
      }));
  }
});

describe(`POST ${ADMIN}`, () => {
  it("adds a provider", () =>
    withServer(async (server) => {
      const answer = await send(server, "POST", ADMIN, {
        id: "gitlab",
        name: "GitLab",
        match: "^https://gitlab\\.example(/|$)",
        connected: true,
      });
      assertEquals(answer.status, 201);
      assertEquals(answer.headers.get("location"), `${ADMIN}/gitlab`);
      assertEquals([answer.json.id, answer.json.name], ["gitlab", "GitLab"]);
      const match = "https://gitlab.example/a/b";
      const { access_token } = await tokenOf(server, { match });
      assertMatch(access_token, /^gitlab_\w{40}$/);
    }));

  it("names it by its id, and does not connect it, when nothing is chosen", () =>
    withServer(async (server) => {
      const { json } = await send(server, "POST", ADMIN, { id: "jira" });
      assertEquals(
        [json.name, json.match, json.connected],
        ["jira", null, false],
      );
    }));

  for (
    const body of [
      {},
      { id: "" },
      { id: "../x" },
      { id: "a/b" },
      { id: "<b>" },
      { id: "x".repeat(65) },
      { id: "github" },
    ]
  ) {
    it(`refuses ${JSON.stringify(body).slice(0, 40)}`, () =>
      withServer(async (server) => {
        const { status, json } = await send(server, "POST", ADMIN, body);
        assertEquals([status, json.field], [400, "id"]);
        const after = await ask(server, ADMIN);
        assertEquals(after.json.providers.length, 2);
      }));
  }

  it("adds nothing when another field is refused", () =>
    withServer(async (server) => {
      const body = { id: "jira", access_token: "x" };
      const { status } = await send(server, "POST", ADMIN, body);
      assertEquals(status, 400);
      assertEquals((await ask(server, `${ADMIN}/jira`)).status, 404);
    }));
});

describe(`DELETE ${ADMIN}/<id>`, () => {
  it("removes the provider", () =>
    withServer(async (server) => {
      const path = `${ADMIN}/slack`;
      assertEquals((await ask(server, path, { method: "DELETE" })).status, 204);
      assertEquals((await tokenOf(server, { id: "slack" })).code, "not_found");
      for (const method of ["GET", "PATCH", "DELETE"]) {
        const { status, json } = await ask(server, path, { method });
        assertEquals([status, json.code], [404, "not_found"]);
      }
    }));
});

describe("the admin routes of providers", () => {
  it("are closed to pages of other origins, and bounded", () =>
    withServer(async (server) => {
      const headers = { Origin: "https://attacker.example" };
      for (
        const [method, path] of [
          ["GET", ADMIN],
          ["POST", ADMIN],
          ["GET", `${ADMIN}/github`],
          ["PATCH", `${ADMIN}/github`],
          ["DELETE", `${ADMIN}/github`],
        ] as const
      ) {
        const { status } = await ask(server, path, { method, headers });
        assertEquals(status, 403);
      }
      const extra = { x: "x".repeat(64 * 1024) };
      const big = await change(server, "github", { connected: true, extra });
      assertEquals([big.status, big.json.code], [413, "too_large"]);
    }));
});
