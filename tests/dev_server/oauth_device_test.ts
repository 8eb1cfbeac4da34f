import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { DevServer } from "../../src/dev_server/server.ts";
import { type Answer, ask, askAs, send, withServer } from "./helpers.ts";
import {
  assertRefused,
  decide,
  deviceLogin,
  poll,
  post,
  register,
  startDevice,
} from "./oauth_requests.ts";

const PAGE = "/device";

function open(server: DevServer, user_code: string): Promise<Answer> {
  return ask(server, `${PAGE}?${new URLSearchParams({ user_code })}`);
}

function formTokenIn({ text }: Answer): string {
  return /name="form_token" value="(\w+)"/.exec(text)?.[1] ?? "";
}

function submit(
  server: DevServer,
  fields: Record<string, string>,
  headers: HeadersInit = {},
): Promise<Answer> {
  const body = new URLSearchParams(fields);
  return ask(server, PAGE, { method: "POST", body, headers });
}

describe("the device authorization endpoint", () => {
  it("gives a code for the device and one for the person", () =>
    withServer(async (server) => {
      const { status, json } = await post(server, "/oauth/device", {});
      const { device_code, user_code, ...rest } = json;
      assertEquals(status, 200);
      assertMatch(user_code, /^[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}$/);
      assertMatch(device_code, /^nano_device\w{40}$/);
      assertEquals(rest, {
        verification_uri: `${server.url}/device`,
        verification_uri_complete:
          `${server.url}/device?user_code=${user_code}`,
        expires_in: 600,
        interval: 5,
      });
    }));

  it("refuses a scope that it does not know", () =>
    withServer(async (server) => {
      const scope = "account:read admin";
      const answer = await post(server, "/oauth/device", { scope });
      assertRefused(answer, "invalid_scope");
    }));
});

describe("the device grant", () => {
  it("is pending, then granted with a refresh token, once", () =>
    withServer(async (server) => {
      const { device_code, user_code } = await startDevice(server);
      assertRefused(await poll(server, device_code), "authorization_pending");
      assertEquals((await decide(server, user_code)).status, 204);
      const { status, json } = await poll(server, device_code);
      const { access_token, refresh_token, ...rest } = json;
      assertEquals(status, 200);
      assertMatch(refresh_token, /^nano_refresh\w{40}$/);
      assertEquals(rest, {
        token_type: "Bearer",
        expires_in: 3600,
        scope: "account:read external-auth:read",
      });
      assertEquals((await askAs(server, access_token)).json.username, "ada");
      assertRefused(await poll(server, device_code), "invalid_grant");
    }));

  it("is granted once of two polls at the same time", () =>
    withServer(async (server) => {
      const { device_code, user_code } = await startDevice(server);
      await decide(server, user_code);
      const answers = await Promise.all([
        poll(server, device_code),
        poll(server, device_code),
      ]);
      const statuses = answers.map(({ status }) => status).sort();
      assertEquals(statuses, [200, 400]);
    }));

  it("is for the user who approves it, with the scope that was asked", () =>
    withServer(async (server) => {
      const scope = "offline_access account:read";
      const { device_code, user_code } = await startDevice(server, { scope });
      await decide(server, user_code, "approve", { username: "grace" });
      const { json } = await poll(server, device_code);
      assertEquals(json.scope, scope);
      const account = await askAs(server, json.access_token);
      assertEquals(account.json.username, "grace");
    }));

  it("tells a device that polls too soon to slow down, more each time", () =>
    withServer(async (server, clock) => {
      const { device_code, user_code } = await startDevice(server);
      const polled = async (after: number, error: string): Promise<void> => {
        clock.pass(after);
        assertRefused(await poll(server, device_code), error);
      };
      await polled(0, "authorization_pending");
      await polled(5, "authorization_pending");
      await polled(4.9, "slow_down");
      await polled(5, "slow_down");
      await polled(14.9, "slow_down");
      await polled(20, "authorization_pending");
      // What is decided is told at once.
      await decide(server, user_code);
      assertEquals((await poll(server, device_code)).status, 200);
    }));

  it("slows down no other device", () =>
    withServer(async (server) => {
      const [one, other] = [
        await startDevice(server),
        await startDevice(server),
      ];
      await poll(server, one.device_code);
      assertRefused(await poll(server, one.device_code), "slow_down");
      assertRefused(
        await poll(server, other.device_code),
        "authorization_pending",
      );
    }));

  it("is refused when the person denies it", () =>
    withServer(async (server) => {
      const { device_code, user_code } = await startDevice(server);
      await decide(server, user_code, "deny");
      assertRefused(await poll(server, device_code), "access_denied");
      assertEquals((await decide(server, user_code)).status, 404);
    }));

  it("expires, approved or not", () =>
    withServer(async (server, clock) => {
      const [one, other] = [
        await startDevice(server),
        await startDevice(server),
      ];
      await decide(server, one.user_code);
      clock.pass(600);
      assertRefused(await poll(server, one.device_code), "expired_token");
      assertRefused(await poll(server, other.device_code), "expired_token");
      assertEquals((await decide(server, other.user_code)).status, 404);
    }));

  it("knows no other code, and no other client's", () =>
    withServer(async (server) => {
      const client = await register(server);
      const { device_code, user_code } = await startDevice(server);
      await decide(server, user_code);
      const stolen = await poll(server, device_code, client);
      assertRefused(stolen, "invalid_grant");
      for (const value of ["hunter2", user_code]) {
        assertRefused(await poll(server, value), "invalid_grant");
      }
      assertEquals((await poll(server, device_code)).status, 200);
      await deviceLogin(server, client);
    }));

  it("forgets the oldest of very many", () =>
    withServer(async (server) => {
      const first = await startDevice(server);
      const second = await startDevice(server);
      for (let times = 0; times < 999; times++) await startDevice(server);
      assertEquals((await decide(server, first.user_code)).status, 404);
      assertEquals((await decide(server, second.user_code)).status, 204);
    }));
});

describe("the page at /device", () => {
  it("asks for the code in a labelled form, without scripts", () =>
    withServer(async (server) => {
      const { status, text, headers } = await ask(server, PAGE);
      assertEquals(status, 200);
      assertStringIncludes(text, '<label for="user_code">');
      assertStringIncludes(text, ' id="user_code"');
      assertEquals(text.match(/<h1>/g)?.length, 1);
      assert(!/<script|<img|<link|https?:|javascript:|\son\w+=/.test(text));
      assertMatch(
        headers.get("content-security-policy") ?? "",
        /^default-src 'none'; .*frame-ancestors 'none'/,
      );
      const home = await ask(server, "/");
      assertStringIncludes(home.text, 'href="/device"');
    }));

  it("shows what is asked and the code, however that is typed", () =>
    withServer(async (server) => {
      const scope = "account:read";
      const { user_code } = await startDevice(server, { scope });
      const bare = user_code.replace("-", "");
      for (
        const typed of [
          user_code,
          bare,
          bare.toLowerCase(),
          ` ${bare.slice(0, 2)} ${bare.slice(2)}–`,
        ]
      ) {
        const { status, text } = await open(server, typed);
        assertEquals(status, 200);
        assertStringIncludes(text, `<strong><code>${user_code}</code>`);
        assertStringIncludes(text, "<code>nanoctl</code>");
        assertStringIncludes(text, `<li><code>${scope}</code></li>`);
        assert(!text.includes("external-auth:read"));
        assertStringIncludes(text, "ada@example.com");
        assertEquals(text.match(/<button/g)?.length, 2);
      }
    }));

  for (const choice of ["approve", "deny"] as const) {
    it(`lets a person ${choice}, and says that one can close it`, () =>
      withServer(async (server) => {
        const { device_code, user_code } = await startDevice(server);
        const form_token = formTokenIn(await open(server, user_code));
        const fields = { form_token, user_code, choice };
        const { status, text } = await submit(server, fields, {
          Origin: server.url,
          "Sec-Fetch-Site": "same-origin",
        });
        assertEquals(status, 200);
        assertStringIncludes(text, "You can close this page.");
        const polled = await poll(server, device_code);
        if (choice === "approve") assertEquals(polled.status, 200);
        else assertRefused(polled, "access_denied");
        const again = await submit(server, fields);
        assertEquals(again.status, 400);
        assertStringIncludes(again.text, "This code was used.");
      }));
  }

  it("takes a form once, only its own, and not after an hour", () =>
    withServer(async (server, clock) => {
      await send(server, "PATCH", "/dev/oauth", { device_expires_in: 7200 });
      const { device_code, user_code } = await startDevice(server);
      const other = await startDevice(server);
      const refused = async (form_token: string): Promise<void> => {
        const fields = { form_token, user_code, choice: "approve" };
        const { status, text } = await submit(server, fields);
        assertEquals(status, 403);
        assertStringIncludes(text, 'role="alert"');
      };
      await refused("");
      await refused("x".repeat(32));
      await refused(formTokenIn(await open(server, other.user_code)));
      const old = formTokenIn(await open(server, user_code));
      clock.pass(60 * 60);
      await refused(old);
      assertRefused(await poll(server, device_code), "authorization_pending");
    }));

  it("wants one of its choices, and lets one try again", () =>
    withServer(async (server) => {
      const { user_code } = await startDevice(server);
      const form_token = formTokenIn(await open(server, user_code));
      const refused = await submit(server, { form_token, user_code });
      assertEquals(refused.status, 400);
      const { status } = await submit(server, {
        form_token: formTokenIn(refused),
        user_code,
        choice: "deny",
      });
      assertEquals(status, 200);
    }));

  it("says plainly that a code is wrong or expired", () =>
    withServer(async (server, clock) => {
      const wrong = await open(server, "BBBB-BBBB");
      assertEquals(wrong.status, 404);
      assertStringIncludes(wrong.text, "There is no login with this code.");
      assertStringIncludes(wrong.text, '<p id="fault" role="alert">');
      assertStringIncludes(wrong.text, 'value="BBBB-BBBB"');
      const { user_code } = await startDevice(server);
      const form_token = formTokenIn(await open(server, user_code));
      clock.pass(600);
      const fields = { form_token, user_code, choice: "approve" };
      for (
        const { status, text } of [
          await open(server, user_code),
          await submit(server, fields),
        ]
      ) {
        assertEquals(status, 400);
        assertStringIncludes(text, "This code has expired.");
      }
    }));

  it("takes no code for a minute after ten wrong ones", () =>
    withServer(async (server, clock) => {
      const { user_code } = await startDevice(server);
      for (let times = 0; times < 10; times++) {
        assertEquals((await open(server, "BBBB-BBBB")).status, 404);
        clock.pass(1);
      }
      const fields = { user_code, choice: "approve" };
      for (
        const { status, headers } of [
          await open(server, user_code),
          await open(server, "BBBB-BBBB"),
          await submit(server, fields),
        ]
      ) {
        assertEquals([status, headers.get("retry-after")], [429, "50"]);
      }
      assertEquals((await ask(server, PAGE)).status, 200);
      clock.pass(50);
      assertEquals((await open(server, user_code)).status, 200);
    }));

  it("escapes what it was sent", () =>
    withServer(async (server) => {
      const { text } = await open(server, `"><script>alert('1')</script>&`);
      assert(!text.includes("<script"));
      assertMatch(text, /&quot;&gt;&lt;script&gt;alert\(&#39;1&#39;\)/);
    }));

  for (
    const headers of [
      { Origin: "https://attacker.example" },
      { Origin: "null" },
      { "Sec-Fetch-Site": "cross-site" },
    ] as Record<string, string>[]
  ) {
    it(`refuses a post with ${JSON.stringify(headers)}`, () =>
      withServer(async (server) => {
        const { device_code, user_code } = await startDevice(server);
        const form_token = formTokenIn(await open(server, user_code));
        const fields = { form_token, user_code, choice: "approve" };
        const { status, json } = await submit(server, fields, headers);
        assertEquals([status, json.code], [403, "forbidden"]);
        assertRefused(await poll(server, device_code), "authorization_pending");
      }));
  }

  it("reads no more than it must, and takes no other method", () =>
    withServer(async (server) => {
      const large = await submit(server, { user_code: "x".repeat(65_536) });
      assertEquals(large.status, 413);
      const { status, headers } = await ask(server, PAGE, { method: "PUT" });
      assertEquals([status, headers.get("allow")], [405, "GET, HEAD, POST"]);
    }));

  it("stands behind the access proxy", () =>
    withServer(async (server) => {
      const header = "x-access";
      await send(server, "PATCH", "/dev/access", { header });
      for (const path of [PAGE, "/oauth/jwks"]) {
        assertEquals((await ask(server, path)).status, 403);
      }
    }));
});
