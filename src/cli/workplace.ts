import { NanoctlError } from "../errors.ts";
import type { Context } from "../context.ts";
import { parseServiceUrl } from "../http/service_url.ts";
import {
  DEFAULT_SERVICE,
  SERVICE_NAMES,
  type ServiceName,
} from "../services/names.ts";
import { knownService } from "../services/service.ts";
import { CredentialStore } from "../store/credential_store.ts";
import type { StoredProfile, StoreSnapshot } from "../store/snapshot.ts";
import { checkProfileName } from "../store/profile_name.ts";
import { givenProvider, type Target } from "../tokens/resolve.ts";
import { notLoggedIn } from "../tokens/stored.ts";
import type { GlobalOptions } from "./options.ts";

/** Where a command goes when nothing names a service: the embedded one. */
export const DEFAULT_URL = "http://127.0.0.1:7080";

/** The credential file as it was read, and the profile that is meant. */
export interface Stored {
  profile: string;
  store: CredentialStore;
  snapshot: StoreSnapshot;
}

/** What a command works on, before there is any token. */
export interface Workplace extends Omit<Stored, "profile"> {
  target: Target;
}

/**
 * Reads the credential file and finds the profile: `--profile`,
 * `NANOCTL_PROFILE`, the active one.
 *
 * Throws `usage` for a name that can't be one, and what reading the credential
 * file throws.
 */
export async function openStored(
  context: Context,
  options: GlobalOptions,
): Promise<Stored> {
  const named = profileName(context, options);
  const store = new CredentialStore(context);
  const snapshot = await store.read();
  return { profile: named ?? snapshot.active, store, snapshot };
}

/** What `--profile` names, else `NANOCTL_PROFILE`. Throws `usage` for what can't be a name. */
function profileName(
  context: Context,
  options: GlobalOptions,
): string | undefined {
  const named = options.profile ??
    (context.env.get("NANOCTL_PROFILE") || undefined);
  if (named !== undefined) checkProfileName(named);
  return named;
}

/**
 * The profile, URL and service of a command, first match wins: the option, the
 * variable, the stored profile's own, the default. Where the token and the URL
 * come from outside, a credential file that can't be read is none: HOME may be
 * a folder that is closed to us.
 *
 * Throws as {@linkcode openStored} does, and `usage` for a URL or a service
 * that can't be one.
 */
export async function openWorkplace(
  context: Context,
  options: GlobalOptions,
  hasToken = () => givenProvider(context, options) !== undefined,
): Promise<Workplace> {
  const named = options.url ??
    (context.env.get("NANOSERVICES_URL") || undefined);
  const { profile, store, snapshot, stored } = await openEntry(context, options)
    .catch((error) => {
      const isNeeded = named === undefined || !hasToken();
      if (isNeeded || !isOfStore(error)) throw error;
      return nothingStored(context, options);
    });
  const url = named === undefined
    ? stored?.url ?? DEFAULT_URL
    : parseServiceUrl(named);
  const given = givenService(context, options);
  const service = given === undefined && stored?.url === url
    ? storedService(stored)
    : knownService(given ?? DEFAULT_SERVICE);
  return { target: { profile, service, url }, store, snapshot };
}

/** Whether what failed is the credential file, or its folder. */
function isOfStore(error: unknown): boolean {
  return error instanceof NanoctlError && error.code.startsWith("file_");
}

/** What was read, with the entry of the profile that is meant. */
type WithEntry = Stored & { stored?: StoredProfile | undefined };

async function openEntry(
  context: Context,
  options: GlobalOptions,
): Promise<WithEntry> {
  const opened = await openStored(context, options);
  return { ...opened, stored: opened.snapshot.find(opened.profile) };
}

function nothingStored(context: Context, options: GlobalOptions): WithEntry {
  const store = new CredentialStore(context);
  const snapshot = store.nothing();
  const profile = profileName(context, options) ?? snapshot.active;
  return { profile, store, snapshot };
}

/** The service that `--service` names, else `NANOCTL_SERVICE`. */
export function givenService(
  context: Context,
  options: GlobalOptions,
): string | undefined {
  return options.service ?? (context.env.get("NANOCTL_SERVICE") || undefined);
}

/** The target that a stored profile is for. Throws `not_logged_in` when nothing is stored for it. */
export function storedTarget(snapshot: StoreSnapshot, profile: string): Target {
  const stored = snapshot.find(profile);
  if (!stored) throw notLoggedIn(snapshot, { profile });
  return { profile, service: storedService(stored), url: stored.url };
}

/** The service that a profile was stored for; the file may be newer than we are, or damaged. */
function storedService(stored: StoredProfile): ServiceName {
  const found = SERVICE_NAMES.find((known) => known === stored.service);
  if (found) return found;
  throw new NanoctlError(
    "file_corrupt",
    `profile ${stored.profile} is stored for the service ${stored.service}, which this nanoctl does not know`,
    "update nanoctl, or log in again",
  );
}
