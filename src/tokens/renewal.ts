import { hasCode, NanoctlError } from "../errors.ts";
import {
  type CommandLogin,
  type Grant,
  type GrantedTokens,
  postponedRenewal,
  spreadRenewal,
} from "../grant.ts";
import type { HttpClient } from "../http/client.ts";
import { finishing } from "../process/finishing.ts";
import type { Secret } from "../secret.ts";

/** What renewing a stored token needs of its command. */
export interface Renewing {
  /** A client without tokens for the stored login's service. */
  connect(): Promise<HttpClient>;
  /** The token that a stored login's program prints. Throws as `runTokenCommand` does. */
  runCommand(login: CommandLogin, source: string): Promise<GrantedTokens>;
  /** The same token, or another, that the service makes last longer. Throws `login_ended`. */
  prolong(token: Secret, source: string): Promise<GrantedTokens>;
  now(): Date;
  /** From 0 up to but not including 1. */
  random(): number;
  warn(line: string): Promise<void>;
  /** How long to wait for another process that renews the same login, in seconds. */
  timeoutSeconds: number;
}

/** The tokens of a stored login that can be renewed: by a refresh token, or as a machine. */
export interface RenewableTokens extends GrantedTokens {
  grant: Grant;
}

/** What renewing needs of the store. tests/tokens/renewal_test.ts explores every order of these steps. */
export interface RenewalStore {
  /** Runs an action while no other process renews this login. Throws `file_locked`. */
  alone<T>(action: () => Promise<T>): Promise<T>;
  /** The login as it is stored now; undefined if it is gone, is for another target, or can't be renewed. */
  read(): Promise<RenewableTokens | undefined>;
  /** Stores new tokens in place of those with the `replaced` access token; false if it is not the stored one any more. */
  save(replaced: Secret, tokens: GrantedTokens): Promise<boolean>;
}

/** What renewing needs of the rest. */
export interface RenewalContext {
  store: RenewalStore;
  /** Spends the refresh token, logs in as a machine, or runs the program. Throws `login_ended` if the server does not renew any more. */
  refresh(tokens: RenewableTokens): Promise<GrantedTokens>;
  now(): Date;
  /** From 0 up to but not including 1. */
  random(): number;
  warn(line: string): Promise<void>;
  /** The command that logs a person in again. */
  login(grant: Grant): string;
}

/** Whether it is time to renew a token. */
export function isDue(tokens: GrantedTokens, now: Date): boolean {
  return tokens.renewAt !== undefined && tokens.renewAt <= now;
}

/**
 * Renews a login whose access token is `stale`: the lock, the store again, the
 * server, the store. A process that had to wait for the lock takes what the
 * winner stored, so no refresh token is spent twice. It may be the same token
 * with another end, unless the service has refused it. Undefined if the login is
 * gone or can't be renewed.
 *
 * If the server can't be reached, a token that is still valid goes on, and is
 * renewed at another moment; if the new tokens can't be stored, they serve this
 * command, with a warning.
 *
 * Throws `login_ended`, `file_locked`, what the client throws, and what the store throws.
 */
export async function renew(
  context: RenewalContext,
  stale: Secret,
  isRefused = true,
): Promise<GrantedTokens | undefined> {
  return await context.store.alone(async () => {
    const tokens = await context.store.read();
    if (!tokens) return undefined;
    const isStale = isRefused && tokens.token.equals(stale);
    if (!isStale && !isDue(tokens, context.now())) return tokens;
    // What was spent has to be replaced; Ctrl-C ends the request, not the save.
    return await finishing(() => spend(context, tokens, isStale));
  });
}

async function spend(
  context: RenewalContext,
  tokens: RenewableTokens,
  isStale: boolean,
): Promise<GrantedTokens> {
  const { store } = context;
  const login = context.login(tokens.grant);
  let renewed: GrantedTokens;
  try {
    renewed = spreadRenewal(
      await context.refresh(tokens),
      context.now(),
      context.random(),
    );
  } catch (error) {
    if (!hasCode(error, "login_ended")) {
      if (!isStale && !hasCode(error, "interrupted")) {
        await postpone(context, tokens);
      }
      throw error;
    }
    throw new NanoctlError(
      error.code,
      error.message,
      `log in again with '${login}'`,
    );
  }
  try {
    // False after a logout, or a login, in the meantime: that one stays.
    await store.save(tokens.token, renewed);
  } catch (error) {
    if (!(error instanceof NanoctlError)) throw error;
    await context.warn(
      `the renewed token could not be stored, so the next command may have to log in again ('${login}'): ${error.message}`,
    );
  }
  return renewed;
}

/** Has the commands that follow try later, if the token lasts till then. */
async function postpone(
  { store, now, random }: RenewalContext,
  { grant: _, ...tokens }: RenewableTokens,
): Promise<void> {
  const { token, expiresAt } = tokens;
  const renewAt = expiresAt && postponedRenewal(expiresAt, now(), random());
  if (!renewAt) return;
  try {
    await store.save(token, { ...tokens, renewAt });
  } catch (error) {
    // Then the next command tries at once.
    if (!(error instanceof NanoctlError)) throw error;
  }
}
