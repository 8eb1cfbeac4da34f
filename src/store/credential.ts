import type { Secret } from "../secret.ts";
import type { StoredProfile } from "./snapshot.ts";

/** A login to store. */
export interface NewCredential extends Omit<StoredProfile, "storedAt"> {
  token: Secret;
}
