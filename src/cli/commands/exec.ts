import type { GlobalOptions } from "../command_line/shared_options.ts";
import { type Command, type OptionsOf, text } from "../command_line/spec.ts";
import type { Context } from "../../process/context.ts";
import { systemOf } from "../../process/system/systems.ts";
import { NanoctlError } from "../../errors.ts";
import { Output } from "../output.ts";
import type { TOKEN_VARIABLES } from "../../tokens/variables.ts";
import { ExitCode } from "../exit_code.ts";
import type { CurrentToken } from "../session/current_token.ts";

const OTHER_PROGRAM = "name the program that the batch file starts";
const TOKEN_VARIABLE: typeof TOKEN_VARIABLES.value = "NANOSERVICES_TOKEN";

const OPTIONS = {
  env: text("name", "The variable for the token.", { default: TOKEN_VARIABLE }),
};

/** The options of `exec`. */
export type ExecOptions = GlobalOptions & OptionsOf<typeof OPTIONS>;

/** `nanoctl exec -- <command>`: a command with the token in its environment. */
export const exec: Command<ExecOptions> = {
  usage: "-- <command> [argument...]",
  takesCommand: true,
  options: OPTIONS,
  examples: [
    ["A script that needs the token", "nanoctl exec -- ./deploy.sh"],
    ["Under another name", "nanoctl exec --env API_TOKEN -- make publish"],
  ],
  usesToken: "hands over",
  runsPrograms: () => true,
  run: runExec,
};

/**
 * Runs the command and throws `ExitCode` with its exit code, which is 128 and
 * the signal's number when a signal ended it.
 *
 * Throws `usage` without a command, `command_not_found` and
 * `command_not_executable`, and what getting the token throws.
 */
export async function runExec(
  context: Context,
  options: ExecOptions,
  command: string[],
): Promise<void> {
  const [program, ...args] = command;
  if (!program) {
    throw new NanoctlError(
      "usage",
      "there is no command to run",
      "put it after --: nanoctl exec -- <command>",
    );
  }
  const variable = variableName(options);
  const { currentToken } = await import("../session/current_token.ts");
  const output = new Output(context, options);
  const current = await currentToken(context, options, output);
  const env = await environment(context, variable, current);
  const path = await pathOf(program, env, context.os);
  const fault = systemOf(context.os).faultOfArguments(path, args);
  if (fault !== undefined) {
    throw notExecutable(`${program} ${fault}`, OTHER_PROGRAM);
  }
  // Before the child exists: a signal that comes in between is for it too.
  const passTo = catchSignals(context);
  context.prompts.release();
  const child = spawn(program, path, args, env);
  passTo(child);
  const { code } = await child.status;
  throw new ExitCode(code);
}

function variableName({ env = TOKEN_VARIABLE }: ExecOptions): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(env)) return env;
  throw new NanoctlError(
    "usage",
    "what --env gives can't be the name of a variable",
    "a name is made of letters, digits and underscores",
  );
}

/** Variables that open every stored login, or name what does: the child gets only one token. */
const STORE_SECRETS = [
  "NANOCTL_PASSPHRASE",
  "NANOCTL_ENCRYPTION_KEY",
  "NANOCTL_NEW_PASSPHRASE",
  "NANOCTL_NEW_ENCRYPTION_KEY",
  "NANOCTL_KEY_COMMAND",
];

/**
 * The child's environment: the token under its name, with its URL and service. A
 * nanoctl in the child must not send it elsewhere, nor prefer another token.
 */
async function environment(
  context: Context,
  variable: string,
  { target, token }: CurrentToken,
): Promise<Record<string, string>> {
  const { TOKEN_VARIABLES } = await import("../../tokens/variables.ts");
  const { withoutVariables } = await import(
    "../../process/child_environment.ts"
  );
  const given = variable === TOKEN_VARIABLE
    ? { NANOSERVICES_URL: target.url, NANOCTL_SERVICE: target.service }
    : {};
  const others = variable === TOKEN_VARIABLE
    ? Object.values(TOKEN_VARIABLES)
    : [];
  const replaced = [
    ...STORE_SECRETS,
    ...others,
    ...Object.keys(given),
    variable,
  ];
  return {
    ...withoutVariables(context.env.toObject(), replaced, context.os),
    ...given,
    [variable]: token.secret.reveal(),
  };
}

function spawn(
  program: string,
  path: string,
  args: string[],
  env: Record<string, string>,
): Deno.ChildProcess {
  try {
    return new Deno.Command(path, {
      args,
      env,
      clearEnv: true,
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
    }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw notFound(program);
    throw notExecutable(
      `${program} can't be run`,
      "check its permissions and its first line",
    );
  }
}

function notExecutable(fault: string, hint: string): NanoctlError {
  return new NanoctlError(
    "command_not_executable",
    `the command ${fault}`,
    hint,
  );
}

/** The path of the program. Throws `command_not_found`. */
async function pathOf(
  program: string,
  env: Record<string, string>,
  os: string,
): Promise<string> {
  const { findProgram, pathFolders } = await import(
    "../../process/program_path.ts"
  );
  const place = findProgram(program, env, os);
  if (place?.path !== undefined) return place.path;
  if (place) {
    throw new NanoctlError(
      "command_not_found",
      `the command ${program} is only in an empty or relative entry of PATH, which is not used`,
      `name it by its path: nanoctl exec -- ${place.passedOver}`,
    );
  }
  if (pathFolders(env, os).length > 0) throw notFound(program);
  throw new NanoctlError(
    "command_not_found",
    `the command ${program} was not found: there is no PATH`,
    "set PATH, or name the command by its path",
  );
}

function notFound(program: string): NanoctlError {
  return new NanoctlError(
    "command_not_found",
    `the command ${program} was not found`,
  );
}

/**
 * Catches the signals from now on; they are for the child that the result is
 * called with. The listeners stay when it has ended: a signal that is still on its
 * way would end us with an exit code other than the child's.
 */
function catchSignals(context: Context): (child: Deno.ChildProcess) => void {
  const atTerminal = context.stdin.isTerminal || context.stdout.isTerminal ||
    context.stderr.isTerminal;
  const { passedSignals, sharedSignals, alwaysShares } = systemOf(context.os);
  const started = Promise.withResolvers<Deno.ChildProcess>();
  for (const signal of new Set([...passedSignals, ...sharedSignals])) {
    const isForBoth = (alwaysShares || atTerminal) &&
      sharedSignals.includes(signal);
    Deno.addSignalListener(signal, async () => {
      if (isForBoth) return;
      const child = await started.promise;
      try {
        child.kill(signal);
      } catch {
        // It has ended already.
      }
    });
  }
  context.releaseInterrupt();
  return started.resolve;
}
