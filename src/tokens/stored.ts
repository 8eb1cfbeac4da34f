import { NanoctlError } from "../errors.ts";
import type { SessionToken, TokenProvider } from "../http/token_provider.ts";
import type { CredentialStore } from "../store/credential_store.ts";
import type { StoreSnapshot } from "../store/snapshot.ts";

/**
 * The stored token of a profile, opened when it is first needed. After a 401
 * the file is read again: another process may have logged in anew.
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
  if (!secret) throw notLoggedIn(snapshot, profile);
  const expiresAt = snapshot.find(profile)?.expiresAt;
  return { secret, ...(expiresAt ? { expiresAt } : {}) };
}

/** Nothing is stored for this profile, and no other source gave a token. */
export function notLoggedIn(
  { active }: Pick<StoreSnapshot, "active">,
  profile: string,
): NanoctlError {
  const where = profile === active ? "" : ` --profile ${profile}`;
  return new NanoctlError(
    "not_logged_in",
    `not logged in: nothing is stored for profile ${profile}`,
    `log in with 'nanoctl login${where}', or set NANOSERVICES_TOKEN`,
  );
}
