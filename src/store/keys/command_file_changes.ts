import { systemOf } from "../../process/system/systems.ts";
import { writeAtomic } from "../atomic_file.ts";
import {
  commandFilePath,
  type Commands,
  readCommands,
} from "./command_file.ts";
import { whileKeysChange } from "./key_file_changes.ts";
import type { KeyContext } from "./key_info.ts";

/**
 * Stores the command of a slot. Throws `file_unwritable`, `file_locked`,
 * `file_permissions`, and `file_key` if the file with the commands can't be used.
 */
export async function storeCommand(
  context: KeyContext,
  slotId: string,
  command: readonly string[],
): Promise<void> {
  await change(
    context,
    (commands) => ({ ...commands, [slotId]: [...command] }),
  );
}

/** Forgets the command of a slot, if there is one. Throws as {@linkcode storeCommand} does. */
export async function forgetCommand(
  context: KeyContext,
  slotId: string,
): Promise<void> {
  await change(context, ({ [slotId]: known, ...others }) => known && others);
}

async function change(
  context: KeyContext,
  changed: (commands: Commands) => Commands | undefined,
): Promise<void> {
  const path = commandFilePath(context);
  await whileKeysChange(context, path, () => {
    const commands = changed(readCommands(context, path));
    if (!commands) return;
    const text = JSON.stringify({ version: 1, commands }, null, 2);
    const bytes = new TextEncoder().encode(`${text}\n`);
    writeAtomic(context.fs, path, bytes, systemOf(context.os));
  });
}
