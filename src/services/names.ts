import { BUILT_IN_URLS } from "./builtin/urls.ts";

/** The services that are code and no description. They have no URL of their own. */
export const CODED_SERVICES: readonly string[] = [
  "nanoservices",
  "coder",
  "oauth",
];

/** The services that `--service` can name, beside those that a person added. */
export const SERVICE_NAMES: readonly string[] = [
  ...CODED_SERVICES,
  ...Object.keys(BUILT_IN_URLS),
];

/**
 * The name of a service: one of {@linkcode SERVICE_NAMES}, or that of one that a
 * person added, pinned to its description: `name@<SHA-256 in hex>`. A stored
 * login is sealed for it, so that it is no use with another description.
 */
export type ServiceName = string;

/** The service of a command that names none. */
export const DEFAULT_SERVICE: ServiceName = "nanoservices";

/** Whether a service always says when a token expires. For others, no date means that it is unknown. */
export function tellsExpiry(service: string): boolean {
  return service === "nanoservices";
}

/** The name of a service that a person added, pinned to the SHA-256 of its description. */
export function pinnedName(name: string, digest: string): ServiceName {
  return `${name}@${digest}`;
}

/** A service's name as a person knows it. */
export function serviceLabel(service: ServiceName): string {
  return service.replace(/@.*$/, "");
}

/** The service whose own URL this is; undefined if it is none of a built-in one. */
export function serviceAt(url: string): ServiceName | undefined {
  return Object.entries(BUILT_IN_URLS).find(([, own]) => own === url)?.[0];
}
