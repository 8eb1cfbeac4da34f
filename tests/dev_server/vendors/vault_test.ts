import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { RunningServer } from "../../../src/dev_server/server.ts";
import { type Answer, ask, mint, send } from "../helpers.ts";
import { get, itAnswersLikeFixtures, withVendor } from "./helpers.ts";
import {
  askMinted,
  askWith,
  RENEW,
  renew,
  SELF,
  set,
} from "./vault_requests.ts";

const REVOKE = "/v1/auth/token/revoke-self";
const HEALTH = "/v1/sys/health";
const SEAL_STATUS = "/v1/sys/seal-status";
const DENIED = "permission denied";
const LISTED = "1 error occurred:\n\t* permission denied\n\n";

async function sealed(
  server: RunningServer,
  path: string,
): Promise<Answer> {
  await set(server, { sealed: true });
  return askWith(server, server.token, path);
}

await itAnswersLikeFixtures("vault", {
  account: (server) => askWith(server, server.token),
  account_without_expiry: (server) =>
    askMinted(server, { scopes: ["root"], expires_at: null }),
  account_renewed: async (server) => {
    await renew(server);
    return askWith(server, server.token);
  },
  account_periodic: async (server) => {
    await set(server, { period: 3600 });
    return askWith(server, server.token);
  },
  account_in_namespace: async (server) => {
    await set(server, { namespace: "team" });
    const headers = { "X-Vault-Namespace": "team/" };
    return askWith(server, server.token, SELF, { headers });
  },
  renewed: (server) => renew(server),
  renewed_to_the_maximum: (server) =>
    renew(server, server.token, { increment: "9000h" }),
  not_renewable: async (server) => {
    await set(server, { renewable: false });
    return renew(server);
  },
  bad_request: (server) =>
    askWith(server, server.token, RENEW, { method: "POST", body: "{" }),
  invalid: (server) => askWith(server, "hvs.unknown"),
  // The text alone differs.
  invalid_at_hashicorp: (server) => askWith(server, "hvs.unknown"),
  expired: (server) => askMinted(server, { state: "expired" }),
  revoked: (server) => askMinted(server, { state: "revoked" }),
  no_token: (server) => get(server, SELF),
  scope_missing: (server) =>
    askMinted(server, { scopes: ["readers"] }, RENEW, { method: "POST" }),
  rate_limited: (server) =>
    askMinted(server, { state: "rate_limited", retry_after: 30 }),
  revoked_successfully: (server) =>
    askWith(server, server.token, REVOKE, { method: "POST" }),
  sealed: (server) => sealed(server, SELF),
  failing: (server) => askMinted(server, { state: "failing" }),
  not_found: (server) => get(server, "/api/v4/user"),
  route_not_found: (server) =>
    askMinted(server, { scopes: ["root"] }, "/v1/secret/none"),
  namespace_not_found: (server) =>
    askWith(server, server.token, SELF, {
      headers: { "X-Vault-Namespace": "nobody/" },
    }),
  unsupported_method: (server) =>
    askMinted(server, { scopes: ["root"] }, SELF, { method: "POST" }),
  health: (server) => get(server, HEALTH),
  health_sealed: (server) => sealed(server, HEALTH),
  seal_status: (server) => get(server, SEAL_STATUS),
  seal_status_sealed: (server) => sealed(server, SEAL_STATUS),
});

describe("dev-server --as vault", () => {
  it("has service tokens", () =>
    withVendor("vault", (server) => {
      assertMatch(server.token, /^hvs\.[A-Za-z0-9]{91}$/);
      return Promise.resolve();
    }));

  it("takes a token in either header, its own one first", () =>
    withVendor("vault", async (server) => {
      const bearer = { Authorization: `Bearer ${server.token}` };
      const other = { Authorization: "Bearer hvs.unknown" };
      const own = { "X-Vault-Token": server.token };
      for (const headers of [bearer, own, { ...own, ...other }]) {
        assertEquals((await get(server, SELF, headers)).status, 200);
      }
      const unknown = { ...bearer, "X-Vault-Token": "hvs.unknown" };
      assertEquals((await get(server, SELF, unknown)).status, 403);
    }));

  const refused: [string, (token: string) => Record<string, string>][] = [
    ["the scheme in other letters", (token) => ({
      Authorization: `bearer ${token}`,
    })],
    ["another scheme", (token) => ({ Authorization: `token ${token}` })],
    ["Basic", (token) => ({ Authorization: `Basic ${btoa(`a:${token}`)}` })],
    ["the header of GitLab", (token) => ({ "PRIVATE-TOKEN": token })],
  ];
  for (const [name, headers] of refused) {
    it(`takes no token with ${name}`, () =>
      withVendor("vault", async (server) => {
        const { status, json } = await get(server, SELF, headers(server.token));
        assertEquals([status, json], [403, { errors: [DENIED] }]);
      }));
  }

  it("says whose a token is and when it ends, to the second", () =>
    withVendor("vault", async (server, clock) => {
      const fields = {
        username: "grace",
        expires_in: 3600,
        scopes: ["default", "readers"],
      };
      const { token } = await mint(server, fields);
      clock.pass(60);
      const { data } = (await askWith(server, token)).json;
      assertEquals(data.id, token);
      assertEquals([data.meta, data.policies], [
        { username: "grace" },
        ["default", "readers"],
      ]);
      assertEquals([data.creation_ttl, data.ttl], [3600, 3540]);
      assertEquals(data.expire_time, "2030-01-01T03:00:00.000000001+02:00");
      assertEquals([data.renewable, data.period], [true, undefined]);
    }));

  it("has zero and null for a root token without an end", () =>
    withVendor("vault", async (server) => {
      const fields = { scopes: ["root"], expires_at: null };
      const { data } = (await askMinted(server, fields)).json;
      assertEquals(
        [data.ttl, data.expire_time, data.renewable, data.display_name],
        [0, null, undefined, "root"],
      );
    }));
});

describe("the refusals of dev-server --as vault", () => {
  it("end a token by itself", () =>
    withVendor("vault", async (server) => {
      const init = { method: "PUT" };
      const { token } = await mint(server);
      assertEquals((await askWith(server, token, REVOKE, init)).status, 204);
      for (const path of [SELF, RENEW, REVOKE]) {
        const { status, json } = await askWith(server, token, path, init);
        assertEquals([status, json.errors], [403, [DENIED]]);
      }
    }));

  it("come from the policies before anything else", () =>
    withVendor("vault", async (server) => {
      const cases: [string, string, string, number, string][] = [
        ["readers", "GET", SELF, 403, LISTED],
        ["default", "POST", SELF, 403, LISTED],
        ["default", "GET", "/v1/secret/x", 403, LISTED],
        ["default", "GET", `${SELF}/`, 403, LISTED],
        ["default", "GET", `${HEALTH}/`, 403, LISTED],
        [
          "root",
          "GET",
          "/v1/secret/x",
          404,
          'no handler for route "secret/x". route entry not found.',
        ],
      ];
      for (const [policy, method, path, status, text] of cases) {
        const init = { method };
        const answer = await askMinted(
          server,
          { scopes: [policy] },
          path,
          init,
        );
        assertEquals([answer.status, answer.json.errors], [status, [text]]);
      }
    }));

  it("are empty outside the API, and for what health does not do", () =>
    withVendor("vault", async (server) => {
      for (const path of ["/", "/auth/token/lookup-self", "/api/v1/x"]) {
        const { status, json } = await get(server, path);
        assertEquals([status, json], [404, { errors: [] }]);
      }
      for (const path of [HEALTH, SEAL_STATUS]) {
        const { status, json } = await ask(server, path, { method: "POST" });
        assertEquals([status, json], [405, { errors: [] }]);
      }
    }));

  it("have the headers of the quota", () =>
    withVendor("vault", async (server) => {
      const fields = { state: "rate_limited", retry_after: 30 };
      const { headers } = await askMinted(server, fields);
      assertEquals(headers.get("retry-after"), "30");
      assertEquals(headers.get("x-ratelimit-reset"), "30");
      const { headers: usual } = await askWith(server, server.token);
      assertEquals(usual.get("x-ratelimit-remaining"), "999");
    }));

  it("are those of a sealed server while it is not available", () =>
    withVendor("vault", async (server) => {
      const fields = { state: "unavailable", retry_after: 7 };
      const { status, json, headers } = await askMinted(server, fields);
      assertEquals([status, json.errors], [503, ["Vault is sealed"]]);
      assertEquals(headers.get("retry-after"), "7");
    }));
});

describe("the namespaces of dev-server --as vault", () => {
  const inTeam = { "X-Vault-Namespace": "org/team" };

  it("are in a header or in the path, whose parts add up", () =>
    withVendor("vault", async (server) => {
      await set(server, { namespace: "org/team" });
      const ways: [string, Record<string, string>][] = [
        [SELF, inTeam],
        [SELF, { "X-Vault-Namespace": "/org/team/" }],
        ["/v1/org/team/auth/token/lookup-self", {}],
        ["/v1/team/auth/token/lookup-self", { "X-Vault-Namespace": "org/" }],
      ];
      for (const [path, headers] of ways) {
        const answer = await askWith(server, server.token, path, { headers });
        assertEquals(answer.json.data?.namespace_path, "org/team/", path);
      }
    }));

  it("know no token of another one", () =>
    withVendor("vault", async (server) => {
      await set(server, { namespace: "org/team" });
      const { status, json } = await askWith(server, server.token);
      assertEquals([status, json.errors], [403, [DENIED]]);
      await set(server, { namespace: null });
      const init = { headers: inTeam };
      const gone = await askWith(server, server.token, SELF, init);
      assertEquals(gone.json.errors, ["namespace not found"]);
    }));

  it("have no health of their own", () =>
    withVendor("vault", async (server) => {
      const { status, json } = await get(server, HEALTH, inTeam);
      const text = "operation unavailable in namespaces";
      assertEquals([status, json.errors], [400, [text]]);
      assertEquals((await get(server, SEAL_STATUS, inTeam)).status, 200);
    }));
});

describe(`GET ${HEALTH} of dev-server --as vault`, () => {
  it("answers with the status that is asked for", () =>
    withVendor("vault", async (server) => {
      const status = async (query: string): Promise<number> =>
        (await get(server, `${HEALTH}?${query}`)).status;
      assertEquals(await status("activecode=204"), 400);
      assertEquals(await status("activecode=299"), 299);
      assertEquals(await status("sealedcode=299"), 200);
      await set(server, { sealed: true });
      assertEquals(await status("sealedcode=299"), 299);
      assertEquals(await status("sealedcode=all"), 400);
    }));
});

describe("HEAD to dev-server --as vault", () => {
  it("is for health only", () =>
    withVendor("vault", async (server) => {
      const status = async (path: string): Promise<number> =>
        (await askWith(server, server.token, path, { method: "HEAD" })).status;
      assertEquals(await status(HEALTH), 200);
      assertEquals(await status(SEAL_STATUS), 405);
      assertEquals(await status(SELF), 403);
    }));
});

describe("/dev/vault", () => {
  it("shows the settings", () =>
    withVendor("vault", async (server) => {
      await set(server, { period: 60, namespace: "org/team" });
      assertEquals((await get(server, "/dev/vault")).json, {
        sealed: false,
        namespace: "org/team",
        renewable: true,
        period: 60,
        max_ttl: 2764800,
      });
    }));

  for (
    const change of [
      { sealed: "yes" },
      { namespace: "/team/" },
      { period: 0 },
      { max_ttl: 1.5 },
      { other: 1 },
    ]
  ) {
    it(`refuses ${JSON.stringify(change)}`, () =>
      withVendor("vault", async (server) => {
        const { status } = await send(server, "PATCH", "/dev/vault", change);
        assertEquals(status, 400);
      }));
  }
});
