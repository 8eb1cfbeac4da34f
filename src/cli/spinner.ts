import type { Context } from "../process/context.ts";

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/** Between two frames, in milliseconds. */
const PACE = 100;
const CLEAR = "\r\x1b[K";

/**
 * Runs work that makes a person wait, and on a terminal shows that it goes on.
 * Nothing is shown in a pipe, with `--quiet`, and nothing moves on a dumb terminal.
 */
export async function whileWaiting<T>(
  context: Context,
  { quiet }: { quiet?: boolean | undefined },
  text: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { stderr, env, signal } = context;
  if (!stderr.isTerminal || quiet) return await work(signal);
  if (env.get("TERM") === "dumb") {
    await stderr.write(`${text} …\n`);
    return await work(signal);
  }
  const ended = new AbortController();
  const spinning = spin(context, text, ended.signal);
  try {
    return await work(signal);
  } finally {
    ended.abort();
    await spinning.catch(() => {});
    await stderr.write(CLEAR);
  }
}

async function spin(
  { stderr, sleep }: Context,
  text: string,
  ended: AbortSignal,
): Promise<void> {
  for (let frame = 0; !ended.aborted; frame = (frame + 1) % FRAMES.length) {
    await stderr.write(`${CLEAR}${FRAMES[frame]} ${text} `);
    await sleep(PACE, ended);
  }
}
