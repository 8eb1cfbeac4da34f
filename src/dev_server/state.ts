import { Secret } from "../secret.ts";
import { ExternalAuth } from "./external_auth.ts";
import { randomText } from "./random.ts";

/** The scope that `GET /v1/me` requires. */
export const ACCOUNT_READ = "account:read";

/** The scope that the external auth routes require. */
export const EXTERNAL_AUTH_READ = "external-auth:read";

/** A token's scopes unless others are chosen. */
export const DEFAULT_SCOPES: readonly string[] = [
  ACCOUNT_READ,
  EXTERNAL_AUTH_READ,
];

/** A token's lifetime unless another is chosen, in seconds. */
export const DEFAULT_LIFETIME = 30 * 24 * 60 * 60;

/** The states that simulate a fault of the service; `fail_times` can limit them. */
export const REHEARSED_STATES = [
  "rate_limited",
  "failing",
  "unavailable",
  "garbled",
  "misshapen",
  "slow",
] as const;

/** Every token state, under its name in the admin routes. */
export const TOKEN_STATES = [
  "valid",
  "expired",
  "revoked",
  ...REHEARSED_STATES,
] as const;

/** A token's state, which decides how its requests are answered. */
export type TokenState = typeof TOKEN_STATES[number];

/** The wires, each with its own token format; both accept either format. */
export const WIRES = ["nanoservices", "coder"] as const;

/** The name of a wire. */
export type WireName = typeof WIRES[number];

/** The tokens of the service that is played in place of nanoservices. */
export interface TokenFormat {
  /** A new token in this service's format. */
  newToken(): string;
  /** Scopes of a new token. */
  readonly scopes: readonly string[];
  /** What looks like one of its tokens, to redact them; with the flag g. */
  readonly tokenPattern: RegExp;
}

/** An owner of tokens. */
export interface User {
  /** A UUID. */
  readonly id: string;
  readonly username: string;
  email: string;
  readonly createdAt: Date;
}

/** Everything about a token except its value, of which only a hash is kept. */
export interface Token {
  readonly id: string;
  readonly name: string;
  /** The owner of the token, or of its agent. */
  readonly user: User;
  /** The agent's name; null for a user's own token. */
  readonly agent: string | null;
  readonly createdAt: Date;
  /** When it expires; null for never. */
  expiresAt: Date | null;
  scopes: readonly string[];
  /** Its state apart from expiry, which depends on the clock: see {@linkcode DevState.stateOf}. */
  behaviour: Exclude<TokenState, "expired">;
  /** The `Retry-After` of `rate_limited` and `unavailable`, in seconds. */
  retryAfter: number | undefined;
  /** How long `slow` takes to answer, in seconds. */
  delay: number;
  /** Requests until a rehearsed state reverts to `valid`; Infinity for never. */
  failuresLeft: number;
  /** How many requests used it. */
  requests: number;
  /** When it was last used; null for never. */
  lastUsed: Date | null;
}

/** The settings of a token that can be changed. */
export interface TokenChange {
  state?: TokenState | undefined;
  expiresAt?: Date | null | undefined;
  scopes?: readonly string[] | undefined;
  /** Seconds. */
  retryAfter?: number | undefined;
  /** Seconds. */
  delay?: number | undefined;
  failTimes?: number | undefined;
}

/** The settings of a new token; by default it belongs to the first user. */
export interface NewToken extends TokenChange {
  username?: string | undefined;
  email?: string | undefined;
  name?: string | undefined;
  /** The agent's name; a user's own token if omitted. */
  agent?: string | undefined;
  /** The format of its value: `nanoservices` if omitted. */
  wire?: WireName | undefined;
  /** Its value; a new one if omitted. */
  value?: Secret | undefined;
}

/** A request in `GET /dev/requests`, without its token and query. */
export interface RequestEntry {
  /** RFC 3339. */
  readonly time: string;
  readonly method: string;
  readonly path: string;
  /** null if the client disconnected before the answer. */
  readonly status: number | null;
  readonly token_id: string | null;
  readonly user_agent: string | null;
}

const MOST_REQUESTS = 1000;
const DEFAULT_DELAY = 60;

/** The embedded service's state, in memory only and shared by all routes. */
export class DevState {
  readonly now: () => Date;
  /** Aborted when the service stops, to end all waits. */
  readonly stopping: AbortSignal;
  /** The format of all tokens, in place of that of a wire. */
  readonly format: TokenFormat | undefined;
  readonly firstUser: User;
  /** The external providers, shared by all users. */
  readonly externalAuth: ExternalAuth;
  readonly #users = new Map<string, User>();
  // By hash, so that look-up times reveal nothing about a token.
  readonly #byHash = new Map<string, Token>();
  readonly #byId = new Map<string, Token>();
  #requests: RequestEntry[] = [];

  constructor(now: () => Date, stopping: AbortSignal, format?: TokenFormat) {
    this.now = now;
    this.stopping = stopping;
    this.format = format;
    this.firstUser = this.#user("ada");
    this.externalAuth = new ExternalAuth(now);
  }

  /** The date this many seconds from now; negative is in the past. */
  fromNow(seconds: number): Date {
    return new Date(this.now().getTime() + seconds * 1000);
  }

  /** Creates a token. Only this result has its value. */
  async mint(choice: NewToken = {}): Promise<{ secret: Secret; token: Token }> {
    const { id, secret } = newToken(choice, this.format);
    const hash = await sha256(secret.reveal());
    const username = choice.username ?? this.firstUser.username;
    const token: Token = {
      id,
      name: choice.name ?? id,
      user: this.#user(username, choice.email),
      agent: choice.agent ?? null,
      createdAt: this.now(),
      expiresAt: this.fromNow(DEFAULT_LIFETIME),
      scopes: this.format?.scopes ?? DEFAULT_SCOPES,
      behaviour: "valid",
      retryAfter: undefined,
      delay: DEFAULT_DELAY,
      failuresLeft: Infinity,
      requests: 0,
      lastUsed: null,
    };
    this.change(token, choice);
    this.#byHash.set(hash, token);
    this.#byId.set(id, token);
    return { secret, token };
  }

  /** Applies the given settings; a new state resets the options of the old one. */
  change(token: Token, choice: TokenChange): void {
    const { state, expiresAt, scopes } = choice;
    if (expiresAt !== undefined) token.expiresAt = expiresAt;
    if (scopes !== undefined) token.scopes = [...new Set(scopes)];
    if (state === undefined) return;
    if (state === "expired" && !this.hasExpired(token)) {
      token.expiresAt = this.now();
    }
    token.behaviour = state === "expired" ? "valid" : state;
    token.retryAfter = choice.retryAfter;
    token.delay = choice.delay ?? DEFAULT_DELAY;
    token.failuresLeft = choice.failTimes ?? Infinity;
  }

  /** The token with this value. */
  async find(secret: Secret): Promise<Token | undefined> {
    return this.#byHash.get(await sha256(secret.reveal()));
  }

  /** The token with this id. */
  byId(id: string): Token | undefined {
    return this.#byId.get(id);
  }

  /** Every token, oldest first. */
  tokens(): Token[] {
    return [...this.#byId.values()];
  }

  /** The token's current state. */
  stateOf(token: Token): TokenState {
    if (token.behaviour === "revoked") return "revoked";
    return this.hasExpired(token) ? "expired" : token.behaviour;
  }

  /** Counts a request with the token, and returns the state that decides its answer. */
  use(token: Token): TokenState {
    const state = this.stateOf(token);
    token.requests++;
    token.lastUsed = this.now();
    if ((REHEARSED_STATES as readonly TokenState[]).includes(state)) {
      token.failuresLeft--;
      if (token.failuresLeft === 0) token.behaviour = "valid";
    }
    return state;
  }

  /** The latest 1000 requests, oldest first. */
  requests(): readonly RequestEntry[] {
    return this.#requests;
  }

  /** Records a request, and drops the oldest if there are too many. */
  record(entry: RequestEntry): void {
    this.#requests.push(entry);
    if (this.#requests.length > MOST_REQUESTS) this.#requests.shift();
  }

  /** Deletes all recorded requests. */
  clearRequests(): void {
    this.#requests = [];
  }

  /** Whether the token has expired, by the service's clock. */
  hasExpired({ expiresAt }: Token): boolean {
    return expiresAt !== null && expiresAt <= this.now();
  }

  #user(username: string, email?: string): User {
    const user = this.#users.get(username) ?? {
      id: crypto.randomUUID(),
      username,
      email: `${username}@example.com`,
      createdAt: this.now(),
    };
    if (email !== undefined) user.email = email;
    this.#users.set(username, user);
    return user;
  }
}

/** An id and a value in the given or the wire's format; a Coder user token's value starts with its id. */
function newToken(
  { wire, agent, value }: NewToken,
  format: TokenFormat | undefined,
): { id: string; secret: Secret } {
  if (wire === "coder" && agent === undefined) {
    const id = randomText(10);
    return { id, secret: new Secret(`${id}-${randomText(22)}`) };
  }
  const id = `tok_${randomText(12)}`;
  if (value) return { id, secret: value };
  if (format) return { id, secret: new Secret(format.newToken()) };
  const made = wire === "coder"
    ? crypto.randomUUID()
    : `nano_${randomText(40)}`;
  return { id, secret: new Secret(made) };
}

/** A text's SHA-256 in hexadecimal, to look secrets up by. */
export async function sha256(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
