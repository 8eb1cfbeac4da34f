import { NanoctlError } from "../../errors.ts";
import type { StoreSnapshot } from "../../store/snapshot.ts";

/** The login to look for; of any service if none is named. */
export interface WantedLogin {
  /** In its normal form. */
  url: string;
  service: string | undefined;
}

/**
 * The stored profile for a URL if no profile is named: the active one if it is
 * for that URL, else the only other one. Undefined if there is none.
 *
 * Throws `usage` with their names if there are several, and `file_corrupt`.
 */
export function profileFor(
  snapshot: StoreSnapshot,
  { url, service }: WantedLogin,
): string | undefined {
  const matching = snapshot.names.filter((name) => {
    const stored = snapshot.find(name);
    return stored?.url === url &&
      (service ?? stored.service) === stored.service;
  });
  if (matching.includes(snapshot.active)) return snapshot.active;
  if (matching.length <= 1) return matching[0];
  throw new NanoctlError(
    "usage",
    `several profiles are for ${url}: ${matching.join(", ")}`,
    "choose one with --profile",
  );
}
