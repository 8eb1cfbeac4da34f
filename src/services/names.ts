/** The services that `--service` can name. */
export const SERVICE_NAMES = ["nanoservices", "coder"] as const;

/** One of them. */
export type ServiceName = typeof SERVICE_NAMES[number];

/** The service of a command that names none. */
export const DEFAULT_SERVICE: ServiceName = "nanoservices";

/** Whether a service always tells when a token ends: with another one, no date means that none is known. */
export function tellsExpiry(service: string): boolean {
  return service !== "coder";
}
