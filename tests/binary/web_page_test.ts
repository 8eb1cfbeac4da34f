import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { assertFails, Home, run } from "../support/nanoctl.ts";
import { StrangeServer } from "../support/servers.ts";

const TOKEN = "nano_0123456789abcdef";
const PAGE = "<!doctype html>\n<title>Sign in to the Wi-Fi</title>\n";
const NAMED =
  /^http:\/\/127\.0\.0\.1:\d+ answered with a web page, perhaps a sign-in page or a captive portal$/;
const REDIRECTED =
  /^the service redirected to http:\/\/127\.0\.0\.1:\d+, which answered with a web page, perhaps a sign-in page or a captive portal$/;
const HINT = /^open the service's URL in a browser and sign in there, or check/;
const FAILURE = { exit: 6, code: "service_response", secret: TOKEN };

function page(status = 200, headers: Record<string, string> = {}): Response {
  return new Response(PAGE, {
    status,
    headers: { "content-type": "text/html; charset=utf-8", ...headers },
  });
}

function redirect(location: string, status = 302): Response {
  return new Response(null, { status, headers: { location } });
}

const COMMANDS = [
  ["whoami"],
  ["login"],
  ["external-auth", "list"],
  ["external-auth", "access-token", "github"],
];

describe("a web page in the API's place", () => {
  for (const service of ["nanoservices", "coder"]) {
    for (const args of COMMANDS) {
      it(`is named by ${args.join(" ")} to ${service}`, async () => {
        await using server = new StrangeServer(() => page());
        await assertFails([...args, "--service", service], {
          env: { NANOSERVICES_URL: server.url, NANOSERVICES_TOKEN: TOKEN },
        }, { ...FAILURE, message: NAMED, hint: HINT });
      });
    }
  }

  for (const status of [401, 403, 404, 418]) {
    it(`is named with its status, ${status}`, async () => {
      await using server = new StrangeServer(() => page(status));
      await assertFails(["whoami", "--url", server.url], {
        env: { NANOSERVICES_TOKEN: TOKEN },
      }, {
        ...FAILURE,
        message: new RegExp(`a captive portal \\(status ${status}\\)$`),
        hint: HINT,
      });
    });
  }

  it("keeps the code of a failure of the service, and of too many requests", async () => {
    const kept: [status: number, code: string][] = [
      [511, "service_error"],
      [429, "rate_limited"],
    ];
    for (const [status, code] of kept) {
      await using server = new StrangeServer(() =>
        page(status, { "retry-after": "3600" })
      );
      await assertFails(["whoami", "--url", server.url], {
        env: { NANOSERVICES_TOKEN: TOKEN },
      }, {
        ...FAILURE,
        code,
        message: new RegExp(`a captive portal \\(status ${status}\\)$`),
        hint: /3600 seconds$/,
      });
    }
  });

  it("is named with the host to which the service redirected", async () => {
    await using portal = new StrangeServer(() => page());
    await using server = new StrangeServer(() => redirect(portal.url));
    for (const args of COMMANDS) {
      await assertFails(args, {
        env: { NANOSERVICES_URL: server.url, NANOSERVICES_TOKEN: TOKEN },
      }, { ...FAILURE, message: REDIRECTED, hint: HINT });
    }
    const tokens = portal.caught.map(({ headers }) =>
      headers.get("authorization")
    );
    assertEquals(new Set(tokens), new Set([null]));
  });

  it("is not taken for the API's word by logout --revoke: the login stays", async () => {
    using home = new Home();
    let isPortal = false;
    await using server = new StrangeServer(() =>
      isPortal ? page() : Response.json({
        username: "ada",
        email: null,
        token: { id: "1", name: "1", expires_at: null, scopes: [] },
      })
    );
    const env = { NANOSERVICES_URL: server.url };
    const login = ["login", "--token-stdin", "--save"];
    assertEquals((await run(login, { home, env, stdin: TOKEN })).code, 0);
    isPortal = true;
    await assertFails(["logout", "--revoke"], { home }, {
      ...FAILURE,
      message: /stays stored: .* answered with a web page, perhaps/,
      hint: /^try again later/,
    });
    assertEquals((await run(["token"], { home })).stdout, `${TOKEN}\n`);
  });

  it("is spoken of where a redirect to another host is not followed", async () => {
    await using server = new StrangeServer(() =>
      redirect("http://portal.invalid/", 307)
    );
    const args = ["api", "/v1/things", "-f", "a=b", "--url", server.url];
    await assertFails(args, { env: { NANOSERVICES_TOKEN: TOKEN } }, {
      ...FAILURE,
      code: "redirect_refused",
      message: /redirects to http:\/\/portal\.invalid with a request that has/,
      hint:
        /^that is perhaps a sign-in page or a captive portal: open the serv/,
    });
  });

  it("is not seen in JSON from another place, which keeps its error", async () => {
    await using other = new StrangeServer(() => Response.json({}));
    await using server = new StrangeServer(() => redirect(other.url));
    await assertFails(["whoami", "--url", server.url], {
      env: { NANOSERVICES_TOKEN: TOKEN },
    }, {
      ...FAILURE,
      code: "redirect_refused",
      message: /where its token is not sent \(200\)$/,
      hint: /^if that is the service, name it with --url/,
    });
  });
});

describe("api", () => {
  const env = { NANOSERVICES_TOKEN: TOKEN };

  it("prints a page of the service's own, which may be what was asked for", async () => {
    await using server = new StrangeServer(({ url }) =>
      url.pathname === "/docs" ? redirect("/docs/") : page()
    );
    for (const path of ["/docs/", "/docs"]) {
      const { code, stdout, stderr } = await run(
        ["api", path, "--url", server.url],
        { env },
      );
      assertEquals([code, stdout, stderr], [0, PAGE, ""]);
    }
  });

  it("prints a page of another host, and says that it is one", async () => {
    await using portal = new StrangeServer(() => page());
    await using server = new StrangeServer(() => redirect(portal.url));
    const { code, stdout, stderr } = await run(
      ["api", "/v1/me", "--url", server.url],
      { env },
    );
    assertEquals([code, stdout], [6, PAGE]);
    assertMatch(
      stderr,
      /^error: the service redirected to http:\S+, which ans/,
    );
    assertMatch(stderr, /\nhint: open the service's URL in a browser/);
  });

  it("prints what is no page from another host, as before", async () => {
    await using other = new StrangeServer(() => new Response("a file"));
    await using server = new StrangeServer(() => redirect(other.url));
    const { code, stdout, stderr } = await run(
      ["api", "/v1/file", "--url", server.url],
      { env },
    );
    assertEquals([code, stdout, stderr], [0, "a file", ""]);
  });

  for (const status of [401, 403, 404, 500]) {
    it(`prints a page with the status ${status}, and says that it is one`, async () => {
      await using server = new StrangeServer(() => page(status));
      const { code, stdout, stderr } = await run(
        ["api", "/v1/me", "--url", server.url],
        { env },
      );
      assertEquals([code, stdout], [6, PAGE]);
      assertMatch(
        stderr,
        new RegExp(
          `^error: http:\\S+ answered with a web page, perhaps .* \\(status ${status}\\)\\n`,
        ),
      );
    });
  }
});
