import { assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import {
  assertFails,
  CREDENTIALS,
  Home,
  KEY,
  type Result,
  STORED_ENTRIES,
} from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";
import { OPTION_WAYS, type TokenWay } from "../support/token_ways.ts";

const WAYS: TokenWay[] = [
  ...OPTION_WAYS,
  {
    name: "--token=",
    origin: "flag",
    source: () => "--token",
    args: (token) => [`--token=${token}`],
  },
  {
    name: "-t",
    origin: "flag",
    source: () => "--token",
    args: (token) => ["-t", token],
  },
];

describe("nanoctl login with an option", () => {
  let service: Service;
  let secrets: Home;

  beforeAll(async () => {
    service = await Service.start();
    secrets = new Home();
  });
  afterAll(async () => {
    secrets[Symbol.dispose]();
    await service.stop();
  });

  function logIn(
    way: TokenWay,
    home: Home,
    ...args: string[]
  ): Promise<Result> {
    const file = secrets.at("token");
    const { token } = service;
    // As an editor leaves it.
    Deno.writeTextFileSync(file, `  ${token}\r\n`);
    return service.run(
      ["login", ...way.args(token, file), ...args],
      home,
      {},
      way.stdin && `${token}\n`,
    );
  }

  for (const way of WAYS) {
    describe(way.name, () => {
      it("says who you are and until when, and keeps nothing", async () => {
        using home = new Home();
        const { code, stdout, stderr } = await logIn(way, home);
        assertEquals([code, stdout], [0, ""], stderr);
        const [result = "", kept] = stderr.split("\n");
        const source = way.source(secrets.at("token"));
        assertEquals(
          result.startsWith(
            `The token from ${source} is valid: you are ada at ${service.url}.`,
          ),
          true,
          result,
        );
        assertMatch(result, /expires on \d{4}-\d\d-\d\d \(in 30 days\)\.$/);
        assertEquals(
          kept,
          "Nothing was stored; add --save to keep it, encrypted.",
        );
        assertEquals(home.entries(), []);
      });

      it("stores the token with --save, encrypted and private", async () => {
        using home = new Home();
        const { code, stderr } = await logIn(way, home, "--save");
        assertEquals(code, 0, stderr);
        assertMatch(stderr, /\nStored, encrypted, as profile default in /);
        assertEquals(home.entries(), STORED_ENTRIES);
        assertEquals(home.mode(CREDENTIALS), "0600");
        assertEquals(home.mode(KEY), "0600");
        assertEquals(home.mode(".config/nanoctl"), "0700");
        assertEquals(home.mode(".local/share/nanoctl"), "0700");
        assertEquals(home.holds(service.token), false);
        const { stdout } = await service.run(["token"], home);
        assertEquals(stdout, `${service.token}\n`);
      });

      it("prints the account with --json, and nothing else", async () => {
        using home = new Home();
        const { code, stdout, stderr } = await logIn(way, home, "--json");
        assertEquals([code, stderr], [0, ""]);
        const { expires_at, ...account } = JSON.parse(stdout);
        assertEquals(account, {
          account: { username: "ada", email: "ada@example.com" },
          service: "nanoservices",
          url: service.url,
          profile: "default",
          origin: way.origin,
          stored: false,
        });
        assertEquals(new Date(expires_at).toISOString(), expires_at);
      });

      it("says nothing with --quiet", async () => {
        using home = new Home();
        assertEquals(await logIn(way, home, "--quiet"), {
          code: 0,
          stdout: "",
          stderr: "",
        });
      });
    });
  }

  const expiries = [
    {
      name: "no end",
      wish: { expires_at: null },
      says: /It does not expire\./,
    },
    { name: "some days", wish: { expires_in: 864_060 }, says: /in 10 days/ },
    { name: "one day", wish: { expires_in: 90_000 }, says: /in 1 day\)/ },
    { name: "hours", wish: { expires_in: 10_900 }, says: /in 3 hours/ },
  ];
  for (const { name, wish, says } of expiries) {
    it(`says the expiry of a token with ${name}`, async () => {
      using home = new Home();
      const { token } = await service.mint(wish);
      const args = ["login", "--token", token];
      assertMatch((await service.run(args, home)).stderr, says);
    });
  }

  it("stores under a profile of its own with --profile", async () => {
    using home = new Home();
    const other = await service.mint({ username: "grace" });
    await service.logIn(home, service.token);
    await service.logIn(home, other.token, "--profile", "work");
    const as = async (name: string): Promise<string> =>
      (await service.run(["whoami", "--profile", name], home)).stdout;
    assertEquals([await as("default"), await as("work")], ["ada\n", "grace\n"]);
  });

  const contradictions = [
    ["--token", "a", "--token-file", "b"],
    ["--token", "a", "--token-stdin"],
    ["--token-file", "b", "--token-stdin"],
  ];
  for (const args of contradictions) {
    it(`refuses ${args.filter((arg) => arg.startsWith("-")).join(" with ")}`, async () => {
      using home = new Home();
      await assertFails(["login", ...args], { home, env: service.env }, {
        exit: 2,
        code: "usage",
        message: /--token.* (both|together)/,
        hint: /^give one of /,
      });
    });
  }

  it("says the ways to give a token when there is neither one nor a terminal", async () => {
    using home = new Home();
    await assertFails(["login"], { home, env: service.env }, {
      exit: 2,
      code: "usage",
      message: /^no token was given, and there is no terminal/,
      hint:
        /NANOSERVICES_TOKEN.*--token, --token-file, --token-command or --token-stdin/,
    });
    assertEquals(home.entries(), []);
  });
});
