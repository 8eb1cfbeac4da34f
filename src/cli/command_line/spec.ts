import type { Context } from "../../process/context.ts";

/** What the parse makes of an option of each kind; `texts` takes one value each time it is given. */
interface Values {
  flag: boolean;
  text: string;
  number: number;
  texts: string[];
}

/** What a shell completes a value with: one of these, a stored profile, a service, one that a person added, or a path. */
export type Choices =
  | readonly string[]
  | "profiles"
  | "services"
  | "added services"
  | "files";

/** The optional parts of an option's spec. */
interface Details {
  /** The short spelling, one letter. */
  readonly short?: string;
  /** The environment variable that is read if the option is missing. */
  readonly variable?: string;
  /** What applies without the option, as help says it. */
  readonly default?: string;
  /** More sentences of help. */
  readonly note?: string;
  /** What it is for, where help groups a command's options: such as "for device login". */
  readonly group?: string;
  /** What to complete its value with; nothing without. The command checks what it is given. */
  readonly choices?: Choices;
}

/** An option as data: the parse, the help and the types of a command's options come from it. */
export interface OptionSpec<Kind extends keyof Values = keyof Values>
  extends Details {
  readonly kind: Kind;
  /** What the value is, as help names it; empty for a flag. */
  readonly value: string;
  /** One sentence. */
  readonly help: string;
}

/** An option without a value. */
export function flag(help: string, details?: Details): OptionSpec<"flag"> {
  return { kind: "flag", value: "", help, ...details };
}

/** An option with a text, such as `--url <url>`. */
export function text(
  value: string,
  help: string,
  details?: Details,
): OptionSpec<"text"> {
  return { kind: "text", value, help, ...details };
}

/** An option with a text, which can be given repeatedly. */
export function texts(
  value: string,
  help: string,
  details?: Details,
): OptionSpec<"texts"> {
  return { kind: "texts", value, help, ...details };
}

/** An option with a number. */
export function number(
  value: string,
  help: string,
  details?: Details,
): OptionSpec<"number"> {
  return { kind: "number", value, help, ...details };
}

/** Options by the name of their property: `tokenFile` is `--token-file`. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** What the parse makes of options; those that were not given are missing. */
export type OptionsOf<Specs extends OptionSpecs> = {
  [Name in keyof Specs]?: Values[Specs[Name]["kind"]] | undefined;
};

/** A command as data, with what it runs. Its name and summary are in the table. */
export interface Command<Options = Record<string, unknown>> {
  /** More than the summary, in lines. */
  readonly description?: string;
  /** The names of the positional arguments; one that ends in `?` can be left out, if all behind it are. */
  readonly arguments?: readonly string[];
  /** What to complete each of them with, in their order. */
  readonly argumentChoices?: readonly Choices[];
  /** How to call it, if the arguments don't say it. */
  readonly usage?: string;
  /** Its arguments are another program's command line, after `--`. */
  readonly takesCommand?: true;
  /** The options that no other command has. */
  readonly options?: OptionSpecs;
  /** Whether it takes the options of an agent too. */
  readonly takesAgent?: true;
  readonly examples: readonly (readonly [what: string, line: string])[];
  /** Whether it changes the credential file or its key; where that depends on its arguments, whether it does with these. */
  readonly writesStore?: true | ((args: readonly string[]) => boolean);
  /** Whether it sends the token or only hands it over: a token may have to be renewed, and stored. */
  readonly usesToken?: "sends" | "hands over";
  /** Whether it takes a token that is given, without using a stored one as {@linkcode usesToken} says. */
  readonly takesToken?: true;
  /** Whether it runs programs, other than one that prints the token, or a credential helper that keeps the key. */
  runsPrograms?(options: Options): boolean;
  run(context: Context, options: Options, args: string[]): Promise<void>;
}

/** How many positional arguments a command takes. */
export function argumentCounts(
  { arguments: names = [] }: Pick<Command, "arguments">,
): { least: number; most: number } {
  const optional = names.filter((name) => name.endsWith("?")).length;
  return { least: names.length - optional, most: names.length };
}

/** The long spelling of an option: `--token-file` for `tokenFile`. */
export function longName(property: string): string {
  return `--${
    property.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  }`;
}
