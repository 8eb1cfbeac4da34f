import type { InputStream } from "../process/context.ts";

/** What a tool wrote to our standard input, up to a limit in bytes; empty on a terminal, which nobody is asked at. */
export async function pipedText(
  stdin: InputStream,
  limit: number,
): Promise<string> {
  if (stdin.isTerminal) return "";
  const bytes = await stdin.readAll(limit);
  const text = new TextDecoder().decode(bytes);
  // It may hold a password.
  bytes.fill(0);
  return text;
}
