import type { Context } from "../../context.ts";

/** An option as data: the parse, the help and the types of a command's options come from it. */
export interface OptionSpec {
  /** `flag` takes no value; `texts` takes one each time it is given. */
  readonly kind: "flag" | "text" | "number" | "texts";
  /** One sentence. */
  readonly help: string;
  /** What the value is, as help names it. */
  readonly value?: string;
  /** The short spelling, one letter. */
  readonly short?: string;
  /** The environment variable that is read where the option is missing. */
  readonly variable?: string;
  /** What applies without the option, as help says it. */
  readonly default?: string;
  /** More lines of help. */
  readonly note?: string;
}

/** Options by the name of their property: `tokenFile` is `--token-file`. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

interface Values {
  flag: boolean;
  text: string;
  number: number;
  texts: string[];
}

/** What the parse makes of options; those that were not given are missing. */
export type OptionsOf<Specs extends OptionSpecs> = {
  [Name in keyof Specs]?: Values[Specs[Name]["kind"]] | undefined;
};

/** A command as data, with what it runs. Its name and summary are in the table. */
export interface Command<Options = Record<string, unknown>> {
  /** More than the summary, in lines. */
  readonly description?: string;
  /** The names of the positional arguments; each must be given. */
  readonly arguments?: readonly string[];
  /** How to call it, where the words above don't say it. */
  readonly usage?: string;
  /** Its arguments are the command line behind two hyphens, for another program. */
  readonly takesCommand?: true;
  /** The options that no other command has. */
  readonly options?: OptionSpecs;
  /** Whether it takes the options of an agent too. */
  readonly takesAgent?: true;
  readonly examples: readonly (readonly [what: string, line: string])[];
  /** Whether it changes the credential file or its key. */
  readonly writesStore?: true;
  /** Whether it runs programs, other than a credential helper that keeps the key. */
  readonly runsPrograms?: true;
  run(context: Context, options: Options, args: string[]): Promise<void>;
}

/** The long spelling of an option: `--token-file` for `tokenFile`. */
export function longName(property: string): string {
  return `--${
    property.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  }`;
}
