import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { mint } from "../helpers.ts";
import { withVendor } from "./helpers.ts";
import { askWith, RENEW, renew, set } from "./vault_requests.ts";

describe("renew-self of dev-server --as vault", () => {
  it("renews for as long as the first time, and moves the end", () =>
    withVendor("vault", async (server, clock) => {
      const { token } = await mint(server, { expires_in: 3600 });
      clock.pass(1800);
      const { auth, data, warnings } = (await renew(server, token)).json;
      assertEquals([auth.client_token, auth.lease_duration], [token, 3600]);
      assertEquals([data, warnings], [null, null]);
      clock.pass(3599);
      assertEquals((await askWith(server, token)).json.data.ttl, 1);
      clock.pass(1);
      assertEquals((await askWith(server, token)).status, 403);
    }));

  for (
    const [increment, seconds] of [
      ["30m", 1800],
      ["1h1m1s", 3661],
      ["90", 90],
      [90, 90],
      ["", 3600],
    ] as const
  ) {
    it(`takes an increment of ${JSON.stringify(increment)}`, () =>
      withVendor("vault", async (server) => {
        const { token } = await mint(server, { expires_in: 3600 });
        const { json } = await renew(server, token, { increment });
        assertEquals(json.auth.lease_duration, seconds);
      }));
  }

  for (const body of ["[]", "{", '{"increment":"soon"}', '{"increment":[]}']) {
    it(`refuses ${body}`, () =>
      withVendor("vault", async (server) => {
        const init = { method: "POST", body };
        const answer = await askWith(server, server.token, RENEW, init);
        assertEquals([answer.status, answer.json.errors.length], [400, 1]);
      }));
  }

  it("does not go beyond the maximum, and says so", () =>
    withVendor("vault", async (server, clock) => {
      await set(server, { max_ttl: 4000 });
      const { token } = await mint(server, { expires_in: 3600 });
      clock.pass(1000);
      const { json } = await renew(server, token);
      assertEquals(json.auth.lease_duration, 3000);
      assertEquals(json.warnings, [
        'TTL of "1h" exceeded the effective max_ttl of "50m"; TTL value is capped accordingly',
      ]);
    }));

  it("renews periodic tokens for ever, by their period only", () =>
    withVendor("vault", async (server, clock) => {
      await set(server, { period: 600, max_ttl: 900 });
      const { token } = await mint(server, { expires_in: 600 });
      for (let times = 0; times < 4; times++) {
        clock.pass(599);
        const { json } = await renew(server, token, { increment: "5h" });
        assertEquals([json.auth.lease_duration, json.warnings], [600, null]);
      }
      assertEquals((await askWith(server, token)).json.data.period, 600);
    }));

  it("renews no root token", () =>
    withVendor("vault", async (server) => {
      const fields = { scopes: ["root"], expires_at: null };
      const { token } = await mint(server, fields);
      const { status, json } = await renew(server, token);
      assertEquals([status, json.errors], [400, ["lease is not renewable"]]);
    }));

  it("renews with PUT too, not with GET", () =>
    withVendor("vault", async (server) => {
      const status = async (method: string): Promise<number> =>
        (await askWith(server, server.token, RENEW, { method })).status;
      assertEquals([await status("PUT"), await status("GET")], [200, 403]);
    }));
});
