import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  it,
} from "@std/testing/bdd";
import {
  assertFailure,
  CREDENTIALS,
  Home,
  type Result,
  run,
} from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";
import {
  commandLine,
  edit,
  entryIn,
  PATH,
  readCredentials,
  readStored,
  writeCredentials,
} from "../support/store_files.ts";
import { runsIn, script } from "../support/token_command.ts";

const PAST = "2026-01-15T12:00:00Z";
const FUTURE = "2100-01-15T12:00:00Z";

let service: Service;
beforeAll(async () => {
  service = await Service.start();
});
afterAll(() => service.stop());

describe("a login that is saved with its command", () => {
  let home: Home;
  beforeEach(() => {
    home = new Home();
  });
  afterEach(() => home[Symbol.dispose]());

  function nanoctl(...args: string[]): Promise<Result> {
    return run(args, { home, cwd: "/", env: { PATH } });
  }

  /** What the program prints from now on; it fails with undefined. */
  function print(text: string | undefined): void {
    if (text === undefined) Deno.removeSync(home.at("printed"));
    else Deno.writeTextFileSync(home.at("printed"), text);
  }

  function json(token: string, expires_at: string | null): string {
    return JSON.stringify({ token, expires_at });
  }

  /** Logs in while the program prints that, and counts its runs from then on. */
  async function logIn(printed: string, ...args: string[]): Promise<void> {
    print(printed);
    const line = script(home, `cat ${home.at("printed")} 2>/dev/null`);
    const { code, stderr } = await nanoctl(
      ...["login", "--save", "--url", service.url],
      ...["--token-command", line, ...args],
    );
    assertEquals(code, 0, stderr);
    Deno.removeSync(home.at("runs"));
  }

  /** The token as `token` prints it. */
  async function token(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await nanoctl("token", ...args);
    assertEquals([code, stderr], [0, ""]);
    return stdout.trim();
  }

  it("says so, and keeps the command where nobody can read it", async () => {
    const line = commandLine("sh", "-c", `echo ${service.token} # of-a-test`);
    const args = ["login", "--save", "--url", service.url];
    const { code, stderr } = await nanoctl(...args, "--token-command", line);
    assertEquals(code, 0, stderr);
    assertMatch(stderr, /is valid: you are ada/);
    assertMatch(stderr, /The command is stored with it, and runs again/);
    assert(!home.holds("of-a-test"));
    assert(!home.holds(service.token));
    assertMatch((await nanoctl("status")).stdout, /renews itself/);
  });

  it("of the variable is saved in the same way, if --save says so", async () => {
    const login = ["login", "--save", "--url", service.url];
    const { code, stderr } = await run(login, {
      home,
      env: { PATH, NANOSERVICES_TOKEN_COMMAND: `echo ${service.token}` },
    });
    assertEquals(code, 0, stderr);
    assertEquals(await token(), service.token);
  });

  it("without --save is stored nowhere", async () => {
    const args = ["login", "--url", service.url];
    const line = `echo ${service.token}`;
    const { code, stderr } = await nanoctl(...args, "--token-command", line);
    assertEquals(code, 0);
    assertMatch(stderr, /Nothing was stored/);
    assert(!home.entries().includes(CREDENTIALS));
  });

  it("is used without running the program, until its token is over", async () => {
    await logIn(json(service.token, FUTURE));
    print(undefined);
    assertEquals(await token(), service.token);
    assertEquals(await token("--json").then(JSON.parse), {
      token: service.token,
      service: "nanoservices",
      url: service.url,
      profile: "default",
      origin: "store",
      expires_at: "2100-01-15T12:00:00.000Z",
    });
    assertEquals((await nanoctl("whoami")).stdout, "ada\n");
    assertEquals(runsIn(home), 0);
  });

  it("runs the program again when its token is over, and stores what it prints", async () => {
    await logIn(json(service.token, PAST));
    const next = await service.mint();
    print(json(next.token, FUTURE));
    assertEquals([await token(), runsIn(home)], [next.token, 1]);
    print(undefined);
    assertEquals([await token(), runsIn(home)], [next.token, 1]);
    const { stdout } = await nanoctl(
      "exec",
      "--",
      "sh",
      "-c",
      "echo $NANOSERVICES_TOKEN",
    );
    assertEquals([stdout, runsIn(home)], [`${next.token}\n`, 1]);
  });

  for (const args of [["exec", "--", "true"], ["whoami"], ["api", "/v1/me"]]) {
    it(`runs it for ${args.join(" ")} too`, async () => {
      await logIn(json(service.token, PAST));
      print(json(service.token, FUTURE));
      const { code, stderr } = await nanoctl(...args);
      assertEquals([code, stderr, runsIn(home)], [0, "", 1]);
    });
  }

  it("runs it after a 401, and stores the new token", async () => {
    const old = await service.mint();
    await logIn(old.token);
    await service.change(old.id, { state: "revoked" });
    print(service.token);
    const { code, stdout, stderr } = await nanoctl("api", "/v1/me");
    assertEquals([code, stderr], [0, ""]);
    assertEquals(JSON.parse(stdout).username, "ada");
    assertEquals([await token(), runsIn(home)], [service.token, 1]);
  });

  it("is used until a 401 if nobody says when its token ends", async () => {
    const endless = await service.mint({ expires_at: null });
    await logIn(endless.token);
    assertEquals(readStored(home).profiles.default?.expires_at, null);
    assertEquals([await token(), runsIn(home)], [endless.token, 0]);
    await service.change(endless.id, { state: "expired" });
    assertEquals([await token(), runsIn(home)], [endless.token, 0]);
    print(service.token);
    assertEquals((await nanoctl("whoami")).stdout, "ada\n");
    assertEquals([await token(), runsIn(home)], [service.token, 1]);
  });

  it("is renewed once for commands that run at the same time", async () => {
    await logIn(json(service.token, PAST));
    const next = await service.mint();
    print(json(next.token, FUTURE));
    const tokens = await Promise.all([token(), token(), token(), token()]);
    assertEquals(tokens, Array(4).fill(next.token));
    assertEquals(runsIn(home), 1);
  });

  it("says how to log in where the program prints what is refused", async () => {
    const old = await service.mint();
    await logIn(old.token);
    await service.change(old.id, { state: "revoked" });
    assertFailure(await nanoctl("whoami"), {
      exit: 4,
      code: "token_revoked",
      message:
        /the token from the stored login of profile default: it was revoked/,
      hint:
        /^log in again with 'nanoctl login --save --token-command <command>'$/,
      secret: old.token,
    });
    assertEquals(runsIn(home), 1);
  });

  it("says so where the program fails, with exit code 3", async () => {
    await logIn(json(service.token, PAST));
    print(undefined);
    for (const command of ["token", "whoami"]) {
      assertFailure(await nanoctl(command), {
        exit: 3,
        code: "not_logged_in",
        message:
          /^the program sh of the stored login of profile default failed with exit code 1$/,
        hint: /^run it by itself/,
      });
    }
  });

  it("finds a program from any folder that was named by a relative path", async () => {
    print(json(service.token, PAST));
    const helper = `#!/bin/sh\ncat ${home.at("printed")}\n`;
    Deno.writeTextFileSync(home.at("helper"), helper, { mode: 0o700 });
    const args = ["login", "--save", "--url", service.url];
    const login = await run([...args, "--token-command", "./helper"], {
      home,
      cwd: home.path,
      env: { PATH },
    });
    assertEquals(login.code, 0, login.stderr);
    print(json(service.token, FUTURE));
    assertEquals(await token(), service.token);
  });

  it("survives a change of the key, and goes with a logout", async () => {
    await logIn(json(service.token, PAST));
    assertEquals((await nanoctl("store", "rekey")).code, 0);
    print(json(service.token, FUTURE));
    assertEquals([await token(), runsIn(home)], [service.token, 1]);
    assertEquals((await nanoctl("logout")).code, 0);
    assert(!readCredentials(home).includes("runs_command"));
  });

  it("is ended at the service by logout --revoke, which runs nothing", async () => {
    const { token, id } = await service.mint();
    await logIn(token);
    assertEquals((await nanoctl("logout", "--revoke")).code, 0);
    assertEquals([await service.stateOf(id), runsIn(home)], ["revoked", 0]);
  });

  describe("in a file that someone has edited, runs nothing:", () => {
    it("a command is in no field that can be edited", async () => {
      await logIn(json(service.token, PAST));
      const before = readCredentials(home);
      const evil = ["sh", "-c", `touch ${home.at("evil")}`];
      const machine = { way: "command", command: evil };
      const fields: Record<string, unknown>[] = [
        { machine },
        { command: evil },
        { oauth: { machine } },
        { runs_command: evil },
        { token_command: evil },
      ];
      for (const added of fields) {
        edit(home, (file) => Object.assign(entryIn(file, "default"), added));
        edit(home, (file) => Object.assign(file, added));
        await nanoctl("whoami");
        await nanoctl("token");
        writeCredentials(home, before);
      }
      assert(!home.entries().includes("evil"));
    });

    it("a sealed command that was moved to another profile", async () => {
      await logIn(json(service.token, PAST));
      await logIn(json(service.token, FUTURE), "--profile", "other");
      edit(home, (file) => {
        entryIn(file, "other").sealed = entryIn(file, "default").sealed;
      });
      assertEquals((await nanoctl("token")).code, 7);
      assertEquals((await nanoctl("whoami")).code, 7);
      assertEquals(runsIn(home), 0);
    });

    it("a changed byte, a date of expiry, or a URL", async () => {
      await logIn(json(service.token, FUTURE));
      const before = readCredentials(home);
      const changes: [
        exit: number,
        (entry: Record<string, unknown>) => void,
      ][] = [
        [7, (entry) => {
          const sealed = Uint8Array.fromBase64(String(entry.sealed));
          sealed[40] = (sealed[40] ?? 0) ^ 1;
          entry.sealed = sealed.toBase64();
        }],
        [7, (entry) => entry.expires_at = PAST],
        [7, (entry) => entry.url = "http://127.0.0.1:9"],
      ];
      for (const [exit, change] of changes) {
        edit(home, (file) => change({ ...entryIn(file, "default") }));
        edit(home, (file) => {
          const entry: Record<string, unknown> = {
            ...entryIn(file, "default"),
          };
          change(entry);
          Object.assign(entryIn(file, "default"), entry);
        });
        assertEquals((await nanoctl("whoami")).code, exit);
        writeCredentials(home, before);
      }
      assertEquals(runsIn(home), 0);
    });

    it("a hint that is forged in the file of another login", async () => {
      const { code } = await service.save(home);
      assertEquals(code, 0);
      const text = readCredentials(home).replace(
        '\n  "active"',
        '\n  "next_expiry": "2026-01-15T12:00:00.000Z",\n  "runs_command": true,\n  "active"',
      );
      writeCredentials(home, text);
      edit(home, (file) =>
        Object.assign(entryIn(file, "default"), {
          renewable: true,
          runs_command: true,
        }));
      assertEquals(await token(), service.token);
      assertEquals((await nanoctl("whoami")).stdout, "ada\n");
    });

    it("a hint that was removed: the program can't be run, and the error says so", async () => {
      await logIn(json(service.token, PAST));
      const text = readCredentials(home).replace(
        '\n  "runs_command": true,',
        "",
      );
      writeCredentials(home, text);
      assertFailure(await nanoctl("token"), {
        exit: 3,
        code: "not_logged_in",
        message:
          /was not known of when this command started, so it can't be run$/,
        hint: /^run it again; if that does not help, log in again$/,
      });
      assertEquals(runsIn(home), 0);
    });
  });
});
