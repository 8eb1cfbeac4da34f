import { toJsonSchema } from "@valibot/to-json-schema";
import { descriptionSchema } from "../../src/services/description/schema.ts";
import { fromFileUrl } from "@std/path";

const FOLDER = fromFileUrl(
  import.meta.resolve("../../src/services/builtin/"),
);

/** The index of the built-in services: of each file beside it, one entry. */
export async function servicesIndex(): Promise<string> {
  const names = [...Deno.readDirSync(FOLDER)]
    .map(({ name }) => name.replace(/\.ts$/, ""))
    .filter((name) => name !== "index")
    .sort();
  const entries = await Promise.all(names.map(async (name) => {
    const exported = name.replaceAll("_", "-");
    const { [name]: description } = await import(`file://${FOLDER}${name}.ts`);
    const url = description.url === undefined
      ? ""
      : `    url: ${JSON.stringify(description.url)},\n`;
    return `  "${exported}": {\n${url}    load: async () => (await import("./${name}.ts")).${name},\n  },\n`;
  }));
  return `// Made by 'deno task docs' from the files beside it. Don't edit it.

import type { ServiceDescription } from "../description/schema.ts";

/** A built-in service: its own URL, if it has one, and how to load its description. */
interface BuiltIn {
  readonly url?: string;
  load(): Promise<ServiceDescription>;
}

/** The services that are described beside this file, by name. */
export const BUILT_IN: Readonly<Record<string, BuiltIn>> = {
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
