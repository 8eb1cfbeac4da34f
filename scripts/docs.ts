/**
 * Writes what is made of the commands' specs:
 *
 *   deno task docs           docs/reference, a page a command and one for errors,
 *                            docs/man, the schema of services, the index of the
 *                            built-in ones
 *   deno task docs --check   fails if that is not what is there
 */
import { type HelpContent, helpOf } from "../src/cli/command_line/help.ts";
import { COMMANDS, wordsBelow } from "../src/cli/command_line/table.ts";
import { VERSION } from "../src/version.ts";
import { errorsPage } from "./docs/errors.ts";
import { markdownPage, referenceIndex } from "./docs/markdown.ts";
import { manPage } from "./docs/man.ts";
import { serviceSchema, servicesIndex } from "./docs/services.ts";
import { readIfThere, remove, runDeno, say, SetupError } from "./process.ts";

/** What is generated of one command, or of the whole program for an empty name. */
export interface Page {
  name: string;
  content: HelpContent;
}

const SERVICES = "src/services/builtin";

const FOLDERS = ["docs/reference", "docs/man"];

/** Every generated file, by its path below the root, as the formatter leaves it. */
export async function generated(): Promise<Map<string, string>> {
  const names = ["", ...Object.keys(COMMANDS)];
  const pages = await Promise.all(
    names.map(async (name): Promise<Page> => ({
      name,
      content: await helpOf(name),
    })),
  );
  const files = new Map<string, string>();
  for (const page of pages) {
    const stem = ["nanoctl", ...page.name.split(" ").filter(Boolean)].join("-");
    files.set(`docs/man/${stem}.1`, manPage(page, VERSION));
    if (page.name === "") continue;
    files.set(
      `docs/reference/${page.name.replaceAll(" ", "_")}.md`,
      markdownPage(page),
    );
  }
  files.set("docs/reference/README.md", referenceIndex(pages, wordsBelow()));
  files.set("docs/reference/errors.md", errorsPage());
  files.set("docs/service.schema.json", serviceSchema());
  for (const [name, text] of Object.entries(await servicesIndex())) {
    files.set(`${SERVICES}/${name}`, text);
  }
  return await formatted(files);
}

async function formatted(
  files: Map<string, string>,
): Promise<Map<string, string>> {
  const folder = await Deno.makeTempDir({ prefix: "nanoctl-docs-" });
  try {
    for (const [path, text] of files) {
      if (!isFormatted(path)) continue;
      await Deno.writeTextFile(`${folder}/${nameOf(path)}`, text);
    }
    const { success, stderr } = await runDeno(["fmt", "--quiet", folder], {});
    if (!success) throw new SetupError(stderr);
    const texts = [...files].map(async ([path, text]) =>
      [
        path,
        isFormatted(path)
          ? await Deno.readTextFile(`${folder}/${nameOf(path)}`)
          : text,
      ] as const
    );
    return new Map(await Promise.all(texts));
  } finally {
    await remove(folder);
  }
}

function isFormatted(path: string): boolean {
  return /\.(md|json|ts)$/.test(path);
}

function nameOf(path: string): string {
  return path.split("/").at(-1) ?? path;
}

/** The files of these folders that are generated no more. */
function leftovers(root: string, files: Map<string, string>): string[] {
  return FOLDERS.flatMap((folder) => {
    try {
      return [...Deno.readDirSync(`${root}/${folder}`)]
        .map(({ name }) => `${folder}/${name}`)
        .filter((path) => !files.has(path));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  });
}

/** Which generated files are missing, old, or there for no reason. */
export async function stale(root: string): Promise<string[]> {
  const files = await generated();
  const old = [...files].filter(([path, text]) =>
    readIfThere(`${root}/${path}`) !== text
  ).map(([path]) => path);
  return [...old, ...leftovers(root, files)].sort();
}

async function write(root: string): Promise<void> {
  const files = await generated();
  for (const path of leftovers(root, files)) await remove(`${root}/${path}`);
  for (const folder of FOLDERS) {
    await Deno.mkdir(`${root}/${folder}`, { recursive: true });
  }
  for (const [path, text] of files) {
    await Deno.writeTextFile(`${root}/${path}`, text);
  }
}

if (import.meta.main) {
  const root = new URL("..", import.meta.url).pathname;
  if (Deno.args.includes("--check")) {
    const found = await stale(root);
    if (found.length > 0) {
      say(`Not as the specs have it: ${found.join(", ")}`);
      say("Run deno task docs");
      Deno.exit(1);
    }
  } else if (Deno.args.includes("--services")) {
    // First: the pages say which services there are.
    for (const [name, text] of Object.entries(await servicesIndex())) {
      await Deno.writeTextFile(`${root}/${SERVICES}/${name}`, text);
    }
    await runDeno(["fmt", "--quiet", `${root}/${SERVICES}`], {});
  } else await write(root);
}
