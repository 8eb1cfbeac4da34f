import type { Context } from "../../process/context.ts";
import { hasCode, NanoctlError } from "../../errors.ts";
import { parseServiceUrl } from "../../http/service_url.ts";
import {
  CODED_SERVICES,
  DEFAULT_SERVICE,
  serviceAt,
  serviceLabel,
  type ServiceName,
} from "../../services/names.ts";
import { CredentialStore } from "../../store/credential_store.ts";
import type { StoredProfile, StoreSnapshot } from "../../store/snapshot.ts";
import { checkProfileName } from "../../store/profile_name.ts";
import { givenProvider, type Target } from "../../tokens/resolve.ts";
import { notLoggedIn } from "../../tokens/not_logged_in.ts";
import {
  meansCoder,
  namedProfile,
  namedService,
} from "../../tokens/variables.ts";
import type { GlobalOptions } from "../command_line/shared_options.ts";
import { profileFor } from "./profile_choice.ts";
import { isService, namedServiceOf, usualUrl } from "./services.ts";

/** The URL of a command that names none: the embedded service. */
export const DEFAULT_URL = "http://127.0.0.1:7080";

/** The credential file as it was read, and the profile to use. */
export interface Stored {
  profile: string;
  store: CredentialStore;
  snapshot: StoreSnapshot;
}

/** What named the URL of a command. */
export type UrlSource =
  | "--url"
  | "NANOSERVICES_URL"
  | "CODER_URL"
  | "service"
  | "profile"
  | "default";

/** What a command works on, before it has a token. */
export interface ResolvedTarget extends Omit<Stored, "profile"> {
  target: Target;
  urlSource: UrlSource;
  /** How the profile was chosen, for `--verbose`, if that is not obvious. */
  note?: string | undefined;
}

/**
 * Reads the credential file and finds the profile: `--profile`,
 * `NANOCTL_PROFILE`, the active one.
 *
 * Throws `usage` for an invalid name, and what reading the credential file
 * throws.
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

/** The profile of `--profile`, else of `NANOCTL_PROFILE`. Throws `usage` for an invalid name. */
function profileName(
  context: Context,
  options: GlobalOptions,
): string | undefined {
  const named = namedProfile(context, options);
  if (named !== undefined) checkProfileName(named);
  return named;
}

/**
 * The profile, URL and service of a command, first match wins: the option, the
 * variable, the stored profile's own, the default. A URL without a profile
 * chooses the one profile that is stored for it. If the token and the URL come
 * from outside, an unreadable credential file counts as missing: HOME may be a
 * folder that we can't read.
 *
 * Throws as {@linkcode openStored} does, and `usage` for an invalid URL or
 * service, and for a URL that several profiles are for.
 */
export async function resolveTarget(
  context: Context,
  options: GlobalOptions,
  hasToken = () => givenProvider(context, options) !== undefined,
): Promise<ResolvedTarget> {
  const maybeNamed = ["NANOSERVICES_URL", "CODER_URL"]
    .some((name) => context.env.get(name)) || options.url !== undefined;
  const opened = await openEntry(context, options)
    .catch((error) => {
      if (!maybeNamed || !hasToken() || !isOfStore(error)) throw error;
      return nothingStored(context, options);
    });
  const { store, snapshot } = opened;
  const wanted = await wantedService(context, options);
  const named = urlNamed(context, options, opened.stored) ??
    await usualUrlNamed(context, wanted, opened.stored);
  const { profile, note } = chooseProfile(
    context,
    options,
    opened,
    named && { ...named, service: wanted },
    hasToken,
  );
  const stored = snapshot.find(profile);
  const url = named?.url ?? stored?.url ?? DEFAULT_URL;
  const isCoder = named?.source === "CODER_URL";
  const service = wanted ??
    (stored?.url === url && !isCoder
      ? storedService(stored)
      : isCoder
      ? "coder"
      : serviceAt(url) ?? DEFAULT_SERVICE);
  const urlSource = named?.source ?? (stored ? "profile" : "default");
  return {
    target: { profile, service, url },
    store,
    snapshot,
    urlSource,
    note,
  };
}

/** The service that the option or the variable names. Throws as {@linkcode namedServiceOf} does. */
async function wantedService(
  context: Context,
  options: GlobalOptions,
): Promise<ServiceName | undefined> {
  const name = namedService(context, options);
  return name === undefined ? undefined : await namedServiceOf(context, name);
}

/** The own URL of the service that is named, unless the profile is for that service. Throws `usage` if it has none. */
async function usualUrlNamed(
  context: Context,
  wanted: ServiceName | undefined,
  stored: StoredProfile | undefined,
): Promise<UrlNamed | undefined> {
  if (wanted === undefined || stored?.service === wanted) return undefined;
  if (CODED_SERVICES.includes(wanted)) return undefined;
  const url = await usualUrl(context, wanted);
  if (url !== undefined) return { url, source: "service" };
  throw new NanoctlError(
    "usage",
    `the service ${serviceLabel(wanted)} has no URL of its own`,
    "give the URL with --url",
  );
}

/** A URL in its normal form, and what named it. */
interface UrlNamed {
  url: string;
  source: UrlSource;
}

/** The URL that options or variables name; `CODER_URL` counts for Coder only. */
function urlNamed(
  context: Context,
  options: GlobalOptions,
  stored: StoredProfile | undefined,
): UrlNamed | undefined {
  const { env } = context;
  const isCoder = meansCoder(context, options) ||
    namedService(context, options) === undefined &&
      namedProfile(context, options) !== undefined &&
      stored?.service === "coder";
  const named: [text: string | undefined, source: UrlSource][] = [
    [options.url, "--url"],
    [env.get("NANOSERVICES_URL") || undefined, "NANOSERVICES_URL"],
    [isCoder ? env.get("CODER_URL") || undefined : undefined, "CODER_URL"],
  ];
  for (const [text, source] of named) {
    if (text !== undefined) return { url: parseServiceUrl(text), source };
  }
  return undefined;
}

/** Chooses the profile. Several logins for a URL are an error only if no token is given from outside. */
function chooseProfile(
  context: Context,
  options: GlobalOptions,
  { profile, snapshot }: WithEntry,
  named: UrlNamed & { service: ServiceName | undefined } | undefined,
  hasToken: () => boolean,
): { profile: string; note?: string } {
  const isOpen = named && profileName(context, options) === undefined;
  if (!isOpen || snapshot.names.length === 0) return { profile };
  const service = named.service ??
    (named.source === "CODER_URL" ? "coder" : undefined);
  try {
    const chosen = profileFor(snapshot, { url: named.url, service }) ?? profile;
    if (chosen === profile) return { profile };
    return {
      profile: chosen,
      note: `profile ${chosen} is the one that is stored for ${named.url}`,
    };
  } catch (error) {
    if (hasCode(error, "usage") && hasToken()) return { profile };
    throw error;
  }
}

/** Whether an error concerns the credential file or its folder. */
export function isOfStore(error: unknown): error is NanoctlError {
  return error instanceof NanoctlError && error.code.startsWith("file_");
}

/** What was read, with the entry of the profile. */
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

/** The target of a stored profile. Throws `not_logged_in` if nothing is stored for it. */
export function storedTarget(snapshot: StoreSnapshot, profile: string): Target {
  const stored = snapshot.find(profile);
  if (!stored) throw notLoggedIn(snapshot, { profile });
  return { profile, service: storedService(stored), url: stored.url };
}

/** The service of a stored profile. Throws `file_corrupt`: the file may be newer than this program, or damaged. */
function storedService(stored: StoredProfile): ServiceName {
  if (isService(stored.service)) return stored.service;
  throw new NanoctlError(
    "file_corrupt",
    `profile ${stored.profile} is stored for the service ${
      serviceLabel(stored.service)
    }, which this nanoctl does not know`,
    "update nanoctl, or log in again",
  );
}
