import type { Context } from "../process/context.ts";
import type { System } from "../process/system/system.ts";
import { ownSystem, systemOf } from "../process/system/systems.ts";
import { NanoctlError } from "../errors.ts";

/** What the folders depend on. */
export type Place = Pick<Context, "os"> & { env: Pick<Context["env"], "get"> };

// By hand: @std/path knows much more of paths, which a start would have to load.
/** The path of something below a folder. */
export function below(folder: string, ...names: string[]): string {
  return [folder.replace(/[\\/]+$/, ""), ...names].join(
    ownSystem.separator,
  );
}

/** The folder of a path that {@linkcode below} made. */
export function folderOf(path: string): string {
  return ownSystem.folderOf(path);
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
    : perUser(context, "XDG_CONFIG_HOME", "config");
}

/**
 * The folder of the key file, away from the config folder so that a copy of
 * that one alone can't be read; undefined when nothing says where it is.
 */
export function dataFolder(context: Place): NamedFolder | undefined {
  return perUser(context, "XDG_DATA_HOME", "data");
}

/** The path of {@linkcode configFolder}. */
export function configDir(context: Place): string | undefined {
  return configFolder(context)?.path;
}

/** The path of {@linkcode dataFolder}. */
export function dataDir(context: Place): string | undefined {
  return dataFolder(context)?.path;
}

/** There is no place for a file: neither the system's variable nor ours that names one. */
export function noPlace(
  what: string,
  variable: "NANOCTL_CONFIG_DIR" | "XDG_DATA_HOME",
  { os }: Pick<Place, "os">,
): NanoctlError {
  const { config, data } = systemOf(os).userFolders;
  const [{ variable: usual }] = variable === "XDG_DATA_HOME" ? data : config;
  return new NanoctlError(
    "usage",
    `there is no ${usual}, so no place for the ${what}`,
    `set ${usual} or ${variable}`,
  );
}

function perUser(
  { env, os }: Place,
  xdgVariable: string,
  kind: keyof System["userFolders"],
): NamedFolder | undefined {
  const system = systemOf(os);
  // The XDG specification: ignore a path that is not absolute.
  const isXdg = system.isAbsolute(env.get(xdgVariable) ?? "");
  const found = isXdg
    ? { variable: xdgVariable, below: [] }
    : system.userFolders[kind].find(({ variable }) => env.get(variable));
  return found && {
    path: below(env.get(found.variable) ?? "", ...found.below, "nanoctl"),
    variable: found.variable,
  };
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
