import {
  EARLY,
  nameIn,
  optionsIn,
  optionsOf,
  type Scan,
  scan,
} from "../command_line/parse.ts";
import {
  GLOBAL_OPTIONS,
  VERSION_HELP,
} from "../command_line/shared_options.ts";
import {
  type Choices,
  type Command,
  longName,
  type OptionSpecs,
} from "../command_line/spec.ts";
import { SERVICE_NAMES } from "../../services/names.ts";
import { COMMANDS, GROUPS, wordsBelow } from "../command_line/table.ts";

/** A word, and what it means; that is empty where the word says it. */
export type Candidate = readonly [word: string, meaning: string];

/**
 * What a word can be completed to, or who knows: `:files 13` are paths, behind
 * the first 13 characters of the word; `:command 2` is another program's command
 * line, behind the first 2 words.
 */
export type Completion =
  | readonly Candidate[]
  | `:${"files" | "command"} ${number}`;

/** What a person keeps, by which names. */
export interface KeptNames {
  /** The stored profiles. */
  profiles(): string[];
  /** The services that were added. */
  services(): string[];
}

/** Before the command that `exec` runs. */
const HYPHENS: Candidate = ["--", "The command to run follows."];

/** Everything that the last of these words could be in its place, however it begins: shells match in ways of their own. */
export async function completionOf(
  words: string[],
  kept: KeptNames,
): Promise<Completion> {
  const before = words.slice(0, -1);
  if (before[0] === "help") return commandsBelow(before.slice(1));
  const place = await placeBehind(before);
  const { command, line, specs, behind, given } = place;
  if (behind === undefined) {
    if (line.awaits) return valuesOf(specs[line.awaits]?.choices, "", kept);
    const word = words.at(-1) ?? "";
    if (word.startsWith("-")) {
      return joinedValues(word, place, kept) ?? optionsLeft(place);
    }
    if (!command) return commandsBelow(line.words);
    if (command.takesCommand) return [HYPHENS];
  }
  if (command?.takesCommand) return `:command ${before.indexOf("--") + 1}`;
  return valuesOf(command?.argumentChoices?.[given], "", kept);
}

/** Where on a command line a word stands. */
interface Place {
  /** Undefined as long as no word names one. */
  command: Command | undefined;
  /** The options that can stand here. */
  specs: OptionSpecs;
  /** What stands before it, up to two hyphens. */
  line: Scan;
  /** How many words stand between the hyphens and it; undefined without hyphens. */
  behind: number | undefined;
  /** How many arguments of the command stand before it. */
  given: number;
}

async function placeBehind(before: string[]): Promise<Place> {
  const end = before.indexOf("--");
  const own = end < 0 ? before : before.slice(0, end);
  const early = scan(own, EARLY);
  const name = nameIn(early.words);
  const command = Object.hasOwn(COMMANDS, name)
    ? await COMMANDS[name]?.load()
    : undefined;
  const specs = command ? optionsOf(command) : EARLY;
  const line = command ? scan(own, specs) : early;
  const behind = end < 0 ? undefined : before.length - end - 1;
  const given = line.words.length - name.split(" ").length + (behind ?? 0);
  return { command, specs, line, behind, given };
}

/** The words that can follow these, if they are a group or none. */
function commandsBelow(words: string[]): Candidate[] {
  const group = words.join(" ");
  if (group !== "" && !Object.hasOwn(GROUPS, group)) return [];
  return wordsBelow(group).map((word) => {
    const name = group === "" ? word : `${group} ${word}`;
    return [word, GROUPS[name] ?? COMMANDS[name]?.summary ?? ""];
  });
}

/** What an option or an argument takes, with the first part of the word that it is joined to. */
function valuesOf(
  choices: Choices | undefined,
  joined: string,
  kept: KeptNames,
): Completion {
  if (choices === "files") return `:files ${joined.length}`;
  return namesOf(choices, kept).map((value) => [joined + value, ""]);
}

function namesOf(
  choices: Exclude<Choices, "files"> | undefined,
  kept: KeptNames,
): readonly string[] {
  switch (choices) {
    case "profiles":
      return kept.profiles();
    case "services":
      return [...SERVICE_NAMES, ...kept.services()];
    case "added services":
      return kept.services();
    default:
      return choices ?? [];
  }
}

/** The values for `--name=` and for a letter with a value behind it; undefined if the word is neither. */
function joinedValues(
  word: string,
  place: Place,
  kept: KeptNames,
): Completion | undefined {
  const parts = optionsIn(word, place.specs);
  const last = typeof parts === "string" ? undefined : parts.at(-1);
  if (last?.value === undefined) return undefined;
  if (isSpent(last.property, place)) return [];
  const joined = word.slice(0, word.length - last.value.length);
  return valuesOf(place.specs[last.property]?.choices, joined, kept);
}

/** The options that can still be given, with both of their names. */
function optionsLeft(place: Place): Candidate[] {
  const { command, line, specs } = place;
  const known = Object.entries(command ? specs : GLOBAL_OPTIONS)
    .filter(([property]) => !isSpent(property, place))
    .flatMap(([property, { short, help }]) =>
      named(longName(property), short, help)
    );
  const isAsked = line.wantsHelp || line.wantsVersion;
  return [
    ...command?.takesCommand ? [HYPHENS] : [],
    ...known,
    ...isAsked ? [] : named("--help", "h", "Show this help."),
    ...isAsked || line.words.length > 0
      ? []
      : named("--version", "V", VERSION_HELP),
  ];
}

function named(
  long: string,
  short: string | undefined,
  help: string,
): Candidate[] {
  return [...short === undefined ? [] : [`-${short}`], long]
    .map((name) => [name, help]);
}

/** Whether an option was given that can be given only once. */
function isSpent(property: string, { line, specs }: Place): boolean {
  return property in line.values && specs[property]?.kind !== "texts";
}
