import { assertEquals, assertMatch } from "@std/assert";
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  it,
} from "@std/testing/bdd";
import { assertFails, Home, run } from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";

describe("which login is meant by a URL", () => {
  let one: Service;
  let two: Service;
  let home: Home;

  beforeAll(async () => {
    one = await Service.start();
    two = await Service.start();
  });
  afterAll(async () => {
    await one.stop();
    await two.stop();
  });
  beforeEach(() => {
    home = new Home();
  });
  afterEach(() => home[Symbol.dispose]());

  async function store(profile: string, service: Service): Promise<void> {
    const { code, stderr } = await run(
      [
        "login",
        "--token-stdin",
        "--save",
        "--profile",
        profile,
        "--url",
        service.url,
      ],
      { home, stdin: service.token },
    );
    assertEquals(code, 0, stderr);
  }

  it("is the active one where it is for it, and else the only other one", async () => {
    await store("first", one);
    await store("second", two);
    for (
      const [service, profile] of [[one, "first"], [two, "second"]] as const
    ) {
      for (
        const [args, env] of [
          [["--url", service.url], {}],
          [[], { NANOSERVICES_URL: service.url }],
        ] as const
      ) {
        const { stdout, stderr } = await run(["whoami", "--json", ...args], {
          env,
          home,
        });
        const said = JSON.parse(stdout || stderr);
        assertEquals([said.profile, said.url], [profile, service.url]);
        const token = await run(["token", ...args], { env, home });
        assertEquals(token.stdout, `${service.token}\n`);
      }
    }
    const api = await run(["api", "/v1/me", "--url", one.url], { home });
    assertEquals(api.code, 0, api.stderr);
  });

  it("is said with --verbose when it is another one", async () => {
    await store("first", one);
    await store("second", two);
    for (const command of ["whoami", "token", "status"]) {
      const { stderr } = await run([command, "-v", "--url", one.url], { home });
      assertMatch(stderr, /^profile first is the one that is stored for /m);
      const active = await run([command, "-v", "--url", two.url], { home });
      assertEquals(/is the one that/.test(active.stderr), false);
    }
  });

  it("is to be named where several are for it", async () => {
    await store("alpha", one);
    await store("beta", one);
    await store("other", two);
    for (const command of ["whoami", "token", "status", "logout"]) {
      await assertFails([command, "--url", one.url], { home }, {
        exit: 2,
        code: "usage",
        message: /^several profiles are for http\S+: alpha, beta$/,
        hint: /--profile$/,
      });
    }
    const named = await run(["token", "--url", one.url, "--profile", "beta"], {
      home,
    });
    assertEquals(named.stdout, `${one.token}\n`);
    // A token that is given needs no login.
    const given = ["whoami", "--url", one.url, "--token", one.token];
    assertEquals((await run(given, { home })).stdout, "ada\n");
  });

  it("is none where none is for it, and the error says whose URL the active one has", async () => {
    await store("first", one);
    await assertFails(["whoami", "--url", two.url], { home }, {
      exit: 3,
      code: "not_logged_in",
      message: new RegExp(`profile first is for ${one.url}`),
      hint: /nanoctl login --url/,
    });
  });

  it("is ended by logout, and renewed by a login", async () => {
    await store("first", one);
    await store("second", two);
    const again = await run([
      "login",
      "--token-stdin",
      "--save",
      "--url",
      one.url,
    ], {
      home,
      stdin: one.token,
    });
    assertMatch(again.stderr, /as profile first in /);
    await run(["use", "second"], { home });
    const out = await run(["logout", "--json", "--url", one.url], { home });
    assertEquals(JSON.parse(out.stdout).removed, ["first"]);
  });

  it("stays the active one in a login to a URL that no profile has", async () => {
    await store("first", one);
    const { stderr } = await run(
      ["login", "--token-stdin", "--save", "--url", two.url],
      { home, stdin: two.token },
    );
    assertMatch(stderr, /as profile first in /);
    assertMatch(stderr, /It replaces the login of ada at /);
  });
});
