import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { assertFails, CREDENTIALS, Home } from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";
import { Terminal } from "../support/terminal.ts";

describe("the commands of a session", () => {
  let service: Service;

  beforeAll(async () => {
    service = await Service.start();
  });
  afterAll(() => service.stop());

  async function loggedIn(...names: string[]): Promise<Home> {
    const home = new Home();
    for (const name of names.length ? names : ["default"]) {
      await service.logIn(home, service.token, "--profile", name);
    }
    return home;
  }

  async function storedNames(home: Home): Promise<string[]> {
    const { stdout } = await service.run(["status", "--json"], home);
    const { profiles }: { profiles: { profile: string }[] } = JSON.parse(
      stdout,
    );
    return profiles.map(({ profile }) => profile);
  }

  describe("logout", () => {
    it("deletes the token from the file", async () => {
      using home = await loggedIn();
      const result = await service.run(["logout"], home);
      assertEquals([result.code, result.stdout], [0, ""]);
      assertMatch(result.stderr, /^Logged out of default: .* is deleted\.\n$/);
      assertEquals(
        Deno.readTextFileSync(home.at(CREDENTIALS)).includes("sealed"),
        false,
      );
      assertEquals((await service.run(["whoami"], home)).code, 3);
      // At the service it lives on.
      const { code } = await service.run(
        ["whoami", "--token", service.token],
        home,
      );
      assertEquals(code, 0);
    });

    for (const args of [[], ["--all"], ["--revoke"], ["--json"]]) {
      it(`is no error when nothing is stored, with ${args.join() || "nothing"}`, async () => {
        using home = new Home();
        const seen = await service.requestsDuring(async () => {
          const { code, stderr } = await service.run(
            ["logout", ...args],
            home,
          );
          assertEquals(code, 0);
          assertMatch(stderr, /^Nothing is stored.*\n$/);
        });
        assertEquals([seen, home.entries()], [[], []]);
      });
    }

    it("ends the token at the service with --revoke", async () => {
      using home = new Home();
      const { token, id } = await service.mint();
      await service.logIn(home, token);
      const { code, stderr } = await service.run(["logout", "--revoke"], home);
      assertEquals(code, 0, stderr);
      assertMatch(stderr, /ended at the service/);
      assertEquals(await service.stateOf(id), "revoked");
      assertEquals(await storedNames(home), []);
    });

    it("with --revoke takes a token for ended that the service refuses", async () => {
      using home = new Home();
      const { token, id } = await service.mint();
      await service.logIn(home, token);
      await service.change(id, { state: "revoked" });
      const { code } = await service.run(["logout", "--revoke"], home);
      assertEquals([code, await storedNames(home)], [0, []]);
    });

    it("keeps a token that --revoke could not end", async () => {
      using home = new Home();
      const { token, id } = await service.mint();
      await service.logIn(home, token);
      await service.change(id, { state: "failing" });
      const { env } = service;
      await assertFails(["logout", "--revoke"], { home, env }, {
        exit: 6,
        code: "service_error",
        message: /^the token of profile default was not ended and stays stored/,
        hint: /nanoctl logout/,
      });
      assertEquals(await storedNames(home), ["default"]);
    });

    it("takes one profile, or with --all every one", async () => {
      using home = await loggedIn("a", "b", "c");
      await service.run(["logout", "--profile", "b"], home);
      assertEquals(await storedNames(home), ["a", "c"]);
      const { stdout } = await service.run(["logout", "--all", "--json"], home);
      assertEquals(JSON.parse(stdout), { removed: ["a", "c"], revoked: [] });
      assertEquals(await storedNames(home), []);
    });

    for (
      const name of [
        "NANOSERVICES_TOKEN",
        "NANOSERVICES_TOKEN_FILE",
        "NANOSERVICES_TOKEN_COMMAND",
      ]
    ) {
      it(`warns when ${name} still authenticates`, async () => {
        using home = await loggedIn();
        const env = { [name]: home.at("token") };
        const { code, stderr } = await service.run(["logout"], home, env);
        assertEquals(code, 0);
        assertMatch(stderr, new RegExp(`\nwarning: ${name} is set, so`));
      });
    }
  });

  describe("whoami", () => {
    it("prints the user name alone", async () => {
      using home = await loggedIn();
      assertEquals(await service.run(["whoami"], home), {
        code: 0,
        stdout: "ada\n",
        stderr: "",
      });
    });

    it("prints the account with --json", async () => {
      using home = await loggedIn();
      const { stdout } = await service.run(["whoami", "--json"], home);
      const { expires_at, ...rest } = JSON.parse(stdout);
      assertEquals(rest, {
        account: { username: "ada", email: "ada@example.com" },
        service: "nanoservices",
        url: service.url,
        profile: "default",
        origin: "store",
      });
      assert(Date.parse(expires_at) > Date.now());
    });

    it("says to log in again when the stored token is refused", async () => {
      using home = new Home();
      const { token, id } = await service.mint();
      await service.logIn(home, token);
      await service.change(id, { state: "revoked" });
      await assertFails(["whoami"], { home, env: service.env }, {
        exit: 4,
        code: "token_revoked",
        message: /refused the token from the stored login of profile default/,
        hint: /^log in again with 'nanoctl login'$/,
      });
    });
  });

  describe("token", () => {
    it("prints the stored token and asks nobody", async () => {
      using home = await loggedIn();
      const seen = await service.requestsDuring(async () =>
        assertEquals(await service.run(["token"], home), {
          code: 0,
          stdout: `${service.token}\n`,
          stderr: "",
        })
      );
      assertEquals(seen, []);
    });

    it("prints what is given before what is stored", async () => {
      using home = await loggedIn();
      const env = { NANOSERVICES_TOKEN: "nano_given" };
      const { stdout } = await service.run(["token", "--json"], home, env);
      const { token, origin, expires_at } = JSON.parse(stdout);
      assertEquals([token, origin, expires_at], [
        "nano_given",
        "environment",
        null,
      ]);
    });

    it("warns of a token that ends within a day", async () => {
      using home = new Home();
      const { token } = await service.mint({ expires_in: 7200 });
      await service.logIn(home, token);
      const { code, stdout, stderr } = await service.run(["token"], home);
      assertEquals([code, stdout], [0, `${token}\n`]);
      assertMatch(
        stderr,
        /^warning: the token expires on .* \(in 2 hours\)\n$/,
      );
    });

    it("exits 4 for a stored token whose time is over", async () => {
      using home = new Home();
      const { token } = await service.mint({ expires_in: 1.5 });
      await service.logIn(home, token);
      let code = 0;
      while (code === 0) code = (await service.run(["token"], home)).code;
      await assertFails(["token"], { home }, {
        exit: 4,
        code: "token_expired",
        message: /^the stored token expired on \d{4}-\d\d-\d\d \(.* ago\)$/,
        hint:
          /^log in again with 'nanoctl login'; this machine's clock shows \d{4}-\d\d-\d\d \d\d:\d\d UTC$/,
      });
    });
  });

  describe("status", () => {
    it("shows every profile, the source and the encryption, and asks nobody", async () => {
      using home = await loggedIn("one", "two");
      const seen = await service.requestsDuring(async () => {
        const { code, stdout, stderr } = await service.run(["status"], home);
        assertEquals([code, stderr], [0, ""]);
        assertMatch(stdout, /^\s+one\b.*\bada\b.*\(in 30 days\)$/m);
        assertMatch(stdout, /^\*\s+two\b/m);
        assertMatch(stdout, /the stored login of profile two/);
        assertMatch(stdout, /AES-256-GCM, key file/);
        assert(stdout.includes(home.at(CREDENTIALS)));
      });
      assertEquals(seen, []);
    });

    it("is a table on a terminal", async () => {
      using home = await loggedIn();
      const { env } = service;
      const plain = await new Terminal(["status", "--no-color"], { home, env })
        .end();
      assertMatch(
        plain.screen,
        /PROFILE\s+SERVICE\s+URL\s+USER\s+TOKEN\r\n\*\s+default/,
      );
      const { screen } = await new Terminal(["status"], { home, env }).end();
      assert(screen.includes("\x1b[1mdefault"), screen);
    });

    it("is no error when nothing is stored", async () => {
      using home = new Home();
      const { code, stdout } = await service.run(["status", "--json"], home);
      assertEquals([code, JSON.parse(stdout)], [0, {
        active: "default",
        target: {
          service: "nanoservices",
          url: service.url,
          url_source: "NANOSERVICES_URL",
          headers: [],
        },
        token: null,
        encryption: null,
        file: null,
        profiles: [],
      }]);
      assertEquals(home.entries(), []);
    });

    it("asks the service with --check", async () => {
      using home = new Home();
      const { token, id } = await service.mint();
      await service.logIn(home, token);
      const good = await service.run(["status", "--check"], home);
      assertEquals(good.code, 0);
      assertMatch(good.stderr, /^The active token is valid: you are ada at /);
      await service.change(id, { state: "expired" });
      const bad = await service.run(["status", "--check"], home);
      assertEquals(bad.code, 4);
      assertMatch(bad.stderr, /^error: .*it has expired\nhint: /);
    });

    it("exits 3 with --check when there is no token", async () => {
      using home = new Home();
      const { code, stderr } = await service.run(["status", "--check"], home);
      assertEquals(code, 3);
      assertMatch(stderr, /^error: not logged in/);
    });
  });
});
