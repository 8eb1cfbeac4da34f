import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ExitCode } from "../../src/cli/exit_code.ts";
import { type ExecOptions, runExec } from "../../src/cli/commands/exec.ts";
import {
  FakeContext,
  rejectionOf,
  TemporaryHome,
} from "../support/fake_context.ts";

const ENV = {
  PATH: "/usr/bin:/bin",
  NANOSERVICES_URL: "https://api.example",
  NANOSERVICES_TOKEN: "nano_env",
};

/** The code with which the command ends. */
async function codeOf(
  context: FakeContext,
  options: ExecOptions,
  command: string[],
): Promise<number> {
  const end = await runExec(context, options, command).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (end instanceof ExitCode) return end.code;
  throw end ?? new Error("it ended without a code");
}

/** Ends with 0 where this holds in a shell that exec runs. */
function check(condition: string): string[] {
  return ["/bin/sh", "-c", condition];
}

describe("exec", () => {
  it("ends as the child ends", async () => {
    for (const code of [0, 1, 77]) {
      const context = new FakeContext({ env: ENV });
      assertEquals(await codeOf(context, {}, check(`exit ${code}`)), code);
    }
    const context = new FakeContext({ env: ENV });
    assertEquals(await codeOf(context, {}, check("kill -TERM $$")), 143);
  });

  const environments: {
    name: string;
    env?: Record<string, string>;
    options?: ExecOptions;
    holds: string;
  }[] = [
    {
      name: "the token and its URL",
      options: { token: "nano_flag", url: "https://other.example/" },
      holds:
        '[ "$NANOSERVICES_TOKEN $NANOSERVICES_URL" = "nano_flag https://other.example" ]',
    },
    {
      name: "the service that it is for",
      options: { token: "nano_flag", service: "coder" },
      holds: '[ "$NANOCTL_SERVICE" = "coder" ]',
    },
    {
      name: "no token file that would go before it",
      env: { NANOSERVICES_TOKEN_FILE: "/nowhere" },
      options: { token: "nano_flag" },
      holds: '[ -z "${NANOSERVICES_TOKEN_FILE+set}" ]',
    },
    {
      name: "the token under another name, and the rest as it was",
      env: { NANOSERVICES_TOKEN_FILE: "/nowhere" },
      options: {
        token: "nano_flag",
        env: "API_TOKEN",
        url: "https://o.example",
      },
      holds:
        '[ "$API_TOKEN $NANOSERVICES_TOKEN $NANOSERVICES_TOKEN_FILE $NANOSERVICES_URL" = "nano_flag nano_env /nowhere https://api.example" ]',
    },
    {
      name: "all other variables",
      env: { SOME: "a b", _x: "" },
      holds: '[ "$SOME" = "a b" ] && [ -n "${_x+set}" ]',
    },
  ];
  for (const { name, env = {}, options = {}, holds } of environments) {
    it(`gives the child ${name}`, async () => {
      const context = new FakeContext({ env: { ...ENV, ...env } });
      assertEquals(await codeOf(context, options, check(holds)), 0);
    });
  }

  it("changes nothing in our own environment, and asks no service", async () => {
    const context = new FakeContext({ env: ENV });
    const before = new Map(context.variables);
    await codeOf(context, { token: "nano_flag" }, check("true"));
    assertEquals(context.variables, before);
    assertEquals(context.requests, []);
    assertEquals([context.stdout.text, context.stderr.text], ["", ""]);
    assert(!Object.values(Deno.env.toObject()).includes("nano_flag"));
  });

  it("leaves Ctrl-C to the child, but only once there is one", async () => {
    const context = new FakeContext({ env: ENV });
    await codeOf(context, {}, check("true"));
    assert(context.interruptReleased);
    const none = new FakeContext({ env: ENV });
    await rejectionOf(runExec(none, {}, []));
    assert(!none.interruptReleased);
  });

  for (const name of ["", "A=B", "1A", "A-B", "A B", "Ä", "A\n"]) {
    it(`takes no ${JSON.stringify(name)} for the name of a variable`, async () => {
      const context = new FakeContext({ env: ENV });
      const error = await rejectionOf(
        runExec(context, { env: name }, check("true")),
      );
      assertEquals(error.code, "usage");
    });
  }

  it("says which command is not there, and which can't be run", async () => {
    const context = new FakeContext({ env: ENV });
    const missing = await rejectionOf(runExec(context, {}, ["/no/such"]));
    assertEquals(
      [missing.code, missing.exitCode, missing.message],
      ["command_not_found", 127, "the command /no/such was not found"],
    );
    const folder = await rejectionOf(runExec(context, {}, ["/"]));
    assertEquals(
      [folder.code, folder.exitCode, folder.message],
      ["command_not_executable", 126, "the command / can't be run"],
    );
  });

  it("runs nothing without a command, nor without a token", async () => {
    const context = new FakeContext({ env: ENV });
    for (const command of [[], [""]]) {
      const error = await rejectionOf(runExec(context, {}, command));
      assertEquals([error.code, error.exitCode], ["usage", 2]);
    }
    await using home = await TemporaryHome.make();
    const path = `${home.path}/ran`;
    const empty = new FakeContext({ env: { ...home.env, PATH: ENV.PATH } });
    const error = await rejectionOf(
      runExec(empty, {}, check(`touch ${path}`)),
    );
    assertEquals(error.code, "not_logged_in");
    await rejectionOf(runExec(empty, { tokenFile: "/no/such" }, ["true"]));
    assertEquals(
      [...Deno.readDirSync(home.path)].some(({ name }) => name === "ran"),
      false,
    );
  });
});
