import type { Context } from "../process/context.ts";
import { pinnedName, serviceLabel } from "../services/names.ts";
import { CredentialStore } from "../store/credential_store.ts";
import { isOfStore } from "./session/target.ts";

/**
 * The stored profiles that log in to a service that a person added, without those
 * that are pinned to the description with this SHA-256. None if the credential file
 * can't be read.
 */
export async function loginsOf(
  context: Context,
  name: string,
  digest?: string,
): Promise<string[]> {
  try {
    const snapshot = await new CredentialStore(context).read();
    return snapshot.names.filter((profile) => {
      const { service = "" } = snapshot.find(profile) ?? {};
      return service.includes("@") && serviceLabel(service) === name &&
        service !== (digest && pinnedName(name, digest));
    });
  } catch (error) {
    if (isOfStore(error)) {
      return [];
    }
    throw error;
  }
}
