import type { Secret } from "./secret.ts";

/** How long before its end a token is renewed at most, in milliseconds. */
const RENEWED_BEFORE = 60_000;
/** A token that lives shorter is renewed when this part of its life is left. */
const PART = 0.2;
/**
 * How much of its life a token has left when it is renewed, as a part of it: a
 * moment in between, which differs from machine to machine.
 */
const SPREAD = { least: 1 / 3, most: 2 / 3 };

/** What it takes to renew the tokens of a login: an OAuth server, or a program that prints them. */
export type Grant = OAuthGrant | CommandGrant | ServiceGrant;

/** What it takes to renew and to revoke the tokens of an OAuth login: a server's endpoints, and the client. */
export interface OAuthGrant {
  /** The issuer, exactly as the server spells it (RFC 8414, section 2). */
  issuer: string;
  clientId: string;
  /** Of a confidential client. */
  clientSecret?: Secret | undefined;
  tokenEndpoint: string;
  revocationEndpoint?: string | undefined;
  /** How a machine logs in again: nobody is asked, so no refresh token is needed. */
  machine?: OAuthMachineLogin | undefined;
}

/** A login whose tokens a program prints. No server has a part in it, so none revokes them. */
export interface CommandGrant {
  machine: CommandLogin;
}

/** A login whose token the service itself prolongs, as Vault does. */
export interface ServiceGrant {
  machine: ServiceLogin;
}

/** How a machine gets a token, as often as it needs one. */
export type MachineLogin = OAuthMachineLogin | CommandLogin | ServiceLogin;

/** How a machine gets a token of an OAuth server. */
export interface OAuthMachineLogin {
  /** As the client itself (RFC 6749, section 4.4), or for a workload's token (RFC 8693). */
  way: "client-credentials" | "token-exchange";
  scope?: string | undefined;
  /** Where the token is to be used (RFC 8693, section 2.1). */
  audience?: string | undefined;
  /** The absolute path of the workload's token, which is read again each time. */
  subjectTokenFile?: string | undefined;
}

/** How a machine gets a token of a program, such as a secret manager's. */
export interface CommandLogin {
  way: "command";
  /** The program and its arguments; one that has a slash in its name has an absolute path. */
  command: readonly string[];
}

/** How a token is prolonged by itself: as the description of its service says. */
export interface ServiceLogin {
  way: "service";
}

/** The tokens that a server issued (RFC 6749, section 5.1), or the one that a program printed. */
export interface GrantedTokens {
  token: Secret;
  refreshToken?: Secret | undefined;
  /** When the access token ends; undefined when the server doesn't say. */
  expiresAt?: Date | undefined;
  /** When to renew it: some time before it ends. */
  renewAt?: Date | undefined;
}

/** When to renew a token that was had now, at the latest: 60 seconds before it ends, later if it lives less than five minutes. */
export function renewalTime(expiresAt: Date, now: Date): Date {
  const end = expiresAt.getTime();
  const life = Math.max(end - now.getTime(), 0);
  return new Date(end - Math.min(RENEWED_BEFORE, life * PART));
}

/**
 * The same tokens, to be renewed at a random moment of the middle third of their
 * life from now on: a fleet that started as one doesn't renew as one, and tokens
 * outlive an outage of a third of their life. `random` is from 0 up to 1.
 */
export function spreadRenewal<T extends Dated>(
  tokens: T,
  now: Date,
  random: number,
): T {
  const { expiresAt, renewAt } = tokens;
  if (!expiresAt || !renewAt) return tokens;
  const life = Math.max(expiresAt.getTime() - now.getTime(), 0);
  const left = life * (SPREAD.least + (SPREAD.most - SPREAD.least) * random);
  return { ...tokens, renewAt: new Date(expiresAt.getTime() - left) };
}

/**
 * When to try again after a renewal failed that was ahead of its time: at a random
 * moment of the second half of what is left, so that an outage doesn't end with a
 * herd. Undefined if nothing is left. `random` is from 0 up to 1.
 */
export function postponedRenewal(
  expiresAt: Date,
  now: Date,
  random: number,
): Date | undefined {
  if (expiresAt <= now) return undefined;
  const wait = renewalTime(expiresAt, now).getTime() - now.getTime();
  return new Date(now.getTime() + wait * (0.5 + random / 2));
}

type Dated = Pick<GrantedTokens, "expiresAt" | "renewAt">;
