import { NanoctlError } from "../errors.ts";
import type { Context } from "../process/context.ts";
import { BUILT_IN } from "../services/builtin/index.ts";
import type { ServiceDescription } from "../services/description/schema.ts";
import { SERVICE_NAMES } from "../services/names.ts";

/** A description that nanoctl has, and where from. */
export interface KnownDescription {
  description: ServiceDescription;
  /** The file of one that a person added. */
  file?: { path: string; digest: string };
}

/**
 * The description of a built-in service or of one that a person added; undefined
 * if there is no service of this name.
 *
 * Throws `usage` for a service that is no description, and what reading one throws.
 */
export async function knownDescription(
  context: Context,
  name: string,
): Promise<KnownDescription | undefined> {
  const load = Object.hasOwn(BUILT_IN, name) ? BUILT_IN[name] : undefined;
  if (load) return { description: await load() };
  if (SERVICE_NAMES.includes(name)) {
    throw new NanoctlError(
      "usage",
      `${name} is part of nanoctl, and has no description`,
      `those that have one are: ${Object.keys(BUILT_IN).join(", ")}`,
    );
  }
  const { readServiceFile } = await import("../store/service_files.ts");
  const file = await readServiceFile(context, name);
  if (!file) return undefined;
  const { parseDescription } = await import(
    "../services/description/parse.ts"
  );
  const { path, digest } = file;
  return {
    description: parseDescription(file.bytes, path),
    file: { path, digest },
  };
}

/** There is no service of this name that a person added. */
export async function noSuchService(
  context: Context,
  name: string,
): Promise<NanoctlError> {
  const { isServiceName, serviceFileNames } = await import(
    "../store/service_files.ts"
  );
  const names = serviceFileNames(context);
  return new NanoctlError(
    "usage",
    isServiceName(name)
      ? `there is no service ${name} that was added`
      : "there is no such service",
    names.length === 0
      ? "none was added; 'nanoctl service list' shows the built-in ones"
      : `those that were added are: ${names.join(", ")}`,
  );
}
