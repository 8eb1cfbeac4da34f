import type { Context } from "../process/context.ts";
import { NanoctlError } from "../errors.ts";

// By hand: @std/path knows much more of paths, which a start would have to load.
const SEPARATOR = Deno.build.os === "windows" ? "\\" : "/";

/** What the folders depend on. */
export type Place = Pick<Context, "os"> & { env: Pick<Context["env"], "get"> };

/** The path of something below a folder. */
export function below(folder: string, ...names: string[]): string {
  return [folder.replace(/[\\/]+$/, ""), ...names].join(SEPARATOR);
}

/** The folder of a path that {@linkcode below} made. */
export function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf(SEPARATOR)) || SEPARATOR;
}

/**
 * The folder of the credential file: `NANOCTL_CONFIG_DIR`, else what the XDG
 * base directory specification says, else the system's own place; undefined
 * when nothing says where it is.
 */
export function configDir(
  context: Place,
): string | undefined {
  return context.env.get("NANOCTL_CONFIG_DIR") ||
    perUser(context, "XDG_CONFIG_HOME", "APPDATA", [".config"]);
}

/**
 * The folder of the key file, away from the config folder so that a copy of
 * that one alone can't be read; undefined when nothing says where it is.
 */
export function dataDir(
  context: Place,
): string | undefined {
  return perUser(context, "XDG_DATA_HOME", "LOCALAPPDATA", [".local", "share"]);
}

/** There is no place for a file: neither HOME nor the variable that names one. */
export function noPlace(what: string, variable: string): NanoctlError {
  return new NanoctlError(
    "usage",
    `there is no HOME, so no place for the ${what}`,
    `set HOME or ${variable}`,
  );
}

function perUser(
  { env, os }: Place,
  xdgVariable: string,
  windowsVariable: string,
  belowHome: string[],
): string | undefined {
  const xdg = env.get(xdgVariable);
  // The XDG specification: ignore a path that is not absolute.
  if (xdg && isAbsolute(xdg)) return below(xdg, "nanoctl");
  const windows = os === "windows" ? env.get(windowsVariable) : undefined;
  if (windows) return below(windows, "nanoctl");
  const home = env.get("HOME");
  return home ? below(home, ...belowHome, "nanoctl") : undefined;
}

function isAbsolute(path: string): boolean {
  return SEPARATOR === "/"
    ? path.startsWith("/")
    : /^([a-z]:)?[\\/]/i.test(path);
}

/** Where a person's files are; each undefined if there is no place for it. */
export function foldersOf(
  place: Place,
): Record<"config" | "data" | "credentials", string | undefined> {
  const config = configDir(place);
  return {
    config,
    data: dataDir(place),
    credentials: config && below(config, "credentials.json"),
  };
}
