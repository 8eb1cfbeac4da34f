import { ValidationError } from "@cliffy/command";
import { AGENT_FLAGS, GROUPS, WITH_VALUE } from "./options.ts";

const OPTION = /^(-[a-zA-Z]|--[a-z][a-z-]{0,30})$/;

/** The short options of any command: those that take no value, and those that do. */
const SHORT_FLAGS = "hiqvV";
const SHORT_WITH_VALUE = "fHotX";
const TAKING_VALUE = [
  ...WITH_VALUE,
  "--output",
  ...[...SHORT_WITH_VALUE].map((letter) => `-${letter}`),
];
/** What no version takes before the command, as it is the command's own. */
const OF_COMMAND = [...AGENT_FLAGS, "--header"];

/**
 * The command line in a form that all versions of Cliffy read alike:
 *
 * - before the command, 1.0.0-rc.5 takes `--url x` and not `--url=x`;
 * - it reads `-fa=b` as another field than `-f a=b`, and `-XPUT` as none;
 * - 1.1 takes no command behind `--help`, and neither takes other options
 *   beside it;
 * - 1.1 leaves an option out whose value is empty;
 * - what is behind `--` neither gives to a command as its arguments;
 * - an option of a command goes before it too, as `coder` takes those of agents.
 *
 * Throws Cliffy's ValidationError for an empty value, for `-=`, and for what
 * can't be behind `--`.
 */
export function commandLine(args: string[]): string[] {
  const end = args.indexOf("--");
  const own = ownOptionsLast(
    splitOptions(end < 0 ? args : args.slice(0, end)),
  );
  const { words, options } = partsOf(own);
  if (options.some((arg) => /^(-h|--help)$/.test(arg))) {
    return [...words, "--help"];
  }
  const asksVersion = options.some((arg) => /^(-V|--version)$/.test(arg));
  if (asksVersion && words.length === 0) return ["--version"];
  refuseEmptyValues(own);
  if (end < 0) return own;
  return words[0] === "exec"
    ? [...own, ...args.slice(end)]
    : [...own, ...operands(words, args.slice(end + 1))];
}

/** Moves the options of a command behind it, with their values. */
function ownOptionsLast(args: string[]): string[] {
  const moved: string[] = [];
  const others: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? "";
    const to = OF_COMMAND.includes(arg.replace(/=.*$/s, "")) ? moved : others;
    to.push(arg);
    if (!takesValue(arg) || index + 1 >= args.length) continue;
    index++;
    to.push(args[index] ?? "");
  }
  return [...others, ...moved];
}

/** What is behind `--`, where that only says that no option follows. */
function operands([first, second]: string[], behind: string[]): string[] {
  if (behind.length === 0) return [];
  const command = GROUPS.includes(first ?? "") ? second : first;
  if (command === undefined) {
    throw new ValidationError("The command goes before the two hyphens.");
  }
  if (behind.some((arg) => /^-./.test(arg))) {
    throw new ValidationError("An argument can't begin with a hyphen.");
  }
  return behind;
}

/** The command, of a group with that in it, and the options, without their values. */
function partsOf(args: string[]): { words: string[]; options: string[] } {
  const words: string[] = [];
  const options: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? "";
    if (takesValue(arg)) index++;
    if (/^-./.test(arg)) options.push(arg);
    else words.push(arg);
  }
  const count = GROUPS.includes(words[0] ?? "") ? 2 : 1;
  return { words: words.slice(0, count), options };
}

/** Options that are joined, or one with its value, each as a word of its own. A value stays as it is. */
function splitOptions(args: string[]): string[] {
  const split: string[] = [];
  let word: string | undefined;
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? "";
    const isBefore = word === undefined || GROUPS.includes(word);
    const parts = splitShort(arg) ??
      (isBefore ? splitLong(arg, index === 0) : [arg]);
    split.push(...parts);
    if (takesValue(parts.at(-1))) {
      index++;
      split.push(...args.slice(index, index + 1));
    } else if (isBefore && !arg.startsWith("-")) word = arg;
  }
  return split;
}

/** `-qtx` as `-q -t x`; undefined where a letter is no option of ours. */
function splitShort(arg: string): string[] | undefined {
  if (!/^-[a-zA-Z]./s.test(arg)) return undefined;
  const parts: string[] = [];
  for (const [index, letter] of [...arg].entries()) {
    if (index === 0) continue;
    parts.push(`-${letter}`);
    if (SHORT_WITH_VALUE.includes(letter)) {
      const value = [...arg].slice(index + 1).join("");
      return value === "" ? parts : [...parts, value.replace(/^=/, "")];
    }
    if (!SHORT_FLAGS.includes(letter)) return undefined;
  }
  return parts;
}

/** `--url=x` as `--url x`; what is first is not to be taken for a command. */
function splitLong(arg: string, isFirst: boolean): string[] {
  const [, name, value = ""] = arg.match(/^(--[a-z-]+)=(.*)$/s) ?? [];
  const isOption = isFirst || takesValue(name) && /^[^-]/.test(value);
  return name && isOption ? [name, value] : [arg];
}

function takesValue(option: string | undefined): boolean {
  return option !== undefined && TAKING_VALUE.includes(option);
}

function refuseEmptyValues(args: string[]): void {
  for (const [index, arg] of args.entries()) {
    if (/^--?=/.test(arg)) throw new ValidationError(`Unknown option "-=".`);
    const option = arg === "" ? args[index - 1] ?? "" : arg.replace(/=$/, "");
    if (option === arg || !OPTION.test(option)) continue;
    throw new ValidationError(`Missing value for option "${option}".`);
  }
}
