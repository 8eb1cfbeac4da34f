import { NanoctlError } from "../errors.ts";
import { type CliCommand, GROUP_COMMANDS, WITH_VALUE } from "./options.ts";
import { closestName, proposedCommands } from "./proposals.ts";

/**
 * Turns Cliffy's complaint about a command line into a `usage` error. The
 * proposals are ours: Cliffy's versions differ, and each proposes something for
 * every word.
 *
 * @param names All top-level commands.
 * @param tree The command tree, if it was built before the error.
 */
export function usageError(
  message: string,
  args: string[],
  names: string[],
  tree: CliCommand | undefined,
): NanoctlError {
  const words = wordsOf(args);
  const [first = "", second = ""] = words;
  if (first === "exec" && message.startsWith("No arguments allowed")) {
    return new NanoctlError(
      "usage",
      "the command to run is not behind two hyphens",
      "put it there: nanoctl exec -- <command>",
    );
  }
  const path = names.includes(first) ? [first] : [];
  if (commandsOf(path).includes(second)) path.push(second);
  const help = ["nanoctl", ...path, "--help"].join(" ");
  const [, kind, name = ""] =
    message.match(/^Unknown (command|option) "(.*?)"/s) ?? [];
  const proposals = kind === "command"
    ? commandsFor(name.toLowerCase(), words, path, names)
    : optionsFor(name.toLowerCase(), path, tree);
  return new NanoctlError(
    "usage",
    withoutValues(message),
    proposals.length > 0
      ? `did you mean ${listed(proposals)}? See '${help}'`
      : `see '${help}'`,
  );
}

const PLAIN_NAME = /^[a-z][a-z-]{0,30}$/;

/** The words of a command line that are neither options nor their values. */
function wordsOf(args: string[]): string[] {
  const words: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? "";
    if (arg === "--") break;
    if (WITH_VALUE.includes(arg) || arg === "-t") index++;
    else if (!arg.startsWith("-")) words.push(arg);
  }
  return words;
}

/** The commands of a group; none where it is no group. */
function commandsOf([group = ""]: string[]): readonly string[] {
  return Object.hasOwn(GROUP_COMMANDS, group)
    ? GROUP_COMMANDS[group] ?? []
    : [];
}

/** The commands that may be meant, as they are typed. */
function commandsFor(
  name: string,
  words: string[],
  path: string[],
  names: string[],
): string[] {
  if (!PLAIN_NAME.test(name)) return [];
  const [group] = path;
  if (group === undefined) {
    const next = words[words.indexOf(name) + 1];
    return proposedCommands(name, next, names).map((one) => `nanoctl ${one}`);
  }
  const closest = closestName(name, commandsOf(path));
  return closest === undefined ? [] : [`nanoctl ${group} ${closest}`];
}

/** The long option of the command that may be meant, if there is one. */
function optionsFor(
  name: string,
  path: string[],
  tree: CliCommand | undefined,
): string[] {
  const [, word] = name.match(/^--([a-z][a-z-]{0,30})$/) ?? [];
  if (word === undefined || !tree) return [];
  let command: CliCommand = tree;
  for (const one of path) command = command.getCommand(one) ?? command;
  const options = command.getOptions(true).flatMap(({ flags }) => flags)
    .flatMap((flag) => flag.match(/^--([a-z-]+)$/)?.[1] ?? []);
  const closest = closestName(word, [...new Set(options)]);
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
