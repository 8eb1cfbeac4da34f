import { fromFileUrl, join } from "@std/path";
import { COMMANDS } from "../../src/cli/command_line/table.ts";

const ROOT = fromFileUrl(import.meta.resolve("../../"));

/** A block of code of a page, or a line of a command's examples. */
export interface Example {
  /** The page's path, or the command's name. */
  page: string;
  /** What a fence says, such as `json`; `sh` where it says nothing or there is none. */
  language: string;
  /** Without the indent, and with a line feed at its end. */
  text: string;
  /** The JSON block that follows with nothing in between: what a command answers. */
  answer?: string;
}

/** The first line that tells an example from others, by which a table names it. */
export function titleOf({ text }: Example): string {
  const line = text.split("\n").find((line) => !/^(#!.*|\{|)$/.test(line));
  return line?.trim() ?? "";
}

/** The pages whose examples are run: those that are written by hand and shipped. */
export function examplePages(): string[] {
  const docs = [...Deno.readDirSync(join(ROOT, "docs"))]
    .map(({ name }) => name).filter((name) => name.endsWith(".md"));
  return ["README.md", ...docs.map((name) => `docs/${name}`).sort()];
}

/** The examples of a page in their order. */
export function examplesOf(page: string): Example[] {
  return examplesIn(page, Deno.readTextFileSync(join(ROOT, page)));
}

/** The blocks of code of a text in Markdown, fenced or indented by four spaces. */
export function examplesIn(page: string, markdown: string): Example[] {
  const pattern =
    /^```(?<fence>\S*)\n(?<fenced>[^]*?)^```$|(?<=\n\n)(?<indented>(?: {4}.*\n|\n(?= {4}))+)/gm;
  const found: Example[] = [];
  let end = 0;
  for (const match of markdown.matchAll(pattern)) {
    const { fence, fenced, indented = "" } = match.groups ?? {};
    const between = markdown.slice(end, match.index);
    end = match.index + match[0].length;
    const text = fenced ?? indented.replace(/^ {4}/gm, "");
    const last = found.at(-1);
    if (fence === "json" && last?.language === "sh" && between.trim() === "") {
      last.answer = text;
    } else found.push({ page, language: fence || "sh", text });
  }
  return found;
}

/** The examples of every command's spec, which help, the reference and the manual show. */
export async function specExamples(): Promise<Example[]> {
  const commands = Object.entries(COMMANDS).map(async ([page, entry]) => {
    const { examples } = await entry.load();
    return examples.map(([, line]) => ({
      page,
      language: "sh",
      text: `${line}\n`,
    }));
  });
  return (await Promise.all(commands)).flat();
}
