import { NanoctlError } from "../../errors.ts";
import { childEnvironment } from "../../process/child_environment.ts";
import { programOutput } from "../../process/program_output.ts";
import { findProgram } from "../../process/program_path.ts";
import { hushed } from "../../process/progress.ts";
import { systemOf } from "../../process/system/systems.ts";
import { decodeKey, KEY_BYTES } from "./key_bytes.ts";
import type { KeyContext } from "./key_info.ts";
import { MOST_WRAPPED } from "./key_slots.ts";

/** How long a command may take, in seconds: a person may have to touch a key. */
export const COMMAND_SECONDS = 30;

/** How long a command that is ended may take to tidy up, in milliseconds. */
const GRACE = 1000;

/**
 * Has a command wrap a data key, and unwrap it at once: what doesn't come back
 * the same would be lost. Gives what it printed. Throws as {@linkcode unwrapByCommand} does.
 */
export async function wrapByCommand(
  context: KeyContext,
  command: readonly string[],
  dataKey: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const line = new TextEncoder().encode(`${dataKey.toBase64()}\n`);
  try {
    const wrapped = await runCommand(context, command, "wrap", line);
    if (wrapped.length === 0) throw failed(command, "wrap printed nothing");
    const back = await unwrapByCommand(context, command, wrapped);
    const isSame = back.every((byte, at) => byte === dataKey[at]);
    back.fill(0);
    if (isSame) return wrapped;
    throw failed(command, "unwrap doesn't give back what wrap was given");
  } finally {
    line.fill(0);
  }
}

/**
 * Has a command unwrap what it wrapped.
 *
 * Throws `file_key` when it can't be run, fails, takes longer than
 * {@linkcode COMMAND_SECONDS} or prints no key, and `interrupted`.
 */
export async function unwrapByCommand(
  context: KeyContext,
  command: readonly string[],
  wrapped: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const printed = await runCommand(context, command, "unwrap", wrapped);
  const bytes = decodeKey(new TextDecoder().decode(printed));
  const isEmpty = printed.length === 0;
  printed.fill(0);
  if (bytes?.length === KEY_BYTES) return bytes;
  bytes?.fill(0);
  throw failed(
    command,
    isEmpty
      ? "unwrap printed nothing"
      : `unwrap did not print ${KEY_BYTES} bytes in base64`,
  );
}

/** Runs a command to its end, and gives what it printed. Throws as {@linkcode unwrapByCommand} does. */
export async function runCommand(
  context: KeyContext,
  command: readonly string[],
  action: "wrap" | "unwrap",
  input: Uint8Array<ArrayBuffer>,
  seconds = COMMAND_SECONDS,
): Promise<Uint8Array<ArrayBuffer>> {
  const env = childEnvironment(context.env.toObject(), context.os);
  const path = pathOf(command, env, context.os);
  const args = [...command.slice(1), action];
  const fault = systemOf(context.os).faultOfArguments(path, args);
  if (fault !== undefined) throw failed(command, fault);
  // It may say that a key is to be touched.
  const ended = await hushed(() =>
    programOutput({
      path,
      args,
      env,
      stdin: input,
      limit: MOST_WRAPPED,
      timeoutSeconds: seconds,
      grace: GRACE,
      signal: context.signal,
    })
  ).catch((error) => {
    throw error instanceof NanoctlError ? error : unrunnable(command, error);
  });
  if (ended === "too late") throw failed(command, tookTooLong(action, seconds));
  if (ended === "too long") {
    throw failed(
      command,
      `${action} printed more than ${MOST_WRAPPED / 1024} KiB`,
    );
  }
  if (ended.code === 0) return ended.bytes;
  ended.bytes.fill(0);
  throw failed(
    command,
    ended.signal
      ? `${action} was ended by ${ended.signal}`
      : `${action} failed with exit code ${ended.code}`,
  );
}

/** Throws `file_key` where the program is nowhere to be run. */
function pathOf(
  command: readonly string[],
  env: Record<string, string>,
  os: string,
): string {
  const place = findProgram(command[0] ?? "", env, os);
  if (place?.path !== undefined) return place.path;
  throw failed(
    command,
    place
      ? "is only in an empty or relative entry of PATH, which is not used"
      : "is not on the PATH",
  );
}

function unrunnable(command: readonly string[], error: unknown): NanoctlError {
  if (!(error instanceof Deno.errors.NotCapable)) {
    return failed(command, "can't be run, or is not there");
  }
  // A command drops the permission to run programs at its start, if no slot needs it then.
  return new NanoctlError(
    "file_key",
    `${command[0] ?? ""} began to keep the key after this command had started`,
    "run it again",
  );
}

function tookTooLong(action: string, seconds: number): string {
  return `${action} took longer than ${seconds} s`;
}

/** Names the program alone: an argument may hold a secret. */
function failed(command: readonly string[], fault: string): NanoctlError {
  return new NanoctlError(
    "file_key",
    `the key command ${command[0] ?? ""}: ${fault}`,
    "see what it says by itself; docs/key_sources.md says what it has to do",
  );
}
