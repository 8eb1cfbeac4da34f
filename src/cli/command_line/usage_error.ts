import { NanoctlError } from "../../errors.ts";
import { optionsOf, type Unreadable } from "./parse.ts";
import { closestName, proposedCommands } from "./proposals.ts";
import { longName } from "./spec.ts";
import { COMMANDS, wordsBelow } from "./table.ts";

/**
 * What is wrong with a command line, as a `usage` error. Cliffy says it where
 * the parse only sees that something is; the proposals are ours, as Cliffy's
 * versions differ, and each proposes something for every word.
 */
export async function usageError(line: Unreadable): Promise<NanoctlError> {
  return await explained(line, await complaint(line));
}

async function complaint(line: Unreadable): Promise<string> {
  if (line.problem !== undefined) return line.problem;
  const { isCliffyError, readByCliffy } = await import("./cliffy_tree.ts");
  try {
    await readByCliffy(line);
  } catch (error) {
    if (isCliffyError(error)) return error.message;
    throw error;
  }
  return "This command line can't be read.";
}

async function explained(
  { name, args }: Unreadable,
  message: string,
): Promise<NanoctlError> {
  if (name === "exec" && message.startsWith("No arguments allowed")) {
    return new NanoctlError(
      "usage",
      "the command to run has to come after --",
      "put it there: nanoctl exec -- <command>",
    );
  }
  const help = ["nanoctl", ...name === "" ? [] : [name], "--help"].join(" ");
  const [, kind, unknown = ""] =
    message.match(/^Unknown (command|option) "(.*?)"/s) ?? [];
  const proposals = kind === "command"
    ? commandsFor(name, unknown.toLowerCase(), args)
    : kind === "option"
    ? await optionsFor(name, unknown.toLowerCase())
    : [];
  const usage = await usageFor(name, message);
  return new NanoctlError(
    "usage",
    withoutValues(message),
    proposals.length > 0
      ? `did you mean ${listed(proposals)}? See '${help}'`
      : usage
      ? `call it as '${usage}'; see '${help}'`
      : `see '${help}'`,
  );
}

/** How to call a command whose arguments are wrong: the shortest help that helps. */
async function usageFor(
  name: string,
  message: string,
): Promise<string | undefined> {
  const command = await COMMANDS[name]?.load();
  if (!command || !/^(Missing|Too many) argument/.test(message)) {
    return undefined;
  }
  const { usageOf } = await import("./help.ts");
  return usageOf(name, command);
}

const PLAIN_NAME = /^[a-z][a-z-]{0,30}$/;

/** The commands to propose for an unknown one, as they are typed. */
function commandsFor(group: string, word: string, args: string[]): string[] {
  if (!PLAIN_NAME.test(word)) return [];
  if (group === "") {
    return proposedCommands(word, args[1], wordsBelow())
      .map((one) => `nanoctl ${one}`);
  }
  const closest = closestName(word, wordsBelow(group));
  return closest === undefined ? [] : [`nanoctl ${group} ${closest}`];
}

/** The long option of the command to propose for an unknown one, if there is one. */
async function optionsFor(name: string, flag: string): Promise<string[]> {
  const [, word] = flag.match(/^--([a-z][a-z-]{0,30})$/) ?? [];
  if (word === undefined) return [];
  const command = await COMMANDS[name]?.load();
  const names = [
    ...Object.keys(optionsOf(command ?? {})).map(longName),
    ...["--help", ...name === "" ? ["--version"] : []],
  ];
  const closest = closestName(word, names.map((long) => long.slice(2)));
  return closest === undefined ? [] : [`--${closest}`];
}

/** `'a'`, `'a' or 'b'`, `'a', 'b' or 'c'`. */
function listed(proposals: string[]): string {
  const quoted = proposals.map((proposal) => `'${proposal}'`);
  const last = quoted.pop() ?? "";
  return quoted.length === 0 ? last : `${quoted.join(", ")} or ${last}`;
}

/** What Cliffy says, without anything that may be a token in the wrong place. */
function withoutValues(message: string): string {
  if (message.startsWith("Too many arguments")) {
    return "there are more arguments than the command takes";
  }
  const [, kind, name] = message.match(/^Unknown (\w+) "(?:--?)?(.*?)"/s) ?? [];
  if (kind && name !== undefined && !PLAIN_NAME.test(name)) {
    return `there is no such ${kind}`;
  }
  return lowerFirst(message).replace(/ Did you mean .*$/s, "")
    .replace(/,? but got ".*"/s, "").replace(/\.$/, "");
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
