import type { Context } from "../process/context.ts";
import type { Output } from "./output.ts";

/**
 * Does something with the credential file. With `--force`, a file that can't be
 * used is moved aside, its new name is said, and it is done again without it;
 * where that fails too, as with a key file that holds no key, it is put back.
 *
 * Throws what the attempt throws, and as `moveAside` of the store does.
 */
export async function movingAside<T>(
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
  let aside: string | undefined;
  for (;;) {
    const identity = store.identity();
    try {
      const done = await attempt();
      if (aside) {
        await output.warn(
          `the credential file could not be used and is now ${aside}`,
        );
      }
      return done;
    } catch (error) {
      if (isUnusable(error)) {
        const moved = identity && await store.moveAside(identity);
        aside = moved ?? aside;
        if (moved || store.identity() !== identity) continue;
      }
      // Without it there was something else wrong: nothing is to be lost for that.
      if (aside) await store.putBack(aside);
      throw error;
    }
  }
}
