import type { Context } from "../process/context.ts";
import { NanoctlError } from "../errors.ts";
import { childEnvironment } from "../process/child_environment.ts";
import { findProgram } from "../process/program_path.ts";
import type { Output } from "./output.ts";

/** What is to be done, and for which stored login. */
interface GitSetup {
  setup?: boolean | undefined;
  teardown?: boolean | undefined;
  profile?: string | undefined;
}

const KEY = "credential.helper";
/** Every line that we ever wrote there, wherever the program was then. */
const OURS = "^!'.*' credential git( --profile [A-Za-z0-9._-]+)?$";
/** `git config --unset-all` found nothing (git-config(1), "exit status"). */
const NOTHING_UNSET = 5;

/**
 * Adds nanoctl to git's credential helpers in its global configuration, or with
 * `teardown` removes it; both can be repeated.
 *
 * Throws `usage` for options that contradict each other, `command_not_found`
 * without git, and `failed` with what git says.
 */
export async function setUpGit(
  context: Context,
  { setup, teardown, profile }: GitSetup,
  output: Output,
  action: string,
): Promise<void> {
  if (setup && teardown || action !== "") {
    throw new NanoctlError(
      "usage",
      "--setup and --teardown are each given alone",
      "nanoctl credential git --setup",
    );
  }
  const git = gitOf(context);
  await run(git, ["--unset-all", KEY, OURS], [0, NOTHING_UNSET]);
  if (teardown) return await output.say("git doesn't ask nanoctl any more.");
  const line = helperLine(Deno.execPath(), profile);
  await run(git, ["--add", KEY, line], [0]);
  await output.say(
    "git now asks nanoctl for the login of each host that the service or one of its providers is for.",
  );
}

/** What git runs in a shell (gitcredentials(7), "CUSTOM HELPERS"). */
function helperLine(program: string, profile: string | undefined): string {
  const quoted = `'${program.replaceAll("'", "'\\''")}'`;
  return `!${quoted} credential git${profile ? ` --profile ${profile}` : ""}`;
}

interface Git {
  path: string;
  env: Record<string, string>;
}

function gitOf({ env: { toObject }, os }: Context): Git {
  const env = childEnvironment(toObject(), os);
  const path = findProgram("git", env, os)?.path;
  if (path) return { path, env };
  throw new NanoctlError(
    "command_not_found",
    "git is not in PATH",
    "install it, or add its folder to PATH",
  );
}

async function run(
  { path, env }: Git,
  args: string[],
  expected: number[],
): Promise<void> {
  const { code, stderr } = await new Deno.Command(path, {
    args: ["config", "--global", ...args],
    env,
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (expected.includes(code)) return;
  const said = new TextDecoder().decode(stderr).trim().split("\n").at(-1);
  throw new NanoctlError(
    "failed",
    `git config failed with exit code ${code}: ${said}`,
    "check your global git configuration",
  );
}
