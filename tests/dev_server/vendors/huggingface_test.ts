import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { RunningServer } from "../../../src/dev_server/server.ts";
import { type Answer, ask, askAs, mint, send } from "../helpers.ts";
import {
  assertRefused,
  decide,
  type Fields,
  poll,
  post,
  startDevice,
  token,
} from "../oauth_requests.ts";
import {
  basic,
  bearer,
  get,
  itAnswersLikeFixtures,
  minter,
  withVendor,
} from "./helpers.ts";

const WHOAMI = "/api/whoami-v2";
const WEBHOOKS = "/api/settings/webhooks";
const REVOKE = "/api/credentials/revoke";
const PERMISSIONS = ["discussion.write", "repo.content.read"];

/** Asks with a new token of these fields. */
const askMinted = minter(WHOAMI, bearer);

/** Starts a device login, decides it if there is a choice, and polls. */
async function pollNew(
  server: RunningServer,
  choice?: "approve" | "deny",
  fields: Fields = {},
): Promise<Answer> {
  const { device_code, user_code } = await startDevice(server, fields);
  if (choice) await decide(server, user_code, choice);
  return poll(server, device_code);
}

/** The tokens of a new device login. */
async function login(
  server: RunningServer,
  fields: Fields = {},
): Promise<Answer["json"]> {
  return (await pollNew(server, "approve", fields)).json;
}

function refresh(
  server: RunningServer,
  refresh_token: string,
): Promise<Answer> {
  return token(server, { grant_type: "refresh_token", refresh_token });
}

await itAnswersLikeFixtures("huggingface", {
  account: (server) => askAs(server, server.token, WHOAMI),
  account_fine_grained: (server) => askMinted(server, { scopes: PERMISSIONS }),
  account_oauth: async (server) => {
    const { access_token } = await login(server);
    return askAs(server, access_token, WHOAMI);
  },
  account_oauth_without_email: async (server) => {
    const { access_token } = await login(server, { scope: "profile" });
    return askAs(server, access_token, WHOAMI);
  },
  invalid: (server) => askAs(server, "hf_unknown", WHOAMI),
  expired: (server) => askMinted(server, { state: "expired" }),
  revoked: (server) => askMinted(server, { state: "revoked" }),
  no_token: (server) => get(server, WHOAMI),
  scope_missing: (server) =>
    askMinted(server, { scopes: PERMISSIONS }, WEBHOOKS),
  rate_limited: (server) => askMinted(server, { state: "rate_limited" }),
  failing: (server) => askMinted(server, { state: "failing" }),
  revoked_successfully: (server) =>
    send(server, "POST", REVOKE, { credentials: [server.token] }),
  not_found: (server) => askAs(server, server.token, "/api/none"),
  device_code: (server) => post(server, "/oauth/device", {}),
  device_unknown_client: (server) =>
    post(server, "/oauth/device", { client_id: "unknown" }),
  device_pending: (server) => pollNew(server),
  device_too_fast: async (server) => {
    const { device_code } = await startDevice(server);
    await poll(server, device_code);
    return poll(server, device_code);
  },
  device_denied: (server) => pollNew(server, "deny"),
  device_expired: async (server, clock) => {
    const { device_code } = await startDevice(server);
    clock.pass(900);
    return poll(server, device_code);
  },
  device_token: (server) => pollNew(server, "approve"),
  device_token_with_id: (server) =>
    pollNew(server, "approve", { scope: "openid profile email" }),
  refreshed: async (server) =>
    refresh(server, (await login(server)).refresh_token),
  refresh_refused: (server) => refresh(server, "hf_oauth_unknown"),
});

describe("dev-server --as huggingface", () => {
  it("has user access tokens", () =>
    withVendor("huggingface", (server) => {
      assertMatch(server.token, /^hf_[A-Za-z]{34}$/);
      return Promise.resolve();
    }));

  it("takes a token as a bearer's and as a password", () =>
    withVendor("huggingface", async (server) => {
      const ways = [`Bearer ${server.token}`, basic("hf_user", server.token)];
      for (const Authorization of ways) {
        const { status, json } = await get(server, WHOAMI, { Authorization });
        assertEquals([status, json.name], [200, "ada"]);
      }
    }));

  const refused: [string, (token: string) => string][] = [
    ["the scheme token", (token) => `token ${token}`],
    ["Basic as the user name", (token) => basic(token, "")],
    ["no scheme", (token) => token],
  ];
  for (const [name, present] of refused) {
    it(`takes no token with ${name}`, () =>
      withVendor("huggingface", async (server) => {
        const Authorization = present(server.token);
        const { status, json } = await get(server, WHOAMI, { Authorization });
        const error = "Invalid username or password.";
        assertEquals([status, json], [401, { error }]);
      }));
  }

  it("has the text of an error in a header too", () =>
    withVendor("huggingface", async (server) => {
      const { json, headers } = await askAs(server, "hf_unknown", WHOAMI);
      assertEquals(headers.get("x-error-message"), json.error);
    }));

  it("says the role of a token, or its permissions", () =>
    withVendor("huggingface", async (server) => {
      const tokenOf = async (scopes: string[]): Promise<Answer["json"]> =>
        (await askMinted(server, { scopes, name: "ci" })).json.auth.accessToken;
      for (const role of ["read", "write"]) {
        const { displayName, ...rest } = await tokenOf([role]);
        assertEquals([displayName, rest.role, rest.fineGrained], [
          "ci",
          role,
          undefined,
        ]);
      }
      const { role, fineGrained } = await tokenOf(PERMISSIONS);
      assertEquals([role, fineGrained.global], [
        "fineGrained",
        ["discussion.write"],
      ]);
      assertEquals(fineGrained.scoped[0].permissions, ["repo.content.read"]);
    }));

  it("shows the e-mail to some tokens only", () =>
    withVendor("huggingface", async (server) => {
      const email = "grace@navy.example";
      const emailFor = async (scopes: string[]): Promise<string> =>
        (await askMinted(server, { scopes, username: "grace", email })).json
          .email;
      assertEquals(await emailFor(["write"]), email);
      assertEquals(await emailFor(PERMISSIONS), undefined);
    }));

  it("lets some tokens list webhooks", () =>
    withVendor("huggingface", async (server) => {
      for (
        const [scope, status] of [
          ["read", 200],
          ["write", 200],
          ["user.webhooks.read", 200],
          ["repo.content.read", 403],
        ] as const
      ) {
        const answer = await askMinted(server, { scopes: [scope] }, WEBHOOKS);
        assertEquals(answer.status, status, scope);
      }
    }));

  it("has nothing at other paths and for other methods", () =>
    withVendor("huggingface", async (server) => {
      const headers = { Authorization: `Bearer ${server.token}` };
      for (
        const [method, path] of [
          ["GET", "/"],
          ["GET", "/whoami-v2"],
          ["GET", "/api/whoami"],
          ["GET", `${WHOAMI}/`],
          ["POST", WHOAMI],
          ["GET", REVOKE],
        ] as const
      ) {
        const { status } = await ask(server, path, { method, headers });
        assertEquals(status, 404, path);
      }
    }));

  it("counts requests in windows of five minutes", () =>
    withVendor("huggingface", async (server, clock) => {
      const rate = async (): Promise<string | null> =>
        (await askAs(server, server.token, WHOAMI)).headers.get("ratelimit");
      assertEquals(await rate(), '"api";r=999;t=300');
      clock.pass(60);
      assertEquals(await rate(), '"api";r=998;t=240');
    }));

  it("says when a rate limit ends", () =>
    withVendor("huggingface", async (server) => {
      const fields = { state: "rate_limited", retry_after: 55 };
      const { headers } = await askMinted(server, fields);
      assertEquals(headers.get("ratelimit"), '"api";r=0;t=55');
      assertEquals(headers.get("retry-after"), null);
    }));

  it("is not available when it is told so", () =>
    withVendor("huggingface", async (server) => {
      const fields = { state: "unavailable", retry_after: 7 };
      const { status, headers } = await askMinted(server, fields);
      assertEquals([status, headers.get("retry-after")], [503, "7"]);
    }));

  it("ends whatever tokens it is given, and tells nothing of them", () =>
    withVendor("huggingface", async (server) => {
      const { token } = await mint(server, { username: "grace" });
      const credentials = [token, "hf_unknown"];
      const first = await send(server, "POST", REVOKE, { credentials });
      const again = await send(server, "POST", REVOKE, { credentials });
      assertEquals([first.status, first.text], [202, ""]);
      assertEquals([again.status, again.text], [202, ""]);
      assertEquals((await askAs(server, token, WHOAMI)).status, 401);
      assertEquals((await askAs(server, server.token, WHOAMI)).status, 200);
    }));

  for (const body of ["{", "[]", '{"credentials":[]}', '{"credentials":[1]}']) {
    it(`refuses to end what ${body} names`, () =>
      withVendor("huggingface", async (server) => {
        const { status } = await ask(server, REVOKE, { method: "POST", body });
        assertEquals(status, 400);
      }));
  }
});

describe("the device flow of dev-server --as huggingface", () => {
  it("gives a token of OAuth that ends, with the scopes asked for", () =>
    withVendor("huggingface", async (server, clock) => {
      const scope = "profile webhooks";
      const given = await login(server, { scope });
      assertMatch(given.access_token, /^hf_oauth_/);
      assertEquals([given.scope, given.expires_in], [scope, 28800]);
      const answer = await askAs(server, given.access_token, WHOAMI);
      assertEquals(answer.json.auth, {
        type: "oauth",
        expiresAt: "2030-01-01T08:00:00.000Z",
      });
      assertEquals(
        (await askAs(server, given.access_token, WEBHOOKS)).status,
        200,
      );
      clock.pass(28800);
      const expired = await askAs(server, given.access_token, WHOAMI);
      assertEquals(expired.status, 401);
    }));

  it("has an ID token for the scope openid, of the user", () =>
    withVendor("huggingface", async (server) => {
      const { id_token } = await login(server, { scope: "openid" });
      const [, claims = ""] = id_token.split(".");
      const bytes = Uint8Array.fromBase64(claims, { alphabet: "base64url" });
      const { aud, exp, iat } = JSON.parse(new TextDecoder().decode(bytes));
      assertEquals([aud, exp - iat], ["nanoctl", 28800]);
    }));

  it("replaces the refresh token, and refuses the old one", () =>
    withVendor("huggingface", async (server) => {
      const { refresh_token } = await login(server);
      const { json } = await refresh(server, refresh_token);
      assert(json.refresh_token !== refresh_token);
      assertEquals(
        (await askAs(server, json.access_token, WHOAMI)).status,
        200,
      );
      assertRefused(await refresh(server, refresh_token), "invalid_grant");
    }));

  it("has its page where its endpoint is", () =>
    withVendor("huggingface", async (server) => {
      const { device_code, user_code } = await startDevice(server);
      const path = `/oauth/device?user_code=${user_code}`;
      const { text } = await get(server, path);
      const [, form_token = ""] =
        /name="form_token" value="(\w+)"/.exec(text) ??
          [];
      const body = new URLSearchParams({
        form_token,
        user_code,
        choice: "approve",
      });
      const done = await ask(server, "/oauth/device", { method: "POST", body });
      assertEquals(done.status, 200);
      assertEquals((await poll(server, device_code)).status, 200);
    }));

  const faults: [string, Fields, string][] = [
    ["/oauth/device", { client_id: undefined }, "invalid_client"],
    ["/oauth/device", { scope: "everything" }, "invalid_scope"],
    ["/oauth/token", {}, "invalid_request"],
    ["/oauth/token", { grant_type: "password" }, "unsupported_grant_type"],
  ];
  for (const [path, fields, error] of faults) {
    it(`refuses ${JSON.stringify(fields)} at ${path}`, () =>
      withVendor("huggingface", async (server) => {
        assertRefused(await post(server, path, fields), error);
      }));
  }

  it("gives the tokens of a code once", () =>
    withVendor("huggingface", async (server) => {
      const { device_code, user_code } = await startDevice(server);
      await decide(server, user_code);
      assertEquals((await poll(server, device_code)).status, 200);
      assertRefused(await poll(server, device_code), "invalid_grant");
    }));
});
