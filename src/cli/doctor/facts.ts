import { NanoctlError } from "../../errors.ts";
import type { HttpClient } from "../../http/client.ts";
import type { HttpAnswer } from "../../http/messages.ts";
import type { SystemAuthorities } from "../../http/tls/system_authorities.ts";
import type { TokenProvider } from "../../http/token_provider.ts";
import type { Context } from "../../process/context.ts";
import { CredentialStore } from "../../store/credential_store.ts";
import type { StoreSnapshot } from "../../store/snapshot.ts";
import { givenProvider, resolveProvider } from "../../tokens/resolve.ts";
import type { GlobalOptions } from "../command_line/shared_options.ts";
import type { Output } from "../output.ts";
import { type ResolvedTarget, resolveTarget } from "../session/target.ts";

/**
 * What the checks look at. Each fact is found out once, when a check first asks
 * for it, and throws what finding it out throws.
 */
export interface Facts {
  readonly context: Context;
  readonly options: GlobalOptions;
  readonly output: Output;
  /** Whether an option or a variable gives a token, a malformed one too: then nothing that is stored is needed. */
  readonly isTokenGiven: boolean;
  /** What is in the credential file. */
  snapshot(): Promise<StoreSnapshot>;
  target(): Promise<ResolvedTarget>;
  /** A client without tokens. */
  client(): Promise<HttpClient>;
  /** The service's answer to a request without a token. */
  answer(): Promise<HttpAnswer>;
  /** The authorities of this machine and of variables. */
  authorities(): Promise<SystemAuthorities>;
  /** Where the token comes from. A stored one is not renewed: nothing is to be written. */
  provider(): Promise<TokenProvider>;
}

/** The facts of a run of `doctor`. */
export function gatherFacts(
  context: Context,
  options: GlobalOptions,
  output: Output,
): Facts {
  const store = new CredentialStore(context);
  const isTokenGiven = givesToken(context, options);
  const snapshot = once(() => store.read());
  const target = once(async () => {
    const canRead = await snapshot().then(() => true, () => false);
    // Another check says why not; a URL from outside is enough.
    return canRead
      ? await resolveTarget(context, options)
      : await resolveTarget(context, options, () => true);
  });
  const client = once(async () => {
    const { plainClient } = await import("../session/session.ts");
    const { serviceOf } = await import("../session/services.ts");
    const { url, service } = (await target()).target;
    const api = await serviceOf(context, service);
    return await plainClient(context, options, output, url, api);
  });
  return {
    context,
    options,
    output,
    isTokenGiven,
    snapshot,
    target,
    client,
    answer: once(async () => await (await client()).send({ path: "/" })),
    authorities: once(async () => {
      const { systemAuthorities } = await import(
        "../../http/tls/system_authorities.ts"
      );
      return await systemAuthorities(context);
    }),
    provider: once(async () => {
      const { target: place, snapshot: read } = await target();
      const stored = isTokenGiven ? read : await snapshot();
      return resolveProvider(context, options, place, store, stored);
    }),
  };
}

function givesToken(context: Context, options: GlobalOptions): boolean {
  try {
    return givenProvider(context, options) !== undefined;
  } catch (error) {
    if (error instanceof NanoctlError) return true;
    throw error;
  }
}

function once<T>(find: () => Promise<T>): () => Promise<T> {
  let found: Promise<T> | undefined;
  return () => found ??= find();
}
