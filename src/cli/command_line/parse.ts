import {
  argumentCounts,
  type Command,
  longName,
  type OptionSpec,
  type OptionSpecs,
} from "./spec.ts";
import { AGENT_OPTIONS, GLOBAL_OPTIONS } from "./shared_options.ts";
import { COMMANDS, GROUPS } from "./table.ts";

/** A command line that can be run. */
export interface Runnable {
  wants: "run";
  name: string;
  command: Command;
  options: Record<string, unknown>;
  args: string[];
}

/** A command line that can't be run. */
export interface Unreadable {
  wants: "explanation";
  /** The command or group, as far as it is known; else empty. */
  name: string;
  /** The line in the one form that all versions of Cliffy read alike. */
  args: string[];
  /** What is wrong with it, if some version of Cliffy would accept it. */
  problem: string | undefined;
}

/** A command line, read. */
export type CommandLine =
  | Runnable
  | { wants: "completion" }
  | { wants: "help"; name: string }
  | { wants: "version" }
  | Unreadable;

/** Options that can stand before the command, when it is not known yet. */
export const EARLY: OptionSpecs = { ...GLOBAL_OPTIONS, ...AGENT_OPTIONS };

/**
 * Reads a command line by the table and the spec of its command: options before
 * and after the command, `--name=value`, joined short ones, and `--`, after which
 * everything is an argument. Never throws.
 */
export async function parse(given: string[]): Promise<CommandLine> {
  if (given.length === 1 && given[0] === "__complete") {
    return { wants: "completion" };
  }
  const args = given[0] === "help" ? [...given.slice(1), "--help"] : given;
  const end = args.indexOf("--");
  const own = end < 0 ? args : args.slice(0, end);
  const behind = end < 0 ? undefined : args.slice(end + 1);
  const early = scan(own, EARLY);
  const name = nameIn(early.words);
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!entry || early.unknownFirst) return withoutCommand(name, early, behind);
  const command = await entry.load();
  const line = scan(own, optionsOf(command));
  if (line.wantsHelp) return { wants: "help", name };
  return withCommand(name, command, line, behind);
}

/** All options that a command takes. */
export function optionsOf(
  { takesAgent, options }: Pick<Command, "takesAgent" | "options">,
): OptionSpecs {
  return {
    ...GLOBAL_OPTIONS,
    ...takesAgent ? AGENT_OPTIONS : {},
    ...options,
  };
}

/** The command or group that the first words name, or the first word if they name none. */
export function nameIn([first = "", ...others]: string[]): string {
  let name = first;
  for (const word of others) {
    const longer = `${name} ${word}`;
    const isKnown = Object.hasOwn(GROUPS, name) &&
      (Object.hasOwn(COMMANDS, longer) || Object.hasOwn(GROUPS, longer));
    if (!isKnown) break;
    name = longer;
  }
  return name;
}

/** A line for the whole program, for a group, or with a command that doesn't exist. */
function withoutCommand(
  name: string,
  { words, wantsHelp, wantsVersion, ...line }: Scan,
  behind: string[] | undefined,
): CommandLine {
  const isKnown = Object.hasOwn(GROUPS, name) || Object.hasOwn(COMMANDS, name);
  const known = isKnown ? name : "";
  const isWhole = words.join(" ") === known;
  if (wantsHelp && isWhole) return { wants: "help", name: known };
  if (wantsVersion && words.length === 0) return { wants: "version" };
  const problem = line.problem ??
    (behind?.length ? "The command goes before --." : undefined);
  if (isWhole && line.fits && !problem && !wantsVersion) {
    return { wants: "help", name: known };
  }
  return {
    wants: "explanation",
    name: known,
    args: [...words, ...line.options],
    problem,
  };
}

function withCommand(
  name: string,
  command: Command,
  line: Scan,
  behind: string[] | undefined,
): CommandLine {
  const path = name.split(" ");
  const words = line.words.slice(path.length);
  const isForProgram = command.takesCommand && behind !== undefined;
  const args = isForProgram ? behind : [...words, ...behind ?? []];
  const problem = line.problem ??
    (!isForProgram && behind?.some((arg) => /^-./.test(arg))
      ? "An argument can't begin with a hyphen."
      : undefined);
  const { least, most } = argumentCounts(command.takesCommand ? {} : command);
  const count = isForProgram ? words.length : args.length;
  const fits = line.fits && !problem && !line.wantsVersion &&
    count >= least && count <= most;
  if (fits) return { wants: "run", name, command, options: line.values, args };
  return {
    wants: "explanation",
    name,
    args: [...path, ...isForProgram ? words : args, ...line.options],
    problem,
  };
}

/** What stands before `--`, sorted. */
export interface Scan {
  words: string[];
  /** The options as `--name`, with their values behind them; unknown ones as they were given. */
  options: string[];
  /** What the options say. */
  values: Record<string, unknown>;
  wantsHelp: boolean;
  wantsVersion: boolean;
  /** Whether an unknown option stands before the first word. */
  unknownFirst: boolean;
  /** The property of the last option, if its value is missing. */
  awaits: string | undefined;
  /** Whether every option is known, and has a value that it can have. */
  fits: boolean;
  problem: string | undefined;
}

/** Sorts what stands before `--`, by these options. */
export function scan(args: string[], specs: OptionSpecs): Scan {
  const found: Scan = {
    words: [],
    options: [],
    values: {},
    wantsHelp: false,
    wantsVersion: false,
    unknownFirst: false,
    awaits: undefined,
    fits: true,
    problem: undefined,
  };
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? "";
    if (!/^-./s.test(arg)) {
      found.words.push(arg);
      continue;
    }
    const parts = optionsIn(arg, specs);
    if (typeof parts === "string") {
      addUnknown(found, parts);
      continue;
    }
    for (const part of parts) {
      const { property, name, value } = part;
      const spec = specs[property];
      if (property === "help") found.wantsHelp = true;
      else if (property === "version") {
        found.wantsVersion = true;
        found.options.push(name);
      } else if (spec?.kind === "flag") addFlag(found, part);
      else if (spec) {
        addValue(found, { ...part, value: value ?? args[++index] }, spec);
      }
    }
  }
  return found;
}

/** One option: its property, how it was spelled, and the value that is joined to it. */
export interface Part {
  property: string;
  name: string;
  value?: string | undefined;
}

/** What Cliffy declares by itself. */
const BUILT_IN: Readonly<Record<string, string>> = {
  "--help": "help",
  "-h": "help",
  "--version": "version",
  "-V": "version",
};

/** The options in one argument: a long one, or joined short ones. The name of the first unknown one, if any. */
export function optionsIn(arg: string, specs: OptionSpecs): Part[] | string {
  const [, long, value] = arg.match(/^(--[^=]+)(?:=(.*))?$/s) ?? [];
  if (long !== undefined) {
    const property = propertyOf(long, specs, value);
    return property === undefined ? long : [{ property, name: long, value }];
  }
  if (/^--?=/.test(arg)) return "-=";
  const parts: Part[] = [];
  for (let at = 1; at < arg.length; at++) {
    const name = `-${arg[at]}`;
    const rest = arg.slice(at + 1);
    const joined = rest.startsWith("=") ? rest.slice(1) : undefined;
    const property = propertyOf(name, specs, joined);
    if (property === undefined) return name;
    const kind = specs[property]?.kind ?? "flag";
    if (kind === "flag" && joined === undefined) {
      parts.push({ property, name });
      continue;
    }
    const value = joined ?? (rest === "" ? undefined : rest);
    return [...parts, { property, name, value }];
  }
  return parts;
}

/** The property of an option; `help` and `version` take no value. */
function propertyOf(
  name: string,
  specs: OptionSpecs,
  value: string | undefined,
): string | undefined {
  if (Object.hasOwn(BUILT_IN, name) && value === undefined) {
    return BUILT_IN[name];
  }
  return Object.keys(specs).find((property) =>
    longName(property) === name || `-${specs[property]?.short}` === name
  );
}

/** Cliffy takes `--t` for `-t`, and `---token` for `--token`; the parse doesn't. */
function addUnknown(found: Scan, name: string): void {
  found.unknownFirst ||= found.words.length === 0;
  found.options.push(name);
  found.fits = false;
  found.problem ??= `Unknown option "${name}".`;
}

function addFlag(found: Scan, { property, name, value }: Part): void {
  if (value === "") found.problem ??= missingValue(name);
  const isRepeated = property in found.values;
  if (value !== undefined || isRepeated) found.fits = false;
  // Some of these Cliffy takes for a negation, and reads.
  if (isRepeated && /^no[A-Z]/.test(property)) {
    found.problem ??= `Option "${name}" can only occur once.`;
  }
  found.options.push(value === undefined ? name : `${name}=${value}`);
  found.values[property] = true;
}

function addValue(
  found: Scan,
  { property, name, value }: Part,
  { kind }: OptionSpec,
): void {
  // In `--token-file --token=x` the first option lacks its value.
  const isOption = value !== undefined && /^--[a-z][a-z-]*=/.test(value);
  if (value === undefined) found.awaits = property;
  if (value === "") found.problem ??= missingValue(name);
  if (isOption) found.problem ??= missingValue(longName(property));
  const before = found.values[property];
  found.options.push(name, ...value === undefined ? [] : [value]);
  found.fits &&= value !== undefined &&
    (kind === "texts" || before === undefined) &&
    (kind !== "number" || Number.isFinite(Number(value)));
  if (kind === "texts") {
    found.values[property] = [...Array.isArray(before) ? before : [], value];
  } else {
    found.values[property] = kind === "number" ? Number(value) : value;
  }
}

function missingValue(name: string): string {
  return `Missing value for option "${name}".`;
}
