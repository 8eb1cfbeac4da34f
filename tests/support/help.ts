import { assertEquals } from "@std/assert";
import { run } from "./nanoctl.ts";

/** The parsed help of a command. */
export interface Help {
  /** The command's words, such as `["store", "rekey"]`; none for nanoctl itself. */
  path: string[];
  text: string;
  /** Its width in columns, including trailing white space, which terminals wrap too. */
  width: number;
  /** Its own options, each with all its flags: `["-X", "--method"]`. */
  options: string[][];
  /** The options that every command takes. */
  globalOptions: string[][];
  /** The commands below it, by name. */
  commands: string[];
  /** Its example command lines after their titles, however Cliffy separates them. */
  examples: string[];
}

/** The help of nanoctl and of all its commands, as the compiled program prints it. */
export async function readHelp(path: string[] = []): Promise<Help[]> {
  const { code, stdout } = await run([...path, "--help"]);
  assertEquals(code, 0, path.join(" "));
  const text = stdout.split("\n").map((line) => line.trimEnd()).join("\n");
  const help = {
    path,
    text,
    width: Math.max(...stdout.split("\n").map((line) => line.length)),
    options: flagsIn(text, "Options"),
    globalOptions: flagsIn(text, "Options of every command"),
    commands: [...section(text, "Commands").matchAll(/^ {2}([a-z][\w-]*)/gm)]
      .map(([, name = ""]) => name),
    examples: [...section(text, "Examples").matchAll(/^ {2}\S.*nanoctl .+$/gm)]
      .map(([line]) => line),
  };
  const below = await Promise.all(
    help.commands.map((name) => readHelp([...path, name])),
  );
  return [help, ...below.flat()];
}

/** The text under a heading, up to the next one. */
function section(text: string, heading: string): string {
  const [, found = ""] = text.split(`\n${heading}:\n`);
  return found.split(/\n(?=\S)/)[0] ?? "";
}

function flagsIn(text: string, heading: string): string[][] {
  return [...section(text, heading).matchAll(/^ {2}(-[^<]*?) {2,}/gm)]
    .map(([, flags = ""]) => flags.split(/, */));
}
