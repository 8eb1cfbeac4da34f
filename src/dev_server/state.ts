import { Secret } from "../secret.ts";
import { ExternalAuth } from "./external_auth.ts";
import { randomText } from "./random.ts";

/** The scope that `GET /v1/me` asks for. */
export const ACCOUNT_READ = "account:read";

/** The scope that the external providers and their tokens ask for. */
export const EXTERNAL_AUTH_READ = "external-auth:read";

/** What a token has unless it was minted with a choice of its own. */
export const DEFAULT_SCOPES: readonly string[] = [
  ACCOUNT_READ,
  EXTERNAL_AUTH_READ,
];

/** How long a token is valid unless it was minted with a choice of its own, in seconds. */
export const DEFAULT_LIFETIME = 30 * 24 * 60 * 60;

/** The states in which a token is of no use to a client until it changes or is tried again. */
export const REHEARSED_STATES = [
  "rate_limited",
  "failing",
  "unavailable",
  "garbled",
  "misshapen",
  "slow",
] as const;

/** Every state of a token, as the admin routes name it. */
export const TOKEN_STATES = [
  "valid",
  "expired",
  "revoked",
  ...REHEARSED_STATES,
] as const;

/** What a request with the token is answered with. */
export type TokenState = typeof TOKEN_STATES[number];

/** The wires whose tokens are told apart by their looks; each is accepted on both. */
export const WIRES = ["nanoservices", "coder"] as const;

/** One of them. */
export type WireName = typeof WIRES[number];

/** Someone who has tokens. */
export interface User {
  /** A UUID. */
  readonly id: string;
  readonly username: string;
  email: string;
  readonly createdAt: Date;
}

/** A token as the service knows it: everything but its value, of which only a hash is kept. */
export interface Token {
  readonly id: string;
  readonly name: string;
  /** Whose it is; of an agent, its owner. */
  readonly user: User;
  /** The agent's name; null for a token of the user's own. */
  readonly agent: string | null;
  readonly createdAt: Date;
  /** When it ends; null for never. */
  expiresAt: Date | null;
  scopes: readonly string[];
  /** Its state but for expiry, which the clock decides: see {@linkcode DevState.stateOf}. */
  behaviour: Exclude<TokenState, "expired">;
  /** The `Retry-After` of `rate_limited` and `unavailable`, in seconds. */
  retryAfter: number | undefined;
  /** How long `slow` takes to answer, in seconds. */
  delay: number;
  /** Requests until a rehearsed state gives way to `valid`; Infinity for never. */
  failuresLeft: number;
  /** How many requests came with it. */
  requests: number;
  /** When the latest of them came; null for never. */
  lastUsed: Date | null;
}

/** What can be chosen for a token, at first and later. */
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

/** What can be chosen for a new token; what is left out is the first user's default. */
export interface NewToken extends TokenChange {
  username?: string | undefined;
  email?: string | undefined;
  name?: string | undefined;
  /** The name of the agent that it is for; a user's own token if left out. */
  agent?: string | undefined;
  /** Whose tokens its value looks like: `nanoservices` if left out. */
  wire?: WireName | undefined;
}

/** One request as `GET /dev/requests` lists it. Holds no token and no query. */
export interface RequestEntry {
  /** RFC 3339. */
  readonly time: string;
  readonly method: string;
  readonly path: string;
  /** null when the client left before the answer. */
  readonly status: number | null;
  readonly token_id: string | null;
  readonly user_agent: string | null;
}

const MOST_REQUESTS = 1000;
const DEFAULT_DELAY = 60;

/** All that the embedded service remembers, in memory only; every route shares one. */
export class DevState {
  readonly now: () => Date;
  /** Aborted when the service stops: whatever waits is to give up. */
  readonly stopping: AbortSignal;
  readonly firstUser: User;
  /** The external providers, which all users share. */
  readonly externalAuth: ExternalAuth;
  readonly #users = new Map<string, User>();
  // By hash, so that how long a look-up takes says nothing about a token.
  readonly #byHash = new Map<string, Token>();
  readonly #byId = new Map<string, Token>();
  #requests: RequestEntry[] = [];

  constructor(now: () => Date, stopping: AbortSignal) {
    this.now = now;
    this.stopping = stopping;
    this.firstUser = this.#user("ada");
    this.externalAuth = new ExternalAuth(now);
  }

  /** A date so many seconds from now; negative is in the past. */
  fromNow(seconds: number): Date {
    return new Date(this.now().getTime() + seconds * 1000);
  }

  /** Makes a token. The value is in the answer and nowhere else. */
  async mint(choice: NewToken = {}): Promise<{ secret: Secret; token: Token }> {
    const { id, secret } = newToken(choice);
    const hash = await sha256(secret.reveal());
    const username = choice.username ?? this.firstUser.username;
    const token: Token = {
      id,
      name: choice.name ?? id,
      user: this.#user(username, choice.email),
      agent: choice.agent ?? null,
      createdAt: this.now(),
      expiresAt: this.fromNow(DEFAULT_LIFETIME),
      scopes: DEFAULT_SCOPES,
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

  /** Changes what is chosen; a new state starts afresh with its own options. */
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

  /** What a request with the token is answered with at this moment. */
  stateOf(token: Token): TokenState {
    if (token.behaviour === "revoked") return "revoked";
    return this.hasExpired(token) ? "expired" : token.behaviour;
  }

  /** Counts a request with the token and says what it is answered with. */
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

  /** The latest requests, oldest first: at most 1000. */
  requests(): readonly RequestEntry[] {
    return this.#requests;
  }

  /** Notes a request and forgets the oldest where there are too many. */
  record(entry: RequestEntry): void {
    this.#requests.push(entry);
    if (this.#requests.length > MOST_REQUESTS) this.#requests.shift();
  }

  /** Forgets every request. */
  clearRequests(): void {
    this.#requests = [];
  }

  /** Whether its expiry has come, by the clock. */
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

/** An id and a value that look as the wire's own do; Coder's key id is part of its value. */
function newToken({ wire, agent }: NewToken): { id: string; secret: Secret } {
  if (wire === "coder" && agent === undefined) {
    const id = randomText(10);
    return { id, secret: new Secret(`${id}-${randomText(22)}`) };
  }
  const id = `tok_${randomText(12)}`;
  const value = wire === "coder"
    ? crypto.randomUUID()
    : `nano_${randomText(40)}`;
  return { id, secret: new Secret(value) };
}

async function sha256(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
