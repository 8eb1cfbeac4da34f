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
  /** Those of its own that take a value, such as `--method`. */
  valueOptions: string[];
  /** The options that every command takes. */
  globalOptions: string[][];
  /** The commands below it, by name. */
  commands: string[];
  /** Its example command lines. */
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
    valueOptions: [
      ...sections(text, "Options").matchAll(/^ {2}(?:-\w, )?(--[a-z-]+) </gm),
    ].map(([, name = ""]) => name),
    globalOptions: flagsIn(text, "Options for every command"),
    commands: [...sections(text, "Commands").matchAll(/^ {2}([a-z][\w-]*)/gm)]
      .map(([, name = ""]) => name),
    examples: [
      ...sections(text, "Examples").matchAll(/^ {2}(?!#).*nanoctl\b.*$/gm),
    ]
      .map(([line]) => line),
  };
  const below = await Promise.all(
    help.commands.map((name) => readHelp([...path, name])),
  );
  return [help, ...below.flat()];
}

/** The texts under headings that begin so, each up to the next one; without those of every command. */
function sections(text: string, heading: string): string {
  const isShared = heading === "Options for every command";
  return text.split(/\n(?=\S)/)
    .map((part) => part.split(":\n"))
    .filter(([first = ""]) =>
      isShared
        ? first === heading
        : new RegExp(`^${heading}( (?!for every)|$)`).test(first)
    )
    .map(([, ...lines]) => lines.join(":\n")).join("\n");
}

function flagsIn(text: string, heading: string): string[][] {
  return [...sections(text, heading).matchAll(/^ {2}(-[^<\n]*?)(?: <| {2,})/gm)]
    .map(([, flags = ""]) => flags.split(/, */));
}
