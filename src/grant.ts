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
