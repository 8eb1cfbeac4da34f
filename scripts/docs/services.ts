import { toJsonSchema } from "@valibot/to-json-schema";
import { descriptionSchema } from "../../src/services/description/schema.ts";
import { fromFileUrl } from "@std/path";

const FOLDER = fromFileUrl(
  import.meta.resolve("../../src/services/builtin/"),
);

const HEAD =
  "// Made by 'deno task docs' from the files beside it. Don't edit it.\n\n";

/** What is made of the built-in services, a line for each file in their folder: by the name of what is made. */
export async function servicesIndex(): Promise<Record<string, string>> {
  const modules = [...Deno.readDirSync(FOLDER)]
    .map(({ name }) => name.replace(/\.ts$/, ""))
    .filter((name) => !["index", "urls"].includes(name))
    .sort();
  const services = await Promise.all(modules.map(async (module) => {
    const { [module]: { url } } = await import(`file://${FOLDER}${module}.ts`);
    return { module, url, name: JSON.stringify(module.replaceAll("_", "-")) };
  }));
  return {
    "index.ts": indexOf(services),
    "urls.ts":
      `${HEAD}/** The built-in services, and their own URLs if they have one. They load nothing. */
export const BUILT_IN_URLS: Readonly<Record<string, string | undefined>> = {
${
        services.map(({ name, url }) => `  ${name}: ${JSON.stringify(url)},\n`)
          .join("")
      }};
`,
  };
}

function indexOf(services: { module: string; name: string }[]): string {
  const entries = services.map(({ module, name }) =>
    `  ${name}: async () => (await import("./${module}.ts")).${module},\n`
  );
  return `${HEAD}import type { ServiceDescription } from "../description/schema.ts";

/** How to load the services that are described beside this file, by name. */
export const BUILT_IN: Readonly<
  Record<string, () => Promise<ServiceDescription>>
> = {
${entries.join("")}};
`;
}

/** The JSON Schema of a description, made from the schema that reads it. */
export function serviceSchema(): string {
  const schema = toJsonSchema(descriptionSchema, {
    // What JSON Schema has no words for; nanoctl checks it all the same.
    ignoreActions: ["check"],
    typeMode: "input",
  });
  return JSON.stringify({
    ...schema,
    title: "A service, as nanoctl describes it",
  });
}
