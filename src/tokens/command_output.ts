import { NanoctlError } from "../errors.ts";
import { type GrantedTokens, renewalTime } from "../grant.ts";
import { isObject, isRfc3339 } from "../json.ts";
import { childEnvironment } from "../process/child_environment.ts";
import type { Context } from "../process/context.ts";
import { type ProgramEnd, programOutput } from "../process/program_output.ts";
import { findProgram } from "../process/program_path.ts";
import { hushed } from "../process/progress.ts";
import { systemOf } from "../process/system/systems.ts";
import { readToken } from "./token_text.ts";

/** The most that a program may print, in bytes. */
const OUTPUT_LIMIT = 64 * 1024;
/** How long a program that is stopped has to end by itself, in milliseconds. */
const GRACE = 2000;

/** What running a program for its token needs from outside. */
export type CommandContext = Pick<
  Context,
  "env" | "os" | "stdin" | "signal" | "now"
>;

/** A program that prints the token. */
export interface TokenCommand {
  /** The program and its arguments. */
  command: readonly string[];
  /** What names it, for messages: `--token-command`, … */
  source: string;
  timeoutSeconds: number;
}

/** What a program printed: the token, and when it ends, if it said so. */
export interface CommandToken extends GrantedTokens {
  /** What was mended about it, for `--verbose`. */
  note?: string | undefined;
}

/**
 * Runs a program for the token that it prints: the token alone, or a JSON object
 * with `token` and maybe `expires_at` (RFC 3339, or null). It gets our
 * environment without what is ours, and the terminal if there is one, as it may
 * ask a person.
 *
 * Throws `not_logged_in` for a program that is missing, fails, prints nothing or
 * takes too long, `token_invalid` for output that is no token, and `interrupted`.
 */
export async function runTokenCommand(
  context: CommandContext,
  given: TokenCommand,
): Promise<CommandToken> {
  const what = `the program ${given.command[0]} of ${given.source}`;
  // Whatever it says to a person is not to be painted over.
  const output = await hushed(() => outputOf(context, given, what));
  const text = decoded(output.bytes, what);
  return tokenIn(text, `the output of ${what}`, context.now());
}

async function outputOf(
  context: CommandContext,
  { command: [program = "", ...args], timeoutSeconds }: TokenCommand,
  what: string,
): Promise<ProgramEnd> {
  const env = childEnvironment(context.env.toObject(), context.os);
  const path = pathOf(program, env, context.os, what);
  const system = systemOf(context.os);
  const fault = system.faultOfArguments(path, args);
  if (fault !== undefined) {
    throw unfit(
      `${what} ${fault}`,
      "name the program that the batch file starts",
    );
  }
  const ended = await programOutput({
    path,
    args,
    env,
    stdin: context.stdin.isTerminal ? "inherit" : "null",
    limit: OUTPUT_LIMIT,
    timeoutSeconds,
    grace: GRACE,
    signal: context.signal,
  }).catch((error) => {
    throw error instanceof NanoctlError ? error : unrunnable(error, what);
  });
  if (ended === "too late") throw tooLate(what, timeoutSeconds);
  if (ended === "too long") {
    throw new NanoctlError(
      "token_invalid",
      `${what} printed more than ${OUTPUT_LIMIT} bytes, which is no token`,
      "have it print the token alone",
    );
  }
  if (ended.code === 0) return ended;
  ended.bytes.fill(0);
  // Ctrl-C is for all that runs on a terminal, and may reach the program first.
  throw system.wasInterrupted(ended)
    ? new NanoctlError("interrupted", "interrupted")
    : failed(what, ended);
}

/** Throws `not_logged_in` where the program is nowhere to be run. */
function pathOf(
  program: string,
  env: Record<string, string>,
  os: string,
  what: string,
): string {
  const place = findProgram(program, env, os);
  if (place?.path !== undefined) return place.path;
  if (!place) throw notFound(what);
  throw new NanoctlError(
    "not_logged_in",
    `${what} is only in an empty or relative entry of PATH, which is not used`,
    "put the absolute path of its folder into PATH, or name the program by its path",
  );
}

function notFound(what: string): NanoctlError {
  return new NanoctlError(
    "not_logged_in",
    `${what} was not found`,
    "install it, put its folder into PATH, or name it by its path",
  );
}

function unrunnable(error: unknown, what: string): NanoctlError {
  if (error instanceof Deno.errors.NotFound) return notFound(what);
  // A command drops the permission to run programs at its start, if no login needs one then.
  if (error instanceof Deno.errors.NotCapable) {
    return new NanoctlError(
      "not_logged_in",
      `${what} was not known of when this command started, so it can't be run`,
      "run it again; if that does not help, log in again",
    );
  }
  return unfit(
    `${what} can't be run`,
    "check its permissions and its first line",
  );
}

function unfit(message: string, hint: string): NanoctlError {
  return new NanoctlError("not_logged_in", message, hint);
}

function tooLate(what: string, seconds: number): NanoctlError {
  return new NanoctlError(
    "not_logged_in",
    `${what} did not end within ${seconds} s`,
    "if it needs longer, give it more time with --timeout",
  );
}

function failed(what: string, { code, signal }: ProgramEnd): NanoctlError {
  return new NanoctlError(
    "not_logged_in",
    signal === null
      ? `${what} failed with exit code ${code}`
      : `${what} was ended by ${signal}`,
    "run it by itself to see why",
  );
}

/** The text of the output; the bytes are zeroed. */
function decoded(bytes: Uint8Array<ArrayBuffer>, what: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new NanoctlError(
      "token_invalid",
      `${what} printed something that is not text in UTF-8`,
      "have it print the token alone",
    );
  } finally {
    bytes.fill(0);
  }
}

function tokenIn(text: string, source: string, now: Date): CommandToken {
  // No token begins like that.
  if (!text.trimStart().startsWith("{")) {
    const { secret, note } = readToken(text, source);
    return { token: secret, note };
  }
  const { token, expires_at } = jsonIn(text, source);
  if (typeof token !== "string") {
    throw unusable(source, "is JSON without a token");
  }
  const { secret, note } = readToken(token, source);
  if (expires_at === undefined || expires_at === null) {
    return { token: secret, note };
  }
  const expiresAt = dateIn(expires_at, source);
  const renewAt = renewalTime(expiresAt, now);
  return { token: secret, note, expiresAt, renewAt };
}

function jsonIn(text: string, source: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(text);
    if (isObject(json)) return json;
  } catch {
    // Says the same as for another kind of JSON.
  }
  throw unusable(source, "begins with {, but is no JSON object");
}

function dateIn(value: unknown, source: string): Date {
  if (typeof value === "string" && isRfc3339(value)) return new Date(value);
  throw unusable(source, "has an expires_at that is no date (RFC 3339)");
}

function unusable(source: string, fault: string): NanoctlError {
  return new NanoctlError(
    "token_invalid",
    `${source} ${fault}; it was not sent`,
    'have it print the token alone, or {"token": "…", "expires_at": "…"}',
  );
}
