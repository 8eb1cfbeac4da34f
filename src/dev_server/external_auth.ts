import { Secret } from "../secret.ts";
import { randomCapitals, randomDigits, randomText } from "./random.ts";

/** A connected account at an external provider, with its access token. */
export interface Connection {
  accessToken: Secret;
  tokenType: string;
  /** When the token expires; null for never. */
  expiresAt: Date | null;
  /** Further fields that the provider sent with the token. */
  extra: Readonly<Record<string, unknown>>;
  readonly createdAt: Date;
  updatedAt: Date;
}

/** An external provider, such as GitHub. */
export interface Provider {
  readonly id: string;
  name: string;
  /** The URLs it serves: see {@linkcode isMatch}. null for none. */
  match: string | null;
  /** The connected account, even if expired; null for none. See {@linkcode ExternalAuth.connectionOf}. */
  connection: Connection | null;
}

/** The settings of a connection; omitted ones get the provider's defaults. */
export interface ConnectionChoice {
  accessToken?: string | undefined;
  tokenType?: string | undefined;
  expiresAt?: Date | null | undefined;
  extra?: Readonly<Record<string, unknown>> | undefined;
}

const TWELVE_HOURS = 12 * 60 * 60 * 1000;

/** The embedded service's external providers, connected or not. */
export class ExternalAuth {
  readonly #now: () => Date;
  readonly #providers = new Map<string, Provider>();

  /** Starts with GitHub and Slack, neither of them connected. */
  constructor(now: () => Date) {
    this.#now = now;
    this.add("github", "GitHub", "^(https?://)?github\\.com(/|$)");
    this.add("slack", "Slack");
  }

  /** Every provider, oldest first. */
  providers(): Provider[] {
    return [...this.#providers.values()];
  }

  /** The provider with this id. */
  byId(id: string): Provider | undefined {
    return this.#providers.get(id);
  }

  /** The provider with this id or, if that is empty, the first that matches the URL. */
  find(
    { id, match: url }: { id: string; match: string },
  ): Provider | undefined {
    if (id !== "") return this.byId(id);
    return this.providers().find(({ match }) =>
      match !== null && isMatch(match, url)
    );
  }

  /** Adds a provider, not connected, replacing any with the same id. */
  add(id: string, name: string, match: string | null = null): Provider {
    const provider: Provider = { id, name, match, connection: null };
    this.#providers.set(id, provider);
    return provider;
  }

  /** Removes a provider and its connection. */
  remove({ id }: Provider): void {
    this.#providers.delete(id);
  }

  /** The provider's connection; undefined if there is none or its token has expired. */
  connectionOf({ connection }: Provider): Connection | undefined {
    if (connection === null) return undefined;
    const { expiresAt } = connection;
    const ended = expiresAt !== null && expiresAt <= this.#now();
    return ended ? undefined : connection;
  }

  /** Connects an account, replacing any connected before. */
  connect(provider: Provider, choice: ConnectionChoice = {}): void {
    const now = this.#now();
    provider.connection = {
      ...newConnection(provider.id, now),
      createdAt: now,
      updatedAt: now,
    };
    this.change(provider.connection, choice);
  }

  /** Disconnects the account. */
  disconnect(provider: Provider): void {
    provider.connection = null;
  }

  /** Applies the given settings. */
  change(connection: Connection, choice: ConnectionChoice): void {
    const { accessToken, tokenType, expiresAt, extra } = choice;
    if (accessToken !== undefined) {
      connection.accessToken = new Secret(accessToken);
    }
    if (tokenType !== undefined) connection.tokenType = tokenType;
    if (expiresAt !== undefined) connection.expiresAt = expiresAt;
    if (extra !== undefined) connection.extra = extra;
    connection.updatedAt = this.#now();
  }
}

/**
 * Whether a provider with this `match` serves a URL. A `match` that starts with
 * http:// or https:// is a URL prefix that ends at a path segment; anything else
 * is a regular expression.
 */
export function isMatch(match: string, url: string): boolean {
  if (!/^https?:\/\//.test(match)) return new RegExp(match).test(url);
  return url === match || url.startsWith(match.replace(/\/*$/, "/"));
}

/** A token and its metadata, as the provider would issue them. */
function newConnection(
  id: string,
  now: Date,
): Omit<Connection, "createdAt" | "updatedAt"> {
  const common = { tokenType: "Bearer", expiresAt: null, extra: {} };
  if (id === "github") {
    return { ...common, accessToken: new Secret(`gho_${randomText(36)}`) };
  }
  if (id !== "slack") {
    return { ...common, accessToken: new Secret(`${id}_${randomText(40)}`) };
  }
  const value = ["xoxe.xoxp-1", randomText(40)].join("-");
  return {
    accessToken: new Secret(value),
    tokenType: "Bearer",
    expiresAt: new Date(now.getTime() + TWELVE_HOURS),
    extra: {
      authed_user: { id: `U${randomCapitals(10)}` },
      teams: [{
        id: `T${randomCapitals(10)}`,
        name: `team-${randomDigits(4)}`,
      }],
      "dotted.key": randomText(12),
    },
  };
}
