import type { GlobalOptions } from "../../command_line/shared_options.ts";
import type { Command } from "../../command_line/spec.ts";
import { NanoctlError } from "../../../errors.ts";
import type { Context } from "../../../process/context.ts";
import { SERVICE_NAMES } from "../../../services/names.ts";
import { Output } from "../../output.ts";

/** `nanoctl service remove <name>`: forgets a description that was added. */
export const serviceRemove: Command<GlobalOptions> = {
  description:
    "Its logins stay stored, and work again once you add the same description.",
  arguments: ["name"],
  argumentChoices: ["added services"],
  examples: [
    ["Remove it", "nanoctl service remove garden"],
    ["First log out of it", "nanoctl logout --service garden"],
  ],
  writesStore: true,
  run: (context, options, [name = ""]) =>
    runServiceRemove(context, options, name),
};

/**
 * Removes it, and says which logins can't be used without it.
 *
 * Throws `usage` if none of this name was added, and what changing files throws.
 */
export async function runServiceRemove(
  context: Context,
  options: GlobalOptions,
  name: string,
): Promise<void> {
  if (SERVICE_NAMES.includes(name)) {
    throw new NanoctlError(
      "usage",
      `the service ${name} is built in, and can't be removed`,
    );
  }
  const { isServiceName } = await import("../../../store/service_files.ts");
  const { removeServiceFile } = await import(
    "../../../store/service_file_changes.ts"
  );
  const { noSuchService } = await import("../../known_services.ts");
  const { loginsOf } = await import("../../service_logins.ts");
  const output = new Output(context, options);
  if (!isServiceName(name) || !await removeServiceFile(context, name)) {
    throw await noSuchService(context, name);
  }
  const profiles = await loginsOf(context, name);
  if (output.json) {
    return await output.dataJson({ removed: name, profiles });
  }
  await output.say(`The service ${name} is removed.`);
  if (profiles.length === 0) return;
  await output.say(
    `Of no use without it, until it is added again: ${profiles.join(", ")}`,
  );
}
