import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { RunningServer } from "../../../src/dev_server/server.ts";
import { type Answer, ask } from "../helpers.ts";
import {
  basic,
  get,
  itAnswersLikeFixtures,
  minter,
  type Play,
  withVendor,
} from "./helpers.ts";

const USER = "/api/v1/user";
const TOKEN = "/api/v1/token";

/** Asks with a new token of these fields. */
const askMinted = minter(
  USER,
  (token) => ({ Authorization: `token ${token}` }),
);

function end(
  server: RunningServer,
  path = TOKEN,
  Authorization = `token ${server.token}`,
): Promise<Answer> {
  return ask(server, path, { method: "DELETE", headers: { Authorization } });
}

const BOTH: Record<string, Play> = {
  account: (server) => askMinted(server, {}),
  no_token: (server) => get(server, USER),
  invalid: (server) => get(server, USER, { Authorization: "token 0123" }),
  expired: (server) => askMinted(server, { state: "expired" }),
  revoked: (server) => askMinted(server, { state: "revoked" }),
  scope_missing: (server) =>
    askMinted(server, { scopes: ["write:repository"] }),
  rate_limited: (server) => askMinted(server, { state: "rate_limited" }),
  password_wanted: (server) => end(server, "/api/v1/users/ada/tokens/1"),
  not_found: (server) => get(server, "/api/v1/usr"),
  version: (server) => get(server, "/api/v1/version"),
};

await itAnswersLikeFixtures("gitea", {
  ...BOTH,
  token: (server) => askMinted(server, {}, TOKEN),
  revoked_successfully: (server) => end(server),
  no_forgejo: (server) => get(server, "/api/forgejo/v1/version"),
});

await itAnswersLikeFixtures("forgejo", {
  ...BOTH,
  no_token_route: (server) => end(server),
  forgejo_version: (server) => get(server, "/api/forgejo/v1/version"),
});

for (const name of ["gitea", "forgejo"]) {
  describe(`dev-server --as ${name}`, () => {
    it("has tokens in Gitea's format", () =>
      withVendor(name, (server) => {
        assertMatch(server.token, /^[\da-f]{40}$/);
        return Promise.resolve();
      }));

    const presentations: [string, (token: string) => string][] = [
      ["token", (token) => `token ${token}`],
      ["Bearer", (token) => `Bearer ${token}`],
      ["Basic as the password", (token) => basic("anyone", token)],
      ["Basic as the user name", (token) => basic(token, "")],
      [
        "Basic as x-oauth-basic's user",
        (token) => basic(token, "x-oauth-basic"),
      ],
    ];
    for (const [how, present] of presentations) {
      it(`takes a token with ${how}`, () =>
        withVendor(name, async (server) => {
          const Authorization = present(server.token);
          const { status, json } = await get(server, USER, { Authorization });
          assertEquals([status, json.login], [200, "ada"]);
        }));
    }

    const refused: [string, (token: string) => Record<string, string>][] = [
      ["the header of GitLab", (token) => ({ "PRIVATE-TOKEN": token })],
      ["another scheme", (token) => ({ Authorization: `Digest ${token}` })],
      ["no scheme", (token) => ({ Authorization: token })],
    ];
    for (const [how, headers] of refused) {
      it(`takes no token with ${how}`, () =>
        withVendor(name, async (server) => {
          const { status, json } = await get(
            server,
            USER,
            headers(server.token),
          );
          assertEquals([status, json.message], [401, "token is required"]);
        }));
    }

    for (const scope of ["read:user", "write:user", "all"]) {
      it(`lets a token with ${scope} ask whose it is`, () =>
        withVendor(name, async (server) => {
          const { status } = await askMinted(server, { scopes: [scope] });
          assertEquals(status, 200);
        }));
    }

    for (const path of ["/api/v1/user/", "/api/v4/user", "/"]) {
      it(`has nothing at ${path}`, () =>
        withVendor(name, async (server) => {
          const Authorization = `token ${server.token}`;
          const { status } = await get(server, path, { Authorization });
          assertEquals(status, 404);
        }));
    }

    it("fails as it is told to", () =>
      withVendor(name, async (server) => {
        const failing = await askMinted(server, { state: "failing" });
        assertEquals(failing.status, 500);
        const fields = { state: "unavailable" };
        assertEquals((await askMinted(server, fields)).status, 503);
      }));
  });
}

describe("the token routes of dev-server --as gitea", () => {
  it("need no scope", () =>
    withVendor("gitea", async (server) => {
      const { json } = await askMinted(server, { scopes: [] }, TOKEN);
      assertEquals([json.scopes, json.user.login], [[], "ada"]);
    }));

  it("end the token", () =>
    withVendor("gitea", async (server) => {
      assertEquals((await end(server)).status, 204);
      const Authorization = `token ${server.token}`;
      assertEquals((await get(server, USER, { Authorization })).status, 401);
    }));

  it("take no token that is a password", () =>
    withVendor("gitea", async (server) => {
      const Authorization = basic("ada", server.token);
      const { status, json } = await end(server, TOKEN, Authorization);
      assertEquals([status, json.message], [404, "invalid personal token"]);
      const asked = await get(server, TOKEN, { Authorization });
      assertEquals(asked.status, 404);
      assertEquals((await get(server, USER, { Authorization })).status, 200);
    }));
});
