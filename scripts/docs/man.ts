import type { HelpSection } from "../../src/cli/command_line/help.ts";
import { COMMANDS } from "../../src/cli/command_line/table.ts";
import type { Page } from "../docs.ts";

/** The manual page of a command (man(7)). */
export function manPage({ name, content }: Page, version: string): string {
  const title = ["nanoctl", ...name.split(" ").filter(Boolean)].join("-");
  return [
    `.TH "${title.toUpperCase()}" 1 "" "nanoctl ${version}" "nanoctl"`,
    ".SH NAME",
    `${roff(title)} \\- ${roff(content.summary.replace(/\.$/, ""))}`,
    ...content.sections.filter(isUsage).flatMap(synopsis),
    ...content.description.length === 0 ? [] : [
      ".SH DESCRIPTION",
      ...content.description.flatMap((text) => [".PP", roff(text)]),
    ],
    ...content.sections.filter((section) => !isUsage(section))
      .flatMap(manSection),
    ...name === "" ? seeAlso() : [".SH SEE ALSO", ".BR nanoctl (1)"],
  ].join("\n") + "\n";
}

function isUsage({ heading }: HelpSection): boolean {
  return heading === "Usage";
}

function synopsis({ lines }: HelpSection): string[] {
  return [".SH SYNOPSIS", ...lines.map((line) => `.B ${roff(String(line))}`)];
}

function manSection({ heading, lines }: HelpSection): string[] {
  return [
    `.SH ${roff(heading.toUpperCase())}`,
    ...lines.flatMap((line) => {
      if (typeof line !== "string") {
        return [".TP", `.B ${roff(line[0])}`, roff(line[1])];
      }
      return line.startsWith("# ")
        ? [".PP", roff(line.slice(2))]
        : [".RS", ".nf", roff(line), ".fi", ".RE"];
    }),
  ];
}

function seeAlso(): string[] {
  const pages = Object.keys(COMMANDS)
    .map((name) => `.BR nanoctl-${name.replaceAll(" ", "-")} (1)`);
  return [".SH SEE ALSO", ...pages];
}

/** Text in which roff sees nothing of its own. */
function roff(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-")
    .replace(/^([.'])/, "\\&$1");
}
