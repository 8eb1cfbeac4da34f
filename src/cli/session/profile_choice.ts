import { NanoctlError } from "../../errors.ts";
import type { StoreSnapshot } from "../../store/snapshot.ts";

/** Where a stored login has to be for; any service where none is named. */
export interface WantedLogin {
  /** In its normal form. */
  url: string;
  service: string | undefined;
}

/**
 * The stored profile for a URL when no profile was named: the active one if it
 * is for that URL, else the only other one that is. Undefined where none is.
 *
 * Throws `usage` with their names when several are, and `file_corrupt`.
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
