import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ask, withServer } from "./helpers.ts";
import {
  assertRefused,
  decide,
  poll,
  post,
  refresh,
  startDevice,
} from "./oauth_requests.ts";

describe("hostile input to the OAuth endpoints", () => {
  const PATHS = ["device", "token", "revoke", "introspect"]
    .map((name) => `/oauth/${name}`);

  it("refuses parameters that are given twice", () =>
    withServer(async (server) => {
      for (const path of PATHS) {
        for (const twice of ["client_id=nanoctl", "x=1&x=2", "x=&x="]) {
          const answer = await ask(server, path, {
            method: "POST",
            body: new URLSearchParams(
              `client_id=nanoctl&grant_type=refresh_token&${twice}`,
            ),
          });
          assertRefused(answer, "invalid_request");
        }
      }
    }));

  it("refuses any other content type", () =>
    withServer(async (server) => {
      const form = new FormData();
      form.set("client_id", "nanoctl");
      for (
        const body of [
          form,
          "client_id=nanoctl",
          JSON.stringify({ client_id: "nanoctl" }),
          new Blob(["{}"], { type: "application/json" }),
          new Blob(["x"], { type: "application/x-www-form-urlencodedx" }),
          undefined,
        ]
      ) {
        for (const path of PATHS) {
          const init = body === undefined ? {} : { body };
          const answer = await ask(server, path, { method: "POST", ...init });
          assertRefused(answer, "invalid_request");
        }
      }
    }));

  it("reads no more than 64 KiB", () =>
    withServer(async (server) => {
      for (const path of PATHS) {
        const fields = { token: "x".repeat(64 * 1024) };
        const { status, json } = await post(server, path, fields);
        assertEquals([status, json.error], [413, "invalid_request"]);
      }
    }));

  it("refuses a page of another origin", () =>
    withServer(async (server) => {
      for (const Origin of ["https://attacker.example", "null"]) {
        for (const path of PATHS) {
          const { status, json } = await post(server, path, {}, { Origin });
          assertEquals([status, json.code], [403, "forbidden"]);
        }
      }
    }));

  it("takes parameters from the body only, and POST only", () =>
    withServer(async (server) => {
      for (const path of PATHS) {
        const { status, headers } = await ask(server, `${path}?token=x`);
        assertEquals([status, headers.get("allow")], [405, "POST"]);
        const answer = await ask(server, `${path}?client_id=nanoctl`, {
          method: "POST",
          body: new URLSearchParams({ token: "x" }),
        });
        assertRefused(answer, "invalid_client");
      }
    }));

  it("keeps tokens out of errors and of the list of requests", () =>
    withServer(async (server) => {
      const { device_code, user_code } = await startDevice(server);
      await decide(server, user_code);
      const { json } = await poll(server, device_code);
      await refresh(server, json.refresh_token);
      const again = await refresh(server, json.refresh_token);
      const { text } = await ask(server, "/dev/requests");
      for (const value of [device_code, json.refresh_token, user_code]) {
        assert(!text.includes(value) && !again.text.includes(value));
      }
    }));
});
