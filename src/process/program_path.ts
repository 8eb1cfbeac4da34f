import type { System } from "./system/system.ts";
import { systemOf } from "./system/systems.ts";

/**
 * Where a program is: at a path to run it by, or only in an entry of PATH that
 * depends on the working folder; undefined if it is nowhere.
 */
export type ProgramPlace =
  | { path: string; passedOver?: never }
  | { path?: never; passedOver: string }
  | undefined;

/** What is at a path, and for which system. */
type IsProgram = (path: string, system: System) => boolean;

/**
 * Finds a program as Go's `exec.LookPath` does since 1.19: a name with a slash
 * is a path already; any other one is looked for in the absolute folders of
 * PATH, in their order. The working folder may be anybody's, so an empty or
 * relative entry of PATH finds nothing to run (POSIX, XBD 8.3, has an empty one
 * stand for the working folder). `env` is the environment that the program is
 * to get, `os` the system as `Context` names it.
 */
export function findProgram(
  name: string,
  env: Record<string, string>,
  os: string,
  isProgram: IsProgram = isProgramFile,
): ProgramPlace {
  const system = systemOf(os);
  if (system.isPath(name)) return { path: name };
  const names = system.programNames(name, env);
  const find = (folders: string[]): string | undefined =>
    folders.flatMap((folder) =>
      names.map((each) => below(folder, each, system))
    )
      .find((path) => isProgram(path, system));
  const folders = pathFolders(env, os);
  const path = find(folders.filter(system.isAbsolute));
  if (path !== undefined) return { path };
  const passedOver = find(
    folders.filter((folder) => !system.isAbsolute(folder)),
  );
  return passedOver === undefined ? undefined : { passedOver };
}

/** The entries of PATH, none if it is unset or empty; the working folder is `.`. */
export function pathFolders(
  env: Record<string, string>,
  os: string,
): string[] {
  const system = systemOf(os);
  const key = Object.keys(env).find((name) =>
    system.variableKey(name) === "PATH"
  );
  const path = key === undefined ? undefined : env[key];
  return path ? system.splitList(path).map((folder) => folder || ".") : [];
}

function below(folder: string, name: string, { separator }: System): string {
  return folder.endsWith(separator) ? folder + name : folder + separator + name;
}

/** Whether a path is a regular file that someone may run, as far as the system has such a permission. */
function isProgramFile(path: string, system: System): boolean {
  try {
    return system.isProgram(Deno.statSync(path));
  } catch {
    return false;
  }
}
