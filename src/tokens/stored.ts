import { NanoctlError } from "../errors.ts";
import type { SessionToken, TokenProvider } from "../http/token_provider.ts";
import type { CredentialStore } from "../store/credential_store.ts";
import type { StoreSnapshot } from "../store/snapshot.ts";

/**
 * The stored token of a profile, opened when it is first needed. After a 401
 * the file is read again: another process may have logged in anew.
 *
 * The provider throws `not_logged_in` when nothing is stored for the profile,
 * and what reading the store and opening its key throw.
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
      // A login to another place under the same name: its token is not for here.
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

/** Where a login is to lead: what is left out is what a bare `nanoctl login` takes. */
export interface LoginPlace {
  profile: string;
  url?: string | undefined;
  service?: string | undefined;
}

/** The command that logs in just there, for a hint. */
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

/** Nothing is stored for this profile, and no other source gave a token. */
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
