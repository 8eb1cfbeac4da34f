import type { Context } from "../context.ts";
import { NanoctlError } from "../errors.ts";
import { Output } from "../output.ts";
import { ExitCode } from "./exit_code.ts";
import { directRun } from "./direct.ts";

/** Runs one command line and gives the exit code of the process. */
export async function run(args: string[], context: Context): Promise<number> {
  try {
    // Ends even what can't be aborted, such as waiting for a lock or for input.
    await Promise.race([runCommand(args, context), context.interrupted]);
    return 0;
  } catch (error) {
    return await fail(error, args, context);
  }
}

async function runCommand(args: string[], context: Context): Promise<void> {
  const direct = directRun(context, args);
  if (direct) return await direct();
  await (await import("./tree.ts")).runTree(context, args);
}

async function fail(
  error: unknown,
  args: string[],
  context: Context,
): Promise<number> {
  if (error instanceof ExitCode) return error.code;
  // Whoever read us has gone: there is nobody left to tell.
  if (error instanceof Deno.errors.BrokenPipe) return 1;
  const known = asNanoctlError(error);
  await new Output(context, { json: wantsJson(args) }).error(known)
    .catch(() => {});
  return known.exitCode;
}

function asNanoctlError(error: unknown): NanoctlError {
  if (error instanceof NanoctlError) return error;
  // A message that we did not write may hold anything, a token too.
  const kind = error instanceof Error ? error.name : "error";
  return new NanoctlError(
    "failed",
    `something went wrong inside nanoctl (${kind})`,
    "please report it with the command that you ran, but without its token",
  );
}

function wantsJson(args: string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? undefined : end).includes("--json");
}
