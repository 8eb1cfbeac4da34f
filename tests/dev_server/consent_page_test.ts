import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { DevServer } from "../../src/dev_server/server.ts";
import { type Answer, ask, askAs, send, withServer } from "./helpers.ts";

const PAGE = "/external-auth/github";

/** Opens the page and reads its form. */
async function formToken(server: DevServer, path = PAGE): Promise<string> {
  const { text } = await ask(server, path);
  return /name="form_token" value="(\w+)"/.exec(text)?.[1] ?? "";
}

function post(
  server: DevServer,
  fields: Record<string, string>,
  headers: HeadersInit = {},
  path = PAGE,
): Promise<Answer> {
  const body = new URLSearchParams(fields);
  return ask(server, path, { method: "POST", body, headers });
}

async function isConnected(server: DevServer): Promise<boolean> {
  return (await ask(server, "/dev/external-auth/github")).json.connected;
}

describe("the consent page", () => {
  it("says who asks for what, with one heading and one button", () =>
    withServer(async (server) => {
      const { status, text, headers } = await ask(server, PAGE);
      assertEquals(status, 200);
      assertStringIncludes(text, '<html lang="en">');
      assertEquals(text.match(/<h1>/g)?.length, 1);
      assertStringIncludes(text, "<h1>Connect GitHub</h1>");
      assertStringIncludes(text, "nanoctl external-auth access-token github");
      assertStringIncludes(text, server.url);
      assertEquals(text.match(/<button/g)?.length, 1);
      assertMatch(text, /<button [^>]*value="connect">Connect GitHub</);
      assert(!/<script|<img|<link|javascript:|\son\w+=/.test(text));
      const nonce = /<style nonce="([^"]+)">/.exec(text)?.[1];
      assertEquals(
        headers.get("content-security-policy"),
        `default-src 'none'; style-src 'nonce-${nonce}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
      );
      assertEquals(headers.get("x-frame-options"), "DENY");
      assertEquals(headers.get("cache-control"), "no-store");
    }));

  it("connects, says so, and disconnects", () =>
    withServer(async (server) => {
      const path = "/v1/external-auth/token?id=github";
      const asked = await askAs(server, server.agentToken, path);
      assertEquals(asked.json, { url: `${server.url}${PAGE}` });
      const after = await post(server, {
        form_token: await formToken(server),
        choice: "connect",
      });
      assertEquals(after.status, 200);
      assertStringIncludes(after.text, "<h1>GitHub is connected</h1>");
      assertMatch(after.text, /run the command again/);
      const { json } = await askAs(server, server.agentToken, path);
      assertMatch(json.access_token, /^gho_/);
      assert(!after.text.includes(json.access_token));
      await post(server, {
        form_token: await formToken(server),
        choice: "disconnect",
      });
      const again = await askAs(server, server.agentToken, path);
      assertEquals(again.json, asked.json);
    }));

  it("answers a post by leading back to the page", () =>
    withServer(async (server) => {
      const form_token = await formToken(server);
      const body = new URLSearchParams({ form_token, choice: "connect" });
      const { status, headers } = await ask(server, PAGE, {
        method: "POST",
        body,
        redirect: "manual",
      });
      assertEquals([status, headers.get("location")], [303, PAGE]);
    }));

  it("says until when a token that ends is valid", () =>
    withServer(async (server, clock) => {
      const slack = "/external-auth/slack";
      const form_token = await formToken(server, slack);
      const fields = { form_token, choice: "connect" };
      const { text } = await post(server, fields, {}, slack);
      assertStringIncludes(text, '<time datetime="2030-01-01T12:00:00.000Z">');
      clock.pass(12 * 60 * 60);
      const after = await ask(server, slack);
      assertStringIncludes(after.text, "<h1>Connect Slack</h1>");
    }));

  it("takes a form once, only its own, and not after an hour", () =>
    withServer(async (server, clock) => {
      const refused = async (form_token: string): Promise<void> => {
        const { status, text } = await post(server, {
          form_token,
          choice: "connect",
        });
        assertEquals(status, 403);
        assertStringIncludes(text, 'role="alert"');
        assertEquals(await isConnected(server), false);
      };
      await refused("");
      await refused("x".repeat(32));
      await refused(await formToken(server, "/external-auth/slack"));
      const old = await formToken(server);
      clock.pass(60 * 60);
      await refused(old);
      const used = await formToken(server);
      await post(server, { form_token: used, choice: "disconnect" });
      await refused(used);
    }));

  it("lets one try again with the form of the refusal", () =>
    withServer(async (server) => {
      const { text } = await post(server, { choice: "connect" });
      const [, form_token = ""] =
        /name="form_token" value="(\w+)"/.exec(text) ?? [];
      await post(server, { form_token, choice: "connect" });
      assertEquals(await isConnected(server), true);
    }));

  it("forgets the oldest of very many forms", () =>
    withServer(async (server) => {
      const [first, second] = [
        await formToken(server),
        await formToken(server),
      ];
      for (let times = 0; times < 999; times++) await formToken(server);
      const choice = "connect";
      await post(server, { form_token: second, choice });
      assertEquals(await isConnected(server), true);
      await post(server, { form_token: first, choice: "disconnect" });
      assertEquals(await isConnected(server), true);
    }));

  for (
    const headers of [
      { Origin: "https://attacker.example" },
      { Origin: "null" },
      { Origin: "http://127.0.0.1:1" },
      { "Sec-Fetch-Site": "cross-site" },
      { "Sec-Fetch-Site": "same-site" },
    ] as Record<string, string>[]
  ) {
    it(`refuses a post with ${JSON.stringify(headers)}`, () =>
      withServer(async (server) => {
        const form_token = await formToken(server);
        const fields = { form_token, choice: "connect" };
        const { status, json } = await post(server, fields, headers);
        assertEquals([status, json.code], [403, "forbidden"]);
        assertEquals(await isConnected(server), false);
        // The form was not used up by it.
        await post(server, fields);
        assertEquals(await isConnected(server), true);
      }));
  }

  it("escapes what a provider is called", () =>
    withServer(async (server) => {
      const name = `"><script>alert('1')</script>&`;
      for (const connected of [false, true]) {
        await send(server, "PATCH", "/dev/external-auth/github", {
          name,
          connected,
        });
        for (const path of [PAGE, "/"]) {
          const { text } = await ask(server, path);
          assert(!text.includes("<script"));
          assertMatch(text, /&quot;&gt;&lt;script&gt;alert\(&#39;1&#39;\)/);
        }
      }
    }));

  it("is a page too where there is no such provider", () =>
    withServer(async (server) => {
      for (const method of ["GET", "POST"]) {
        for (const id of ["gitlab", "%3Cscript%3E", "__proto__"]) {
          const path = `/external-auth/${id}`;
          const { status, text, headers } = await ask(server, path, { method });
          assertEquals(status, 404);
          assertStringIncludes(text, "<h1>There is no such provider</h1>");
          assertMatch(headers.get("content-type") ?? "", /^text\/html/);
          assert(!text.includes("<script"));
        }
      }
    }));

  it("takes no other method", () =>
    withServer(async (server) => {
      const { status, headers } = await ask(server, PAGE, { method: "PUT" });
      assertEquals([status, headers.get("allow")], [405, "GET, HEAD, POST"]);
    }));

  it("reads no more than it must", () =>
    withServer(async (server) => {
      const form_token = "x".repeat(64 * 1024);
      const { status } = await post(server, { form_token, choice: "connect" });
      assertEquals(status, 413);
    }));
});
