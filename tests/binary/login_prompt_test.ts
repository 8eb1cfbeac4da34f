import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import {
  CREDENTIALS,
  Home,
  KEY,
  run,
  STORED_ENTRIES,
  until,
} from "../support/nanoctl.ts";
import { me, StrangeServer } from "../support/servers.ts";
import { Service } from "../support/service.ts";
import { KEYS, Terminal, type TerminalOptions } from "../support/terminal.ts";

describe("nanoctl login on a terminal", () => {
  let service: Service;

  beforeAll(async () => {
    service = await Service.start();
  });
  afterAll(() => service.stop());

  /** Opens the prompt and waits until it asks. */
  async function openPrompt(
    home: Home,
    options: TerminalOptions = {},
    ...args: string[]
  ): Promise<Terminal> {
    const env = { ...service.env, ...options.env };
    const terminal = new Terminal(["login", ...args], {
      ...options,
      home,
      env,
    });
    await asked(terminal);
    return terminal;
  }

  /** Types a token at the prompt, and waits until the service, which is slow, is asked for it. */
  async function untilAsked(home: Home): Promise<Terminal> {
    const { token, id } = await service.mint({ state: "slow", delay: 600 });
    const terminal = await openPrompt(home);
    await terminal.type(token + KEYS.enter);
    await until(
      async () => await service.requestsWith(id) > 0,
      "the service is asked",
    );
    return terminal;
  }

  /** Waits until it asks for the nth time. */
  function asked(terminal: Terminal, times = 1): Promise<void> {
    return terminal.waitFor(
      "Token",
      times === 1 ? "make a token at" : `Try again (${4 - times} left).`,
    );
  }

  describe("with a valid token", () => {
    it("names the page, welcomes you with the expiry, and stores it", async () => {
      using home = new Home();
      const terminal = await openPrompt(home);
      assertStringIncludes(
        terminal.transcript,
        `${service.url}/settings/tokens`,
      );
      await terminal.type(service.token + KEYS.enter);
      const { code, screen, before, after } = await terminal.end();
      assertEquals(code, 0, screen);
      assertMatch(
        screen,
        /Welcome, ada\. Your token for \S+ expires on \d{4}-\d\d-\d\d \(in 30 days\)\.\r\n/,
      );
      assertStringIncludes(screen, `Stored, encrypted, as profile default in`);
      assertEquals(after, before);
      assertEquals(home.entries(), STORED_ENTRIES);
      for (const file of [CREDENTIALS, KEY]) {
        assertEquals(home.mode(file), "0600");
      }
      for (const folder of [".config/nanoctl", ".local/share/nanoctl"]) {
        assertEquals(home.mode(folder), "0700");
      }
      assertEquals(home.holds(service.token), false);
      assertEquals((await service.run(["whoami"], home)).stdout, "ada\n");
    });

    it("keeps stdout for data: --json prints the account there", async () => {
      using home = new Home();
      const shell = `% > ${home.at("out")}`;
      const terminal = await openPrompt(home, { shell }, "--json");
      await terminal.type(service.token + KEYS.enter);
      const { code, screen } = await terminal.end();
      assertEquals(code, 0, screen);
      const { account, stored, origin } = JSON.parse(
        Deno.readTextFileSync(home.at("out")),
      );
      assertEquals(
        [account.username, stored, origin],
        ["ada", true, "prompt"],
      );
    });
  });

  describe("the masking", () => {
    /** Nothing of it longer than two characters may reach the terminal by echo. */
    function assertMasked({ transcript }: Terminal, typed: string): void {
      assert(transcript.includes("*"), "there is no mask at all");
      for (let at = 0; at + 5 <= typed.length; at++) {
        const part = typed.slice(at, at + 5);
        assert(!transcript.includes(part), `${part} was echoed: ${transcript}`);
      }
    }

    it("echoes nothing of a token that is typed key by key", async () => {
      using home = new Home();
      const terminal = await openPrompt(home);
      await terminal.typeSlowly(service.token);
      await terminal.type(KEYS.enter);
      assertEquals((await terminal.end()).code, 0);
      assertMasked(terminal, service.token);
    });

    it("echoes nothing of a token that is typed at once", async () => {
      using home = new Home();
      const terminal = await openPrompt(home);
      await terminal.type(service.token + KEYS.enter);
      assertEquals((await terminal.end()).code, 0);
      assertMasked(terminal, service.token);
    });

    const long = Array.from({ length: 300 }, (_, i) => `x${1000 + i}`).join("");

    for (
      const [how, type] of [
        ["pasted", (terminal: Terminal) => terminal.type(long)],
        ["typed key by key", async (terminal: Terminal): Promise<void> => {
          for (const key of long) await terminal.type(key);
        }],
      ] as const
    ) {
      it(`echoes nothing of ${long.length} characters that are ${how}, and takes them all`, async () => {
        using home = new Home();
        await using server = new StrangeServer(() => me());
        const env = { NANOSERVICES_URL: server.url };
        const terminal = await openPrompt(home, { env });
        await type(terminal);
        await terminal.type(KEYS.enter);
        assertEquals((await terminal.end()).code, 0);
        assertMasked(terminal, long);
        // The first request finds out which service it is.
        assertEquals(
          server.caught.map(({ headers }) => headers.get("authorization")),
          [null, `Bearer ${long}`],
        );
        assertEquals(home.holds(long), false);
      });
    }

    it("echoes nothing of what is typed while the service is asked", async () => {
      using home = new Home();
      const slow = await service.mint({ state: "slow", delay: 1 });
      const terminal = await openPrompt(home);
      await terminal.type(slow.token + KEYS.enter);
      await until(
        async () => await service.requestsWith(slow.id) > 0,
        "the service is asked",
      );
      await terminal.type(service.token);
      const { code, before, after } = await terminal.end();
      assertEquals([code, after], [0, before]);
      assertMasked(terminal, service.token);
    });

    it("echoes nothing of the second line of a paste", async () => {
      using home = new Home();
      const lines = ["wrong-first-line", "another-second-line"];
      const terminal = await openPrompt(home);
      await terminal.type(lines.join("\n"));
      await asked(terminal, 2);
      await terminal.type(KEYS.ctrlC);
      assertEquals((await terminal.end()).code, 130);
      for (const line of lines) assertMasked(terminal, line);
    });
  });

  describe("a refused token", () => {
    it("says why each time, and is asked for three times in all", async () => {
      using home = new Home();
      const [expired, revoked] = await Promise.all([
        service.mint({ state: "expired" }),
        service.mint({ state: "revoked" }),
      ]);
      const terminal = await openPrompt(home);
      await terminal.type("nano_unknown" + KEYS.enter);
      await terminal.waitFor("it is not valid. Try again (2 left).");
      await asked(terminal, 2);
      await terminal.type(expired.token + KEYS.enter);
      await terminal.waitFor("it has expired. Try again (1 left).");
      await asked(terminal, 3);
      await terminal.type(revoked.token + KEYS.enter);
      const { code, screen, before, after } = await terminal.end();
      assertEquals(code, 4);
      assertMatch(screen, /error: .* it was revoked\r\nhint: [^\n]+\r\n$/);
      assertEquals(screen.includes("(0 left)"), false);
      assertEquals(after, before);
      assertEquals(home.entries(), []);
    });

    it("may be followed by one that is stored", async () => {
      using home = new Home();
      const terminal = await openPrompt(home);
      await terminal.type("nano_unknown" + KEYS.enter);
      await asked(terminal, 2);
      await terminal.type(service.token + KEYS.enter);
      assertEquals((await terminal.end()).code, 0);
      assertEquals((await service.run(["whoami"], home)).stdout, "ada\n");
    });

    it("leaves the login that was stored before", async () => {
      using home = new Home();
      await service.logIn(home, service.token);
      const terminal = await openPrompt(home);
      for (const times of [2, 3, 4]) {
        await terminal.type("nano_unknown" + KEYS.enter);
        if (times < 4) await asked(terminal, times);
      }
      assertEquals((await terminal.end()).code, 4);
      assertEquals((await service.run(["whoami"], home)).stdout, "ada\n");
    });

    it("is not asked for again when the service fails", async () => {
      using home = new Home();
      const { token } = await service.mint({ state: "failing" });
      const terminal = await openPrompt(home);
      await terminal.type(token + KEYS.enter);
      const { code, screen } = await terminal.end();
      assertEquals([code, screen.includes("Try again (")], [6, false]);
      assertEquals(home.entries(), []);
    });
  });

  describe("the keys", () => {
    it("takes back what was mistyped with Backspace", async () => {
      using home = new Home();
      const terminal = await openPrompt(home);
      await terminal.type("zz");
      await terminal.typeSlowly(KEYS.backspace + KEYS.backspace);
      await terminal.type(service.token + "zz");
      await terminal.type(KEYS.backspace + KEYS.backspace);
      await terminal.type(KEYS.enter);
      const { code, screen } = await terminal.end();
      assertEquals(code, 0, screen);
    });

    for (
      const [name, keys] of [
        ["Ctrl-C", KEYS.ctrlC],
        ["Ctrl-D", KEYS.ctrlD],
        ["Ctrl-C behind half a token", `nano_half${KEYS.ctrlC}`],
      ] as const
    ) {
      it(`ends with 130 on ${name}, and leaves the terminal as it was`, async () => {
        using home = new Home();
        const terminal = await openPrompt(home);
        await terminal.type(keys);
        const { code, screen, before, after } = await terminal.end();
        assertEquals(code, 130, screen);
        assert(screen.endsWith("error: interrupted\r\n"), screen);
        assertEquals(after, before);
        assertShowsCursor(screen);
        assertEquals(home.entries(), []);
      });
    }

    for (
      const [name, keys] of [
        ["Ctrl-U", "half a token\x15"],
        ["Ctrl-W", "half a token\x17"],
      ] as const
    ) {
      it(`forgets what was typed on ${name}`, async () => {
        using home = new Home();
        const terminal = await openPrompt(home);
        await terminal.type(keys + service.token + KEYS.enter);
        const { code, screen } = await terminal.end();
        assertEquals(code, 0, screen);
      });
    }

    it("takes a paste as it is where the terminal marks it as one", async () => {
      using home = new Home();
      const terminal = await openPrompt(home);
      await terminal.type(`\x1b[200~${service.token}\x1b[201~${KEYS.enter}`);
      const { code, screen } = await terminal.end();
      assertEquals(code, 0, screen);
    });

    it("takes a passphrase in any alphabet, typed or pasted", async () => {
      using home = new Home();
      const passphrase = "pässwört, пароль, 密碼, 🔑 — and much more of it";
      const terminal = new Terminal(
        ["login", "--save", "--key-source", "passphrase"],
        { home, env: { NANOSERVICES_TOKEN: service.token, ...service.env } },
      );
      await terminal.waitFor("New passphrase");
      for (const key of passphrase) await terminal.type(key);
      await terminal.type(KEYS.enter);
      await terminal.waitFor("The same again");
      await terminal.type(passphrase + KEYS.enter);
      const { code, screen } = await terminal.end();
      assertEquals(code, 0, screen);
      const { stdout } = await run(["token"], {
        home,
        env: { NANOCTL_PASSPHRASE: passphrase },
      });
      assertEquals(stdout, `${service.token}\n`);
    });

    for (
      const [signal, exitCode] of [["SIGTERM", 143], ["SIGHUP", 129]] as const
    ) {
      it(`leaves the terminal as it was when the program gets ${signal}`, async () => {
        using home = new Home();
        const terminal = await openPrompt(home);
        Deno.kill(await programOf(terminal), signal);
        const { code, screen, before, after } = await terminal.end();
        assertEquals([code, after], [exitCode, before], screen);
      });
    }

    for (
      const [signal, exitCode] of [
        ["SIGTERM", 143],
        ["SIGHUP", 129],
        ["SIGQUIT", 131],
      ] as const
    ) {
      it(`leaves the terminal as it was when ${signal} comes while the service is asked`, async () => {
        using home = new Home();
        const terminal = await untilAsked(home);
        Deno.kill(await programOf(terminal), signal);
        const { code, screen, before, after } = await terminal.end();
        assertEquals([code, after], [exitCode, before], screen);
        assertEquals(home.entries(), []);
      });
    }

    it("leaves the terminal as it was when Ctrl-C comes while the service is asked", async () => {
      using home = new Home();
      const terminal = await untilAsked(home);
      await terminal.type(KEYS.ctrlC);
      const { code, before, after } = await terminal.end();
      assertEquals([code, after], [130, before]);
      assertEquals(home.entries(), []);
    });

    it("leaves the terminal as it was when the program gets SIGINT", async () => {
      using home = new Home();
      const terminal = await openPrompt(home);
      Deno.kill(await programOf(terminal), "SIGINT");
      const { code, screen, before, after } = await terminal.end();
      assertEquals([code, after], [130, before], screen);
      assertShowsCursor(screen);
    });
  });

  describe("when the terminal is closed", () => {
    it("ends", async () => {
      using home = new Home();
      const terminal = await openPrompt(home);
      const pid = await programOf(terminal);
      await terminal.hangUp();
      await until(() => !isRunning(pid), "the program has ended");
      assertEquals(home.entries(), []);
    });

    it("ends even if it ignores the hang-up signal", async () => {
      using home = new Home();
      const terminal = await openPrompt(home, { shell: "trap '' HUP; %" });
      const pid = await programOf(terminal);
      await terminal.hangUp();
      await until(() => !isRunning(pid), "the program has ended");
      assertEquals(home.entries(), []);
    });
  });

  describe("without a whole terminal", () => {
    for (const redirection of ["< /dev/null", "2> errors"]) {
      it(`says so with ${redirection}, and does not ask`, async () => {
        using home = new Home();
        const errors = home.at("errors");
        const shell = `% ${redirection.replace("errors", errors)}`;
        const { env } = service;
        const terminal = new Terminal(["login"], { home, env, shell });
        const { code, screen } = await terminal.end();
        assertEquals(code, 2, screen);
        const said = redirection.startsWith("2")
          ? Deno.readTextFileSync(errors)
          : screen;
        assertStringIncludes(said, "there is no terminal to ask for one");
      });
    }
  });
});

/** A prompt may hide the cursor; whoever ends must not leave it hidden. */
function assertShowsCursor(screen: string): void {
  const hidden = screen.lastIndexOf("\x1b[?25l");
  assert(hidden <= screen.lastIndexOf("\x1b[?25h"), "the cursor is hidden");
}

/** The process of the program in a terminal. */
async function programOf({ shellPid }: Terminal): Promise<number> {
  const path = `/proc/${shellPid}/task/${shellPid}/children`;
  const [pid = ""] = (await Deno.readTextFile(path)).trim().split(" ");
  assertMatch(pid, /^\d+$/);
  return Number(pid);
}

function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return false;
  }
}
