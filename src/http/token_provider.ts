import type { Secret } from "../secret.ts";

/** Where a session token comes from, as `status` and `whoami --json` name it. */
export type TokenOrigin =
  | "flag"
  | "token-file"
  | "token-command"
  | "stdin"
  | "prompt"
  | "environment"
  | "environment-file"
  | "environment-command"
  | "store"
  | "device"
  | "client-credentials"
  | "token-exchange"
  | "agent-token"
  | "agent-token-file"
  | "agent-environment"
  | "agent-environment-file"
  | "aws-instance-identity"
  | "azure-instance-identity"
  | "google-instance-identity";

/** Whether a token of this origin is an agent's, not a person's. */
export function isAgentOrigin(origin: TokenOrigin): boolean {
  return origin.startsWith("agent-") || origin.endsWith("-instance-identity");
}

/** Whether a token of this origin is what a program printed. */
export function isCommandOrigin(origin: TokenOrigin): boolean {
  return origin === "token-command" || origin === "environment-command";
}

/** A token that authenticates a session, and when it expires, if known. */
export interface SessionToken {
  secret: Secret;
  expiresAt?: Date;
  /** Whether it renews itself: then an expiry is nothing to warn of. */
  renewable?: boolean;
  /** What was mended about it or is odd, for `--verbose`. */
  note?: string;
}

/** Who supplies the session token. The client asks for nothing else. */
export interface TokenProvider {
  readonly origin: TokenOrigin;
  /** The source as an error message names it: `NANOSERVICES_TOKEN`, `--token`, … */
  readonly source: string;
  /** Whether getting a token takes none of a request's time: a program may ask a person. */
  readonly hasOwnTimeLimit?: boolean;
  /** The token for the next request. */
  getToken(signal?: AbortSignal): Promise<SessionToken>;
  /** After a 401 for this very token: true if getToken will now give another one. */
  renew?(rejected: SessionToken, signal?: AbortSignal): Promise<boolean>;
}
