import { NanoctlError } from "../../errors.ts";
import { argumentList } from "../../process/argument_list.ts";
import { ownOs, systemOf } from "../../process/system/systems.ts";

/** The variable with the command that unwraps the data key here; it goes before what is stored. */
export const KEY_COMMAND_VARIABLE = "NANOCTL_KEY_COMMAND";

/**
 * A command that wraps and unwraps the data key: a program that is looked up in
 * PATH, or its absolute path, and its arguments. `what` is where it comes from.
 *
 * Throws `usage` as `argumentList` does, and for a path that is relative: the
 * working folder may be anybody's.
 */
export function parseCommand(
  text: string,
  what: string,
  os: string = ownOs,
): string[] {
  const system = systemOf(os);
  const list = argumentList(text, what, os);
  const [program = ""] = list;
  if (!/[\\/]/.test(program) || system.isAbsolute(program)) return list;
  throw new NanoctlError(
    "usage",
    `the command line of ${what} names its program by a relative path`,
    "give the absolute path, or put the program into a folder of PATH",
  );
}
