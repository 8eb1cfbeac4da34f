import type { Context } from "../process/context.ts";
import { CLEAR, FRAMES, hushed, PACE } from "../process/progress.ts";

/**
 * Runs work that makes a person wait, and on a terminal shows that it goes on.
 * Nothing is shown in a pipe, with `--quiet`, and nothing moves on a dumb terminal.
 * The work takes a function that clears the line, for what else is to be said.
 */
export async function whileWaiting<T>(
  context: Context,
  { quiet }: { quiet?: boolean | undefined },
  text: string,
  work: (clear: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const { stderr, env, signal } = context;
  const nothing = (): Promise<void> => Promise.resolve();
  if (!stderr.isTerminal || quiet) return await work(nothing);
  if (env.get("TERM") === "dumb") {
    await stderr.write(`${text} …\n`);
    return await work(nothing);
  }
  const ended = new AbortController();
  // What the work gives counts, even if nobody can be shown anything any more.
  const clear = (): Promise<void> => stderr.write(CLEAR).catch(() => {});
  const spinning = spin(context, text, ended.signal).catch(() => {});
  const stop = async (): Promise<void> => {
    if (ended.signal.aborted) return;
    ended.abort();
    await clear();
  };
  // Ctrl-C is reported without waiting for the work to end.
  const interrupt = (): void => void stop();
  signal.addEventListener("abort", interrupt);
  try {
    // Two would take turns on one line.
    return await hushed(() => work(clear));
  } finally {
    signal.removeEventListener("abort", interrupt);
    await stop();
    await spinning;
  }
}

async function spin(
  context: Context,
  text: string,
  ended: AbortSignal,
): Promise<void> {
  for (let frame = 0; !ended.aborted; frame = (frame + 1) % FRAMES.length) {
    await context.stderr.write(`${CLEAR}${FRAMES[frame]} ${text} `);
    await context.sleep(PACE, ended);
  }
}
