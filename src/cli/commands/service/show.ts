import type { GlobalOptions } from "../../command_line/shared_options.ts";
import type { Command } from "../../command_line/spec.ts";
import type { Context } from "../../../process/context.ts";
import { Output, safeJson } from "../../output.ts";

/** `nanoctl service show <name>`: a description, to read or to begin one's own with. */
export const serviceShow: Command<GlobalOptions> = {
  arguments: ["name"],
  argumentChoices: ["services"],
  examples: [
    ["Where it sends a token", "nanoctl service show github"],
    ["To change it", "nanoctl service show github > my-service.json"],
  ],
  run: (context, options, [name = ""]) =>
    runServiceShow(context, options, name),
};

/** Prints it as JSON. Throws `usage` if there is none of this name, and what reading it throws. */
export async function runServiceShow(
  context: Context,
  options: GlobalOptions,
  name: string,
): Promise<void> {
  const { knownDescription, noSuchService } = await import(
    "../../known_services.ts"
  );
  const output = new Output(context, options);
  const known = await knownDescription(context, name);
  if (!known) throw await noSuchService(context, name);
  const { description, file } = known;
  if (file) {
    await output.say(`${file.path}, with the SHA-256 ${file.digest}`);
  }
  if (output.json) return await output.dataJson(description);
  await output.data(safeJson(description, 2));
}
