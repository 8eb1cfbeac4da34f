import { finishing } from "./finishing.ts";

/** A program to run for what it prints. */
export interface ProgramCall {
  path: string;
  args: readonly string[];
  /** Its whole environment. */
  env: Record<string, string>;
  /** Ours, none, or these bytes. */
  stdin: "inherit" | "null" | Uint8Array<ArrayBuffer>;
  /** The most that it may print, in bytes. */
  limit: number;
  timeoutSeconds: number;
  /** How long it has to end by itself once it is stopped, in milliseconds. */
  grace: number;
  /** Ctrl-C. */
  signal: AbortSignal;
}

/** What a program printed, and how it ended. */
export interface ProgramEnd {
  bytes: Uint8Array<ArrayBuffer>;
  code: number;
  /** The signal that ended it. */
  signal: Deno.Signal | null;
}

/**
 * Runs a program and gives what it printed; its stderr is ours. One that takes or
 * prints too much is stopped, and so is one that Ctrl-C interrupts.
 *
 * Throws the reason of the signal, and what Deno throws for a program that can't
 * be run.
 */
export async function programOutput(
  { path, args, env, stdin, limit, timeoutSeconds, grace, signal }: ProgramCall,
): Promise<ProgramEnd | "too late" | "too long"> {
  signal.throwIfAborted();
  const isFed = typeof stdin !== "string";
  const child = new Deno.Command(path, {
    args: [...args],
    clearEnv: true,
    env,
    stdin: isFed ? "piped" : stdin,
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  // What it doesn't read, it doesn't need.
  if (isFed) feed(child, stdin).catch(() => {});
  const reader = child.stdout.getReader();
  const stop = (): Promise<void> => finishing(() => end(child, reader, grace));
  const over = Promise.withResolvers<"too late">();
  const timer = setTimeout(
    () => over.resolve("too late"),
    timeoutSeconds * 1000,
  );
  let stopping: Promise<void> | undefined;
  const interrupt = (): void => {
    // At once: the process waits only for what is under way when it ends.
    stopping = stop();
    over.reject(signal.reason);
  };
  signal.addEventListener("abort", interrupt);
  try {
    const outcome = await Promise.race([
      outputOf(child, reader, limit),
      over.promise,
    ]);
    if (typeof outcome === "string") await stop();
    return outcome;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", interrupt);
    await stopping;
  }
}

async function outputOf(
  child: Deno.ChildProcess,
  reader: ReadableStreamDefaultReader<Uint8Array>,
  limit: number,
): Promise<ProgramEnd | "too long"> {
  const printed = new Uint8Array(limit);
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const isTooLong = length + value.length > limit;
    if (!isTooLong) printed.set(value, length);
    length += value.length;
    value.fill(0);
    if (!isTooLong) continue;
    printed.fill(0);
    return "too long";
  }
  const { code, signal } = await child.status;
  return { bytes: printed.subarray(0, length), code, signal };
}

async function feed(
  child: Deno.ChildProcess,
  input: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const writer = child.stdin.getWriter();
  await writer.write(input);
  await writer.close();
}

/** Ends a program. What it has started may hold its output open, so that is not waited for. */
async function end(
  child: Deno.ChildProcess,
  reader: ReadableStreamDefaultReader<Uint8Array>,
  grace: number,
): Promise<void> {
  kill(child, "SIGTERM");
  const timer = setTimeout(() => kill(child, "SIGKILL"), grace);
  await child.status;
  clearTimeout(timer);
  await reader.cancel().catch(() => {});
}

function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It has ended already.
  }
}
