import type { Grant, GrantedTokens } from "../grant.ts";
import type { StoredProfile } from "./snapshot.ts";

/** A login to store. */
export interface NewCredential
  extends
    Omit<StoredProfile, "storedAt" | "expiresAt" | "renewable" | "runsCommand">,
    GrantedTokens {
  /** How to renew the tokens, and to revoke those of an OAuth login. */
  grant?: Grant | undefined;
}
