import type { Context } from "../context.ts";
import type { Output } from "../output.ts";

/**
 * Does something with the credential file. With `--force`, a file that can't be
 * used is moved aside, its new name is said, and it is done again without it.
 */
export async function withForce<T>(
  context: Context,
  { force }: { force?: boolean | undefined },
  output: Output,
  attempt: () => Promise<T>,
): Promise<T> {
  if (!force) return await attempt();
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
