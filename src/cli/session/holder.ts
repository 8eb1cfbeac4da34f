import type { TokenProvider } from "../../http/token_provider.ts";
import type { StoredProfile, StoreSnapshot } from "../../store/snapshot.ts";
import { loginCommand } from "../../tokens/not_logged_in.ts";
import type { Target } from "../../tokens/resolve.ts";

/** Whose token a command has, and where it is for. A session has a client too, which takes a while to load. */
export interface Holder {
  target: Target;
  provider: TokenProvider;
  /** The login that is stored for the target, whether or not it is the one used. */
  stored: StoredProfile | undefined;
  /** The command that logs in again, for a hint. */
  login: string;
}

/** The holder of a provider's token. Without a snapshot, nothing is stored. */
export function holderOf(
  provider: TokenProvider,
  { target, snapshot }: {
    target: Target;
    snapshot?: StoreSnapshot | undefined;
  },
  options: { url?: string | undefined; service?: string | undefined },
): Holder {
  const found = snapshot?.find(target.profile);
  const stored = found?.url === target.url && found.service === target.service
    ? found
    : undefined;
  return {
    target,
    provider,
    stored,
    login: loginCommand(snapshot ?? { active: target.profile }, {
      profile: target.profile,
      command: stored?.runsCommand === true,
      url: stored ? undefined : options.url && target.url,
      service: stored ? undefined : options.service && target.service,
    }),
  };
}
