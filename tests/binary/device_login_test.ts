import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  it,
} from "@std/testing/bdd";
import {
  assertFailure,
  assertJsonFailure,
  CREDENTIALS,
  type Failure,
  Home,
  KEY,
  run,
  start,
  STORED_ENTRIES,
} from "../support/nanoctl.ts";
import {
  changeOAuth,
  decide,
  logInByDevice,
  NO_INTERVAL,
} from "../support/oauth_service.ts";
import { linesOn, textOf } from "../support/screen.ts";
import {
  deviceAnswer,
  refusal,
  type Script,
  ScriptedOAuth,
} from "../support/scripted_oauth.ts";
import { Service } from "../support/service.ts";
import { KEYS, Terminal, type TerminalOptions } from "../support/terminal.ts";

const ESCAPE = "\x1b";
const SPINNER = "Waiting for your approval in the browser";
/** The block of half blocks that a QR code is made of. */
const QR = /(?:^[█▀▄ ]{20,}$\n?){10,}/m;
/** A user code of the embedded service, alone on its line. */
const CODE = /^ {4}([B-Z]{4}-[B-Z]{4})\r?$/m;
const SECRETS = {
  device: "device_Vf3kQ8mZr1",
  access: "access_Yt6nB2xLw9",
  refresh: "refresh_Hc4pD7sKe5",
};
/** An answer that approves the login at the first poll. */
const APPROVED: Script = () => ({
  body: {
    access_token: SECRETS.access,
    refresh_token: SECRETS.refresh,
    token_type: "Bearer",
    expires_in: 3600,
  },
});

let service: Service;

beforeAll(async () => {
  service = await Service.start();
});
afterAll(() => service.stop());
beforeEach(() =>
  changeOAuth(service, { interval: NO_INTERVAL, device_expires_in: 600 })
);

/** An OAuth server whose codes and tokens are known; `token` decides the login. */
function scripted(token: Script = APPROVED): ScriptedOAuth {
  const server = new ScriptedOAuth({ token });
  server.scripts.device = () => ({
    body: { ...deviceAnswer(server.issuer), device_code: SECRETS.device },
  });
  return server;
}

/** Starts a login on a terminal; `code` is what it shows. */
async function begin(
  home: Home,
  options: TerminalOptions = {},
  ...args: string[]
): Promise<{ terminal: Terminal; code: string }> {
  const terminal = new Terminal(["login", "--device", ...args], {
    ...options,
    home,
    env: { ...service.env, ...options.env },
  });
  await terminal.waitFor("The code is valid for 10 minutes.");
  const [, code = ""] = CODE.exec(terminal.transcript) ?? [];
  assert(code !== "", `there is no code: ${terminal.transcript}`);
  return { terminal, code };
}

/** Fails if a token or a device code is in a file, or was shown. */
function assertSealed(home: Home, shown: string): void {
  for (const [name, secret] of Object.entries(SECRETS)) {
    assertEquals(home.holds(secret), false, `the ${name} is in a file`);
    assert(!shown.includes(secret), `the ${name} was shown: ${shown}`);
  }
}

describe("login --device on a terminal", () => {
  it("shows the page, the code and a QR code, and welcomes you when it is approved", async () => {
    using home = new Home();
    const { terminal, code } = await begin(home);
    await terminal.waitFor(SPINNER);
    await decide(service, code);
    const { code: exit, screen, before, after } = await terminal.end();
    assertEquals([exit, after], [0, before], screen);
    const lines = linesOn(screen);
    assert(lines.includes(`    ${service.url}/device`), screen);
    assert(lines.includes(`    ${code}`), screen);
    assertMatch(lines.join("\n"), QR);
    assertMatch(
      lines.join("\n"),
      /^Welcome, ada\. Your token for \S+ expires on \d{4}-\d\d-\d\d \(in \d+ minutes\)\.$/m,
    );
    assertStringIncludes(screen, "Stored, encrypted, as profile default in");
    assertEquals(
      (await run(["whoami"], { home })).stdout,
      "ada\n",
      "the URL is that of the login",
    );
  });

  it("leaves nothing of the spinner", async () => {
    using home = new Home();
    const { terminal, code } = await begin(home);
    // Two frames: it turns.
    await terminal.waitFor(SPINNER, SPINNER);
    await decide(service, code);
    const { screen } = await terminal.end();
    const lines = linesOn(screen);
    assert(!lines.some((line) => line.includes("Waiting")), lines.join("\n"));
    assert(!/[\u2800-\u28ff]/.test(lines.join("")), lines.join("\n"));
    const at = lines.indexOf("The code is valid for 10 minutes.");
    assertMatch(lines[at + 1] ?? "", /^Welcome, ada/);
  });

  it("stores the tokens sealed, and shows none of them", async () => {
    using home = new Home();
    await using server = scripted();
    const terminal = new Terminal(
      ["login", "--device", "--verbose", "--issuer", server.issuer],
      { home },
    );
    const { code, screen } = await terminal.end();
    assertEquals(code, 0, screen);
    assertEquals(home.entries(), STORED_ENTRIES);
    for (const file of [CREDENTIALS, KEY]) {
      assertEquals(home.mode(file), "0600");
    }
    assertSealed(home, screen);
    assertEquals(
      (await run(["token"], { home })).stdout,
      "access_Yt6nB2xLw9\n",
    );
  });

  it("shows no QR code with --no-qr", async () => {
    using home = new Home();
    const { terminal, code } = await begin(home, {}, "--no-qr");
    await decide(service, code);
    const { code: exit, screen } = await terminal.end();
    assertEquals(exit, 0, screen);
    assert(!/[█▀▄]/.test(textOf(screen)), screen);
    assert(!screen.includes("scan"), screen);
  });

  it("shows the page and the code even with --quiet, and nothing else", async () => {
    using home = new Home();
    const { terminal, code } = await begin(home, {}, "--quiet");
    await decide(service, code);
    const { code: exit, screen } = await terminal.end();
    assertEquals(exit, 0, screen);
    assertStringIncludes(screen, `    ${service.url}/device\r\n`);
    assert(!screen.includes(ESCAPE), screen);
    assertMatch(screen, /The code is valid for 10 minutes\.\r\n$/);
  });

  it("sends no escape sequence to a dumb terminal", async () => {
    using home = new Home();
    const { terminal, code } = await begin(home, { env: { TERM: "dumb" } });
    await terminal.waitFor(SPINNER);
    await decide(service, code);
    const { code: exit, screen } = await terminal.end();
    assertEquals(exit, 0, screen);
    assert(!screen.includes(ESCAPE), screen);
    assertMatch(textOf(screen), /^Waiting for .+ …\r\nWelcome, ada/m);
  });

  it("keeps stdout for two lines of JSON, and the screen empty", async () => {
    using home = new Home();
    await using server = scripted();
    const terminal = new Terminal(
      ["login", "--device", "--json", "--issuer", server.issuer],
      { home, shell: `% > ${home.at("out")}` },
    );
    const { code, screen } = await terminal.end();
    assertEquals([code, screen.trim()], [0, ""]);
    const lines = Deno.readTextFileSync(home.at("out")).split("\n");
    assertEquals(lines.length, 3);
    assertEquals(JSON.parse(lines[0] ?? "").user_code, "ABCD-EFGH");
  });

  for (
    const { where, env, frames, ending } of [
      {
        where: "where a spinner turns, which it clears",
        env: {},
        frames: 2,
        ending: "error: interrupted",
      },
      {
        where: "on a dumb terminal",
        env: { TERM: "dumb" },
        frames: 1,
        // The terminal itself shows the key.
        ending: "^Cerror: interrupted",
      },
    ]
  ) {
    it(`ends with 130 on Ctrl-C ${where}, and stores nothing`, async () => {
      using home = new Home();
      const { terminal } = await begin(home, { env });
      await terminal.waitFor(SPINNER, frames > 1 ? SPINNER : "");
      await terminal.type(KEYS.ctrlC);
      const { code, screen, before, after } = await terminal.end();
      assertEquals([code, after], [130, before], screen);
      const lines = linesOn(screen);
      assertEquals(lines.slice(-2), [ending, ""]);
      assertEquals(lines.some((line) => line.includes(SPINNER)), frames === 1);
      assertEquals(home.entries(), []);
    });
  }

  it("clears the spinner before it says that the login was denied", async () => {
    using home = new Home();
    const { terminal, code } = await begin(home);
    await terminal.waitFor(SPINNER, SPINNER);
    await decide(service, code, "deny");
    const { code: exit, screen, before, after } = await terminal.end();
    assertEquals([exit, after], [4, before], screen);
    const lines = linesOn(screen);
    assertMatch(
      lines.at(-3) ?? "",
      /^error: \S+ says that the login was denied/,
    );
    assert(!lines.some((line) => line.includes("Waiting")), lines.join("\n"));
    assertEquals(home.entries(), []);
  });
});

describe("login --device without a terminal", () => {
  it("says the same in plain text", async () => {
    using home = new Home();
    await using server = scripted();
    const { code, stdout, stderr } = await run(
      ["login", "--device", "--issuer", server.issuer],
      { home },
    );
    assertEquals([code, stdout], [0, ""], stderr);
    assertEquals(stderr.split("\n").slice(0, 8), [
      "On any device, open this page in a browser:",
      "",
      `    ${server.issuer}/page`,
      "",
      "and enter this code:",
      "",
      "    ABCD-EFGH",
      "",
    ]);
    assertMatch(stderr, /\nWelcome, ada\. .+\nStored, encrypted, .+\n$/);
    // deno-lint-ignore no-control-regex
    assert(!/[\x00-\x09\x0b-\x1f█▀▄]|Waiting/.test(stderr), stderr);
    assertSealed(home, stderr);
  });

  it("prints exactly two lines with --json: the code, and the account", async () => {
    using home = new Home();
    const child = start(["login", "--device", "--json"], {
      home,
      env: service.env,
    });
    const first = JSON.parse(await child.firstLine);
    assertEquals(Object.keys(first), [
      "user_code",
      "verification_uri",
      "verification_uri_complete",
      "expires_in",
      "interval",
    ]);
    const { user_code } = first;
    assertEquals(first, {
      user_code,
      verification_uri: `${service.url}/device`,
      verification_uri_complete: `${service.url}/device?user_code=${user_code}`,
      expires_in: 600,
      interval: NO_INTERVAL,
    });
    await decide(service, user_code);
    const { code, stdout, stderr } = await child.end();
    assertEquals([code, stderr], [0, ""]);
    const [, second = "", ...rest] = stdout.split("\n");
    assertEquals(rest, [""]);
    const { account, stored, origin, profile } = JSON.parse(second);
    assertEquals(
      [account.username, stored, origin, profile],
      ["ada", true, "device", "default"],
    );
  });

  it("says null where the server has no address with the code in it", async () => {
    using home = new Home();
    await using server = scripted();
    const { stdout } = await run(
      ["login", "--device", "--json", "--issuer", server.issuer],
      { home },
    );
    const { verification_uri_complete } = JSON.parse(
      stdout.split("\n")[0] ?? "",
    );
    assertEquals(verification_uri_complete, null);
  });

  it("names nanoctl in every request, whichever library made it", async () => {
    using home = new Home();
    const requests = await service.requestsDuring(() =>
      logInByDevice(service, home)
    );
    const ours = requests.filter(({ path }) => !path.startsWith("/dev/"));
    assertEquals(ours.map(({ path }) => path), [
      // Which service it is.
      "/v1/me",
      "/.well-known/oauth-authorization-server",
      "/oauth/device",
      "/oauth/token",
      "/v1/me",
    ]);
    for (const { user_agent, path } of ours) {
      assertMatch(user_agent ?? "", /^nanoctl\/\d/, path);
    }
  });

  it("ends with 130 on SIGINT, and stores nothing", async () => {
    using home = new Home();
    const child = start(["login", "--device", "--json"], {
      home,
      env: service.env,
    });
    await child.firstLine;
    child.kill("SIGINT");
    const { code, stderr } = await child.end();
    assertEquals(code, 130);
    assertEquals(JSON.parse(stderr).error.code, "interrupted");
    assertEquals(home.entries(), []);
  });
});

describe("a device login that fails", () => {
  /** Checks a failure in text and in JSON, and that nothing was stored. */
  async function assertRefused(
    args: string[],
    expected: Omit<Failure, "exit">,
    env: Record<string, string> = service.env,
  ): Promise<void> {
    using home = new Home();
    const login = ["login", "--device", ...args];
    const [text, json] = await Promise.all([
      run(login, { home, env }),
      run([...login, "--json"], { home, env }),
    ]);
    const wanted = { ...expected, exit: 4 };
    // What is said before the error is another test's concern.
    assertFailure({ ...text, stderr: lastLines(text.stderr) }, wanted);
    assertJsonFailure({ ...json, stdout: "" }, wanted);
    assertEquals(home.entries(), []);
  }

  /** The error and its hint. */
  function lastLines(stderr: string): string {
    return stderr.slice(stderr.indexOf("error: "));
  }

  it("says that it was denied", async () => {
    await using server = scripted(() => refusal("access_denied"));
    await assertRefused(["--issuer", server.issuer], {
      code: "login_denied",
      message: /^http:\S+ says that the login was denied \(access_denied\)$/,
      hint: /^start again with 'nanoctl login --device', and approve it$/,
    });
  });

  it("says that the code expired", async () => {
    await changeOAuth(service, { device_expires_in: 1 });
    await assertRefused([], {
      code: "login_expired",
      message: /expired before it was approved/,
      hint: /^start again with 'nanoctl login --device'$/,
    });
  });

  it("says that the client is unknown", async () => {
    await assertRefused(["--client-id", "nobody"], {
      code: "login_denied",
      message: /does not accept the client \(invalid_client\)/,
      hint: /^check --client-id/,
    });
  });
});

it("a device login polls five seconds slower after each slow_down", async () => {
  using home = new Home();
  const polls: number[] = [];
  await using server = scripted((...given) => {
    polls.push(performance.now());
    return polls.length > 1 ? APPROVED(...given) : refusal("slow_down");
  });
  const { code, stderr } = await run(
    ["login", "--device", "--issuer", server.issuer],
    { home },
  );
  assertEquals(code, 0, stderr);
  const [first = 0, second = 0, ...others] = polls;
  assertEquals(others, []);
  // The interval of one second, and five; without a timer's rounding.
  assert(second - first > 5990, `only ${second - first} ms`);
});

describe("a login at another OAuth server, named by --issuer", () => {
  it("is all that the commands after it need", async () => {
    using home = new Home();
    await using server = scripted();
    server.scripts.revoke = () => ({});
    const login = ["login", "--device", "--issuer", server.issuer];
    assertEquals((await run(login, { home })).code, 0);
    const { stdout } = await run(["status", "--json"], { home });
    const { profiles: [profile] } = JSON.parse(stdout);
    assertEquals([profile.service, profile.url], ["oauth", server.issuer]);
    for (
      const [args, expected] of [
        [["token"], `${SECRETS.access}\n`],
        [["whoami"], "ada\n"],
        [["logout", "--revoke"], ""],
      ] as const
    ) {
      const { code, stdout, stderr } = await run([...args], { home });
      assertEquals([code, stdout], [0, expected], stderr);
    }
    assertEquals(
      server.formsTo("revoke").map((form) => form.get("token")),
      [SECRETS.refresh, SECRETS.access],
    );
    assertEquals((await run(["token"], { home })).code, 3);
    assertSealed(home, "");
  });

  it("asks an OpenID provider for what renews the login", async () => {
    using home = new Home();
    await using server = scripted();
    const login = ["login", "--device", "--issuer", server.issuer];
    assertEquals((await run(login, { home })).code, 0);
    assertEquals(server.formsTo("device").map((form) => form.get("scope")), [
      "openid offline_access",
    ]);
  });

  it("stands beside one at the service, as a profile of its own", async () => {
    using home = new Home();
    await using server = scripted();
    await logInByDevice(service, home);
    const login = ["login", "--device", "--issuer", server.issuer];
    const { code } = await run([...login, "--profile", "id"], { home });
    assertEquals(code, 0);
    const tokens = await Promise.all(
      ["default", "id"].map((name) =>
        run(["token", "--profile", name], { home })
      ),
    );
    assertMatch(tokens[0]?.stdout ?? "", /^nano_\w+\n$/);
    assertEquals(tokens[1]?.stdout, `${SECRETS.access}\n`);
  });
});
