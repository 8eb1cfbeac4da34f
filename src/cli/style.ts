import type { Context } from "../process/context.ts";

/** How text can look on a terminal (ECMA-48, section 8.3.117, "SGR"). */
const STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;

/** One of them. */
export type Style = keyof typeof STYLES;

/** Puts a text into a style, or leaves it as it is. */
export type Styling = (text: string, style: Style | undefined) => string;

/**
 * Styles for stdout: none in a pipe, on a dumb terminal, with `--no-color` and
 * with a NO_COLOR that is not empty (no-color.org). What a style means is always
 * said in words too.
 */
export function styling(
  { stdout, env }: Pick<Context, "stdout" | "env">,
  { noColor }: { noColor?: boolean | undefined },
): Styling {
  const isPlain = !stdout.isTerminal || noColor || env.get("NO_COLOR") ||
    env.get("TERM") === "dumb";
  return (text, style) =>
    isPlain || style === undefined
      ? text
      : `\x1b[${STYLES[style]}m${text}\x1b[0m`;
}
