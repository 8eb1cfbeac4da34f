import { assert, assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { assertFails, assertFailure, Home, run } from "../support/nanoctl.ts";
import { isFile } from "../../scripts/process.ts";
import { Service } from "../support/service.ts";
import { PATH } from "../support/store_files.ts";
import { runsIn, script } from "../support/token_command.ts";

const OPTION = "--token-command";

let service: Service;
beforeAll(async () => {
  service = await Service.start();
});
afterAll(() => service.stop());

describe("a program that gives no token", () => {
  const token = "nano_0123456789abcdefghij";
  const CASES: [
    what: string,
    line: string,
    expected: { exit: number; code: string; message: RegExp; hint?: RegExp },
  ][] = [
    ["fails", `sh -c 'echo ${token}; exit 9'`, {
      exit: 3,
      code: "not_logged_in",
      message: /^the program sh of --token-command failed with exit code 9$/,
      hint: /^run it by itself/,
    }],
    ["is killed", `sh -c 'echo ${token}; kill -KILL $$'`, {
      exit: 3,
      code: "not_logged_in",
      message: /^the program sh of --token-command was ended by SIGKILL$/,
      hint: /^run it by itself/,
    }],
    ["prints nothing", "true", {
      exit: 3,
      code: "not_logged_in",
      message:
        /^the output of the program true of --token-command holds no token: it is empty$/,
    }],
    ["prints two lines", `printf '${token}\\nx\\n'`, {
      exit: 4,
      code: "token_invalid",
      message:
        /does not hold a token: it has more than one line; it was not sent$/,
      hint: /^give the token alone/,
    }],
    ["prints too much", "yes", {
      exit: 4,
      code: "token_invalid",
      message: /printed more than 65536 bytes/,
      hint: /^have it print the token alone/,
    }],
    ["prints JSON without one", `echo '{"secret":"${token}"}'`, {
      exit: 4,
      code: "token_invalid",
      message: /is JSON without a token; it was not sent$/,
      hint: /^have it print the token alone/,
    }],
    ["prints a wrong end", `echo '{"token":"${token}","expires_at":"soon"}'`, {
      exit: 4,
      code: "token_invalid",
      message: /has an expires_at that is no date \(RFC 3339\)/,
      hint: /^have it print the token alone/,
    }],
    ["is missing", "no-such-program", {
      exit: 3,
      code: "not_logged_in",
      message: /^the program no-such-program of --token-command was not found$/,
      hint: /^install it/,
    }],
    ["is no program", "/etc/passwd", {
      exit: 3,
      code: "not_logged_in",
      message: /^the program \/etc\/passwd of --token-command can't be run$/,
      hint: /^check its permissions/,
    }],
    ["takes too long", "sleep 1000", {
      exit: 3,
      code: "not_logged_in",
      message:
        /^the program sleep of --token-command did not end within 0\.5 s$/,
      hint: /--timeout$/,
    }],
    ["has an unfinished quote", "pass 'nano", {
      exit: 2,
      code: "usage",
      message: /^--token-command has a quotation mark without its partner$/,
      hint: /^quote as for a shell/,
    }],
    ["has no name", "''", {
      exit: 2,
      code: "usage",
      message: /^--token-command names no program$/,
      hint: /^give a program/,
    }],
  ];
  for (const [what, line, expected] of CASES) {
    it(`as it ${what}, is exit ${expected.exit}`, async () => {
      using home = new Home();
      const options = { home, env: { PATH, ...service.env } };
      for (const command of ["token", "whoami"]) {
        const args = [command, "--timeout", "0.5", OPTION, line];
        // Those that are quick must not be late where the machine is slow.
        if (what !== "takes too long") args.splice(1, 2);
        await assertFails(args, options, { ...expected, secret: token });
      }
    });
  }

  it("is not looked for in the working folder", async () => {
    using home = new Home();
    Deno.writeTextFileSync(home.at("helper"), "#!/bin/sh\necho > ran\n", {
      mode: 0o700,
    });
    const result = await run(["token", OPTION, "helper"], {
      home,
      cwd: home.path,
      env: { PATH: `:${PATH}:.` },
    });
    assertFailure(result, {
      exit: 3,
      code: "not_logged_in",
      message: /only in an empty or relative entry of PATH, which is not used$/,
      hint: /name the program by its path$/,
    });
    assert(!isFile(home.at("ran")));
  });

  const BOTH: string[][] = [
    ["whoami", "--token", token],
    ["whoami", "--token-file", "-"],
    ["login", "--token-stdin"],
    ["login", "--device"],
    ["api", "/v1/me", "--agent-token", token],
    ["external-auth", "list", "--auth", "aws-instance-identity"],
  ];
  for (const args of BOTH) {
    it(`is not run if ${args.slice(args[0] === "api" ? 2 : -2).join(" ")} is given too`, async () => {
      using home = new Home();
      const line = script(home, `echo ${service.token}`);
      const { code, stderr } = await service.run(
        [...args, OPTION, line],
        home,
        { PATH },
      );
      assertEquals([code, runsIn(home)], [2, 0], stderr);
      assert(!stderr.includes(token));
    });
  }

  it("is what an agent of the environment yields to", async () => {
    using home = new Home();
    const env = { NANOSERVICES_AGENT_TOKEN: service.agentToken };
    const args = ["api", "/v1/me", OPTION, `echo ${service.token}`];
    const { stdout } = await service.run(args, home, { PATH, ...env });
    assertEquals(JSON.parse(stdout).username, "ada");
  });
});
