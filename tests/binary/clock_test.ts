import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { assertFails, Home, run } from "../support/nanoctl.ts";
import { me, StrangeServer } from "../support/servers.ts";

const TOKEN = "nano_0123456789abcdef";
const HOUR = 3_600_000;

/** The response of a service whose clock is so far ahead of ours, in milliseconds. */
function at(ahead: number, response: Response): Response {
  response.headers.set("date", new Date(Date.now() + ahead).toUTCString());
  return response;
}

function expired(): Response {
  return Response.json({ code: "token_expired" }, { status: 401 });
}

function ends(inMilliseconds: number): Response {
  return me({
    token: {
      id: "1",
      name: "1",
      expires_at: new Date(Date.now() + inMilliseconds).toISOString(),
      scopes: [],
    },
  });
}

describe("the service's clock", () => {
  const differences: [ahead: number, says: RegExp][] = [
    [0, /it has expired$/],
    [-30_000, /it has expired$/],
    [
      5 * HOUR,
      /it has expired; this machine's clock is 5 hours behind the service's$/,
    ],
    [
      -5 * HOUR,
      /it has expired; this machine's clock is 5 hours ahead of the service's$/,
    ],
  ];
  for (const [ahead, message] of differences) {
    it(`${ahead} ms ahead is named as it is where a token is refused as expired`, async () => {
      await using server = new StrangeServer(() => at(ahead, expired()));
      for (const args of [["whoami"], ["login"], ["external-auth", "list"]]) {
        await assertFails([...args, "--url", server.url], {
          env: { NANOSERVICES_TOKEN: TOKEN },
        }, {
          exit: 4,
          code: "token_expired",
          message,
          hint: /^unset NANOSERVICES_TOKEN/,
          secret: TOKEN,
        });
      }
    });
  }

  it("is named by api too, and for an expired key of Coder's", async () => {
    const bodies: [service: string, body: unknown][] = [
      ["nanoservices", { code: "token_expired" }],
      ["coder", { message: 'API key expired at "2026-01-01".' }],
    ];
    for (const [service, body] of bodies) {
      await using server = new StrangeServer(() =>
        at(3 * HOUR, Response.json(body, { status: 401 }))
      );
      const { code, stderr } = await run(
        ["api", "/v1/me", "--url", server.url, "--service", service],
        { env: { NANOSERVICES_TOKEN: TOKEN } },
      );
      assertEquals(code, 4);
      assertMatch(
        stderr,
        /it has expired; this machine's clock is 3 hours beh/,
      );
    }
  });

  it("is not named for a token that is refused for another reason", async () => {
    await using server = new StrangeServer(() =>
      at(5 * HOUR, Response.json({ code: "token_invalid" }, { status: 401 }))
    );
    await assertFails(["whoami", "--url", server.url], {
      env: { NANOSERVICES_TOKEN: TOKEN },
    }, {
      exit: 4,
      code: "token_invalid",
      message: /it is not valid$/,
      hint: /./,
    });
  });

  it("is named where a token that it accepts has expired by ours, and then by the time of ours", async () => {
    using home = new Home();
    await using server = new StrangeServer(() => at(-5 * HOUR, ends(-HOUR)));
    const env = { NANOSERVICES_URL: server.url };
    const warning =
      /^warning: the service accepts the token, but by this machine's clock it has expired: this machine's clock is 5 hours ahead of the service's\n/;
    const login = await run(["login", "--token-stdin", "--save"], {
      home,
      env,
      stdin: TOKEN,
    });
    assertEquals(login.code, 0);
    assertMatch(login.stderr, warning);
    const whoami = await run(["whoami"], { home });
    assertEquals([whoami.code, whoami.stdout], [0, "mallory\n"]);
    assertMatch(whoami.stderr, warning);
    const status = await run(["status", "--check"], { home });
    assertEquals(status.code, 0);
    assertMatch(status.stderr, warning);
    const quiet = await run(["whoami", "--quiet"], { home });
    assertEquals([quiet.code, quiet.stderr], [0, ""]);
    const seen = server.caught.length;
    for (const args of [["token"], ["exec", "--", "true"]]) {
      const { code, stderr } = await run(args, {
        home,
        env: { PATH: "/usr/bin:/bin" },
      });
      assertEquals(code, 4);
      const [, shown = ""] = stderr.match(
        /; this machine's clock shows (\d{4}-\d\d-\d\d \d\d:\d\d) UTC\n$/,
      ) ?? [];
      const off = Date.now() - Date.parse(`${shown.replace(" ", "T")}Z`);
      assert(off >= 0 && off < 2 * 60_000, stderr);
    }
    assertEquals(server.caught.length, seen);
  });

  it("is not named by an origin that the service redirected to", async () => {
    await using other = new StrangeServer(() => at(5 * HOUR, expired()));
    await using server = new StrangeServer(() => Response.redirect(other.url));
    const { code, stderr } = await run(["whoami", "--url", server.url], {
      env: { NANOSERVICES_TOKEN: TOKEN },
    });
    assertEquals(code, 6);
    assert(!stderr.includes("clock"), stderr);
  });
});
