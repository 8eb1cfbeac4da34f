/** What turns in front of a text. */
export const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/** Between two frames, in milliseconds. */
export const PACE = 100;
/** A person who waits longer than this is told what for, in milliseconds. */
const PATIENCE = 500;
/** Clears the line (ECMA-48, section 8.3.41, "EL"). */
export const CLEAR = "\r\x1b[K";

/** Where progress is shown: one line of a terminal, and how many columns it has. */
export interface ProgressLine {
  write(text: string): void;
  readonly columns: number | undefined;
}

let line: ProgressLine | undefined;
let isShown = false;
/** What is waited for; the last one is shown. */
const waits: (() => string)[] = [];

/** From now on, waits are shown there. Without this, in a pipe for instance, nothing is. */
export function showProgress(where: ProgressLine): void {
  line = where;
}

/** Shows no more of it. */
export function endProgress(): void {
  clearProgress();
  line = undefined;
}

/** Clears the line, before anything else is written to the terminal. */
export function clearProgress(): void {
  if (isShown) line?.write(CLEAR);
  isShown = false;
}

/** Runs work that shows by itself what it waits for. */
export async function hushed<T>(work: () => Promise<T>): Promise<T> {
  const before = line;
  endProgress();
  try {
    return await work();
  } finally {
    line = before;
  }
}

/**
 * Runs work that a person may have to wait for, and says what for after half a
 * second, or after so many milliseconds.
 */
export async function waiting<T>(
  what: string | (() => string),
  work: () => Promise<T>,
  patience: number = PATIENCE,
): Promise<T> {
  if (!line) return await work();
  const wait = typeof what === "string" ? (): string => what : what;
  waits.push(wait);
  let frame = 0;
  const paint = (): void => {
    // Only the innermost of several paints.
    if (waits.at(-1) !== wait || !line) return;
    line.write(`${CLEAR}${shown(wait(), frame++)}`);
    isShown = true;
  };
  let timer = setTimeout(function next(): void {
    paint();
    timer = setTimeout(next, PACE);
  }, patience);
  try {
    return await work();
  } finally {
    clearTimeout(timer);
    waits.splice(waits.lastIndexOf(wait), 1);
    clearProgress();
  }
}

/** A frame that fits on the line: one that is wrapped could not be cleared. */
function shown(text: string, frame: number): string {
  const room = (line?.columns ?? 80) - 4;
  const cut = text.length > room ? `${text.slice(0, room - 1)}…` : text;
  return `${FRAMES[frame % FRAMES.length]} ${cut} `;
}
