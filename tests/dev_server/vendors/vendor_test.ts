import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  loadVendor,
  VENDOR_NAMES,
} from "../../../src/dev_server/vendors/registry.ts";
import { ask, mint, send } from "../helpers.ts";
import { fixturesOf, get, withVendor } from "./helpers.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const ODD_CREDENTIALS = [
  "",
  "Bearer",
  "Bearer  ",
  "Basic",
  "Basic !",
  "Basic Og==", // A colon.
  "Basic /w==", // A byte that is not UTF-8.
  `Bearer ${"a".repeat(8000)}`,
];
const ODD_BODIES = ["", "{", "null", "[]", "a=b&a=b", "%ff"];

for (const name of VENDOR_NAMES) {
  describe(`dev-server --as ${name}`, () => {
    it("has tokens that it would redact", async () => {
      const vendor = await loadVendor(name);
      assert(vendor.tokenPattern.global);
      const token = vendor.newToken();
      assertEquals(token.replace(vendor.tokenPattern, ""), "");
      assert(vendor.newToken() !== token);
    });

    it("has the service's scopes in its tokens", () =>
      withVendor(name, async (server) => {
        const { scopes } = await loadVendor(name);
        const { json } = await ask(server, "/dev/tokens");
        assertEquals(json.tokens.length, 1);
        assertEquals(json.tokens[0].scopes, scopes);
      }));

    it("makes tokens on the service's own page", () =>
      withVendor(name, async (server) => {
        const { name: service, tokenPage } = await loadVendor(name);
        assertEquals(server.service, service);
        const shown = await ask(server, tokenPage);
        assertEquals(shown.status, 200);
        assert(shown.text.includes(`action="${tokenPage}"`), shown.text);
        const body = new URLSearchParams({ name: "mine", expiry: "1h" });
        const init = { method: "POST", body };
        const made = await ask(server, tokenPage, init);
        assertEquals(made.status, 201);
        const login = `nanoctl login --service ${service} --url ${server.url}`;
        assert(made.text.includes(login), made.text);
        const { tokens } = (await ask(server, "/dev/tokens")).json;
        assertEquals(tokens.at(-1).name, "mine");
      }));

    it("has no tokens of agents and wires", () =>
      withVendor(name, async (server) => {
        for (const fields of [{ agent: "main" }, { wire: "coder" }]) {
          const { status } = await send(server, "POST", "/dev/tokens", fields);
          assertEquals(status, 400);
        }
      }));

    it("records no token of a path", () =>
      withVendor(name, async (server) => {
        const { token } = await mint(server);
        await ask(server, `/tokens/${token}/end`);
        const { requests } = (await ask(server, "/dev/requests")).json;
        assertEquals(requests[0].path, "/tokens/[secret]/end");
      }));

    it("has an answer of its own to odd requests to each of its paths", () =>
      withVendor(name, async (server) => {
        const paths = (await fixturesOf(name)).map(({ request }) =>
          request.path
        );
        for (const path of new Set(paths)) {
          for (const Authorization of ODD_CREDENTIALS) {
            const { status } = await get(server, path, { Authorization });
            assert(status < 500, `${path} ${Authorization}: ${status}`);
          }
          for (const method of METHODS) {
            for (const body of method === "GET" ? [null] : ODD_BODIES) {
              const { status } = await ask(server, path, { method, body });
              assert(status < 500, `${method} ${path} ${body}: ${status}`);
            }
          }
        }
      }));

    it("takes no request of another site's page", () =>
      withVendor(name, async (server) => {
        const { tokenPage } = await loadVendor(name);
        const headers = { Origin: "https://example.com" };
        const init = { method: "POST", headers };
        assertEquals((await ask(server, tokenPage, init)).status, 403);
        const { tokens } = (await ask(server, "/dev/tokens")).json;
        assertEquals(tokens.length, 1);
      }));

    it("serves nothing of nanoservices and Coder", () =>
      withVendor(name, async (server) => {
        const headers = {
          Authorization: `Bearer ${server.token}`,
          "Coder-Session-Token": server.token,
        };
        for (const path of ["/v1/me", "/api/v2/users/me", "/oauth/jwks"]) {
          const { status } = await ask(server, path, { headers });
          // Vault denies what a token has no policy for, whether it is there or not.
          assert([403, 404].includes(status), `${path}: ${status}`);
        }
      }));
  });
}
