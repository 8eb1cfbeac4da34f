import { NanoctlError } from "../errors.ts";
import type { HttpAnswer, HttpClient } from "../http/client.ts";
import type { Secret } from "../secret.ts";

/** The services that `--service` can name. */
export const SERVICE_NAMES = ["nanoservices"] as const;

/** One of them. */
export type ServiceName = typeof SERVICE_NAMES[number];

/** The service of a command that names none. */
export const DEFAULT_SERVICE: ServiceName = "nanoservices";

/** The service's name, if there is one of that name. Throws `usage`. */
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

/** Who a token belongs to, and until when it is valid. */
export interface Account {
  username: string;
  email: string | null;
  /** When the token ends; undefined when it does not, or the service does not say. */
  expiresAt: Date | undefined;
}

/** What a service's API looks like to the rest of nanoctl. */
export interface Service {
  readonly name: ServiceName;
  /** The header that presents a session token. */
  present(token: Secret): [name: string, value: string];
  /** The page at which a person makes a token. */
  tokenPage(baseUrl: string): string;
  /**
   * Whose token it is. Throws `token_…`, `insufficient_scope`, `rate_limited`,
   * `service_…` and what the client throws.
   */
  whoami(client: HttpClient): Promise<Account>;
  /** What an answer other than 2xx to a request with the token from `source` means. */
  problem(answer: HttpAnswer, source: string): NanoctlError;
  /** Ends the client's token at the service. Throws as whoami does. */
  revoke(client: HttpClient): Promise<void>;
}

/** The service of this name. */
export async function loadService(_name: ServiceName): Promise<Service> {
  return (await import("./nanoservices.ts")).nanoservices;
}
