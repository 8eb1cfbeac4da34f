import { Secret } from "../../secret.ts";
import { randomText } from "../random.ts";
import { type DevState, sha256, type Token } from "../state.ts";
import type { Client } from "./clients.ts";
import { OAuthError } from "./oauth_errors.ts";
import type { OAuthSettings } from "./oauth_settings.ts";
import { grantedScopes } from "./scopes.ts";

/** What a client was granted, with the family of tokens that came of it (RFC 9700, section 4.14.2). */
export interface Grant {
  readonly client: Client;
  /** Whose account the access tokens are for. */
  readonly username: string;
  readonly scopes: readonly string[];
  /** Every access token of the family. */
  readonly tokens: Token[];
  revoked: boolean;
}

/** A refresh token, without its value (RFC 6749, section 1.5). */
export interface RefreshToken {
  readonly grant: Grant;
  readonly expiresAt: Date;
  /** Whether a refresh replaced it. */
  spent: boolean;
}

/** The values of an answer of the token endpoint (RFC 6749, section 5.1). */
export interface IssuedTokens {
  readonly accessToken: Secret;
  readonly refreshToken: Secret | undefined;
  /** In seconds. */
  readonly expiresIn: number;
  readonly scopes: readonly string[];
}

/** Makes the values of the tokens that are issued. */
export interface IssuedFormat {
  /** A new access token; one of the service's format if omitted. */
  accessToken?(): string;
  /** A new refresh token. */
  refreshToken(): string;
}

/** The grants, and which token is of which. */
export class Grants {
  /** How many refreshes were carried out. */
  refreshes = 0;
  /** How many times a spent refresh token was presented. */
  reuses = 0;
  readonly #state: DevState;
  readonly #settings: OAuthSettings;
  readonly #format: IssuedFormat;
  readonly #refreshTokens = new Map<string, RefreshToken>();
  readonly #byAccessToken = new Map<Token, Grant>();

  constructor(
    state: DevState,
    settings: OAuthSettings,
    format: IssuedFormat = {
      refreshToken: () => `nano_refresh${randomText(40)}`,
    },
  ) {
    this.#state = state;
    this.#settings = settings;
    this.#format = format;
  }

  /** Grants these scopes, and issues the first tokens; a refresh token only `withRefresh` (RFC 6749, section 5.1). */
  async start(
    chosen: Pick<Grant, "client" | "username" | "scopes">,
    { withRefresh }: { withRefresh: boolean },
  ): Promise<IssuedTokens> {
    const grant: Grant = { ...chosen, tokens: [], revoked: false };
    return await this.#issue(grant, grant.scopes, withRefresh);
  }

  /**
   * New tokens for a refresh token (RFC 6749, section 6). A spent one ends all
   * tokens of its family (RFC 9700, section 4.14.2).
   *
   * @throws {OAuthError} `invalid_grant`; `invalid_scope` for more than was granted.
   */
  async refresh(
    client: Client,
    secret: Secret,
    scope: string | undefined,
  ): Promise<IssuedTokens> {
    const token = await this.refreshToken(secret);
    if (token?.grant.client !== client) {
      throw invalid("The refresh token is not known, or is another client's.");
    }
    const { grant } = token;
    if (grant.revoked) throw revoked();
    if (token.spent) {
      this.reuses++;
      this.revoke(grant);
      throw invalid("The refresh token was used before: all tokens end.");
    }
    if (token.expiresAt <= this.#state.now()) {
      throw invalid("The refresh token has expired.");
    }
    const scopes = grantedScopes(scope, grant.scopes, grant.scopes);
    const { rotate } = this.#settings;
    token.spent = rotate;
    this.refreshes++;
    return await this.#issue(grant, scopes, rotate);
  }

  /** Ends all tokens of the grant (RFC 7009, section 2.1). */
  revoke(grant: Grant): void {
    grant.revoked = true;
    for (const token of grant.tokens) {
      this.#state.change(token, { state: "revoked" });
    }
  }

  /** The refresh token with this value. */
  async refreshToken(secret: Secret): Promise<RefreshToken | undefined> {
    return this.#refreshTokens.get(await sha256(secret.reveal()));
  }

  /** Whether a refresh with it would succeed. */
  isActive({ grant, expiresAt, spent }: RefreshToken): boolean {
    return !grant.revoked && !spent && expiresAt > this.#state.now();
  }

  /** The grant that an access token is of; undefined for one that was got otherwise. */
  ofAccessToken(token: Token): Grant | undefined {
    return this.#byAccessToken.get(token);
  }

  async #issue(
    grant: Grant,
    scopes: readonly string[],
    withRefresh: boolean,
  ): Promise<IssuedTokens> {
    const { accessExpiresIn, refreshExpiresIn } = this.#settings;
    const refreshToken = withRefresh
      ? new Secret(this.#format.refreshToken())
      : undefined;
    const hash = refreshToken && await sha256(refreshToken.reveal());
    const value = this.#format.accessToken?.();
    const { secret, token } = await this.#state.mint({
      value: value === undefined ? undefined : new Secret(value),
      name: `oauth ${grant.client.id}`,
      username: grant.username,
      scopes,
      expiresAt: this.#state.fromNow(accessExpiresIn),
    });
    grant.tokens.push(token);
    this.#byAccessToken.set(token, grant);
    // A reuse may have been noticed while these were made.
    if (grant.revoked) {
      this.revoke(grant);
      throw revoked();
    }
    if (hash !== undefined) {
      const expiresAt = this.#state.fromNow(refreshExpiresIn);
      this.#refreshTokens.set(hash, { grant, expiresAt, spent: false });
    }
    return {
      accessToken: secret,
      refreshToken,
      expiresIn: accessExpiresIn,
      scopes,
    };
  }
}

function invalid(description: string): OAuthError {
  return new OAuthError("invalid_grant", description);
}

function revoked(): OAuthError {
  return invalid("The refresh token was revoked.");
}
