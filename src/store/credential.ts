import type { Grant, GrantedTokens } from "../grant.ts";
import type { StoredProfile } from "./snapshot.ts";

/** A login to store. */
export interface NewCredential
  extends
    Omit<StoredProfile, "storedAt" | "expiresAt" | "renewable">,
    GrantedTokens {
  /** How to renew and revoke the tokens of an OAuth login. */
  grant?: Grant | undefined;
}
