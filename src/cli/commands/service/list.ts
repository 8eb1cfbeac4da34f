import type { GlobalOptions } from "../../command_line/shared_options.ts";
import type { Command } from "../../command_line/spec.ts";
import { NanoctlError } from "../../../errors.ts";
import type { Context } from "../../../process/context.ts";
import { SERVICE_NAMES } from "../../../services/names.ts";
import { Output } from "../../output.ts";

/** Of the services that are no descriptions. */
const OWN_TITLES: Readonly<Record<string, string>> = {
  nanoservices: "the nanoservices API",
  coder: "Coder",
  oauth: "an OAuth or OpenID Connect server",
};

/** A service as the list has it. */
interface Row {
  name: string;
  title: string;
  url: string | null;
  from: "built in" | "file";
}

/** `nanoctl service list`: the services that `--service` can name. */
export const serviceList: Command<GlobalOptions> = {
  examples: [
    ["All of them", "nanoctl service list"],
    ["In a script", "nanoctl service list --json | jq -r '.services[].name'"],
  ],
  run: runServiceList,
};

/** Prints them. Throws `file_permissions` if others can change one. */
export async function runServiceList(
  context: Context,
  options: GlobalOptions,
): Promise<void> {
  const output = new Output(context, options);
  const rows = [
    ...await Promise.all(SERVICE_NAMES.map(builtIn)),
    ...await added(context, output),
  ];
  if (output.json) return await output.dataJson({ services: rows });
  const { table } = await import("../../table.ts");
  const { styling } = await import("../../style.ts");
  await output.data(
    await table([
      ["NAME", "TITLE", "URL", "FROM"],
      ...rows.map(({ name, title, url, from }) => [
        name,
        title,
        url ?? "-",
        from,
      ]),
    ], { columns: context.stdout.columns, style: styling(context, options) }),
  );
}

async function builtIn(name: string): Promise<Row> {
  const { BUILT_IN } = await import("../../../services/builtin/index.ts");
  const { title, url } = await BUILT_IN[name]?.() ?? {};
  return {
    name,
    title: title ?? OWN_TITLES[name] ?? name,
    url: url ?? null,
    from: "built in",
  };
}

/** Warns of a file that is no description, such as one that was edited. */
async function added(context: Context, output: Output): Promise<Row[]> {
  const { serviceFileNames } = await import("../../../store/service_files.ts");
  const { knownDescription } = await import("../../known_services.ts");
  const rows: Row[] = [];
  for (const name of serviceFileNames(context)) {
    try {
      const known = await knownDescription(context, name);
      if (!known?.file) continue;
      const { title, url = null } = known.description;
      rows.push({ name, title, url, from: "file" });
    } catch (error) {
      if (!(error instanceof NanoctlError)) throw error;
      await output.warn(error.message);
    }
  }
  return rows;
}
