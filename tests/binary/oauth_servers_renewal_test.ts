import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
} from "@std/assert";
import { afterAll, beforeAll, it } from "@std/testing/bdd";
import { assertFails, Home, run, start, until } from "../support/nanoctl.ts";
import {
  describeWithServer,
  loggedIn,
  machineOptions,
  makeDue,
  type OAuthServer,
  printedToken,
  SERVER_KINDS,
  storedTokens,
} from "../support/oauth_servers.ts";
import { readStored } from "../support/store_files.ts";

/** How many processes want a token at the same time. */
const PROCESSES = 16;

for (const kind of SERVER_KINDS) {
  describeWithServer(kind, `renewing a login at ${kind.name}`, () => {
    let server: OAuthServer;

    beforeAll(async () => {
      server = await kind.start();
    });
    afterAll(() => server?.close());

    /** How often a spent refresh token came back, at a server that counts it. */
    function reuses(): number {
      return "reuses" in server ? Number(server.reuses) : 0;
    }

    it("gets the next token when the first one is about to end", async () => {
      await using hurried = await kind.start({ accessTokenSeconds: 4 });
      using home = await loggedIn(hurried);
      const first = await storedTokens(home);
      const isRenewed = async (): Promise<boolean> =>
        await printedToken(home) !== first.token;
      await until(isRenewed, "another token is printed");
      const second = await storedTokens(home);
      assertNotEquals(second.refreshToken, first.refreshToken);
      assertEquals(await hurried.introspect(first.refreshToken), false);
      assert(await hurried.introspect(second.refreshToken));
      for (const secret of [second.token, second.refreshToken]) {
        assert(!home.holds(secret), "a token is in a file as plain text");
      }
      assertEquals((await run(["whoami"], { home })).code, 0);
    });

    it(`spends no refresh token twice: ${PROCESSES} processes at once`, async () => {
      using home = await loggedIn(server);
      const old = await makeDue(home);
      const children = Array.from(
        { length: PROCESSES },
        () => start(["token"], { home }),
      );
      const results = await Promise.all(children.map((child) => child.end()));
      const fresh = await storedTokens(home);
      for (const result of results) {
        const { code, stdout, stderr } = result;
        assertEquals([code, stderr], [0, ""]);
        // Not compared by assertEquals, which would show a token.
        assert(stdout === `${fresh.token}\n`, "they print different tokens");
      }
      assert(fresh.token !== old.token, "the token is still the old one");
      assert(await server.introspect(fresh.token));
      assertEquals(await server.introspect(old.refreshToken), false);
      // Had one been spent twice, the server would have ended the login.
      await makeDue(home);
      assert(await printedToken(home) !== fresh.token);
      assertEquals(reuses(), 0);
    });

    it("says that a login is over that was renewed elsewhere, as after a restored backup", async () => {
      using home = await loggedIn(server);
      await makeDue(home);
      using restored = copyOf(home);
      const before = readStored(restored);
      await printedToken(home);
      await assertFails(["token"], { home: restored }, {
        exit: 4,
        code: "login_ended",
        message: /does not renew the login any more/,
        hint: /^log in again with 'nanoctl login\b.*'$/,
      });
      assertEquals(readStored(restored), before);
    });
  });

  describeWithServer(kind, `logout --revoke at ${kind.name}`, () => {
    const folder = new Home();
    let server: OAuthServer;

    beforeAll(async () => {
      server = await kind.start();
    });
    afterAll(async () => {
      await server?.close();
      folder[Symbol.dispose]();
    });

    it("ends the access token and the refresh token of a confidential client", async () => {
      using home = await loggedIn(server, ...machineOptions(folder, server));
      await assertEnds(server, home);
    });

    if (kind.revokesForAll) {
      it("ends the access token and the refresh token of a public client", async () => {
        using home = await loggedIn(server);
        await assertEnds(server, home);
      });
    } else {
      it("keeps the login of a public client, which may not revoke it, and says so", async () => {
        using home = await loggedIn(server);
        const { token, refreshToken } = await storedTokens(home);
        await assertFails(["logout", "--revoke"], { home }, {
          exit: 4,
          code: "login_denied",
          message:
            /^the token of profile default was not ended and stays stored: .* does not accept the client/,
          hint: /forget it here only: nanoctl logout --profile default/,
        });
        assertEquals(await storedTokens(home), { token, refreshToken });
        assert(await server.introspect(token));
        assert(await server.introspect(refreshToken));
        assertEquals(await printedToken(home), token);
        assertEquals((await run(["logout"], { home })).code, 0);
      });
    }
  });
}

/** Logs out with `--revoke`, and asserts that both tokens are dead. */
async function assertEnds(server: OAuthServer, home: Home): Promise<void> {
  const { token, refreshToken } = await storedTokens(home);
  assert(await server.introspect(token));
  assert(await server.introspect(refreshToken));
  const { code, stdout, stderr } = await run(["logout", "--revoke"], { home });
  assertEquals([code, stdout], [0, ""], stderr);
  assertMatch(stderr, /ended at the service/);
  assertEquals(await server.introspect(token), false);
  assertEquals(await server.introspect(refreshToken), false);
  assertEquals((await run(["token"], { home })).code, 3);
}

/** Another home with the same files, as a backup restores them. */
function copyOf(home: Home): Home {
  const copy = new Home();
  for (const path of home.entries()) {
    const [from, to] = [home.at(path), copy.at(path)];
    if (path.endsWith("/")) Deno.mkdirSync(to);
    else Deno.copyFileSync(from, to);
    Deno.chmodSync(to, Number.parseInt(home.mode(path), 8));
  }
  return copy;
}
