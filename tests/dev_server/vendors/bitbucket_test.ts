import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { RunningServer } from "../../../src/dev_server/server.ts";
import { type Answer, ask, mint } from "../helpers.ts";
import {
  basic,
  get,
  itAnswersLikeFixtures,
  minter,
  withVendor,
} from "./helpers.ts";

const USER = "/2.0/user";
const EMAILS = "/2.0/user/emails";

/** Asks with a new token of these fields, which is Ada's. */
const askMinted = minter(
  USER,
  (token) => ({ Authorization: basic("ada@example.com", token) }),
);

function askWith(
  server: RunningServer,
  token: string,
  path = USER,
  email = "ada@example.com",
): Promise<Answer> {
  return get(server, path, { Authorization: basic(email, token) });
}

function askBearer(server: RunningServer): Promise<Answer> {
  return get(server, USER, { Authorization: `Bearer ${server.token}` });
}

await itAnswersLikeFixtures("bitbucket", {
  account: (server) => askMinted(server, {}),
  emails: (server) => askMinted(server, {}, EMAILS),
  no_token: (server) => get(server, USER),
  invalid: (server) => askWith(server, "ATATT3xFfGF0no"),
  expired: (server) => askMinted(server, { state: "expired" }),
  revoked: (server) => askMinted(server, { state: "revoked" }),
  bearer: askBearer,
  no_scopes: (server) => askMinted(server, { scopes: [] }),
  scope_missing: (server) =>
    askMinted(server, { scopes: ["read:repository:bitbucket"] }),
  rate_limited: (server) => askMinted(server, { state: "rate_limited" }),
  not_found: (server) => askMinted(server, {}, "/2.0/usr"),
});

describe("dev-server --as bitbucket", () => {
  it("has tokens in the format of Atlassian's API tokens", () =>
    withVendor("bitbucket", (server) => {
      assertMatch(server.token, /^ATATT3xFfGF0\w{171}=[\dA-F]{8}$/);
      return Promise.resolve();
    }));

  it("takes a token with its owner's e-mail address as the user name", () =>
    withVendor("bitbucket", async (server) => {
      const fields = { username: "grace", email: "grace@example.org" };
      const { token } = await mint(server, fields);
      const { json } = await askWith(server, token, USER, fields.email);
      assertEquals(json.username, "grace");
      const { json: page } = await askWith(
        server,
        token,
        EMAILS,
        fields.email,
      );
      assertEquals(page.values[0].email, fields.email);
    }));

  for (const name of ["ada", "", "grace@example.com"]) {
    it(`takes no token with the user name ${JSON.stringify(name)}`, () =>
      withVendor("bitbucket", async (server) => {
        const { status } = await askWith(server, server.token, USER, name);
        assertEquals(status, 401);
      }));
  }

  it("takes no token as a bearer's, and has no challenge for it", () =>
    withVendor("bitbucket", async (server) => {
      const { status, headers } = await askBearer(server);
      assertEquals([status, headers.get("www-authenticate")], [401, null]);
    }));

  it("takes no token with its name as the password", () =>
    withVendor("bitbucket", async (server) => {
      const Authorization = basic(server.token, "ada@example.com");
      const { status } = await get(server, USER, { Authorization });
      assertEquals(status, 401);
    }));

  it("names the scopes of a valid token only", () =>
    withVendor("bitbucket", async (server) => {
      const { headers } = await askWith(server, server.token);
      assertEquals(
        headers.get("x-oauth-scopes"),
        "read:user:bitbucket, read:repository:bitbucket",
      );
      const refused = await askMinted(server, { state: "revoked" });
      assertEquals(refused.headers.get("x-oauth-scopes"), null);
      assertEquals(
        refused.headers.get("x-accepted-oauth-scopes"),
        "read:user:bitbucket",
      );
    }));

  it("does not say when a rate limit ends", () =>
    withVendor("bitbucket", async (server) => {
      const fields = { state: "rate_limited", retry_after: 90 };
      const { text, headers } = await askMinted(server, fields);
      assertEquals(text, "Rate limit for this resource has been exceeded");
      assertEquals(headers.get("retry-after"), null);
    }));

  for (const path of ["/2.0/user/", "/user", "/1.0/user", "/"]) {
    it(`has nothing at ${path}`, () =>
      withVendor("bitbucket", async (server) => {
        assertEquals((await askWith(server, server.token, path)).status, 404);
      }));
  }

  it("ends no token", () =>
    withVendor("bitbucket", async (server) => {
      const headers = { Authorization: basic("ada@example.com", server.token) };
      const init = { method: "DELETE", headers };
      assertEquals((await ask(server, USER, init)).status, 404);
      assertEquals((await askWith(server, server.token)).status, 200);
    }));

  it("fails as it is told to", () =>
    withVendor("bitbucket", async (server) => {
      const failing = await askMinted(server, { state: "failing" });
      assertEquals(failing.status, 500);
      const fields = { state: "unavailable" };
      assertEquals((await askMinted(server, fields)).status, 503);
    }));
});
