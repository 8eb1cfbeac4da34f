import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ask, askAs, mint, withServer } from "./helpers.ts";

const TOKEN_PATH = "/v1/external-auth/token";

describe("GET /v1/external-auth", () => {
  it("lists the providers, to users and to agents", () =>
    withServer(async (server) => {
      const agent = await mint(server, { agent: "main" });
      for (const token of [server.token, agent.token]) {
        const answer = await askAs(server, token, "/v1/external-auth");
        assertEquals(answer.status, 200);
        assertEquals(answer.json, {
          providers: [
            { id: "github", name: "GitHub", authenticated: false },
            { id: "slack", name: "Slack", authenticated: false },
          ],
        });
      }
    }));

  it("asks for a token, and for one with the scope", () =>
    withServer(async (server) => {
      const { token } = await mint(server, { scopes: ["account:read"] });
      for (const path of ["/v1/external-auth", `${TOKEN_PATH}?id=github`]) {
        const none = await ask(server, path);
        assertEquals([none.status, none.json.code], [401, "token_invalid"]);
        const lacking = await askAs(server, token, path);
        assertEquals(
          [lacking.status, lacking.json.code],
          [403, "insufficient_scope"],
        );
      }
    }));
});

describe(`GET ${TOKEN_PATH}`, () => {
  it("gives the URL at which to connect", () =>
    withServer(async (server) => {
      const agent = await mint(server, { agent: "main" });
      for (const token of [server.token, agent.token]) {
        const answer = await askAs(server, token, `${TOKEN_PATH}?id=slack`);
        assertEquals(answer.status, 200);
        assertEquals(answer.json, { url: `${server.url}/external-auth/slack` });
      }
    }));

  it("finds the provider of a git URL", () =>
    withServer(async (server) => {
      const match = async (url: string): Promise<unknown> => {
        const query = new URLSearchParams({ match: url });
        const path = `${TOKEN_PATH}?${query}`;
        const { status, json } = await askAs(server, server.token, path);
        return status === 200 ? json.url : json.code;
      };
      const page = `${server.url}/external-auth/github`;
      assertEquals(await match("https://github.com/nano/ctl.git"), page);
      assertEquals(await match("github.com"), page);
      assertEquals(await match("https://github.com.example/x"), "not_found");
      assertEquals(await match("https://gitlab.com/x?github.com"), "not_found");
    }));

  it("knows no other provider", () =>
    withServer(async (server) => {
      for (const id of ["gitlab", "GitHub", "constructor", "__proto__"]) {
        const path = `${TOKEN_PATH}?id=${id}`;
        const { status, json } = await askAs(server, server.token, path);
        assertEquals([status, json.code], [404, "not_found"]);
      }
    }));

  for (const query of ["", "?id=", "?match=", "?id=github&match=github.com"]) {
    it(`refuses the query ${JSON.stringify(query)}`, () =>
      withServer(async (server) => {
        const path = `${TOKEN_PATH}${query}`;
        const { status, json } = await askAs(server, server.token, path);
        assertEquals([status, json.code], [400, "invalid_request"]);
      }));
  }

  it("takes no other method", () =>
    withServer(async (server) => {
      for (const path of ["/v1/external-auth", TOKEN_PATH]) {
        const init = { method: "POST" };
        const { status, headers } = await ask(server, path, init);
        assertEquals([status, headers.get("allow")], [405, "GET, HEAD"]);
      }
    }));
});

describe("an agent's token", () => {
  it("says whose it is, and looks as the wire's tokens do", () =>
    withServer(async (server) => {
      const looks: [Record<string, string>, RegExp][] = [
        [{}, /^nano_\w{40}$/],
        [{ agent: "main" }, /^nano_\w{40}$/],
        [{ wire: "coder" }, /^[0-9A-Za-z]{10}-[0-9A-Za-z]{22}$/],
        [
          { wire: "coder", agent: "main" },
          /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/,
        ],
      ];
      for (const [wish, pattern] of looks) {
        const { token, id } = await mint(server, wish);
        assertMatch(token, pattern);
        const { json } = await ask(server, `/dev/tokens/${id}`);
        assertEquals(json.agent, wish.agent ?? null);
        assertEquals((await askAs(server, token)).json.username, "ada");
      }
    }));

  it("has Coder's key id as its id", () =>
    withServer(async (server) => {
      const { token, id } = await mint(server, { wire: "coder" });
      assertEquals(token.split("-")[0], id);
    }));
});
