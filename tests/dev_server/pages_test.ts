import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { DevServer } from "../../src/dev_server/server.ts";
import {
  type Answer,
  ask,
  askAs,
  FIRST_TOKENS,
  withServer,
} from "./helpers.ts";

function submit(
  server: DevServer,
  fields: Record<string, string>,
): Promise<Answer> {
  const body = new URLSearchParams(fields);
  return ask(server, "/settings/tokens", { method: "POST", body });
}

describe("the page at /", () => {
  it("says what this is and leads to the tokens", () =>
    withServer(async (server) => {
      const { status, text } = await ask(server, "/");
      assertEquals(status, 200);
      assertStringIncludes(text, "nanoctl dev-server");
      assertStringIncludes(text, 'href="/settings/tokens"');
      assertStringIncludes(text, `nanoctl login --url ${server.url}`);
    }));
});

describe("the page at /settings/tokens", () => {
  it("is a labelled form without scripts or anything from elsewhere", () =>
    withServer(async (server) => {
      const { text, headers } = await ask(server, "/settings/tokens");
      for (const id of ["name", "expiry"]) {
        assertStringIncludes(text, `<label for="${id}">`);
        assertStringIncludes(text, ` id="${id}"`);
      }
      assertStringIncludes(text, '<html lang="en">');
      assert(!/<script|<img|<link|https?:|javascript:|\son\w+=/.test(text));
      const nonce = /<style nonce="([^"]+)">/.exec(text)?.[1];
      assertEquals(
        headers.get("content-security-policy"),
        `default-src 'none'; style-src 'nonce-${nonce}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
      );
      assertEquals(headers.get("referrer-policy"), "same-origin");
    }));

  it("makes a token of the first user, shows it once and says what to try", () =>
    withServer(async (server) => {
      const { status, text } = await submit(server, {
        name: "laptop",
        expiry: "1d",
      });
      assertEquals(status, 201);
      const [token = ""] = /nano_[0-9A-Za-z]{40}/.exec(text) ?? [];
      assertStringIncludes(text, `nanoctl login --url ${server.url}`);
      assertStringIncludes(text, "nanoctl whoami");
      const { json } = await askAs(server, token);
      assertEquals([json.username, json.token.name], ["ada", "laptop"]);
      assertEquals(json.token.expires_at, "2030-01-02T00:00:00.000Z");
      assert(!(await ask(server, "/settings/tokens")).text.includes(token));
    }));

  it("makes a token that never expires", () =>
    withServer(async (server) => {
      const { text } = await submit(server, { name: "x", expiry: "never" });
      const [token = ""] = /nano_[0-9A-Za-z]{40}/.exec(text) ?? [];
      assertEquals((await askAs(server, token)).json.token.expires_at, null);
    }));

  it("escapes what it was sent", () =>
    withServer(async (server) => {
      const name = `"><script>alert('1')</script>&`;
      for (const expiry of ["1d", "nonsense"]) {
        const { text } = await submit(server, { name, expiry });
        assert(!text.includes("<script"));
        assertMatch(text, /&quot;&gt;&lt;script&gt;alert\(&#39;1&#39;\)/);
      }
    }));

  for (
    const fields of [
      { name: "", expiry: "1d" },
      { name: "   ", expiry: "1d" },
      { name: "x".repeat(257), expiry: "1d" },
      { name: "x", expiry: "2d" },
      { name: "x" },
      {},
    ] as Record<string, string>[]
  ) {
    it(`refuses ${JSON.stringify(fields).slice(0, 40)} and says why`, () =>
      withServer(async (server) => {
        const { status, text } = await submit(server, fields);
        assertEquals(status, 400);
        assertStringIncludes(text, '<p id="fault" role="alert">');
        assertStringIncludes(text, 'aria-describedby="fault"');
        const { json } = await ask(server, "/dev/tokens");
        assertEquals(json.tokens.length, FIRST_TOKENS);
      }));
  }
});
