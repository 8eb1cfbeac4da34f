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
import { argumentList } from "../process/argument_list.ts";
import { commandToken, DEFAULT_TIMEOUT_SECONDS } from "./command.ts";
import type { CommandContext } from "./command_output.ts";
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
  tokenCommand?: string | undefined;
  /** How long a program may take that prints the token, in seconds. */
  timeout?: number | undefined;
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
 * `--token-command`, `NANOSERVICES_TOKEN_FILE`, `NANOSERVICES_TOKEN`,
 * `NANOSERVICES_TOKEN_COMMAND`, `CODER_SESSION_TOKEN` if the target is Coder, the
 * profile's stored token.
 *
 * Throws `not_logged_in` if none of them has a token for the target,
 * `token_invalid` if a given value can't be a token, and `usage` if a command
 * can't be one. Without `renewing` a stored
 * token is taken as it is.
 */
export function resolveProvider(
  context: CommandContext,
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
 * Throws `usage` if several options give one or a command can't be one,
 * `not_logged_in` if the token is empty, and `token_invalid` if the given value
 * can't be a token.
 */
export function givenProvider(
  context: CommandContext,
  options: TokenOptions,
): TokenProvider | undefined {
  const { env } = context;
  checkOne(options);
  if (options.token !== undefined) {
    return fixedToken(readToken(options.token, "--token"), "flag", "--token");
  }
  if (options.tokenFile !== undefined) {
    return isStandardInput(options.tokenFile)
      ? standardInputToken(context)
      : tokenFile(options.tokenFile, "token-file");
  }
  if (options.tokenCommand === undefined) {
    const path = env.get(TOKEN_VARIABLES.file);
    if (path) return tokenFile(path, "environment-file");
    const token = tokenVariable(context, TOKEN_VARIABLES.value);
    if (token) return token;
  }
  const found = givenCommand(context, options);
  if (found) {
    const { timeout: timeoutSeconds = DEFAULT_TIMEOUT_SECONDS } = options;
    const { origin, ...given } = found;
    return commandToken(context, { ...given, timeoutSeconds }, origin);
  }
  return meansCoder(context, options)
    ? tokenVariable(context, CODER_VARIABLES.token)
    : undefined;
}

/** A program that prints the token, and what named it. */
export interface GivenCommand {
  command: string[];
  source: string;
  origin: "token-command" | "environment-command";
}

/** The program of `--token-command` or its variable, whatever else gives a token. Throws `usage` as `argumentList` does. */
export function givenCommand(
  { env, os }: Pick<Context, "env" | "os">,
  { tokenCommand }: TokenOptions,
): GivenCommand | undefined {
  const isOption = tokenCommand !== undefined;
  const source = isOption ? "--token-command" : TOKEN_VARIABLES.command;
  const text = isOption ? tokenCommand : env.get(source);
  if (!isOption && !text) return undefined;
  return {
    command: argumentList(text ?? "", source, os),
    source,
    origin: isOption ? "token-command" : "environment-command",
  };
}

/** Throws `usage` if several options give a token. */
function checkOne({ token, tokenFile, tokenCommand }: TokenOptions): void {
  const given = Object.entries({
    "--token": token,
    "--token-file": tokenFile,
    "--token-command": tokenCommand,
  }).filter(([, value]) => value !== undefined).map(([name]) => name);
  if (given.length <= 1) return;
  throw new NanoctlError(
    "usage",
    given.length === 2
      ? `${given.join(" and ")} are both given`
      : `${given.join(", ")} are all given`,
    "give one of them",
  );
}

/** The token in a variable. Throws as `readToken` does. */
function tokenVariable(
  { env }: Pick<Context, "env">,
  name: string,
): TokenProvider | undefined {
  const value = env.get(name);
  return value
    ? fixedToken(readToken(value, name), "environment", name)
    : undefined;
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
