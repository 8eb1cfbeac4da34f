import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, it } from "@std/testing/bdd";
import { type GlewlwydServer, startGlewlwyd } from "../support/glewlwyd.ts";
import {
  assertFails,
  assertJsonFailure,
  type Failure,
  Home,
  type Result,
  run,
  STORED_ENTRIES,
} from "../support/nanoctl.ts";
import { ADA } from "../support/oidc_provider.ts";
import {
  clientOptions,
  describeWithServer,
  loggedIn,
  machineOptions,
  type OAuthServer,
  printedToken,
  SERVER_KINDS,
  startLogin,
  storedTokens,
} from "../support/oauth_servers.ts";
import { entryIn, readStored } from "../support/store_files.ts";

/** `userinfo` names Ada only by the subject, which Glewlwyd makes up. */
const SUBJECT = /^[\w-]+$/;

for (const kind of SERVER_KINDS) {
  describeWithServer(kind, `a login at ${kind.name}`, () => {
    const folder = new Home();
    let server: OAuthServer;

    beforeAll(async () => {
      server = await kind.start();
    });
    afterAll(async () => {
      await server?.close();
      folder[Symbol.dispose]();
    });

    it("with a code stores what every command then uses", async () => {
      using home = new Home();
      const { child, device } = await startLogin(server, home);
      const page = new URL(device.verification_uri);
      assertEquals(page.origin, new URL(server.issuer).origin);
      assertMatch(device.verification_uri_complete ?? "", codeIn(device));
      await server.approve(device.user_code);
      const { code, stdout, stderr } = await child.end();
      assertEquals([code, stderr], [0, ""]);
      const [, line = "", ...rest] = stdout.split("\n");
      assertEquals(rest, [""]);
      const said = JSON.parse(line);
      assertMatch(said.account.username, SUBJECT);
      assertSoon(said.expires_at);
      assertEquals(said, {
        account: said.account,
        service: "oauth",
        url: server.issuer,
        profile: "default",
        origin: "device",
        expires_at: said.expires_at,
        stored: true,
      });

      const { service, url, account } = entryIn(readStored(home), "default");
      assertEquals(
        [service, url, account.username],
        ["oauth", server.issuer, said.account.username],
      );
      assertEquals(home.entries(), STORED_ENTRIES);
      const { token, refreshToken } = await storedTokens(home);
      for (const secret of [token, refreshToken]) {
        assert(!home.holds(secret), "a token is in a file as plain text");
        assert(await server.introspect(secret));
      }
      assertEquals(await printedToken(home), token);
      const who = await run(["whoami"], { home });
      assertEquals(
        [who.code, who.stdout, who.stderr],
        [0, `${said.account.username}\n`, ""],
      );
      const status = await run(["status", "--json"], { home });
      assertEquals(status.code, 0);
      const [profile] = JSON.parse(status.stdout).profiles;
      assertEquals(
        [profile.profile, profile.service, profile.url],
        ["default", "oauth", server.issuer],
      );
      const out = await run(["logout"], { home });
      assertEquals([out.code, out.stdout], [0, ""]);
      assertMatch(out.stderr, /^Logged out of default: .* is deleted\.\n$/);
      assertEquals((await run(["token"], { home })).code, 3);
    });

    it("asks for the account that --scope allows it to see", async () => {
      const scope = "openid offline_access email profile";
      using home = await loggedIn(server, "--scope", scope);
      const { code, stdout } = await run(["whoami", "--json"], { home });
      const { email } = JSON.parse(stdout).account;
      assertEquals([code, email], [0, ADA.email]);
    });

    it("that Ada denies is said to be denied", async () => {
      using home = new Home();
      const { child, device } = await startLogin(server, home);
      await server.deny(device.user_code);
      assertEnded(await child.end(), {
        exit: 4,
        code: "login_denied",
        message: /says that the login was denied/,
        hint: /nanoctl login --device/,
      });
      assertEquals(home.entries(), []);
    });

    it("that nobody approves in time is said to have expired", async () => {
      await using hurried = await kind.start({ deviceCodeSeconds: 1 });
      using home = new Home();
      const { child, device } = await startLogin(hurried, home);
      assertEquals(device.expires_in, 1);
      assertEnded(await child.end(), {
        exit: 4,
        code: "login_expired",
        message: /expired before it was approved/,
        hint: /nanoctl login --device/,
      });
      assertEquals(home.entries(), []);
    });

    it("of a client that the server doesn't know is refused", async () => {
      using home = new Home();
      const { issuer } = server;
      await assertFails(
        ["login", "--device", "--issuer", issuer, "--client-id", "nobody"],
        { home },
        {
          exit: 4,
          code: "login_denied",
          message: /the client/,
          hint: /--client-id/,
        },
      );
      assertEquals(home.entries(), []);
    });

    /** The line that logs a client in as itself. */
    function asItself(...client: string[]): string[] {
      const { machineScope } = kind;
      return [
        ...["login", "--client-credentials", "--issuer", server.issuer],
        ...client,
        ...machineScope ? ["--scope", machineScope] : [],
      ];
    }

    it("as a client itself keeps nothing without --save", async () => {
      using home = new Home();
      const options = machineOptions(folder, server);
      const line = [...asItself(...options), "--json"];
      const { code, stdout, stderr } = await run(line, { home });
      assertEquals([code, stderr], [0, ""]);
      const { account, service, url, origin, stored } = JSON.parse(stdout);
      assertEquals(
        [account.username, service, url, origin, stored],
        ["machine", "oauth", server.issuer, "client-credentials", false],
      );
      assertEquals(home.entries(), []);
    });

    it("as a client itself stores the token with --save", async () => {
      using home = new Home();
      const options = machineOptions(folder, server);
      const line = [...asItself(...options), "--save"];
      const { code, stdout, stderr } = await run(line, { home });
      assertEquals([code, stdout], [0, ""], stderr);
      const token = await printedToken(home);
      assert(await server.introspect(token));
      assert(!home.holds(token));
      assert(!home.holds(server.machine.secret));
      const out = await run(["logout", "--revoke"], { home });
      assertEquals(out.code, 0, out.stderr);
      assertEquals(await server.introspect(token), false);
    });

    it("as a client itself is refused for a wrong secret", async () => {
      using home = new Home();
      const secret = "not the-secret_of/this+client";
      const options = clientOptions(folder, server.machine.id, secret);
      await assertFails([...asItself(...options), "--save"], { home }, {
        exit: 4,
        code: "login_denied",
        message: /does not accept the client/,
        hint: /--client-id, and the client's secret/,
        secret,
      });
      assertEquals(home.entries(), []);
    });
  });
}

// oidc-provider never sends slow_down.
const glewlwyd = SERVER_KINDS.filter(({ name }) => name === "Glewlwyd");
for (const kind of glewlwyd) {
  describeWithServer(kind, "a login at a server that finds us too fast", () => {
    let server: GlewlwydServer;

    beforeAll(async () => {
      server = await startGlewlwyd();
    });
    afterAll(() => server?.close());

    it("asks five seconds later from then on", async () => {
      using home = new Home();
      const { child, device } = await startLogin(server, home);
      assertEquals(device.interval, 1);
      const slowedAt = await server.slowDown(device.user_code);
      await server.approve(device.user_code);
      const { code, stderr } = await child.end();
      assertEquals([code, stderr], [0, ""]);
      const seconds = (Date.now() - slowedAt.getTime()) / 1000;
      assert(seconds >= 6, `it asked again after ${seconds} seconds`);
      assert(await server.introspect(await printedToken(home)));
    });
  });
}

/** The address that has the code in it already. */
function codeIn({ user_code }: { user_code: string }): RegExp {
  return new RegExp(`\\?\\w+=${user_code}$`);
}

/** Asserts a time that is less than an hour and more than half of one away. */
function assertSoon(time: string): void {
  const minutes = (Date.parse(time) - Date.now()) / 60_000;
  assert(minutes > 30 && minutes <= 60, time);
}

/** Asserts a failure after the line with the code. */
function assertEnded({ stdout, ...result }: Result, failure: Failure): void {
  assertMatch(stdout, /^\{"user_code":[^\n]+\n$/);
  assertJsonFailure({ ...result, stdout: "" }, failure);
}
