import type { Context } from "../../process/context.ts";
import { profileNames } from "../../store/profile_names.ts";
import { serviceFileNames } from "../../store/service_files.ts";
import { pipedText } from "../piped_text.ts";
import { completionOf } from "./candidates.ts";

/** More than a command line has, in bytes. */
const LIMIT = 1024 * 1024;

/**
 * `nanoctl __complete`, which the scripts of `nanoctl completions` call: reads the
 * words of a command line, and says what its last one can be. Each word ends in a
 * NUL. They come from stdin as a token among them would be seen in the process list.
 */
export async function complete(
  context: Pick<Context, "env" | "os" | "stdin" | "stdout">,
): Promise<void> {
  if (context.stdin.isTerminal) return;
  const text = await pipedText(context.stdin, LIMIT);
  const words = text.split("\0").slice(0, -1);
  const found = await completionOf(words, {
    profiles: () => profileNames(context),
    services: () => namesOrNone(() => serviceFileNames(context)),
  });
  const lines = typeof found === "string"
    ? [found]
    : found.map(([word, meaning]) => `${word}\t${meaning}`);
  await context.stdout.write(lines.map((line) => `${line}\n`).join(""));
}

/** A folder that can't be read has no names: a shell has no place for an error. */
function namesOrNone(read: () => string[]): string[] {
  try {
    return read();
  } catch {
    return [];
  }
}
