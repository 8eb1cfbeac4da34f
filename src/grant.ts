import type { Secret } from "./secret.ts";

/** What it takes to renew and to revoke the tokens of an OAuth login: a server's endpoints, and the client. */
export interface Grant {
  /** The issuer, exactly as the server spells it (RFC 8414, section 2). */
  issuer: string;
  clientId: string;
  /** Of a confidential client. */
  clientSecret?: Secret | undefined;
  tokenEndpoint: string;
  revocationEndpoint?: string | undefined;
  /** How a machine logs in again: nobody is asked, so no refresh token is needed. */
  machine?: MachineLogin | undefined;
}

/** How a machine gets a token, as often as it needs one. */
export interface MachineLogin {
  /** As the client itself (RFC 6749, section 4.4), or for a workload's token (RFC 8693). */
  way: "client-credentials" | "token-exchange";
  scope?: string | undefined;
  /** Where the token is to be used (RFC 8693, section 2.1). */
  audience?: string | undefined;
  /** The absolute path of the workload's token, which is read again each time. */
  subjectTokenFile?: string | undefined;
}

/** The tokens that a server issued (RFC 6749, section 5.1). */
export interface GrantedTokens {
  token: Secret;
  refreshToken?: Secret | undefined;
  /** When the access token ends; undefined when the server doesn't say. */
  expiresAt?: Date | undefined;
  /** When to renew it: shortly before it ends. */
  renewAt?: Date | undefined;
}
