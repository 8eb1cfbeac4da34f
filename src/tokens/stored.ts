import { hasCode, NanoctlError } from "../errors.ts";
import type { GrantedTokens } from "../grant.ts";
import type { SessionToken, TokenProvider } from "../http/token_provider.ts";
import type { CredentialStore } from "../store/credential_store.ts";
import type { SealedTokens } from "../store/envelope.ts";
import type { StoreSnapshot } from "../store/snapshot.ts";
import { notLoggedIn } from "./not_logged_in.ts";
import type { Renewing } from "./renewal.ts";

/**
 * A profile's stored token, decrypted on first use. One that an OAuth server
 * issued or a program printed is renewed before it ends, and after a 401. Another
 * is re-read after a 401, as another process may have logged in again.
 *
 * The provider throws `not_logged_in` if nothing is stored for the profile,
 * `login_ended` if the server does not renew it any more, and any error from
 * reading the store or opening its key.
 */
export function storedToken(
  store: CredentialStore,
  snapshot: StoreSnapshot,
  profile: string,
  renewing?: Renewing,
): TokenProvider {
  let current = snapshot;
  let opened: Promise<SessionToken> | undefined;
  const renewFrom = async (
    stale: SessionToken,
    isRefused: boolean,
  ): Promise<SessionToken | undefined> => {
    if (!renewing) return undefined;
    const { renewStored } = await import("./renew_stored.ts");
    const tokens = await renewStored(
      { store, snapshot, profile, renewing },
      stale.secret,
      isRefused,
    );
    return tokens && sessionToken(tokens);
  };
  const openFresh = async (): Promise<SessionToken> => {
    const { token, isDue } = await openStored(current, profile, renewing);
    if (!isDue) return token;
    try {
      return await renewFrom(token, false) ?? token;
    } catch (error) {
      // Renewing ahead of time may fail for a while.
      if (!renewing || !isPassing(error, token, renewing.now())) throw error;
      await renewing.warn(`the token was not renewed: ${error.message}`);
      return token;
    }
  };
  const getToken = (): Promise<SessionToken> => opened ??= openFresh();
  return {
    origin: "store",
    source: `the stored login of profile ${profile}`,
    hasOwnTimeLimit: snapshot.find(profile)?.runsCommand === true,
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
      const stored = await getToken();
      if (!stored.secret.equals(rejected.secret)) return true;
      if (!is?.renewable) return false;
      const renewed = await renewFrom(rejected, true);
      if (!renewed) return false;
      opened = Promise.resolve(renewed);
      return !renewed.secret.equals(rejected.secret);
    },
  };
}

function isPassing(
  error: unknown,
  { expiresAt }: SessionToken,
  now: Date,
): error is NanoctlError {
  return error instanceof NanoctlError &&
    !hasCode(error, "login_ended", "interrupted") &&
    (expiresAt === undefined || expiresAt > now);
}

/** Tokens as the client takes them. */
function sessionToken(
  { token, expiresAt, renewAt }: GrantedTokens,
): SessionToken {
  return {
    secret: token,
    ...(expiresAt ? { expiresAt } : {}),
    ...(renewAt ? { renewable: true } : {}),
  };
}

async function openStored(
  snapshot: StoreSnapshot,
  profile: string,
  renewing: Renewing | undefined,
): Promise<{ token: SessionToken; isDue: boolean }> {
  const tokens: SealedTokens | undefined = await snapshot.openTokens(profile);
  if (!tokens) throw notLoggedIn(snapshot, { profile });
  const expiresAt = snapshot.find(profile)?.expiresAt;
  const { renewAt } = tokens;
  return {
    token: sessionToken({ ...tokens, expiresAt }),
    isDue: renewing !== undefined && renewAt !== undefined &&
      renewAt <= renewing.now(),
  };
}
