import { ValidationError } from "@cliffy/command";

const OPTION = /^(-[a-zA-Z]|--[a-z][a-z-]{0,30})$/;

/**
 * The command line in a form that all versions of Cliffy read alike:
 *
 * - before the command, 1.0.0-rc.5 takes `--url x` and not `--url=x`;
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
  const [first, ...rest] = args.flatMap((arg) =>
    /^-t[^=]/.test(arg) ? ["-t", arg.slice(2)] : [arg]
  );
  if (first === undefined) return [];
  const [, name, value] = first.match(/^(--[a-z-]+)=(.*)$/s) ?? [];
  return name && value !== undefined
    ? [name, value, ...rest]
    : [first, ...rest];
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
