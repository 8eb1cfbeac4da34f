import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import {
  assertFails,
  assertFailure,
  BINARY,
  Child,
  CREDENTIALS,
  Home,
  type Result,
  run,
} from "../support/nanoctl.ts";
import {
  changeOAuth,
  countsOf,
  issuedIds,
  logInByDevice,
  NO_INTERVAL,
  untilDue,
} from "../support/oauth_service.ts";
import { Service } from "../support/service.ts";
import {
  commandLine,
  CONFIG_FOLDER,
  itWith,
  ownMounts,
  PATH,
  programs,
  readStored,
  runScript,
  tokenOf,
} from "../support/store_files.ts";

/** How many processes want the same login at once. */
const AT_ONCE = 16;

let service: Service;

beforeEach(async () => {
  service = await Service.start();
  await changeOAuth(service, { interval: NO_INTERVAL });
});
afterEach(() => service.stop());

/** A home with a login that is due; what a renewal gets lives for an hour. */
async function dueLogin(...args: string[]): Promise<Home> {
  const home = new Home();
  await changeOAuth(service, { access_expires_in: 1 });
  await logInByDevice(service, home, ...args);
  await changeOAuth(service, { access_expires_in: 3600 });
  await untilDue(home);
  return home;
}

/** A home with a login that is valid for an hour. */
async function freshLogin(): Promise<Home> {
  const home = new Home();
  await logInByDevice(service, home);
  return home;
}

/** A copy of a home, with the same login. */
function copyOf(home: Home): Home {
  const copy = new Home();
  for (const path of home.entries()) {
    if (path.endsWith("/")) Deno.mkdirSync(copy.at(path), { mode: 0o700 });
    else Deno.copyFileSync(home.at(path), copy.at(path));
  }
  return copy;
}

/** Which file the credentials are in: every write makes a new one. */
function identityOf(home: Home): string {
  const { ino, mtime } = Deno.statSync(home.at(CREDENTIALS));
  return `${ino} of ${mtime?.getTime()}`;
}

/** Runs a command in many processes at once. */
function manyTimes(args: string[], home: Home): Promise<Result[]> {
  return Promise.all(
    Array.from({ length: AT_ONCE }, () => run(args, { home })),
  );
}

/** Checks that all ended well and printed the same; gives that. */
function sameOutput(results: Result[]): string {
  const [first] = results;
  for (const { code, stdout, stderr } of results) {
    assertEquals([code, stdout, stderr], [0, first?.stdout, ""]);
  }
  return first?.stdout ?? "";
}

describe("a login that is due", () => {
  it("is renewed by token, with one request", async () => {
    using home = await dueLogin();
    const before = identityOf(home);
    let token = "";
    const requests = await service.requestsDuring(async () => {
      token = await tokenOf(home);
    });
    assertEquals(
      requests.map(({ method, path, status }) => [method, path, status]),
      [["POST", "/oauth/token", 200]],
    );
    assertEquals(await countsOf(service), { refreshes: 1, reuses: 0 });
    assert(identityOf(home) !== before);
    const end = readStored(home).profiles.default?.expires_at ?? "";
    assert(Date.parse(end) > Date.now() + 3_000_000, end);
    assertEquals(home.holds(token), false);
    assertEquals((await run(["whoami"], { home })).stdout, "ada\n");
  });

  itWith(
    [programs("strace")],
    "is written once, and its next use writes nothing",
    async () => {
      using home = await dueLogin();
      const renames = async (): Promise<number> => {
        const log = home.at("strace.log");
        const { code, stderr } = await new Child("strace", [
          "--follow-forks",
          "--trace=/^rename",
          `--output=${log}`,
          BINARY,
          "token",
        ], { home, env: { PATH } }).end();
        assertEquals(code, 0, stderr);
        const text = Deno.readTextFileSync(log);
        Deno.removeSync(log);
        return text.split(/rename(?:at2?)?\(/).length - 1;
      };
      assertEquals(await renames(), 1);
      assertEquals(await renames(), 0);
      assertEquals(await countsOf(service), { refreshes: 1, reuses: 0 });
    },
  );

  it("is renewed once for all processes that want it at the same time", async () => {
    using home = await dueLogin();
    const token = sameOutput(await manyTimes(["token"], home));
    assertMatch(token, /^nano_\w+\n$/);
    assertEquals(await countsOf(service), { refreshes: 1, reuses: 0 });
    assertEquals(`${await tokenOf(home)}\n`, token);
  });

  it("is renewed before a request, which is sent once", async () => {
    using home = await dueLogin();
    const requests = await service.requestsDuring(() =>
      run(["whoami"], { home })
    );
    assertEquals(
      requests.map(({ path, status }) => [path, status]),
      [["/oauth/token", 200], ["/v1/me", 200]],
    );
  });

  it("says how to log in again when the server renews it no more", async () => {
    using home = await dueLogin();
    using older = copyOf(home);
    await tokenOf(home);
    // Its refresh token is spent, as if a thief had been faster.
    await assertEnded(older, ["token"]);
    assertEquals((await countsOf(service)).reuses >= 1, true);
    // That ended all tokens of the login.
    await assertEnded(home, ["whoami"]);
  });

  it("names the profile to log in to again, if it is not the active one", async () => {
    using home = await dueLogin("--profile", "work");
    await service.logIn(home, service.token, "--profile", "default");
    await changeOAuth(service, { fail_refresh: "after" });
    const profile = ["--profile", "work"];
    const lost = await run(["token", ...profile], { home });
    assertEquals(lost.code, 6, lost.stderr);
    await changeOAuth(service, { fail_refresh: null });
    await assertEnded(home, ["token", ...profile], " --profile work");
  });

  /** Checks that a command says that the login has ended. */
  async function assertEnded(
    home: Home,
    args: string[],
    profile = "",
  ): Promise<void> {
    await assertFails(args, { home }, {
      exit: 4,
      code: "login_ended",
      message: /^http:\S+ does not renew the login any more \(invalid_grant\)/,
      hint: new RegExp(
        `^log in again with 'nanoctl login --device${profile}'$`,
      ),
    });
  }
});

describe("a login that is not due", () => {
  it("sends nothing and writes nothing", async () => {
    using home = await freshLogin();
    const before = identityOf(home);
    const requests = await service.requestsDuring(() => tokenOf(home));
    assertEquals(requests, []);
    assertEquals(identityOf(home), before);
    assertEquals(await countsOf(service), { refreshes: 0, reuses: 0 });
  });

  it("is renewed once for all processes after the service refused its token", async () => {
    using home = await freshLogin();
    const old = await tokenOf(home);
    const [id = ""] = await issuedIds(service);
    await service.change(id, { state: "revoked" });
    assertEquals(sameOutput(await manyTimes(["whoami"], home)), "ada\n");
    assertEquals(await countsOf(service), { refreshes: 1, reuses: 0 });
    assert(await tokenOf(home) !== old);
  });

  it("is not renewed when the service refuses something else", async () => {
    using home = await freshLogin();
    const { code } = await run(["api", "/v1/nothing"], { home });
    assert(code !== 0);
    assertEquals(await countsOf(service), { refreshes: 0, reuses: 0 });
  });
});

describe("a renewed token that can't be stored", () => {
  const WARNING =
    /^warning: the renewed token could not be stored, so the next command may have to log in again \('nanoctl login --device'\): \S+ can't be \w+.*\n$/;

  /** Runs the program where the config folder was changed by this part of a shell script. */
  async function where(
    change: string,
    home: Home,
    args: string[],
  ): Promise<Result> {
    const script = `
      set -e
      folder="$HOME/${CONFIG_FOLDER}"
      ${change}
      exec ${commandLine(BINARY, ...args)}`;
    return await runScript(
      `exec unshare -rm sh -c ${commandLine(script)}`,
      { home },
    );
  }

  const PLACES = {
    "on a file system that is read-only":
      'mount --bind "$folder" "$folder"; mount -o remount,bind,ro "$folder"',
    "on a disk that is full": `
      cp -a "$folder" "$HOME/before"
      mount -t tmpfs -o size=256k,mode=700 none "$folder"
      cp -a "$HOME/before/." "$folder/"
      head -c 1000000 /dev/zero > "$folder/filler" 2>/dev/null || true`,
  };
  for (const [place, change] of Object.entries(PLACES)) {
    for (
      const [args, output] of [
        [["token"], /^nano_\w+\n$/],
        [["whoami"], /^ada\n$/],
      ] as const
    ) {
      itWith(
        [ownMounts],
        `${place} serves ${args} all the same, with a warning`,
        async () => {
          using home = await dueLogin();
          const before = identityOf(home);
          const result = await where(change, home, [...args]);
          assertEquals(result.code, 0, result.stderr);
          assertMatch(result.stdout, output);
          assertMatch(result.stderr, WARNING);
          assertEquals(identityOf(home), before);
          assertEquals(await countsOf(service), { refreshes: 1, reuses: 0 });
          // As the warning said.
          const next = await run(["token"], { home });
          assertEquals(next.code, 4, next.stderr);
        },
      );
    }
  }
});

describe("logout of a login that renews itself", () => {
  /** Checks that the server takes neither token of a login any more. */
  async function assertDead(login: Home): Promise<void> {
    const [id = ""] = await issuedIds(service);
    assertEquals(await service.stateOf(id), "revoked");
    // The access token is refused, and then the refresh token.
    assertFailure(await run(["whoami"], { home: login }), {
      exit: 4,
      code: "login_ended",
      message: /does not renew the login any more/,
      hint: /^log in again/,
    });
    assertEquals(await countsOf(service), { refreshes: 0, reuses: 0 });
  }

  it("ends both tokens with --revoke", async () => {
    using home = await freshLogin();
    using copy = copyOf(home);
    const { code, stdout, stderr } = await run(["logout", "--revoke"], {
      home,
    });
    assertEquals([code, stdout], [0, ""], stderr);
    assertMatch(stderr, /^Logged out of default: .+ ended at the service\.\n$/);
    assertEquals(readStored(home).profiles, {});
    await assertDead(copy);
  });

  it("ends neither without it", async () => {
    using home = await freshLogin();
    using copy = copyOf(home);
    assertEquals((await run(["logout"], { home })).code, 0);
    assertEquals((await run(["whoami"], { home: copy })).stdout, "ada\n");
  });

  it("ends those that a renewal got, and not those that it spent", async () => {
    using home = await dueLogin();
    await tokenOf(home);
    using copy = copyOf(home);
    assertEquals((await run(["logout", "--revoke"], { home })).code, 0);
    for (const id of await issuedIds(service)) {
      assertEquals(await service.stateOf(id), "revoked");
    }
    assertEquals((await run(["whoami"], { home: copy })).code, 4);
    assertEquals(await countsOf(service), { refreshes: 1, reuses: 0 });
  });

  it("deletes the login with --revoke even if the service is gone, and says that it was not revoked", async () => {
    using home = await freshLogin();
    await service.stop();
    const result = await run(["logout", "--revoke"], { home });
    service = await Service.start();
    assertEquals([result.code, result.stdout], [5, ""], result.stderr);
    const [said, error, hint] = result.stderr.split("\n");
    assertEquals(said, "Logged out of default: the stored token is deleted.");
    assertMatch(
      error ?? "",
      /^error: the token of profile default was deleted here, but not revoked: /,
    );
    assertMatch(hint ?? "", /^hint: it stays valid until it expires/);
    assertEquals(readStored(home).profiles, {});
    assertEquals((await run(["token"], { home })).code, 3);
  });
});
