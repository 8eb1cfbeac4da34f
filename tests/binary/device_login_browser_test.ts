import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { Home } from "../support/nanoctl.ts";
import { refusal, ScriptedOAuth } from "../support/scripted_oauth.ts";
import { KEYS, Terminal } from "../support/terminal.ts";

const OFFER = "Press Enter to open the page here.";

describe("a browser on this machine", () => {
  let home: Home;
  let server: ScriptedOAuth;
  /** Whether the login is approved, at the next poll. */
  let approved: boolean;

  beforeEach(() => {
    home = new Home();
    approved = false;
    server = new ScriptedOAuth({
      token: () =>
        approved || opened() !== undefined
          ? { body: { access_token: "a-token", token_type: "Bearer" } }
          : refusal("authorization_pending"),
    });
  });
  afterEach(async () => {
    home[Symbol.dispose]();
    await server[Symbol.asyncDispose]();
  });

  /** What the browser was called with, and its variables; undefined if it was not called. */
  function opened(): string | undefined {
    try {
      return Deno.readTextFileSync(home.at("opened"));
    } catch {
      return undefined;
    }
  }

  /** A login on a terminal, on a machine with this program as its browser. */
  function logIn(
    script: string,
    env: Record<string, string> = {},
    ...args: string[]
  ): Terminal {
    Deno.mkdirSync(home.at("bin"));
    const path = home.at("bin/xdg-open");
    Deno.writeTextFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return new Terminal(
      ["login", "--device", "--issuer", server.issuer, ...args],
      {
        home,
        shell: env.NO_PROGRAMS ? "PATH=:/nonexistent %" : "%",
        env: {
          PATH: `${home.at("bin")}:/usr/bin:/bin`,
          DISPLAY: ":0",
          NANOCTL_CLIENT_SECRET: "s3cret of a test",
          ...env,
        },
      },
    );
  }

  const RECORD =
    '{ echo "$@"; env; } > "$HOME/.new"; mv "$HOME/.new" "$HOME/opened"';

  it("opens the page on Enter, without the code and without our variables", async () => {
    const terminal = logIn(RECORD);
    await terminal.waitFor(OFFER);
    await terminal.type(`x${KEYS.enter}`);
    const { code, screen, before, after } = await terminal.end();
    assertEquals([code, after], [0, before]);
    const [args, ...env] = opened()?.split("\n") ?? [];
    assertEquals(args, `${server.issuer}/page`);
    assert(env.some((line) => line.startsWith("DISPLAY=")));
    assert(!env.some((line) => /NANOCTL|s3cret/.test(line)), `${env}`);
    assertStringIncludes(screen, "Welcome, ada.");
  });

  it("is opened by nothing but Enter", async () => {
    const terminal = logIn(RECORD);
    await terminal.waitFor(OFFER);
    approved = true;
    assertEquals((await terminal.end()).code, 0);
    assertEquals(opened(), undefined);
  });

  it("that can't be opened is said, and the login goes on", async () => {
    const terminal = logIn("exit 3");
    await terminal.waitFor(OFFER);
    await terminal.type(KEYS.enter);
    await terminal.waitFor("no browser could be opened here");
    approved = true;
    assertEquals((await terminal.end()).code, 0);
  });

  const nowhere: [string, Record<string, string>, ...string[]][] = [
    ["over SSH", { SSH_CONNECTION: "192.0.2.1 1 192.0.2.2 22" }],
    ["without a display", { DISPLAY: "" }],
    // The working folder's own is not used.
    ["where PATH has none", { NO_PROGRAMS: "1" }],
    ["with --no-browser", {}, "--no-browser"],
    ["with --json", {}, "--json"],
    ["where a passphrase is asked for", {}, "--key-source", "passphrase"],
  ];
  for (const [where, env, ...args] of nowhere) {
    it(`is not offered ${where}`, async () => {
      approved = true;
      const terminal = logIn(RECORD, env, ...args);
      if (where.includes("passphrase")) {
        for (const question of ["assphrase", "again"]) {
          await terminal.waitFor(question);
          await terminal.type(`a passphrase of a test${KEYS.enter}`);
        }
      }
      const { code, screen } = await terminal.end();
      assertEquals([code, screen.includes("Press Enter")], [0, false], screen);
      assertEquals(opened(), undefined);
    });
  }
});
