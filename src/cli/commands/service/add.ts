import type { GlobalOptions } from "../../command_line/shared_options.ts";
import {
  type Command,
  flag,
  type OptionsOf,
  text,
} from "../../command_line/spec.ts";
import { NanoctlError } from "../../../errors.ts";
import type { Context } from "../../../process/context.ts";
import { SERVICE_NAMES } from "../../../services/names.ts";
import { Output } from "../../output.ts";
import { canAsk } from "../../token_prompt.ts";
import type { Source } from "../../service_source.ts";

const OPTIONS = {
  sha256: text("hex", "Require this SHA-256."),
  replace: flag("Replace a description of the same name."),
};

/** The options of `service add`. */
export type ServiceAddOptions = GlobalOptions & OptionsOf<typeof OPTIONS>;

/** `nanoctl service add <file or URL>`: keeps a description, after a look at where it sends a token. */
export const serviceAdd: Command<ServiceAddOptions> = {
  description:
    "Asks before it adds one from a URL, unless --sha256 gives its checksum.\n" +
    "docs/services.md documents the format.",
  arguments: ["source"],
  argumentChoices: ["files"],
  options: OPTIONS,
  examples: [
    ["From a file", "nanoctl service add garden.json"],
    ["From a URL", "nanoctl service add https://garden.example/nanoctl.json"],
  ],
  writesStore: true,
  run: (context, options, [source = ""]) =>
    runServiceAdd(context, options, source),
};

/**
 * Adds the description, and says what was added.
 *
 * Throws `usage` for one that is none, has the name of another service or another
 * SHA-256, or that nobody confirms; and what reading and writing throw.
 */
export async function runServiceAdd(
  context: Context,
  options: ServiceAddOptions,
  from: string,
): Promise<void> {
  const output = new Output(context, options);
  const wanted = wantedDigest(options);
  const { readSource } = await import("../../service_source.ts");
  const source = await readSource(context, options, output, from);
  const { name } = source.description;
  checkDigest(source, wanted);
  checkName(name);
  const { readServiceFile, servicePath } = await import(
    "../../../store/service_files.ts"
  );
  const before = await readServiceFile(context, name);
  const isNew = before?.digest !== source.digest;
  if (before && isNew && !options.replace) {
    throw new NanoctlError(
      "usage",
      `there is another description of the service ${name}: ${before.path}`,
      "compare them, and replace it with --replace",
    );
  }
  if (isNew) {
    await confirm(context, output, source, wanted);
    const { writeServiceFile } = await import(
      "../../../store/service_file_changes.ts"
    );
    await writeServiceFile(context, name, source.bytes);
  }
  await report(context, output, source, servicePath(context, name), isNew);
}

function wantedDigest({ sha256 }: ServiceAddOptions): string | undefined {
  const wanted = sha256?.toLowerCase();
  if (wanted === undefined || /^[0-9a-f]{64}$/.test(wanted)) return wanted;
  throw new NanoctlError(
    "usage",
    "what --sha256 gives is no SHA-256",
    "it has 64 hexadecimal digits, such as sha256sum prints",
  );
}

function checkDigest({ digest }: Source, wanted: string | undefined): void {
  if (wanted === undefined || wanted === digest) return;
  throw new NanoctlError(
    "usage",
    `its SHA-256 is ${digest}, not ${wanted}`,
    "it is not the description that was meant, or it has changed",
  );
}

function checkName(name: string): void {
  if (!SERVICE_NAMES.includes(name)) return;
  throw new NanoctlError(
    "usage",
    `there is a built-in service ${name}`,
    "give the description another name",
  );
}

/** Shows where tokens would go, and waits for Enter where nobody vouches for the description. */
async function confirm(
  context: Context,
  output: Output,
  source: Source,
  wanted: string | undefined,
): Promise<void> {
  const asks = source.isRemote && wanted === undefined;
  if (asks && !canAsk(context)) {
    throw new NanoctlError(
      "usage",
      "a description from a URL has to be confirmed, and there is no terminal to ask on",
      `look at it, and give --sha256 ${source.digest}`,
    );
  }
  if (output.json && !asks) return;
  const lines = await summary(source);
  for (const line of lines) {
    await (asks ? output.instruct(line) : output.say(line));
  }
  if (!asks) return;
  await output.instruct("Press Enter to add it, Ctrl-C to leave it.");
  if (await context.prompts.enter()) return;
  throw new NanoctlError("interrupted", "interrupted");
}

async function summary({ description, digest }: Source): Promise<string[]> {
  const { originsOf } = await import("../../../services/description/urls.ts");
  const { title, name, url, present, token_page } = description;
  const headers = present.map((way) =>
    "header" in way ? way.header : "authorization"
  );
  return [
    `${title}, as the service ${name}`,
    `URL: ${url ?? "none of its own; --url gives it"}`,
    `A token goes to: the origin of --url${
      originsOf(description).map((origin) => `, ${origin}`).join("")
    }`,
    `In the header: ${[...new Set(headers)].join(", ")}`,
    `Tokens are made at: ${token_page}`,
    `SHA-256: ${digest}`,
  ];
}

async function report(
  context: Context,
  output: Output,
  { description, digest }: Source,
  path: string,
  isNew: boolean,
): Promise<void> {
  const { name, url } = description;
  const { loginsOf } = await import("../../service_logins.ts");
  const { originsOf } = await import("../../../services/description/urls.ts");
  if (output.json) {
    return await output.dataJson({
      name,
      sha256: digest,
      origins: originsOf(description),
      path,
    });
  }
  if (!isNew) return await output.say(`${path} has it already.`);
  await output.say(
    `Added in ${path}. Log in with 'nanoctl login --service ${name}${
      url === undefined ? " --url <url>" : ""
    }'.`,
  );
  const others = await loginsOf(context, name, digest);
  if (others.length === 0) return;
  await output.say(
    `Made with another description, and to log in again: ${others.join(", ")}`,
  );
}
