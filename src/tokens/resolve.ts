import type { Context } from "../process/context.ts";
import { NanoctlError } from "../errors.ts";
import type { TokenProvider } from "../http/token_provider.ts";
import {
  DEFAULT_SERVICE,
  serviceLabel,
  type ServiceName,
} from "../services/names.ts";
import type { CredentialStore } from "../store/credential_store.ts";
import type { StoreSnapshot } from "../store/snapshot.ts";
import { tokenFile } from "./file.ts";
import { fixedToken } from "./fixed.ts";
import { isStandardInput, standardInputToken } from "./standard_input.ts";
import { notLoggedIn } from "./not_logged_in.ts";
import type { Renewing } from "./renewal.ts";
import { storedToken } from "./stored.ts";
import { readToken } from "./token_text.ts";
import {
  CODER_VARIABLES,
  meansCoder,
  type NamedTarget,
  TOKEN_VARIABLES,
} from "./variables.ts";

/** The command line's token and target options. */
export interface TokenOptions extends NamedTarget {
  token?: string | undefined;
  tokenFile?: string | undefined;
}

/** Where the token will be used. */
export interface Target {
  profile: string;
  service: ServiceName;
  /** The service's normalized URL. */
  url: string;
}

/**
 * A command's token provider. The first match wins: `--token`, `--token-file`,
 * `NANOSERVICES_TOKEN_FILE`, `NANOSERVICES_TOKEN`, `CODER_SESSION_TOKEN` if the
 * target is Coder, the profile's stored token.
 *
 * Throws `not_logged_in` if none of them has a token for the target, and
 * `token_invalid` if a given value can't be a token. Without `renewing` a stored
 * token is taken as it is.
 */
export function resolveProvider(
  context: Pick<Context, "env" | "stdin">,
  options: TokenOptions,
  target: Target,
  store: CredentialStore,
  snapshot: StoreSnapshot,
  renewing?: Renewing,
): TokenProvider {
  return givenProvider(context, options) ??
    storedFor(options, target, store, snapshot, renewing);
}

/**
 * The provider of a token from an option or variable; undefined if neither is
 * set.
 *
 * Throws `usage` if both a token and a token file are given, `not_logged_in` if
 * the token is empty, and `token_invalid` if the given value can't be a token.
 */
export function givenProvider(
  context: Pick<Context, "env" | "stdin">,
  options: TokenOptions,
): TokenProvider | undefined {
  const { env } = context;
  if (options.token !== undefined && options.tokenFile !== undefined) {
    throw new NanoctlError(
      "usage",
      "--token and --token-file are both given",
      "give one of them",
    );
  }
  if (options.token !== undefined) {
    return fixedToken(readToken(options.token, "--token"), "flag", "--token");
  }
  if (options.tokenFile !== undefined) {
    return isStandardInput(options.tokenFile)
      ? standardInputToken(context)
      : tokenFile(options.tokenFile, "token-file");
  }
  const path = env.get(TOKEN_VARIABLES.file);
  if (path) return tokenFile(path, "environment-file");
  const names = meansCoder(context, options)
    ? [TOKEN_VARIABLES.value, CODER_VARIABLES.token]
    : [TOKEN_VARIABLES.value];
  for (const name of names) {
    const value = env.get(name);
    if (value) return fixedToken(readToken(value, name), "environment", name);
  }
  return undefined;
}

/** The stored token, but only for the URL and service that it was stored for. */
function storedFor(
  { url, service }: TokenOptions,
  target: Target,
  store: CredentialStore,
  snapshot: StoreSnapshot,
  renewing: Renewing | undefined,
): TokenProvider {
  const stored = snapshot.find(target.profile);
  if (!stored) {
    throw notLoggedIn(snapshot, {
      profile: target.profile,
      url: url && target.url,
      service: service && target.service,
    });
  }
  if (stored.url !== target.url || stored.service !== target.service) {
    throw new NanoctlError(
      "not_logged_in",
      `not logged in to ${target.url}: profile ${target.profile} is for ${stored.url} (${
        serviceLabel(stored.service)
      })`,
      `log in there under a profile of its own: nanoctl login --url ${target.url}${
        target.service === DEFAULT_SERVICE
          ? ""
          : ` --service ${serviceLabel(target.service)}`
      } --profile <name>`,
    );
  }
  return storedToken(store, snapshot, target.profile, renewing);
}
