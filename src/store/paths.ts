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

/** A folder, and the variable that says where it is. */
export interface NamedFolder {
  path: string;
  variable: string;
}

/**
 * The folder of the credential file: `NANOCTL_CONFIG_DIR`, else what the XDG
 * base directory specification says, else the system's own place; undefined
 * when nothing says where it is.
 */
export function configFolder(context: Place): NamedFolder | undefined {
  const variable = "NANOCTL_CONFIG_DIR";
  const path = context.env.get(variable);
  return path
    ? { path, variable }
    : perUser(context, "XDG_CONFIG_HOME", "APPDATA", [".config"]);
}

/**
 * The folder of the key file, away from the config folder so that a copy of
 * that one alone can't be read; undefined when nothing says where it is.
 */
export function dataFolder(context: Place): NamedFolder | undefined {
  return perUser(context, "XDG_DATA_HOME", "LOCALAPPDATA", [".local", "share"]);
}

/** The path of {@linkcode configFolder}. */
export function configDir(context: Place): string | undefined {
  return configFolder(context)?.path;
}

/** The path of {@linkcode dataFolder}. */
export function dataDir(context: Place): string | undefined {
  return dataFolder(context)?.path;
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
): NamedFolder | undefined {
  const folder = (variable: string, ...names: string[]): NamedFolder => ({
    path: below(env.get(variable) ?? "", ...names, "nanoctl"),
    variable,
  });
  // The XDG specification: ignore a path that is not absolute.
  if (isAbsolute(env.get(xdgVariable) ?? "")) return folder(xdgVariable);
  if (os === "windows" && env.get(windowsVariable)) {
    return folder(windowsVariable);
  }
  return env.get("HOME") ? folder("HOME", ...belowHome) : undefined;
}

/** Whether a path does not depend on the working folder. */
export function isAbsolute(path: string): boolean {
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
