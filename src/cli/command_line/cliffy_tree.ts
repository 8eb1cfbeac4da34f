import { Command as CliffyCommand, ValidationError } from "@cliffy/command";
import { VERSION } from "../../version.ts";
import type { Unreadable } from "./parse.ts";
import {
  AGENT_OPTIONS,
  GLOBAL_OPTIONS,
  VERSION_HELP,
} from "./shared_options.ts";
import {
  type Command,
  longName,
  type OptionSpec,
  type OptionSpecs,
} from "./spec.ts";
import { COMMANDS, GROUPS, wordsBelow } from "./table.ts";

/** A command line as Cliffy reads it. */
export interface CliffyReading {
  name: string;
  options: Record<string, unknown>;
  args: string[];
}

/**
 * Reads a line in the form that the parse gives. Undefined if it asks for help or
 * names no command. Throws Cliffy's ValidationError.
 */
export async function readByCliffy(
  { name, args, problem }: Pick<Unreadable, "name" | "args" | "problem">,
): Promise<CliffyReading | undefined> {
  if (problem !== undefined) throw new ValidationError(problem);
  let reading: CliffyReading | undefined;
  const root = await treeFor(name, (found) => reading = found);
  await root.parse(args);
  return reading;
}

/** Whether an error is Cliffy's, about a command line. */
export function isCliffyError(error: unknown): error is Error {
  return error instanceof ValidationError;
}

type Take = (reading: CliffyReading) => void;

/** The tree along the path of a command or group: everything below its end, and no other command. */
async function treeFor(path: string, take: Take): Promise<CliffyCommand> {
  const root = rootCommand();
  await addBelow(root, "", path, take);
  return root;
}

/** Adds what is below a group: the next word of the path alone, everything where the path ends. */
async function addBelow(
  tree: CliffyCommand,
  group: string,
  path: string,
  take: Take,
): Promise<void> {
  const depth = group === "" ? 0 : group.split(" ").length;
  const next = path.split(" ")[depth] || undefined;
  for (const word of next === undefined ? wordsBelow(group) : [next]) {
    const name = group === "" ? word : `${group} ${word}`;
    if (!Object.hasOwn(GROUPS, name)) {
      // Of the others the name is enough.
      const spec = name === path ? await COMMANDS[name]?.load() : undefined;
      tree.command(word, command(name, spec, take));
      continue;
    }
    const below = erased(new CliffyCommand());
    await addBelow(below, name, path, take);
    tree.command(word, below.reset());
  }
}

/** A command; only its name without a spec. */
function command(
  name: string,
  spec: Command | undefined,
  take: Take,
): CliffyCommand {
  const tree = erased(new CliffyCommand());
  if (spec) declare(tree, name, spec, take);
  return tree;
}

function declare(
  tree: CliffyCommand,
  name: string,
  spec: Command,
  take: Take,
): void {
  const names = spec.arguments ?? [];
  if (names.length > 0) {
    tree.arguments(names.map(argumentText).join(" "));
  }
  addOptions(tree, spec.options ?? {});
  if (spec.takesAgent) addOptions(tree, AGENT_OPTIONS);
  tree.action(function (options: unknown, ...args: unknown[]): void {
    take({
      name,
      options: withoutDefaults({ ...GLOBAL_OPTIONS, ...spec.options }, options),
      args: spec.takesCommand
        ? this.getLiteralArgs()
        // Cliffy 1.2 takes an optional argument that is empty for none.
        : args.map((arg) => String(arg ?? "")),
    });
  });
}

function argumentText(name: string): string {
  return name.endsWith("?")
    ? `[${name.slice(0, -1)}:string]`
    : `<${name}:string>`;
}

/** To Cliffy, `--no-qr` is an option `qr` that is on by default. */
function withoutDefaults(
  specs: OptionSpecs,
  given: unknown,
): Record<string, unknown> {
  const options: Record<string, unknown> = Object.assign({}, given);
  for (const name of Object.keys(specs)) {
    const [, first = "", rest = ""] = /^no([A-Z])(\w*)$/.exec(name) ?? [];
    if (first === "") continue;
    const positive = first.toLowerCase() + rest;
    if (options[positive] === false) options[name] = true;
    delete options[positive];
  }
  return options;
}

function addOptions(tree: CliffyCommand, specs: OptionSpecs): void {
  for (const [property, spec] of Object.entries(specs)) {
    tree.option(flags(property, spec), spec.help, {
      collect: spec.kind === "texts",
    });
  }
}

function rootCommand(): CliffyCommand {
  const root = erased(
    new CliffyCommand()
      .name("nanoctl")
      .noExit()
      .globalType("string", text)
      .version(VERSION)
      .versionOption("-V, --version", VERSION_HELP, {
        standalone: true,
      }),
  );
  for (const [property, spec] of Object.entries(GLOBAL_OPTIONS)) {
    root.globalOption(flags(property, spec), spec.help, {
      collect: spec.kind === "texts",
    });
  }
  return root;
}

/** Forgets the options of a command, which Cliffy keeps in its type. */
function erased(command: unknown): CliffyCommand {
  return command as CliffyCommand;
}

/** As Cliffy declares an option: `-t, --token <token:string>`. */
function flags(property: string, { kind, short, value }: OptionSpec): string {
  const type = kind === "number" ? "number" : "string";
  return (short ? `-${short}, ` : "") + longName(property) +
    (kind === "flag" ? "" : ` <${value}:${type}>`);
}

/** Accepts any text, except options as arguments: Cliffy 1.1 takes unknown options for arguments. */
function text({ label, value }: { label: string; value: string }): string {
  if (label === "Argument" && /^-./.test(value)) {
    throw new ValidationError(`Unknown option "${value}".`);
  }
  return value;
}
