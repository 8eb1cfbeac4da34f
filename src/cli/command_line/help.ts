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
import { wrap } from "../wrap.ts";
import { COMMANDS, GROUPS, HELP_GROUPS, wordsBelow } from "./table.ts";

/** How help is to look. */
export interface HelpLayout {
  /** The columns that it may take; 80 at most are used. */
  columns?: number | undefined;
  /** Puts a heading into another style. */
  heading?: (text: string) => string;
}

/** A term, and what is said of it. */
export type Row = [term: string, text: string];

/** A heading, and the lines below it. */
export interface HelpSection {
  heading: string;
  /** Texts, and rows of a term and what is said of it. */
  lines: (string | Row)[];
}

/** What the whole program is for. */
export const PURPOSE =
  "Log in to a service, keep the token encrypted, hand it to your scripts.";

const MOST_COLUMNS = 80;
/** Below this, what is said of a term goes below it. */
const BESIDE = 60;
const HELP_OPTION: Row = ["-h, --help", "Show this help."];
const VERSION_OPTION: Row = ["-V, --version", VERSION_HELP];

/** The help of a command or a group; of the whole program for an empty name. */
export async function helpText(
  name: string,
  { columns = MOST_COLUMNS, heading = (text) => text }: HelpLayout = {},
): Promise<string> {
  const width = Math.min(columns, MOST_COLUMNS);
  const { summary, description, sections } = await helpOf(name);
  return [
    wrapped(summary, width),
    ...description.map((paragraph) => wrapped(paragraph, width)),
    ...sections.map((section) => {
      const lines = layOut(section, width);
      return `${heading(`${section.heading}:`)}\n${lines.join("\n")}`;
    }),
  ].join("\n\n");
}

/** What help says: a sentence, paragraphs, and sections. docs/reference is made of it too. */
export interface HelpContent {
  summary: string;
  description: string[];
  sections: HelpSection[];
}

/** What the help of a command, of a group, or of the whole program says. */
export async function helpOf(name: string): Promise<HelpContent> {
  const command = await COMMANDS[name]?.load();
  if (command) return helpOfCommand(name, command);
  return {
    summary: name === "" ? PURPOSE : GROUPS[name] ?? "",
    description: [],
    sections: [
      {
        heading: "Usage",
        lines: [["nanoctl", name, "<command>"].filter(Boolean).join(" ")],
      },
      ...await commandSections(name),
      {
        heading: "Options",
        lines: name === "" ? [HELP_OPTION, VERSION_OPTION] : [HELP_OPTION],
      },
      globalSection({}),
    ],
  };
}

function helpOfCommand(name: string, command: Command): HelpContent {
  const own = command.options ?? {};
  return {
    summary: COMMANDS[name]?.summary ?? "",
    description: command.description?.split("\n\n")
      .map((text) => text.replaceAll("\n", " ")) ?? [],
    sections: [
      { heading: "Usage", lines: [usageOf(name, command)] },
      ...optionSections(own),
      ...command.takesAgent ? [agentSection(own)] : [],
      globalSection(own),
      {
        heading: "Examples",
        lines: command.examples.flatMap(([what, line]) => [`# ${what}`, line]),
      },
    ],
  };
}

/** How to call a command. */
export function usageOf(name: string, command: Command): string {
  const words =
    command.arguments?.map((argument) =>
      argument.endsWith("?") ? `[${argument.slice(0, -1)}]` : `<${argument}>`
    ) ?? [];
  return ["nanoctl", name, "[options]", command.usage, ...words]
    .filter(Boolean).join(" ");
}

/** The options of a command's own, those without a group first. */
function optionSections(specs: OptionSpecs): HelpSection[] {
  const groups = new Map<string, HelpSection["lines"]>([["", [HELP_OPTION]]]);
  for (const [property, spec] of Object.entries(specs)) {
    const group = spec.group ?? "";
    groups.set(group, [...groups.get(group) ?? [], rowOf(property, spec)]);
  }
  return [...groups].map(([group, lines]) => ({
    heading: group === "" ? "Options" : `Options ${group}`,
    lines,
  }));
}

function agentSection(own: OptionSpecs): HelpSection {
  return {
    heading: "Options for agents",
    lines: rowsOf(AGENT_OPTIONS, own),
  };
}

function globalSection(own: OptionSpecs): HelpSection {
  return {
    heading: "Options for every command",
    lines: rowsOf(GLOBAL_OPTIONS, own),
  };
}

/** An option of a command's own takes the place of a shared one. */
function rowsOf(
  specs: OptionSpecs,
  own: OptionSpecs,
): Row[] {
  return Object.entries(specs).filter(([property]) => !(property in own))
    .map(([property, spec]) => rowOf(property, spec));
}

function rowOf(
  property: string,
  { short, value, kind, help, note, variable, ...spec }: OptionSpec,
): Row {
  const otherwise = variable ?? spec.default;
  const term = (short ? `-${short}, ` : "") + longName(property) +
    (kind === "flag" ? "" : ` <${value}>`);
  const said = help + (otherwise === undefined ? "" : ` (${otherwise})`);
  return [term, note === undefined ? said : `${said} ${oneLine(note)}`];
}

/** The commands below a group; those of the whole program by what one does with them. */
async function commandSections(name: string): Promise<HelpSection[]> {
  if (name !== "") {
    return [{
      heading: "Commands",
      lines: await Promise.all(
        wordsBelow(name).map((word) => commandRow(name, word)),
      ),
    }];
  }
  const grouped = Object.values(HELP_GROUPS).flat();
  const others = wordsBelow().filter((word) => !grouped.includes(word));
  const groups = { ...HELP_GROUPS, "of other kinds": others };
  const filled = Object.entries(groups).filter(([, words]) => words.length > 0);
  return await Promise.all(
    filled.map(async ([heading, words]) => ({
      heading: `Commands ${heading}`,
      lines: await Promise.all(words.map((word) => commandRow("", word))),
    })),
  );
}

function commandRow(group: string, word: string): Row {
  const name = group === "" ? word : `${group} ${word}`;
  return [word, COMMANDS[name]?.summary ?? GROUPS[name] ?? ""];
}

function oneLine(text: string): string {
  return text.replaceAll("\n", " ");
}

/** The lines of a section, indented by two spaces. */
function layOut({ lines }: HelpSection, width: number): string[] {
  const terms = lines.flatMap((line) =>
    typeof line === "string" ? [] : [line[0].length]
  );
  const column = Math.max(...terms, 0) + 4;
  return lines.map((line) => {
    if (typeof line === "string") return `  ${line}`;
    const [term, text] = line;
    return width < BESIDE
      ? `  ${term}\n${wrapped(text, width, 6)}`
      : `  ${term.padEnd(column - 2)}${
        wrapped(text, width, column).slice(column)
      }`;
  });
}

/** The text in lines of so many columns, each indented; a word is never cut. */
function wrapped(text: string, width: number, indent = 0): string {
  return wrap(text.split(" "), width - indent)
    .map((line) => " ".repeat(indent) + line).join("\n");
}
