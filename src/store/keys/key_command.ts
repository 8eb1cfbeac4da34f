import { NanoctlError } from "../../errors.ts";
import { childEnvironment } from "../../process/child_environment.ts";
import { finishing } from "../../process/finishing.ts";
import { findProgram } from "../../process/program_path.ts";
import { hushed } from "../../process/progress.ts";
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
  // Ctrl-C waits until the command has ended, too.
  return await finishing(() =>
    hushed(async () => {
      const child = spawn(context, command, action);
      const output = outputOf(child, command, action);
      const late = Promise.withResolvers<never>();
      const timer = setTimeout(
        () => late.reject(failed(command, tookTooLong(action, seconds))),
        seconds * 1000,
      );
      // What it doesn't read, it doesn't need.
      feed(child, input).catch(() => {});
      try {
        return await Promise.race([output, late.promise, context.interrupted]);
      } catch (error) {
        output.catch(() => {});
        await end(child);
        throw error;
      } finally {
        clearTimeout(timer);
      }
    })
  );
}

function spawn(
  context: KeyContext,
  command: readonly string[],
  action: string,
): Deno.ChildProcess {
  const [program = "", ...args] = command;
  const env = childEnvironment(context.env.toObject());
  const place = findProgram(program, env, context.os);
  if (place?.path === undefined) {
    throw failed(
      command,
      place
        ? "is only in an empty or relative entry of PATH, which is not used"
        : "is not on the PATH",
    );
  }
  try {
    return new Deno.Command(place.path, {
      args: [...args, action],
      clearEnv: true,
      env,
      stdin: "piped",
      stdout: "piped",
      // It may say that a key is to be touched.
      stderr: "inherit",
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) {
      throw failed(command, "can't be run, or is not there");
    }
    // A command drops the permission to run programs at its start, if no slot needs it then.
    throw new NanoctlError(
      "file_key",
      `${program} began to keep the key after this command had started`,
      "run it again",
    );
  }
}

async function outputOf(
  child: Deno.ChildProcess,
  command: readonly string[],
  action: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(MOST_WRAPPED);
  let length = 0;
  for await (const chunk of child.stdout) {
    if (length + chunk.length > bytes.length) {
      throw failed(
        command,
        `${action} printed more than ${MOST_WRAPPED / 1024} KiB`,
      );
    }
    bytes.set(chunk, length);
    length += chunk.length;
    chunk.fill(0);
  }
  const { success, code, signal } = await child.status;
  const printed = bytes.slice(0, length);
  bytes.fill(0);
  if (success) return printed;
  printed.fill(0);
  throw failed(
    command,
    signal
      ? `${action} was ended by ${signal}`
      : `${action} failed with exit code ${code}`,
  );
}

async function feed(
  child: Deno.ChildProcess,
  input: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const writer = child.stdin.getWriter();
  await writer.write(input);
  await writer.close();
}

/** Ends a command that is not waited for any longer. */
async function end(child: Deno.ChildProcess): Promise<void> {
  const timer = setTimeout(() => kill(child, "SIGKILL"), GRACE);
  kill(child, "SIGTERM");
  await child.status;
  clearTimeout(timer);
}

function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It has ended already.
  }
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
