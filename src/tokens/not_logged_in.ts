import { NanoctlError } from "../errors.ts";
import { serviceLabel } from "../services/names.ts";
import type { StoreSnapshot } from "../store/snapshot.ts";

/** The target of a login; omitted fields default as in a bare `nanoctl login`. */
export interface LoginPlace {
  profile: string;
  url?: string | undefined;
  service?: string | undefined;
  /** Whether the login was one with a device code. */
  device?: boolean;
  /** Whether a program prints its token. */
  command?: boolean;
}

/** The command that logs in to this target, for use in a hint. */
export function loginCommand(
  { active }: Pick<StoreSnapshot, "active">,
  { profile, url, service, device = false, command = false }: LoginPlace,
): string {
  return [
    "nanoctl login",
    ...device ? ["--device"] : [],
    ...command ? ["--save --token-command <command>"] : [],
    ...url === undefined ? [] : ["--url", url],
    ...service === undefined ? [] : ["--service", serviceLabel(service)],
    ...profile === active ? [] : ["--profile", profile],
  ].join(" ");
}

/** The error when the profile has no stored token and no other source has one. */
export function notLoggedIn(
  snapshot: Pick<StoreSnapshot, "active">,
  place: LoginPlace,
): NanoctlError {
  return new NanoctlError(
    "not_logged_in",
    `not logged in: nothing is stored for profile ${place.profile}`,
    `log in with '${loginCommand(snapshot, place)}', or set NANOSERVICES_TOKEN`,
  );
}
