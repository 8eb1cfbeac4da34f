import type { NanoctlError } from "../errors.ts";
import type { HttpAnswer } from "../http/messages.ts";
import type { HttpClient } from "../http/client.ts";
import type { GrantedTokens } from "../grant.ts";
import type { SessionToken } from "../http/token_provider.ts";
import type { Secret } from "../secret.ts";
import type { ServiceDescription } from "./description/schema.ts";
import type { ServiceName } from "./names.ts";

/** Who a token belongs to, and until when it is valid. */
export interface Account {
  username: string;
  email: string | null;
  /** When the token ends; undefined when it does not, or the service does not say. */
  expiresAt: Date | undefined;
  /** Whether the service does not say when the token ends. */
  expiryUnknown?: boolean;
  /** Whether the token can be prolonged by itself. */
  renewable?: boolean;
  /** What the token may do, where the service says it. */
  scopes?: string[];
  /** How this machine's clock differs from the service's, where by it the token has expired already. */
  clockFault?: string;
}

/** An external provider, by its id or by a git URL that it is for. */
export type ProviderQuery = { id: string } | { match: string };

/** What Coder also says about a provider and its token; empty for other services. */
export interface GitLogin {
  /** The kind of the provider, such as `github`. */
  type: string;
  /** What git takes for the user name: for some providers the token. */
  username: Secret;
  password: Secret;
}

/** What git takes to log in to the service itself. */
export interface GitLoginOfToken {
  /** Undefined for that of the account. */
  username: string | undefined;
  password: Secret;
}

/** A provider's token, as the service hands it out. */
export interface ExternalToken {
  accessToken: Secret;
  tokenType: string;
  /** When the token ends; undefined when it does not, or the service does not say. */
  expiresAt: Date | undefined;
  /** What else the provider said with the token. */
  extra: Record<string, unknown>;
}

/** A provider's token, or the URL at which someone must authenticate first. */
export type ExternalAuth =
  & ({ token: ExternalToken; url?: never } | { url: string; token?: never })
  & { git?: GitLogin };

/** An external provider that the service knows. */
export interface ExternalProvider {
  id: string;
  name: string;
  authenticated: boolean;
}

/** What proves on which cloud instance a program runs, as its metadata service gives it. */
export type IdentityProof =
  | { cloud: "aws"; signature: string; document: string }
  | { cloud: "azure"; signature: string; encoding: string }
  | { cloud: "google"; jsonWebToken: string };

/** What a service's API looks like to the rest of nanoctl. */
export interface Service {
  /** What `--service` and a stored login call it. */
  readonly name: ServiceName;
  /** What it is made from, if it is described as data. */
  readonly description?: ServiceDescription;
  /** Headers that every request carries; they hold no secret. */
  readonly headers?: readonly [name: string, value: string][];
  /** The base of its API for the URL that a person gives; the URL itself without. */
  apiUrl?(url: string): string;
  /** What git takes for a token, where that is not the token with the account's user name. */
  gitLogin?(token: Secret): GitLoginOfToken;
  /** The header that presents a session token. */
  present(token: Secret): [name: string, value: string];
  /** The page at which a person makes a token. */
  tokenPage(baseUrl: string): string;
  /**
   * Whose token it is. Throws `token_…`, `insufficient_scope`, `rate_limited`,
   * `service_…` and what the client throws.
   */
  whoami(client: HttpClient): Promise<Account>;
  /** What an answer other than 2xx to a request with the token from `source` means, or a web page. */
  problem(answer: HttpAnswer, source: string): NanoctlError;
  /** Prolongs the client's token, if the account says that it can be. Throws `login_ended`, and as whoami does. */
  renew?(client: HttpClient): Promise<GrantedTokens>;
  /** Ends the client's token at the service. Throws as whoami does. */
  revoke(client: HttpClient): Promise<void>;
  /** A provider's token. Throws `provider_unknown`, and as whoami does. */
  externalAuth(client: HttpClient, query: ProviderQuery): Promise<ExternalAuth>;
  /** The providers, and whether one is authenticated with them. Throws as whoami does. */
  listExternalAuth(client: HttpClient): Promise<ExternalProvider[]>;
  /**
   * The session token of the agent on this instance, for a client without a
   * token. Throws `token_invalid` when the service does not accept the proof,
   * `usage` when the instance has several agents and none is named, and as
   * whoami does.
   */
  exchangeIdentity(
    client: HttpClient,
    proof: IdentityProof,
    agentName: string | undefined,
  ): Promise<SessionToken>;
}
