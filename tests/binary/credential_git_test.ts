import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  it,
} from "@std/testing/bdd";
import { GitServer } from "../support/git_server.ts";
import {
  assertFailure,
  BINARY,
  Child,
  Home,
  type Result,
  run,
} from "../support/nanoctl.ts";
import { ScriptedOAuth } from "../support/scripted_oauth.ts";
import { Service } from "../support/service.ts";

describe("credential git", () => {
  let service: Service;
  let server: GitServer;
  let home: Home;

  beforeAll(async () => {
    service = await Service.start();
    server = await GitServer.start("first-token-of-the-provider");
    const host = new URL(server.url).host.replaceAll(".", "\\.");
    await admin("POST", "/dev/external-auth", {
      id: "forge",
      name: "Forge",
      match: `^https?://${host}(/|$)`,
    });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await service.stop();
  });
  beforeEach(async () => {
    home?.[Symbol.dispose]();
    home = new Home();
    await service.logIn(home, (await service.mint()).token);
    await provide("first-token-of-the-provider");
    server.logins.length = 0;
  });
  afterAll(() => home[Symbol.dispose]());

  async function admin(
    method: string,
    path: string,
    body: unknown,
  ): Promise<void> {
    const answer = await fetch(`${service.url}${path}`, {
      method,
      body: JSON.stringify(body),
    });
    assert(answer.ok, await answer.text());
  }

  /** The provider of the git server now gives this token, and the server takes no other. */
  async function provide(token: string, expires_in?: number): Promise<void> {
    server.password = token;
    await admin("PATCH", "/dev/external-auth/forge", {
      connected: true,
      access_token: token,
      ...(expires_in === undefined ? {} : {
        expires_at: new Date(Date.now() + expires_in * 1000).toISOString(),
      }),
    });
  }

  function git(
    args: string[],
    env?: Record<string, string>,
    stdin?: string,
  ): Promise<Result> {
    return new Child("/usr/bin/git", args, {
      home,
      cwd: home.path,
      env: {
        PATH: "/usr/bin:/bin",
        GIT_CONFIG_NOSYSTEM: "1",
        GIT_TERMINAL_PROMPT: "0",
        ...env,
      },
      ...(stdin === undefined ? {} : { stdin }),
    }).end();
  }

  function ask(
    attributes: Record<string, string>,
    action = "get",
  ): Promise<Result> {
    const lines = Object.entries(attributes)
      .map(([name, value]) => `${name}=${value}\n`).join("");
    return run(["credential", "git", action], { home, stdin: `${lines}\n` });
  }

  async function setUp(...args: string[]): Promise<void> {
    const result = await run(["credential", "git", "--setup", ...args], {
      home,
      env: { PATH: "/usr/bin:/bin" },
    });
    assertEquals(result.code, 0, result.stderr);
  }

  it("lets git clone, again when the provider's token has expired, and keeps neither token", async () => {
    await setUp();
    const first = await git(["clone", server.repository, "first"]);
    assertEquals(first.code, 0, first.stderr);
    assertEquals(Deno.readTextFileSync(home.at("first/file")), "the content\n");
    await provide("second-token-of-the-provider");
    const second = await git(["clone", server.repository, "second"]);
    assertEquals(second.code, 0, second.stderr);
    const used = new Set(server.logins.map(({ password }) => password));
    assertEquals([...used], [
      "first-token-of-the-provider",
      "second-token-of-the-provider",
    ]);
    assertEquals(server.logins[0]?.username, "oauth2");
    for (const token of used) assert(!home.holds(token));
  });

  it("takes the user name of the repository's URL", async () => {
    await setUp();
    const url = server.repository.replace("//", "//bot@");
    assertEquals((await git(["clone", url, "clone"])).code, 0);
    assertEquals(server.logins[0]?.username, "bot");
  });

  it("answers git's two questions as GIT_ASKPASS", async () => {
    const { code, stderr } = await git(
      ["-c", "credential.helper=", "clone", server.repository, "clone"],
      { GIT_ASKPASS: BINARY },
    );
    assertEquals(code, 0, stderr);
  });

  it("lets git go on to its next helper where it knows no login", async () => {
    await setUp();
    const next = '!f() { echo username=me; echo "password=$0"; }; f';
    await git(["config", "--global", "--add", "credential.helper", next]);
    const { code, stdout } = await git(
      ["credential", "fill"],
      {},
      "protocol=https\nhost=nowhere.example\n\n",
    );
    assertEquals(code, 0);
    assertMatch(stdout, /^username=me$/m);
  });

  it("is set up once, however often, with a profile, and taken away again", async () => {
    const line = `!'${BINARY}' credential git`;
    const helpers = async (): Promise<string[]> => {
      const key = ["config", "--global", "--get-all", "credential.helper"];
      return (await git(key)).stdout.split("\n").slice(0, -1);
    };
    await git(["config", "--global", "credential.helper", "cache"]);
    await setUp();
    await setUp();
    assertEquals(await helpers(), ["cache", line]);
    await setUp("--profile", "work");
    assertEquals(await helpers(), ["cache", `${line} --profile work`]);
    for (let times = 0; times < 2; times++) {
      const { code } = await run(["credential", "git", "--teardown"], {
        home,
        env: { PATH: "/usr/bin:/bin" },
      });
      assertEquals(code, 0);
      assertEquals(await helpers(), ["cache"]);
    }
  });

  it("gives the token of the login for the service's own host, with its end", async () => {
    const { host } = new URL(service.url);
    const { code, stdout } = await ask({ protocol: "http", host });
    assertEquals(code, 0);
    assertMatch(
      stdout,
      /^username=ada\npassword=nano_\w+\npassword_expiry_utc=\d{10}\n$/,
    );
  });

  it("renews that token first where it is due", async () => {
    const issued = { access_token: "an-old-token", expires_in: 0 };
    await using oauth = new ScriptedOAuth({
      token: () => ({
        body: { ...issued, refresh_token: "renews", token_type: "Bearer" },
      }),
    });
    const login = ["login", "--device", "--issuer", oauth.issuer];
    assertEquals((await run(login, { home })).code, 0);
    Object.assign(issued, { access_token: "a-new-token", expires_in: 3600 });
    const { host } = new URL(oauth.issuer);
    const { stdout } = await ask({ protocol: "http", host });
    assertMatch(stdout, /^username=ada\npassword=a-new-token\n/);
  });

  it("says where to authenticate if that has to come first", async () => {
    await admin("PATCH", "/dev/external-auth/forge", { connected: false });
    const { host } = new URL(server.url);
    assertFailure(await ask({ protocol: "http", host }), {
      exit: 1,
      code: "external_auth_required",
      message: /not authenticated with the provider of 127\.0\.0\.1:\d+/,
      hint: /^open http:\S+ and run this again$/,
    });
  });

  const silent: [string, Record<string, string>, string?][] = [
    ["a host that nothing is for", { protocol: "https", host: "a.example" }],
    ["plain http to another machine", { protocol: "http", host: "github.com" }],
    ["another protocol", { protocol: "smtp", host: "github.com" }],
    ["no host", { protocol: "https" }],
    ["a login that git stores", {
      protocol: "https",
      host: "github.com",
      username: "ada",
      password: "x",
    }, "store"],
    ["a login that was refused", { protocol: "https", host: "a" }, "erase"],
    ["an action of later days", { protocol: "https", host: "a" }, "conjure"],
  ];
  for (const [what, attributes, action] of silent) {
    it(`says nothing to ${what}`, async () => {
      assertEquals(await ask(attributes, action), {
        code: 0,
        stdout: "",
        stderr: "",
      });
    });
  }

  it("says so if nobody is logged in", async () => {
    using empty = new Home();
    const stdin = "protocol=https\nhost=github.com\n\n";
    const args = ["credential", "git", "get"];
    assertFailure(await run(args, { home: empty, stdin }), {
      exit: 3,
      code: "not_logged_in",
      message: /^not logged in/,
      hint: /nanoctl login/,
    });
  });

  const wrong: [string, string[], string?][] = [
    ["input that is not git's", ["get"], "hello\n"],
    ["no action", []],
    ["a question that is none", ["askpass", "Pass phrase?"]],
    ["both directions", ["--setup", "--teardown"]],
    ["a setup with an action", ["--setup", "get"]],
  ];
  for (const [what, args, stdin = ""] of wrong) {
    it(`refuses ${what}`, async () => {
      const { code } = await run(["credential", "git", ...args], {
        home,
        stdin,
        env: { PATH: "/usr/bin:/bin" },
      });
      assertEquals(code, 2);
    });
  }
});
