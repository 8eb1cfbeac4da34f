import { NanoctlError } from "../errors.ts";
import type { SessionToken, TokenProvider } from "../http/token_provider.ts";
import type { CredentialStore } from "../store/credential_store.ts";
import type { StoreSnapshot } from "../store/snapshot.ts";

/**
 * A profile's stored token, decrypted on first use. After a 401 the store is
 * re-read, as another process may have logged in again.
 *
 * The provider throws `not_logged_in` if nothing is stored for the profile, and
 * any error from reading the store or opening its key.
 */
export function storedToken(
  store: CredentialStore,
  snapshot: StoreSnapshot,
  profile: string,
): TokenProvider {
  let current = snapshot;
  let opened: Promise<SessionToken> | undefined;
  const getToken = (): Promise<SessionToken> =>
    opened ??= openStored(current, profile);
  return {
    origin: "store",
    source: `the stored login of profile ${profile}`,
    getToken,
    renew: async (rejected) => {
      const latest = await store.read();
      const [was, is] = [snapshot.find(profile), latest.find(profile)];
      // The profile now points elsewhere: its new token is not for this target.
      if (is && (is.url !== was?.url || is.service !== was.service)) {
        return false;
      }
      current = latest;
      opened = undefined;
      return !(await getToken()).secret.equals(rejected.secret);
    },
  };
}

async function openStored(
  snapshot: StoreSnapshot,
  profile: string,
): Promise<SessionToken> {
  const secret = await snapshot.openToken(profile);
  if (!secret) throw notLoggedIn(snapshot, { profile });
  const expiresAt = snapshot.find(profile)?.expiresAt;
  return { secret, ...(expiresAt ? { expiresAt } : {}) };
}

/** The target of a login; omitted fields default as in a bare `nanoctl login`. */
export interface LoginPlace {
  profile: string;
  url?: string | undefined;
  service?: string | undefined;
}

/** The command that logs in to this target, for use in a hint. */
export function loginCommand(
  { active }: Pick<StoreSnapshot, "active">,
  { profile, url, service }: LoginPlace,
): string {
  return [
    "nanoctl login",
    ...url === undefined ? [] : ["--url", url],
    ...service === undefined ? [] : ["--service", service],
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
