import type { Context } from "../../process/context.ts";
import type { TokenProvider } from "../../http/token_provider.ts";
import type { StoreSnapshot } from "../../store/snapshot.ts";
import { resolveProvider } from "../../tokens/resolve.ts";
import type { GlobalOptions } from "../command_line/shared_options.ts";
import type { Output } from "../output.ts";
import { type Holder, holderOf } from "./holder.ts";
import { renewingFor } from "./renewing.ts";
import type { Session } from "./session.ts";
import { type ResolvedTarget, resolveTarget } from "./target.ts";

/**
 * The session of a person's command, wherever the token comes from. What waits
 * for another thread, the lock and the key, does so while modules are loaded.
 *
 * Throws as `resolveTarget`, `resolveProvider` and `openSession` do.
 */
export async function openPersonSession(
  context: Context,
  options: GlobalOptions,
  output: Output,
): Promise<Session> {
  const [resolved, { openSession }] = await Promise.all([
    resolveTarget(context, options),
    import("./session.ts"),
  ]);
  const provider = providerOf(context, options, output, resolved);
  openAhead(provider, resolved.snapshot);
  return await openSession(context, options, output, resolved, provider);
}

/** Whose token a person's command has, without a client. Throws as resolving does. */
export async function personHolder(
  context: Context,
  options: GlobalOptions,
  output: Output,
): Promise<Holder> {
  const resolved = await resolveTarget(context, options);
  if (resolved.note) await output.detail(resolved.note);
  const provider = providerOf(context, options, output, resolved);
  return holderOf(provider, resolved, options);
}

function providerOf(
  context: Context,
  options: GlobalOptions,
  output: Output,
  { target, store, snapshot }: ResolvedTarget,
): TokenProvider {
  return resolveProvider(
    context,
    options,
    target,
    store,
    snapshot,
    renewingFor(context, options, output, target),
  );
}

/** Starts decrypting a stored token before it is needed, if nobody has to be asked for the key. */
function openAhead(provider: TokenProvider, { key }: StoreSnapshot): void {
  const asksNobody = key && "source" in key && key.source === "keyfile";
  if (provider.origin !== "store" || !asksNobody) return;
  // The error is thrown again where the token is needed.
  void provider.getToken().catch(() => {});
}
