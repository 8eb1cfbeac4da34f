import { assert } from "@std/assert";
import { latin1 } from "./nanoctl.ts";

/** The byte that each character of a {@linkcode latin1} text stands for. */
const BYTES = new Map(
  Array.from({ length: 256 }, (_, byte) => [latin1(Uint8Array.of(byte)), byte]),
);

/** What a terminal's transcript, which has one character a byte, says in UTF-8. */
export function textOf(transcript: string): string {
  const bytes = [...transcript].map((char) => BYTES.get(char) ?? 0);
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

/**
 * The lines that a terminal shows in the end, without what was cleared or
 * overwritten. Fails for an escape sequence other than "clear to the end of the
 * line" (ECMA-48, EL).
 */
export function linesOn(transcript: string): string[] {
  const lines: string[][] = [[]];
  let column = 0;
  // deno-lint-ignore no-control-regex
  for (const [part] of textOf(transcript).matchAll(/\x1b\[K|[^]/gu)) {
    const line = lines.at(-1) ?? [];
    if (part === "\x1b[K") line.length = column;
    else if (part === "\r") column = 0;
    else if (part === "\n") lines.push(Array(column).fill(" "));
    else {
      assert(part !== "\x1b", `another escape: ${JSON.stringify(transcript)}`);
      line[column++] = part;
    }
  }
  return lines.map((line) => line.join("").trimEnd());
}
