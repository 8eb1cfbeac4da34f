import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { assertFails, Home, run } from "../support/nanoctl.ts";

const COMMANDS = [
  "login",
  "logout",
  "whoami",
  "status",
  "token",
  "dev-server",
];

describe("a usage error", () => {
  const cases: { args: string[]; says: RegExp; hint: RegExp }[] = [
    { args: ["frobnicate"], says: /command/, hint: /'nanoctl --help'/ },
    {
      args: ["login", "--frobnicate"],
      says: /--frobnicate/,
      hint: /'nanoctl login --help'/,
    },
    {
      args: ["external-auth", "access-token"],
      says: /[Mm]issing argument/,
      hint:
        /^call it as 'nanoctl external-auth access-token \[options\] <provider>'; see 'nanoctl external-auth access-token --help'$/,
    },
    {
      args: ["store", "frobnicate"],
      says: /command/,
      hint: /^see 'nanoctl store --help'$/,
    },
    {
      args: ["external-auth", "access-token", ""],
      says: /^the provider's name is empty$/,
      hint: /external-auth list/,
    },
    {
      args: ["help", "frobnicate"],
      says: /command/,
      hint: /^see 'nanoctl --help'$/,
    },
    { args: ["--frobnicate"], says: /--frobnicate/, hint: /'nanoctl --help'/ },
    { args: ["whoami", "--url"], says: /--url/, hint: /--help/ },
    { args: ["whoami", "surplus"], says: /argument/, hint: /--help/ },
    {
      args: ["whoami", "--token", "x", "--timeout", "soon"],
      says: /--timeout/,
      hint: /--help/,
    },
    {
      args: ["whoami", "--token", "x", "--timeout", "0"],
      says: /--timeout 0 is not a time limit/,
      hint: /seconds/,
    },
    {
      args: ["whoami", "--token", "x", "--timeout=-1"],
      says: /--timeout -1 is not a time limit/,
      hint: /seconds/,
    },
    {
      args: ["whoami", "--service", "other"],
      says: /no service/,
      hint: /nanoservices/,
    },
    {
      args: ["whoami", "--profile", "../x"],
      says: /can't be a profile's name/,
      hint: /letters, digits/,
    },
    {
      args: ["whoami", "--url", "ftp://host"],
      says: /ftp: is not http: or https:/,
      hint: /https:\/\/host/,
    },
    {
      args: ["whoami", "--url", "https://host?x=1"],
      says: /query/,
      hint: /https:\/\/host/,
    },
    {
      args: ["whoami", "--url", "https://me:hunter2@host"],
      says: /^the URL is not a service's URL: it holds a user name/,
      hint: /https:\/\/host/,
    },
    {
      args: ["whoami", "--url", ":"],
      says: /does not parse/,
      hint: /https:\/\/host/,
    },
    {
      args: ["dev-server", "--port", "70000"],
      says: /port .*70000/,
      hint: /./,
    },
    { args: ["dev-server", "--port", "http"], says: /--port/, hint: /--help/ },
    { args: ["dev-server", "--port", ""], says: /--port/, hint: /--help/ },
    { args: ["whoami", "--url="], says: /--url/, hint: /--help/ },
    { args: ["--profile=", "whoami"], says: /--profile/, hint: /--help/ },
    { args: ["whoami", "-t", ""], says: /-t/, hint: /--help/ },
    {
      args: ["use", "--frobnicate"],
      says: /--frobnicate/,
      hint: /'nanoctl use --help'/,
    },
    {
      args: ["api", "--frobnicate"],
      says: /--frobnicate/,
      hint: /'nanoctl api --help'/,
    },
    { args: ["use", "-nano_secret"], says: /option/, hint: /--help/ },
    { args: ["whoami", "-XGET"], says: /option/, hint: /whoami --help'$/ },
  ];
  for (const { args, says, hint } of cases) {
    it(`exits 2 for ${args.join(" ")}`, async () => {
      using home = new Home();
      const code = "usage";
      await assertFails(args, { home }, { exit: 2, code, message: says, hint });
      assertEquals(home.entries(), []);
    });
  }
});

describe("two hyphens", () => {
  const wrong: [args: string[], says: RegExp][] = [
    [["token", "--", "x"], /argument/],
    [["logout", "--", "--all"], /^error: an argument can't begin with a hyph/],
    [["--", "whoami"], /^error: the command goes before --/],
    [["external-auth", "--", "list"], /the command goes before --/],
  ];
  for (const [args, says] of wrong) {
    it(`are wrong in ${args.join(" ")}`, async () => {
      const { code, stdout, stderr } = await run(args);
      assertEquals([code, stdout], [2, ""]);
      assertMatch(stderr, says);
      assertMatch(stderr, /\nhint: see 'nanoctl.* --help'\n$/);
    });
  }

  it("end the options: what follows is an argument", async () => {
    using home = new Home();
    const { code, stderr } = await run(["use", "--", "work"], { home });
    assertEquals(code, 3);
    assertMatch(stderr, /^error: there is no profile work\n/);
  });
});

describe("not logged in", () => {
  for (const command of ["whoami", "token"]) {
    it(`exits 3 on ${command}, and says how to log in`, async () => {
      using home = new Home();
      await assertFails([command], { home }, {
        exit: 3,
        code: "not_logged_in",
        message: /^not logged in: nothing is stored for profile default$/,
        hint: /'nanoctl login'.*NANOSERVICES_TOKEN/,
      });
      assertEquals(home.entries(), []);
    });
  }
});

describe("help", () => {
  it("names every command", async () => {
    const { code, stdout, stderr } = await run(["--help"]);
    assertEquals([code, stderr], [0, ""]);
    for (const command of COMMANDS) {
      assertMatch(stdout, new RegExp(`^\\s+${command}\\b`, "m"));
    }
  });

  it("is what comes without a command", async () => {
    const { code, stdout } = await run([]);
    assertEquals(code, 0);
    assertMatch(stdout, /^\s+login\b/m);
  });

  it("comes for the word help too, alone and with a command", async () => {
    for (const path of [[], ["token"], ["store", "rekey"]]) {
      const { code, stdout } = await run(["help", ...path]);
      assertEquals(code, 0);
      assertEquals(stdout, (await run([...path, "--help"])).stdout);
    }
  });

  it("comes whatever else is asked for", async () => {
    const plain = await run(["login", "--help"]);
    for (
      const args of [
        ["login", "--profile", "x", "--help"],
        ["--json", "login", "-h", "--save"],
        ["login", "-qh"],
      ]
    ) {
      assertEquals(await run(args), plain);
    }
  });

  it("of a command may be asked for before it", async () => {
    assertEquals(
      await run(["--help", "login"]),
      await run(["login", "--help"]),
    );
  });

  for (const command of COMMANDS) {
    it(`describes ${command}, without colours in a pipe`, async () => {
      const { code, stdout, stderr } = await run([command, "--help"]);
      assertEquals([code, stderr], [0, ""]);
      assertMatch(stdout, new RegExp(`nanoctl ${command}`));
      assert(!stdout.includes("\x1b"), JSON.stringify(stdout));
    });
  }
});
