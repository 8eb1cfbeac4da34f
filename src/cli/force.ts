import type { Context } from "../context.ts";
import type { Output } from "../output.ts";

/**
 * Does something with the credential file; when the file can't be used it is
 * moved aside, its new name is said, and it is done again without it.
 */
export async function orMoveAside<T>(
  context: Context,
  output: Output,
  attempt: () => Promise<T>,
): Promise<T> {
  const { CredentialStore, isUnusable } = await import(
    "../store/credential_store.ts"
  );
  const store = new CredentialStore(context);
  for (;;) {
    const identity = store.identity();
    try {
      return await attempt();
    } catch (error) {
      if (!isUnusable(error)) throw error;
      const aside = identity && await store.moveAside(identity);
      if (aside) {
        await output.warn(
          `the credential file could not be used and is now ${aside}`,
        );
      } else if (store.identity() === identity) throw error;
    }
  }
}
