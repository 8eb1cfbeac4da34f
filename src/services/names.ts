/** The services that `--service` can name. */
export const SERVICE_NAMES = ["nanoservices", "coder", "oauth"] as const;

/** One of them. */
export type ServiceName = typeof SERVICE_NAMES[number];

/** The service of a command that names none. */
export const DEFAULT_SERVICE: ServiceName = "nanoservices";

/** Whether a service always says when a token expires. For others, no date means that it is unknown. */
export function tellsExpiry(service: string): boolean {
  return service === "nanoservices";
}
