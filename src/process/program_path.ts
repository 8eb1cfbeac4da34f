/**
 * Where a program is: at a path to run it by, or only in an entry of PATH that
 * depends on the working folder; undefined if it is nowhere.
 */
export type ProgramPlace =
  | { path: string; passedOver?: never }
  | { path?: never; passedOver: string }
  | undefined;

/** What is at a path, and for which system. */
type IsProgram = (path: string, isWindows: boolean) => boolean;

const WINDOWS_ABSOLUTE = /^([a-z]:[\\/]|[\\/]{2})/i;

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
  const isWindows = os === "windows";
  if ((isWindows ? /[\\/:]/ : /\//).test(name)) return { path: name };
  const names = isWindows ? windowsNames(name, env) : [name];
  const find = (folders: string[]): string | undefined =>
    folders.flatMap((folder) => names.map((each) => below(folder, each, os)))
      .find((path) => isProgram(path, isWindows));
  const isAbsolute = (folder: string): boolean =>
    isWindows ? WINDOWS_ABSOLUTE.test(folder) : folder.startsWith("/");
  const folders = pathFolders(env, os);
  const path = find(folders.filter(isAbsolute));
  if (path !== undefined) return { path };
  const passedOver = find(folders.filter((folder) => !isAbsolute(folder)));
  return passedOver === undefined ? undefined : { passedOver };
}

/** The entries of PATH, none if it is unset or empty; the working folder is `.`. */
export function pathFolders(
  env: Record<string, string>,
  os: string,
): string[] {
  const isWindows = os === "windows";
  const path = isWindows ? windowsVariable(env, "PATH") : env.PATH;
  if (!path) return [];
  const folders = isWindows
    // Quotes keep a semicolon from ending an entry.
    ? [...path.matchAll(/(?:^|;)((?:[^;"]|"[^"]*"?)*)/g)]
      .map(([, folder = ""]) => folder.replaceAll('"', ""))
    : path.split(":");
  return folders.map((folder) => folder || ".");
}

function below(folder: string, name: string, os: string): string {
  const separator = os === "windows" ? "\\" : "/";
  return folder.endsWith(separator) ? folder + name : folder + separator + name;
}

/** The file names that a name stands for: itself if it has an extension, and with each extension of PATHEXT. */
function windowsNames(name: string, env: Record<string, string>): string[] {
  const endings = windowsVariable(env, "PATHEXT") ?? ".com;.exe;.bat;.cmd";
  const names = endings.toLowerCase().split(";")
    .filter((ending) => ending !== "").map((ending) => name + ending);
  return name.includes(".") ? [name, ...names] : names;
}

/** A variable in any case; undefined if it is empty. */
function windowsVariable(
  env: Record<string, string>,
  name: string,
): string | undefined {
  const found = Object.keys(env).find((key) => key.toUpperCase() === name);
  return env[found ?? name] || undefined;
}

/** Whether a path is a regular file, executable for someone if the system has such a permission. */
function isProgramFile(path: string, isWindows: boolean): boolean {
  try {
    const { isFile, mode } = Deno.statSync(path);
    return isFile && (isWindows || ((mode ?? 0) & 0o111) !== 0);
  } catch {
    return false;
  }
}
