import type { Context } from "../../process/context.ts";
import { hasCode, NanoctlError } from "../../errors.ts";
import type { GrantedTokens } from "../../grant.ts";
import { HttpClient } from "../../http/client.ts";
import type { HttpOptions } from "../../http/client_options.ts";
import { readCaFile } from "../../http/tls/certificates.ts";
import type { TokenProvider } from "../../http/token_provider.ts";
import type { Output } from "../output.ts";
import type { Account, Service } from "../../services/service.ts";
import type { Target } from "../../tokens/resolve.ts";
import { TOKEN_VARIABLES } from "../../tokens/variables.ts";
import type { IdentityContext } from "../../tokens/instance_identity/exchange.ts";
import type { StoreSnapshot } from "../../store/snapshot.ts";
import type { GlobalOptions } from "../command_line/shared_options.ts";
import { type Holder, holderOf } from "./holder.ts";
import { serviceHeaders } from "./service_headers.ts";
import { serviceOf } from "./services.ts";
import { timeoutSeconds } from "./timeout.ts";

/** The service, with a client that authenticates to it. */
export interface Session extends Holder {
  service: Service;
  client: HttpClient;
}

/** A provider, or how to make one that has to ask the service for its token. */
export type ProviderSource =
  | TokenProvider
  | ((context: IdentityContext) => TokenProvider);

/** The target of a session. Without a snapshot, nothing is stored for it. */
export interface SessionTarget {
  target: Target;
  snapshot?: StoreSnapshot | undefined;
  /** How the profile was chosen, for `--verbose`. */
  note?: string | undefined;
  /** The service, where it is not the one that nanoctl has under the target's name. */
  service?: Service;
}

/**
 * The one function that makes an authenticated client.
 *
 * Throws `usage` for a bad `--timeout` or CA file.
 */
export async function openSession(
  context: Context,
  options: GlobalOptions,
  output: Output,
  { target, snapshot, note, service: given }: SessionTarget,
  source: ProviderSource,
): Promise<Session> {
  if (note) await output.detail(note);
  const service = given ?? await serviceOf(context, target.service);
  const log = logOf(output);
  const client = await plainClient(
    context,
    options,
    output,
    target.url,
    service,
  );
  const provider = typeof source === "function"
    ? source({ context, service, client, log })
    : source;
  return {
    ...holderOf(provider, { target, snapshot }, options),
    service,
    client: client.withTokens(provider),
  };
}

/**
 * A client without tokens for the API of the service at a URL.
 *
 * Throws `usage` for a bad `--timeout` or CA file.
 */
export async function plainClient(
  context: Context,
  options: GlobalOptions,
  output: Output,
  baseUrl: string,
  service: Service,
  limits: Pick<HttpOptions, "bodyLimit"> = {},
): Promise<HttpClient> {
  return new HttpClient({
    ...await connectionOptions(context, options, output),
    ...limits,
    baseUrl: service.apiUrl?.(baseUrl) ?? baseUrl,
    present: service.present,
    ...(service.headers ? { fixedHeaders: service.headers } : {}),
    headers: serviceHeaders(context, options, service),
  });
}

/**
 * A client for what is no service: without tokens, and without the headers of
 * `--header`, which may be credentials.
 *
 * Throws `usage` for a bad `--timeout` or CA file.
 */
export async function downloadClient(
  context: Context,
  options: GlobalOptions,
  output: Output,
  baseUrl: string,
): Promise<HttpClient> {
  return new HttpClient({
    ...await connectionOptions(context, options, output),
    baseUrl,
    present: () => {
      throw new Error("a download has no token");
    },
  });
}

/** What the options say of every connection. */
async function connectionOptions(
  context: Context,
  options: GlobalOptions,
  output: Output,
): Promise<Omit<HttpOptions, "baseUrl" | "present">> {
  const caFile = caFileOf(context, options);
  return {
    context,
    timeoutSeconds: timeoutSeconds(options),
    insecureHttp: options.insecureHttp ?? false,
    ...(caFile === undefined
      ? {}
      : { caCerts: await readCaFile(caFile, context.now()) }),
    log: logOf(output),
  };
}

/** Has the service prolong a stored token. Throws as {@linkcode Service.renew} does. */
export async function renewAtService(
  client: HttpClient,
  service: Service,
  provider: TokenProvider,
): Promise<GrantedTokens> {
  if (service.renew) return await service.renew(client.withTokens(provider));
  throw new NanoctlError(
    "login_ended",
    "the description of the service no longer says how its tokens are prolonged",
  );
}

/** The file of `--ca-file`, else of NANOCTL_CA_FILE. */
export function caFileOf(
  { env }: Pick<Context, "env">,
  { caFile }: GlobalOptions,
): string | undefined {
  return caFile ?? (env.get("NANOCTL_CA_FILE") || undefined);
}

function logOf(output: Output): (line: string) => void {
  return (line) => void output.detail(line).catch(() => {});
}

/** Asks the service who the token's owner is. The error of a refusal says what to do. */
export async function whoami(session: Session): Promise<Account> {
  return await withRefusalHint(
    session,
    () => session.service.whoami(session.client),
  );
}

/** Runs a request. If the token is refused, the hint depends on where it came from. */
export async function withRefusalHint<T>(
  session: Session,
  request: () => Promise<T>,
): Promise<T> {
  try {
    return await request();
  } catch (error) {
    if (
      !hasCode(error, "token_invalid", "token_expired", "token_revoked") ||
      error.hint !== undefined
    ) throw error;
    throw new NanoctlError(error.code, error.message, refusalHint(session));
  }
}

function refusalHint(session: Session): string {
  const { provider, service, target } = session;
  const page = service.tokenPage(target.url);
  switch (provider.origin) {
    case "environment":
      return `${
        unsetHint(provider.source, session)
      }, or give it a token made at ${page}`;
    case "environment-file":
      return `${
        unsetHint(TOKEN_VARIABLES.file, session)
      }, or put a token made at ${page} into its file`;
    case "token-command":
      return `have its program print a token made at ${page}`;
    case "environment-command":
      return `${
        unsetHint(provider.source, session)
      }, or have its program print a token made at ${page}`;
    case "store":
      return `log in again with '${session.login}'`;
    case "agent-token":
    case "agent-token-file":
    case "agent-environment":
    case "agent-environment-file":
      return "the agent needs a new token: restart the workspace or the job that made it";
    case "aws-instance-identity":
    case "azure-instance-identity":
    case "google-instance-identity":
      return "check that the service still has an agent for this instance";
    default:
      return `make a new token at ${page}`;
  }
}

/** What unsetting the variable leads to depends on what is stored. */
function unsetHint(variable: string, { stored, login }: Session): string {
  return stored
    ? `${variable} hides the stored login of profile ${stored.profile} (${stored.username}): unset it to use that one`
    : `unset ${variable} and log in with '${login}'`;
}
