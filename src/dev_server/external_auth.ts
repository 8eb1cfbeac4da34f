import { Secret } from "../secret.ts";
import { randomCapitals, randomDigits, randomText } from "./random.ts";

/** An account at an external provider, to which its token is the key. */
export interface Connection {
  accessToken: Secret;
  tokenType: string;
  /** When the token ends; null for never. */
  expiresAt: Date | null;
  /** What else the provider sent with the token. */
  extra: Readonly<Record<string, unknown>>;
  readonly createdAt: Date;
  updatedAt: Date;
}

/** An external provider, such as GitHub. */
export interface Provider {
  readonly id: string;
  name: string;
  /** Which URLs it is for: see {@linkcode isMatch}. null for none. */
  match: string | null;
  /** The account that was connected; null for none. See {@linkcode ExternalAuth.connectionOf}. */
  connection: Connection | null;
}

/** What can be chosen of a connection; what is left out is made as the provider makes it. */
export interface ConnectionChoice {
  accessToken?: string | undefined;
  tokenType?: string | undefined;
  expiresAt?: Date | null | undefined;
  extra?: Readonly<Record<string, unknown>> | undefined;
}

const TWELVE_HOURS = 12 * 60 * 60 * 1000;

/** The external providers that the embedded service knows, connected or not. */
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

  /** The provider with this id; when that is empty, the first that is for the URL. */
  find(
    { id, match: url }: { id: string; match: string },
  ): Provider | undefined {
    if (id !== "") return this.byId(id);
    return this.providers().find(({ match }) =>
      match !== null && isMatch(match, url)
    );
  }

  /** Adds a provider that is not connected; one with the same id is replaced. */
  add(id: string, name: string, match: string | null = null): Provider {
    const provider: Provider = { id, name, match, connection: null };
    this.#providers.set(id, provider);
    return provider;
  }

  /** Forgets a provider, and its connection. */
  remove({ id }: Provider): void {
    this.#providers.delete(id);
  }

  /** The provider's connection; undefined when there is none or its token has ended. */
  connectionOf({ connection }: Provider): Connection | undefined {
    if (connection === null) return undefined;
    const { expiresAt } = connection;
    const ended = expiresAt !== null && expiresAt <= this.#now();
    return ended ? undefined : connection;
  }

  /** Connects an account, in the place of one that was connected before. */
  connect(provider: Provider, choice: ConnectionChoice = {}): void {
    const now = this.#now();
    provider.connection = {
      ...newConnection(provider.id, now),
      createdAt: now,
      updatedAt: now,
    };
    this.change(provider.connection, choice);
  }

  /** Forgets the account. */
  disconnect(provider: Provider): void {
    provider.connection = null;
  }

  /** Changes what is chosen. */
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
 * Whether a provider with this `match` is for a URL. What begins with http://
 * or https:// is the beginning of such URLs, up to a whole part of the path;
 * anything else is a regular expression.
 */
export function isMatch(match: string, url: string): boolean {
  if (!/^https?:\/\//.test(match)) return new RegExp(match).test(url);
  return url === match || url.startsWith(match.replace(/\/*$/, "/"));
}

/** A token with all that comes with it, as a provider would make it. */
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
