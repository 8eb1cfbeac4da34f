import { ValidationError } from "@cliffy/command";
import { GROUPS, WITH_VALUE } from "./options.ts";

const OPTION = /^(-[a-zA-Z]|--[a-z][a-z-]{0,30})$/;

/**
 * The command line in a form that all versions of Cliffy read alike:
 *
 * - before the command, 1.0.0-rc.5 takes `--url x` and not `--url=x`, nor `-qv`;
 * - `-tx` would be several short options;
 * - 1.1 takes no command behind `--help`, and leaves an option out whose value
 *   is empty.
 *
 * Throws Cliffy's ValidationError for an empty value, and for `-=`.
 */
export function commandLine(args: string[]): string[] {
  const end = args.indexOf("--");
  const own = end < 0 ? args : args.slice(0, end);
  const literal = end < 0 ? [] : args.slice(end);
  const line = helpLast(splitValues(own));
  refuseEmptyValues(line);
  return [...line, ...literal];
}

function splitValues(args: string[]): string[] {
  const [first = "", ...others] = args.flatMap((arg) =>
    /^-t[^=]/.test(arg) ? ["-t", arg.slice(2)] : [arg]
  );
  if (args.length === 0) return [];
  const [, name, value] = first.match(/^(--[a-z-]+)=(.*)$/s) ?? [];
  const rest = name && value !== undefined
    ? [name, value, ...others]
    : [first, ...others];
  const before: string[] = [];
  let word: string | undefined;
  while (rest.length > 0 && (word === undefined || GROUPS.includes(word))) {
    const [arg = ""] = rest.splice(0, 1);
    const parts = splitGlobal(arg);
    before.push(...parts);
    if (takesValue(parts.at(-1))) before.push(...rest.splice(0, 1));
    else if (!arg.startsWith("-")) word = arg;
  }
  return [...before, ...rest];
}

/** Options of every command that are joined, or one with its value, each as a word of its own. */
function splitGlobal(arg: string): string[] {
  if (/^-[qv]+t?$/.test(arg)) return [...arg.slice(1)].map((c) => `-${c}`);
  const [, name, value] = arg.match(/^(--?[a-z-]+)=([^-].*)$/s) ?? [];
  return takesValue(name) && value !== undefined ? [name, value] : [arg];
}

function takesValue(option: string | undefined): option is string {
  return option === "-t" || WITH_VALUE.some((name) => name === option);
}

function helpLast(args: string[]): string[] {
  const [first, ...rest] = args;
  return first === "-h" || first === "--help" ? [...rest, first] : args;
}

function refuseEmptyValues(args: string[]): void {
  for (const [index, arg] of args.entries()) {
    if (/^--?=/.test(arg)) throw new ValidationError(`Unknown option "-=".`);
    const option = arg === "" ? args[index - 1] ?? "" : arg.replace(/=$/, "");
    if (option === arg || !OPTION.test(option)) continue;
    throw new ValidationError(`Missing value for option "${option}".`);
  }
}
