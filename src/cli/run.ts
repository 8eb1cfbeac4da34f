import type { Context } from "../process/context.ts";
import { NanoctlError } from "../errors.ts";
import { type CommandLine, parse } from "./command_line/parse.ts";
import { finished } from "../process/finishing.ts";
import { endProgress } from "../process/progress.ts";
import { ExitCode } from "./exit_code.ts";
import { Output } from "./output.ts";

/** Runs one command line and gives the exit code of the process. */
export async function run(args: string[], context: Context): Promise<number> {
  return await runLine(await parse(args), args, context);
}

/** Runs a command line that was read from these arguments, and gives the exit code. */
export async function runLine(
  line: CommandLine,
  args: string[],
  context: Context,
): Promise<number> {
  try {
    // Ends even what can't be aborted, such as waiting for a lock or for input.
    await Promise.race([execute(line, args, context), context.interrupted]);
    return 0;
  } catch (error) {
    endProgress();
    await finished();
    return await fail(error, args, context);
  }
}

async function execute(
  line: CommandLine,
  args: string[],
  context: Context,
): Promise<void> {
  switch (line.wants) {
    case "run":
      return await line.command.run(context, line.options, line.args);
    case "completion": {
      const { complete } = await import("./completion/complete.ts");
      return await complete(context);
    }
    case "version": {
      const { versionText } = await import("../version.ts");
      return await context.stdout.write(`${versionText()}\n`);
    }
    case "help": {
      const { helpText } = await import("./command_line/help.ts");
      const { styling } = await import("./style.ts");
      const style = styling(context, { noColor: isGiven(args, "--no-color") });
      const text = await helpText(line.name, {
        columns: context.stdout.columns,
        heading: (heading) => style(heading, "bold"),
      });
      return await context.stdout.write(`${text}\n`);
    }
    case "explanation": {
      const { usageError } = await import("./command_line/usage_error.ts");
      throw await usageError(line);
    }
  }
}

async function fail(
  error: unknown,
  args: string[],
  context: Context,
): Promise<number> {
  if (error instanceof ExitCode) return error.code;
  // The reader of our output has gone: there is nobody left to tell.
  if (error instanceof Deno.errors.BrokenPipe) return 1;
  const known = asNanoctlError(error);
  await new Output(context, { json: isGiven(args, "--json") }).error(known)
    .catch(() => {});
  return known.exitCode;
}

function asNanoctlError(error: unknown): NanoctlError {
  if (error instanceof NanoctlError) return error;
  // A message that we did not write may hold anything, a token too.
  const kind = error instanceof Error ? error.name : "Error";
  return new NanoctlError(
    "failed",
    `something went wrong inside nanoctl (${kind})`,
    "please report it with the command that you ran, but without its token",
  );
}

/** Whether a flag is on a line, even on one that can't be read. */
function isGiven(args: string[], flag: string): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? undefined : end).includes(flag);
}
