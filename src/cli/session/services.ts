import type { Context } from "../../process/context.ts";
import { NanoctlError } from "../../errors.ts";
import { BUILT_IN_URLS } from "../../services/builtin/urls.ts";
import {
  pinnedName,
  SERVICE_NAMES,
  serviceLabel,
  type ServiceName,
} from "../../services/names.ts";
import { loadService } from "../../services/registry.ts";
import type { Service } from "../../services/service.ts";

/**
 * What `--service` names: a built-in service, or one that a person added, pinned
 * to its description as it is now.
 *
 * Throws `usage` if there is none of this name, and what reading the description throws.
 */
export async function namedServiceOf(
  context: Context,
  name: string,
): Promise<ServiceName> {
  if (SERVICE_NAMES.includes(name)) return name;
  const { readServiceFile, serviceFileNames } = await import(
    "../../store/service_files.ts"
  );
  const file = await readServiceFile(context, name);
  if (file) return pinnedName(name, file.digest);
  throw new NanoctlError(
    "usage",
    /^[A-Za-z0-9-]{1,20}$/.test(name)
      ? `there is no service ${name}`
      : "there is no such service",
    `the services are: ${
      [...SERVICE_NAMES, ...serviceFileNames(context)].join(", ")
    }; 'nanoctl service add' adds another`,
  );
}

/**
 * The service of a target.
 *
 * Throws `not_logged_in` if its description is not the one any more that it is
 * pinned to, and what reading the description throws.
 */
export async function serviceOf(
  context: Context,
  service: ServiceName,
): Promise<Service> {
  if (!service.includes("@")) return await loadService(service);
  const [
    { readServiceFile },
    { parseDescription },
    { describedService },
  ] = await Promise.all([
    import("../../store/service_files.ts"),
    import("../../services/description/parse.ts"),
    import("../../services/description/described.ts"),
  ]);
  const name = serviceLabel(service);
  const file = await readServiceFile(context, name);
  if (file && service === pinnedName(name, file.digest)) {
    return describedService(parseDescription(file.bytes, file.path), service);
  }
  throw new NanoctlError(
    "not_logged_in",
    file
      ? `the description of the service ${name} is not the one that this login was made with`
      : `the description of the service ${name} is gone`,
    file
      ? `check it with 'nanoctl service show ${name}', then log in again: nanoctl login --service ${name}`
      : "add it again with 'nanoctl service add'",
  );
}

/** Whether a stored login's service can be one: built in, or pinned to a description. */
export function isService(service: ServiceName): boolean {
  return SERVICE_NAMES.includes(service) ||
    /^[a-z][a-z0-9-]{0,31}@[0-9a-f]{64}$/.test(service);
}

/** The service's own URL, where it has one and none is given. */
export async function usualUrl(
  context: Context,
  service: ServiceName,
): Promise<string | undefined> {
  return service.includes("@")
    ? (await serviceOf(context, service)).description?.url
    : BUILT_IN_URLS[service];
}
