import type { HelpSection } from "../../src/cli/command_line/help.ts";
import type { Page } from "../docs.ts";

const NOTE =
  "<!-- Made by deno task docs of the command's spec in src/cli/commands. -->";

/** The reference page of a command. */
export function markdownPage({ name, content }: Page): string {
  return [
    NOTE,
    `# nanoctl ${name}`,
    escaped(content.summary),
    ...content.description.map(escaped),
    ...content.sections
      .filter(({ heading }) => heading !== "Options for every command")
      .map(markdownSection),
    "It also takes [the options of every command](README.md#options-for-every-command).",
  ].join("\n\n") + "\n";
}

/** The list of all pages, and what applies to all commands. */
export function referenceIndex(
  pages: Page[],
  words: readonly string[],
): string {
  const root = pages.find(({ name }) => name === "");
  const rows = words.flatMap((word) =>
    pages.filter(({ name }) => name.split(" ")[0] === word)
  ).map(({ name, content }) =>
    `| [${name}](${name.replaceAll(" ", "_")}.md) | ${
      escaped(content.summary)
    } |`
  );
  const shared = root?.content.sections
    .filter(({ heading }) => heading === "Options for every command") ?? [];
  return [
    NOTE,
    "# Commands",
    "[Errors](errors.md) lists the error codes and what to do about each.",
    ["| command | what it does |", "| --- | --- |", ...rows].join("\n"),
    ...shared.map(markdownSection),
  ].join("\n\n") + "\n";
}

function markdownSection({ heading, lines }: HelpSection): string {
  const isTable = lines.every((line) => typeof line !== "string");
  const body = isTable
    ? ["| option | meaning |", "| --- | --- |"].concat(
      lines.flatMap((line) =>
        typeof line === "string"
          ? []
          : [`| \`${line[0]}\` | ${escaped(line[1])} |`]
      ),
    )
    : ["```sh", ...lines.map(String), "```"];
  return `## ${heading}\n\n${body.join("\n")}`;
}

/** Text in which Markdown sees nothing of its own. */
export function escaped(text: string): string {
  return text.replace(/[<>|*_`]/g, (char) => `\\${char}`);
}
