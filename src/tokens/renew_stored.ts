import type { GrantedTokens, OAuthGrant } from "../grant.ts";
import type { Secret } from "../secret.ts";
import { logInAgain } from "./machine.ts";
import { DEFAULT_CLIENT_ID } from "../services/oauth/server.ts";
import { refresh } from "../services/oauth/renewal.ts";
import type { CredentialStore } from "../store/credential_store.ts";
import { grantIn } from "../store/sealed_grant.ts";
import type { StoreSnapshot } from "../store/snapshot.ts";
import { loginCommand } from "./not_logged_in.ts";
import { renew, type RenewableTokens, type Renewing } from "./renewal.ts";

/** A stored login, and how to renew it. */
export interface StoredLogin {
  store: CredentialStore;
  /** As it was when the command began: a renewal never changes the target. */
  snapshot: StoreSnapshot;
  profile: string;
  renewing: Renewing;
}

/** Renews the stored login of a profile whose access token is `stale`: due, or refused by the service. Throws as {@linkcode renew} does. */
export async function renewStored(
  { store, snapshot, profile, renewing }: StoredLogin,
  stale: Secret,
  isRefused: boolean,
): Promise<GrantedTokens | undefined> {
  const was = snapshot.find(profile);
  const now = (): Date => renewing.now();
  return await renew(
    {
      store: {
        alone: (action) =>
          store.whileRenewing(profile, renewing.timeoutSeconds, action),
        read: async () => {
          const latest = await store.read();
          const is = latest.find(profile);
          if (is?.url !== was?.url || is?.service !== was?.service) {
            return undefined;
          }
          return await renewable(latest, profile);
        },
        save: (replaced, tokens) => store.renew(profile, replaced, tokens),
      },
      refresh: async ({ grant, refreshToken, token }) => {
        if (!("issuer" in grant)) {
          const source = `the stored login of profile ${profile}`;
          return grant.machine.way === "command"
            ? await renewing.runCommand(grant.machine, source)
            : await renewing.prolong(token, source);
        }
        const http = await renewing.connect();
        return refreshToken
          ? await refresh(http, grant, refreshToken, now)
          : await logInAgain(http, grant, now);
      },
      now,
      random: () => renewing.random(),
      warn: (line) => renewing.warn(line),
      login: (grant) =>
        "issuer" in grant
          ? deviceLogin(snapshot, profile, grant)
          : loginCommand(snapshot, {
            profile,
            command: grant.machine.way === "command",
          }),
    },
    stale,
    isRefused,
  );
}

function deviceLogin(
  snapshot: StoreSnapshot,
  profile: string,
  { clientId }: OAuthGrant,
): string {
  return [
    loginCommand(snapshot, { profile, device: true }),
    ...isOrdinary(clientId) ? ["--client-id", clientId] : [],
  ].join(" ");
}

/** Whether a client has to be named, and can be pasted into a shell. */
function isOrdinary(clientId: string): boolean {
  return clientId !== DEFAULT_CLIENT_ID && /^[\w.-]+$/.test(clientId);
}

async function renewable(
  snapshot: StoreSnapshot,
  profile: string,
): Promise<RenewableTokens | undefined> {
  const tokens = await snapshot.openTokens(profile);
  const grant = grantIn(tokens?.oauth);
  if (!tokens || !grant) return undefined;
  const { refreshToken, token, renewAt } = tokens;
  if (!refreshToken && !grant.machine) return undefined;
  const expiresAt = snapshot.find(profile)?.expiresAt;
  return { grant, refreshToken, token, renewAt, expiresAt };
}
