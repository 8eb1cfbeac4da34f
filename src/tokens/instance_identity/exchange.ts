import type { Context } from "../../process/context.ts";
import { NanoctlError } from "../../errors.ts";
import { renewalTime, spreadRenewal } from "../../grant.ts";
import { HttpClient } from "../../http/client.ts";
import { timeoutError } from "../../http/network_error.ts";
import type { SessionToken, TokenProvider } from "../../http/token_provider.ts";
import type { IdentityProof, Service } from "../../services/service.ts";
import type { GetProof, IdentityAuth } from "./proof.ts";

/** What an exchange needs. */
export interface IdentityContext {
  context: Context;
  service: Service;
  /** The client of the service, without a token. */
  client: HttpClient;
  /** Takes one line a request for `--verbose`. */
  log(line: string): void;
}

/** How long a metadata service has to answer, in seconds, however many requests it takes. */
export const METADATA_TIMEOUT_SECONDS = 2;
/** The most that is read of what a metadata service says, in bytes. */
const METADATA_LIMIT = 64 * 1024;

/**
 * The session token of the agent on this cloud instance. It is exchanged when
 * it is first needed, held for the process, and exchanged again before it ends
 * or after a 401: once for any number of callers.
 *
 * The provider throws as {@linkcode askMetadata} does, `usage` for a variable
 * that holds no URL, and as the exchange of the service does.
 */
export function instanceIdentity(
  given: IdentityContext,
  auth: IdentityAuth,
  loadProof: () => Promise<GetProof>,
  agentName?: string,
): TokenProvider {
  const now = (): number => given.context.now().getTime();
  let held: SessionToken | undefined;
  let renewAt = Infinity;
  let exchanging: Promise<SessionToken> | undefined;
  const exchanged = (): Promise<SessionToken> =>
    exchanging ??= exchange(given, loadProof, agentName)
      .then((token) => {
        renewAt = renewalOf(token, given.context)?.getTime() ?? Infinity;
        return held = token;
      })
      .finally(() => exchanging = undefined);
  return {
    origin: auth,
    source: `${auth} of this machine`,
    getToken: async () => {
      if (held && now() < renewAt) return held;
      try {
        return await exchanged();
      } catch (error) {
        // It was only about to end: until then it is better than none.
        if (held?.expiresAt && now() < held.expiresAt.getTime()) return held;
        throw error;
      }
    },
    renew: async (rejected) => {
      if (held && !held.secret.equals(rejected.secret)) return true;
      return !(await exchanged()).secret.equals(rejected.secret);
    },
  };
}

function renewalOf(
  { expiresAt }: SessionToken,
  context: Pick<Context, "now" | "random">,
): Date | undefined {
  const now = context.now();
  const renewAt = expiresAt && renewalTime(expiresAt, now);
  return spreadRenewal({ expiresAt, renewAt }, now, context.random()).renewAt;
}

async function exchange(
  given: IdentityContext,
  loadProof: () => Promise<GetProof>,
  agentName: string | undefined,
): Promise<SessionToken> {
  const { service, client } = given;
  const proof = await proofOf(given, loadProof);
  return await service.exchangeIdentity(client, proof, agentName);
}

/** The metadata service has its time for all that it is asked, not for each request. */
async function proofOf(
  { context, service, log }: IdentityContext,
  loadProof: () => Promise<GetProof>,
): Promise<IdentityProof> {
  const getProof = await loadProof();
  const over = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const metadata = (baseUrl: string): HttpClient => {
    const url = new URL(baseUrl);
    timer = setTimeout(
      () => over.abort(timeoutError(url, METADATA_TIMEOUT_SECONDS, undefined)),
      METADATA_TIMEOUT_SECONDS * 1000,
    );
    return new HttpClient({
      context,
      baseUrl,
      // No token of ours is for a metadata service.
      present: noToken,
      timeoutSeconds: METADATA_TIMEOUT_SECONDS,
      direct: true,
      attempts: 1,
      redirects: 0,
      bodyLimit: METADATA_LIMIT,
      signal: over.signal,
      log,
    });
  };
  try {
    return await getProof(metadata, context.env, service.name);
  } finally {
    clearTimeout(timer);
  }
}

function noToken(): never {
  throw new NanoctlError("failed", "a metadata service takes no token");
}
