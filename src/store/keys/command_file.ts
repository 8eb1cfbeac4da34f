import { NanoctlError } from "../../errors.ts";
import { isObject } from "../../json.ts";
import { below, folderOf } from "../paths.ts";
import { checkAccess } from "../read_only.ts";
import { KEY_COMMAND_VARIABLE, parseCommand } from "./command_line.ts";
import { keyFilePath } from "./key_file.ts";
import type { KeyContext } from "./key_info.ts";

/** The stored commands, by the id of their slot. */
export type Commands = Record<string, string[]>;

/** The path of the file with the commands, beside the key file. Throws `usage` if there is no place for it. */
export function commandFilePath(
  context: Pick<KeyContext, "env" | "os">,
): string {
  return below(folderOf(keyFilePath(context)), "key-commands.json");
}

/**
 * The command that unwraps the data key of a slot: the variable's, else what was
 * stored on this machine when the slot was made. The credential file says nothing
 * about it, so that who edits that file has no program run.
 *
 * Throws `file_key` if there is none, `file_permissions`, and `usage` for a
 * variable that can't be read.
 */
export function commandOf(
  context: Pick<KeyContext, "env" | "os">,
  slotId: string,
): string[] {
  const given = context.env.get(KEY_COMMAND_VARIABLE);
  if (given) return parseCommand(given, KEY_COMMAND_VARIABLE, context.os);
  const path = commandFilePath(context);
  const commands = readCommands(context, path);
  const command = Object.hasOwn(commands, slotId)
    ? commands[slotId]
    : undefined;
  if (command) return command;
  throw new NanoctlError(
    "file_key",
    `${path} has no command for this key`,
    `set ${KEY_COMMAND_VARIABLE} to the command line that wrapped it`,
  );
}

/** The stored commands; none if there is no file. Throws `file_key` if it can't be used, and `file_permissions`. */
export function readCommands(
  context: Pick<KeyContext, "env">,
  path: string,
): Commands {
  checkAccess(context, folderOf(path), path);
  let data: unknown;
  try {
    data = JSON.parse(Deno.readTextFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw unusable(path);
  }
  const commands = isObject(data) && data.version === 1
    ? data.commands
    : undefined;
  if (!isObject(commands)) throw unusable(path);
  const isCommand = (value: unknown): value is string[] =>
    Array.isArray(value) && value.length > 0 &&
    value.every((word) => typeof word === "string" && !word.includes("\0"));
  const entries = Object.entries(commands)
    .filter((entry): entry is [string, string[]] => isCommand(entry[1]));
  return Object.fromEntries(entries);
}

function unusable(path: string): NanoctlError {
  return new NanoctlError(
    "file_key",
    `${path} can't be read, or holds no commands`,
    `put it right, or set ${KEY_COMMAND_VARIABLE}`,
  );
}
