import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  it,
} from "@std/testing/bdd";
import { assertFails, assertFailure, Home, run } from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";
import {
  makeStore,
  readCredentials,
  readStored,
  report,
  someToken,
  succeed,
  tokenOf,
} from "../support/store_files.ts";

const MANY = 10_000;

/** What `status --json` and `whoami --json` say, as far as the tests look at it. */
interface StatusJson {
  active: string;
  profiles: { profile: string; account: { username: string } }[];
}

async function statusOf(home: Home): Promise<StatusJson> {
  return JSON.parse((await succeed(["status", "--json"], { home })).stdout);
}

describe("profiles", () => {
  let service: Service;
  let tokens: Map<string, string>;

  beforeAll(async () => {
    service = await Service.start();
  });
  afterAll(() => service.stop());
  beforeEach(() => {
    tokens = new Map();
  });

  /** A home with a login of its own for each of these profiles, the last one active. */
  async function homeWith(...names: string[]): Promise<Home> {
    const home = new Home();
    for (const name of names) {
      const { token } = await service.mint({ username: `user-${name}` });
      tokens.set(name, token);
      await service.logIn(home, token, "--profile", name);
    }
    return home;
  }

  describe("are chosen", () => {
    it("by --profile, else by NANOCTL_PROFILE, else by use, else the last login", async () => {
      using home = await homeWith("a", "b", "c", "d");
      assertEquals(await tokenOf(home), tokens.get("d"));
      await succeed(["use", "a"], { home });
      assertEquals(await tokenOf(home), tokens.get("a"));
      const env = { NANOCTL_PROFILE: "b" };
      assertEquals(await tokenOf(home, env), tokens.get("b"));
      assertEquals(
        await tokenOf(home, env, "--profile", "c"),
        tokens.get("c"),
      );
      assertEquals(
        await tokenOf(home, { NANOCTL_PROFILE: "" }),
        tokens.get("a"),
      );
      assertEquals(readStored(home).active, "a");
    });

    it("for every command: whoami asks for the right one, login stores under it, logout removes it", async () => {
      using home = await homeWith("a", "b");
      const env = { NANOCTL_PROFILE: "a" };
      assertEquals(
        (await succeed(["whoami"], { home, env })).stdout,
        "user-a\n",
      );
      assertEquals(
        (await succeed(["whoami", "--profile", "b"], { home, env })).stdout,
        "user-b\n",
      );
      await service.run(
        ["login", "--token-stdin", "--save"],
        home,
        { NANOCTL_PROFILE: "fresh" },
        service.token,
      );
      assertEquals(readStored(home).active, "fresh");
      await succeed(["logout"], { home, env });
      assertEquals(
        Object.keys(readStored(home).profiles).sort(),
        ["b", "fresh"],
      );
      assertEquals(readStored(home).active, "fresh");
    });

    it("and one that is not there is exit 3, naming it, and changes nothing", async () => {
      using home = await homeWith("a");
      const before = readCredentials(home);
      await assertFails(["use", "b"], { home }, {
        exit: 3,
        code: "not_logged_in",
        message: /^there is no profile b$/,
        hint: /^log in with 'nanoctl login --profile b'$/,
      });
      await assertFails(["token", "--profile", "b"], { home }, {
        exit: 3,
        code: "not_logged_in",
        message: /nothing is stored for profile b$/,
        hint: /nanoctl login/,
      });
      assertEquals(readCredentials(home), before);
    });
  });

  describe("have names", () => {
    const good = [
      "a",
      "A.b_c-9",
      "0",
      "42",
      ".",
      "..",
      ".hidden",
      "_",
      "x".repeat(64),
      "constructor",
      "__proto__",
      "prototype",
      "toString",
      "hasOwnProperty",
      "null",
      "true",
    ];
    it(`of letters, digits, dots, underscores and hyphens, all of which work: ${good.length} of them`, async () => {
      using home = await homeWith(...good);
      assertEquals(
        (await statusOf(home)).profiles.map(({ profile }) => profile),
        good.toSorted(),
      );
      for (const round of ["as stored", "after a change of keys"]) {
        for (const name of good) {
          await succeed(["use", name], { home });
          assertEquals(await tokenOf(home), tokens.get(name), round);
        }
        await succeed(["store", "rekey"], { home });
      }
      for (const name of good) {
        await succeed(["logout", "--profile", name], { home });
        const { code } = await run(["token", "--profile", name], { home });
        assertEquals(code, 3, name);
      }
      assertEquals((await statusOf(home)).profiles, []);
    });

    it("which nobody has before they are stored", async () => {
      using home = await homeWith("a");
      for (const name of ["constructor", "__proto__", "toString", "length"]) {
        for (const args of [["token", "--profile", name], ["use", name]]) {
          const { code, stdout } = await run(args, { home });
          assertEquals([code, stdout], [3, ""], args.join(" "));
        }
      }
    });

    const bad = [
      "x".repeat(65),
      "a b",
      " a",
      "a/b",
      "../a",
      "a\\b",
      "ä",
      "a\n",
      "\u202ea",
      "a:b",
      "*",
      "$HOME",
    ];
    it("of nothing else: exit 2, whichever way the name comes", async () => {
      using home = await homeWith("a");
      const before = readCredentials(home);
      const expected = {
        exit: 2,
        code: "usage",
        message: /^".*" can't be a profile's name$/,
        hint: /1 to 64 letters, digits, dots, underscores and hyphens/,
      };
      for (const name of bad) {
        const ways: [string[], Record<string, string>][] = [
          [["token", "--profile", name], {}],
          [["token"], { NANOCTL_PROFILE: name }],
          [["use", name], {}],
          [["logout", "--profile", name], {}],
          [
            ["login", "--save", "--token", service.token, "--profile", name],
            service.env,
          ],
        ];
        for (const [args, env] of ways) {
          assertFailure(await run(args, { home, env }), expected);
        }
      }
      assertEquals(readCredentials(home), before);
    });

    it("which are not empty", async () => {
      using home = await homeWith("a");
      for (const args of [["token", "--profile", ""], ["use", ""]]) {
        const { code, stdout } = await run(args, { home });
        assertEquals([code, stdout], [2, ""], args.join(" "));
      }
    });
  });

  describe("are removed", () => {
    it("one by one by logout; default becomes active, else the first by name", async () => {
      using home = await homeWith("zeta", "beta", "default", "alpha");
      const logout = async (...args: string[]): Promise<string> =>
        (await succeed(["logout", ...args], { home })).stderr;
      assertMatch(await logout(), /Logged out of alpha: .*\n.*now default\./);
      assertEquals(readStored(home).active, "default");
      assertMatch(await logout(), /Logged out of default: .*\n.*now beta\./);
      assertEquals(readStored(home).active, "beta");
      // Not the active one: that stays.
      assertEquals(
        (await logout("--profile", "zeta")).includes("active profile"),
        false,
      );
      assertEquals(readStored(home).active, "beta");
      await logout();
      assertEquals(
        [readStored(home).profiles, readStored(home).active],
        [{}, "default"],
      );
      assertMatch(await logout(), /nothing to log out of/);
    });

    it("all at once by logout --all, which says which ones", async () => {
      using home = await homeWith("b", "a", "c");
      const { stdout } = await succeed(["logout", "--all", "--json"], { home });
      assertEquals(JSON.parse(stdout), {
        removed: ["a", "b", "c"],
        revoked: [],
      });
      assertEquals(readStored(home).profiles, {});
      assertEquals((await run(["token"], { home })).code, 3);
    });

    it("by logout --all --revoke at the service too", async () => {
      using home = await homeWith("a", "b");
      await succeed(["logout", "--all", "--revoke"], { home });
      for (const token of tokens.values()) {
        const args = ["whoami", "--token", token];
        assertEquals((await service.run(args, home)).code, 4);
      }
      assertEquals(readStored(home).profiles, {});
    });

    it("without the key: what can't be opened can be forgotten", async () => {
      using home = await homeWith("a", "b");
      Deno.removeSync(home.at(".local/share/nanoctl/key"));
      await succeed(["logout"], { home });
      assertEquals(Object.keys(readStored(home).profiles), ["a"]);
    });
  });

  it("are listed by status, with user, URL and the active one marked", async () => {
    using home = await homeWith("b", "a");
    await succeed(["use", "b"], { home });
    const { stdout } = await succeed(["status"], { home });
    assertMatch(stdout, /^ {3}PROFILE +SERVICE +URL +USER +TOKEN\n/);
    assertMatch(
      stdout,
      new RegExp(`\n   a +nanoservices +${service.url} +user-a +expires on`),
    );
    assertMatch(
      stdout,
      new RegExp(`\n\\*  b +nanoservices +${service.url} +user-b +expires on`),
    );
    const { active, profiles } = await statusOf(home);
    assertEquals(
      [active, profiles.map(({ account }) => account.username)],
      ["b", ["user-a", "user-b"]],
    );
  });

  it(`are many: ${MANY} of them still work`, async () => {
    using home = new Home();
    const names = Array.from({ length: MANY }, (_, i) => `profile-${i}`);
    const many = new Map(names.map((name) => [name, { token: someToken() }]));
    await makeStore(home, many, "profile-0");
    const times: string[] = [];
    const timed = async <T>(
      name: string,
      act: () => Promise<T>,
    ): Promise<T> => {
      const begin = performance.now();
      const value = await act();
      times.push(`${name} ${Math.round(performance.now() - begin)} ms`);
      return value;
    };
    const last = names.at(-1) ?? "";
    assertEquals(
      await timed("token", () => tokenOf(home, {}, "--profile", last)),
      many.get(last)?.token,
    );
    await timed("use", () => succeed(["use", last], { home }));
    assertEquals(await tokenOf(home), many.get(last)?.token);
    const { active, profiles } = await timed("status", () => statusOf(home));
    assertEquals([active, profiles.length], [last, MANY]);
    const table = await timed("table", () => succeed(["status"], { home }));
    assert(table.stdout.includes(`\n*  ${last} `), "the active one is marked");
    await timed(
      "login",
      () => service.logIn(home, service.token, "--profile", "one-more"),
    );
    assertEquals(Object.keys(readStored(home).profiles).length, MANY + 1);
    await timed("logout", () => succeed(["logout"], { home }));
    await timed("rekey", () => succeed(["store", "rekey"], { home }));
    for (const name of ["profile-0", "profile-5000", last]) {
      assertEquals(
        await tokenOf(home, {}, "--profile", name),
        many.get(name)?.token,
      );
    }
    await timed("logout --all", () => succeed(["logout", "--all"], { home }));
    assertEquals(readStored(home).profiles, {});
    report(`${MANY} profiles: ${times.join(", ")}`);
  });
});
