import { assertEquals, assertMatch } from "@std/assert";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { Authority, type Identity } from "../support/certificates.ts";
import { assertFails, Home, run } from "../support/nanoctl.ts";
import { me, StrangeServer } from "../support/servers.ts";

const TOKEN = "nano_GOESNOWHEREELSE";
const WHOAMI = ["whoami", "--token", TOKEN];

function redirect(to: string, status = 302): Response {
  return new Response(null, { status, headers: { location: to } });
}

/** Whether anything of a request holds the token. */
function holdsToken({ url, headers }: { url: URL; headers: Headers }): boolean {
  return JSON.stringify([url.href, ...headers]).includes(TOKEN);
}

describe("the token goes nowhere else", () => {
  let authority: Authority;
  let identity: Identity;

  beforeAll(async () => {
    authority = await Authority.create();
    identity = await authority.issue();
  });

  for (const status of [301, 302, 303, 307, 308]) {
    it(`not along with a redirect ${status} to another origin`, async () => {
      await using other = new StrangeServer(() => me());
      await using server = new StrangeServer(() =>
        redirect(`${other.url}/v1/me`, status)
      );
      const { code, stdout, stderr } = await run([
        ...WHOAMI,
        "--url",
        server.url,
      ]);
      assertEquals(server.caught.map(holdsToken), [true], "a token was sent");
      assertEquals(other.caught.map(holdsToken), [false], stderr);
      assertEquals(other.caught[0]?.headers.get("authorization"), null);
      // Nor is what another server says taken for the service's answer.
      assertEquals([code, stdout], [6, ""], stderr);
    });
  }

  it("not when a detour leads back, nor one step further", async () => {
    await using server = new StrangeServer(({ url }): Response => {
      if (url.pathname === "/further") return me();
      if (url.pathname === "/back") return redirect("/further");
      return redirect(`${other.url}/detour`);
    });
    await using other = new StrangeServer((): Response =>
      redirect(`${server.url}/back`)
    );
    const { code } = await run([...WHOAMI, "--url", server.url]);
    assertEquals(other.caught.map(holdsToken), [false]);
    assertEquals(server.caught.map(holdsToken), [true, false, false]);
    assertEquals(code, 6);
  });

  it("but along with a redirect within the origin", async () => {
    await using server = new StrangeServer(({ url }) =>
      url.pathname === "/moved" ? me() : redirect("/moved")
    );
    const { stdout } = await run([...WHOAMI, "--url", server.url]);
    assertEquals(server.caught.map(holdsToken), [true, true]);
    assertEquals(stdout, "mallory\n");
  });

  it("and a 401 of the other origin is said to be that", async () => {
    await using other = new StrangeServer(() =>
      Response.json({ code: "token_invalid" }, { status: 401 })
    );
    await using server = new StrangeServer(() => redirect(other.url));
    await assertFails([...WHOAMI, "--url", server.url], {}, {
      exit: 6,
      code: "redirect_refused",
      message:
        /redirected to http:\/\/127\.0\.0\.1:\d+, where its token is not sent/,
      hint: /--url/,
    });
  });

  it("not from https to http: that is refused", async () => {
    using home = new Home();
    Deno.writeTextFileSync(home.at("ca.pem"), authority.pem);
    await using plain = new StrangeServer(() => me());
    await using server = new StrangeServer(
      () => redirect(`${plain.url}/v1/me`),
      identity,
    );
    const args = [...WHOAMI, "--url", server.url, "--ca-file"];
    await assertFails([...args, home.at("ca.pem")], { home }, {
      exit: 6,
      code: "redirect_refused",
      message: /redirects from https to http, which is not followed$/,
      hint: /URL/,
    });
    assertEquals(plain.caught, []);
  });

  const dubious = [
    { name: "without an end", to: "/again", says: /more than 5 times/ },
    { name: "to a file", to: "file:///etc/passwd", says: /to file:/ },
    {
      name: "to a URL with a password",
      to: "http://a:b@127.0.0.1/",
      says: /user name or a password/,
    },
    { name: "to no URL", to: "http://[", says: /not a URL/ },
  ];
  for (const { name, to, says } of dubious) {
    it(`not along with a redirect ${name}: that is refused`, async () => {
      await using server = new StrangeServer(() => redirect(to));
      await assertFails([...WHOAMI, "--url", server.url], {}, {
        exit: 6,
        code: "redirect_refused",
        message: says,
        hint: /URL/,
      });
    });
  }

  // A name that would not resolve: that it is not even looked up shows that nothing is sent.
  for (const command of ["whoami", "login"]) {
    it(`not over plain http to another machine, on ${command}`, async () => {
      const url = "http://nobody.invalid";
      const args = [command, "--token", TOKEN, "--url", url];
      await assertFails(args, {}, {
        exit: 2,
        code: "usage",
        message: /not sent over plain http to nobody\.invalid$/,
        hint: /--insecure-http/,
      });
      const { code, stderr } = await run([...args, "--insecure-http"]);
      assertEquals(code, 5);
      assertMatch(stderr, /the name nobody\.invalid was not found/);
    });
  }
});
