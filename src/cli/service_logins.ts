import { NanoctlError } from "../errors.ts";
import type { Context } from "../process/context.ts";
import { serviceLabel } from "../services/names.ts";
import { CredentialStore } from "../store/credential_store.ts";

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
        service !== `${name}@${digest}`;
    });
  } catch (error) {
    if (error instanceof NanoctlError && error.code.startsWith("file_")) {
      return [];
    }
    throw error;
  }
}
