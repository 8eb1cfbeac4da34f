import { ValidationError } from "@cliffy/command";
import type { Context } from "../context.ts";
import { NanoctlError } from "../errors.ts";
import { Output } from "../output.ts";
import { ChildExit } from "./child_exit.ts";
import { commandLine } from "./command_line.ts";
import { commandTree } from "./tree.ts";

/** Runs one command line and gives the exit code of the process. */
export async function run(args: string[], context: Context): Promise<number> {
  try {
    const tree = await commandTree(context, args);
    await Promise.race([
      tree.parse(commandLine(args)),
      interruption(context.signal),
    ]);
    return 0;
  } catch (error) {
    return await fail(error, args, context);
  }
}

async function fail(
  error: unknown,
  args: string[],
  context: Context,
): Promise<number> {
  if (error instanceof ChildExit) return error.code;
  // Whoever read us has gone: there is nobody left to tell.
  if (error instanceof Deno.errors.BrokenPipe) return 1;
  const known = asNanoctlError(error, args);
  await new Output(context, { json: wantsJson(args) }).error(known)
    .catch(() => {});
  return known.exitCode;
}

/** Ends even what can't be aborted, such as waiting for a lock or for input. */
function interruption(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}

function asNanoctlError(error: unknown, args: string[]): NanoctlError {
  if (error instanceof NanoctlError) return error;
  if (error instanceof ValidationError) return usageError(error.message, args);
  // A message that we did not write may hold anything, a token too.
  const kind = error instanceof Error ? error.name : "error";
  return new NanoctlError(
    "failed",
    `something went wrong inside nanoctl (${kind})`,
    "please report it with the command that you ran, but without its token",
  );
}

function usageError(message: string, args: string[]): NanoctlError {
  const unknownCommand = message.startsWith("Unknown command");
  const command = args[0] ?? "";
  const help = !unknownCommand && PLAIN_NAME.test(command)
    ? `nanoctl ${command} --help`
    : "nanoctl --help";
  return new NanoctlError("usage", withoutValues(message), `see '${help}'`);
}

const PLAIN_NAME = /^[a-z][a-z-]{0,30}$/;

/** What Cliffy says, without anything that may be a token in the wrong place. */
function withoutValues(message: string): string {
  if (message.startsWith("Too many arguments")) {
    return "there are more arguments than the command takes";
  }
  const [, kind, name] = message.match(/^Unknown (\w+) "(?:--?)?(.*?)"/s) ?? [];
  if (kind && name !== undefined && !PLAIN_NAME.test(name)) {
    return `there is no such ${kind}`;
  }
  return lowerFirst(message).replace(/,? but got ".*"/s, "").replace(/\.$/, "");
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function wantsJson(args: string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? undefined : end).includes("--json");
}
