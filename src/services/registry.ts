import { NanoctlError } from "../errors.ts";
import { SERVICE_NAMES, type ServiceName } from "./names.ts";
import type { Service } from "./service.ts";

/** A service's name, checked. Throws `usage` if no service has it. */
export function knownService(name: string): ServiceName {
  const found = SERVICE_NAMES.find((known) => known === name);
  if (found) return found;
  throw new NanoctlError(
    "usage",
    /^[A-Za-z-]{1,20}$/.test(name)
      ? `there is no service ${name}`
      : "there is no such service",
    `the services are: ${SERVICE_NAMES.join(", ")}`,
  );
}

/** Loads the service of this name, and no other. */
export async function loadService(name: ServiceName): Promise<Service> {
  if (name === "oauth") return (await import("./oauth/service.ts")).oauth;
  return name === "coder"
    ? (await import("./coder.ts")).coder
    : (await import("./nanoservices.ts")).nanoservices;
}
