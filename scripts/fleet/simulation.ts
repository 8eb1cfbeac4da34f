import { NanoctlError } from "../../src/errors.ts";
import {
  type Grant,
  type GrantedTokens,
  renewalTime,
} from "../../src/grant.ts";
import { Secret } from "../../src/secret.ts";
import {
  isDue,
  renew,
  type RenewableTokens,
  type RenewalContext,
} from "../../src/tokens/renewal.ts";
import type { Random } from "../../tests/support/store_files.ts";
import { Load } from "./load.ts";

/** Agents that call nanoctl, and what happens to their service. All times are in seconds from the start. */
export interface Fleet {
  agents: number;
  /** How long a token lives. */
  life: number;
  /** Whether renewals are at random moments, as nanoctl does it. */
  jitter: boolean;
  /** When an agent calls nanoctl. */
  calls: Calls;
  /** How long all this takes. */
  duration: number;
  /** When the service answers nothing. */
  outage?: { from: number; to: number } | undefined;
  /** When the service begins to refuse all tokens from before. */
  refusal?: number | undefined;
}

/** How often an agent calls nanoctl. */
export interface Calls {
  every: number;
  /** How far the agents' calls are apart: 0 for cron, which calls all of them in the same second. */
  within: number;
}

/** What became of a fleet. */
export interface Outcome {
  /** The requests for a token that were answered. */
  load: Load;
  /** How many were not. */
  unanswered: number;
  /** How many calls had no valid token, and could not get one. */
  failed: number;
}

/** All agents start within so many seconds. */
export const START_SECONDS = 60;

const GRANT: Grant = {
  issuer: "https://id.example",
  clientId: "fleet",
  tokenEndpoint: "https://id.example/token",
  machine: { way: "token-exchange" },
};

/** Runs a fleet through its time, which is not waited for. The same random numbers give the same outcome. */
export async function simulate(fleet: Fleet, random: Random): Promise<Outcome> {
  const outcome = { load: new Load(fleet.duration), unanswered: 0, failed: 0 };
  for (let number = 0; number < fleet.agents; number++) {
    await new Agent(fleet, random, outcome).live();
  }
  return outcome;
}

/** A machine with a stored login. They don't know of each other, so each has its whole life at once. */
class Agent {
  readonly #fleet: Fleet;
  readonly #random: Random;
  readonly #outcome: Outcome;
  readonly #context: RenewalContext;
  /** When its calls are, in milliseconds. */
  readonly #phase: number;
  /** In milliseconds. */
  #now = 0;
  #tokens: RenewableTokens = { grant: GRANT, token: new Secret("none") };
  #isRefused = false;

  constructor(fleet: Fleet, random: Random, outcome: Outcome) {
    [this.#fleet, this.#random, this.#outcome] = [fleet, random, outcome];
    this.#phase = random.next() * fleet.calls.within * 1000;
    this.#now = this.#nextCall(random.next() * START_SECONDS * 1000);
    this.#context = {
      store: {
        alone: (action) => action(),
        read: () => Promise.resolve(this.#tokens),
        save: (_, tokens) => {
          this.#tokens = { grant: GRANT, ...tokens };
          return Promise.resolve(true);
        },
      },
      refresh: () => this.#ask(),
      now: () => new Date(this.#now),
      random: () => fleet.jitter ? random.next() : 0,
      warn: () => Promise.resolve(),
      login: () => "nanoctl login",
    };
  }

  async live(): Promise<void> {
    const { duration, refusal = Infinity } = this.#fleet;
    let refusedAt = refusal * 1000;
    await this.#renew();
    while (this.#now < duration * 1000) {
      const due = this.#tokens.renewAt?.getTime() ?? 0;
      const next = Math.max(this.#now + 1, Math.min(due, refusedAt));
      this.#now = this.#nextCall(next);
      this.#isRefused ||= this.#now >= refusedAt;
      if (this.#now >= refusedAt) refusedAt = Infinity;
      if (this.#isRefused || isDue(this.#tokens, new Date(this.#now))) {
        await this.#renew();
      }
    }
  }

  /** What a command does that finds its token due, refused or missing. */
  async #renew(): Promise<void> {
    const { token, expiresAt } = this.#tokens;
    const isNone = expiresAt === undefined;
    try {
      await renew(this.#context, token, this.#isRefused || isNone);
      this.#isRefused = false;
    } catch (error) {
      if (!(error instanceof NanoctlError)) throw error;
      const isOver = (expiresAt?.getTime() ?? 0) <= this.#now;
      if (isOver || this.#isRefused) this.#outcome.failed++;
    }
  }

  /** The service's answer to a request for a token. */
  #ask(): Promise<GrantedTokens> {
    const { outage, life } = this.#fleet;
    const second = this.#now / 1000;
    if (outage && second >= outage.from && second < outage.to) {
      this.#outcome.unanswered++;
      return Promise.reject(new NanoctlError("network", "nobody answers"));
    }
    this.#outcome.load.add(this.#now);
    const expiresAt = new Date(this.#now + life * 1000);
    const renewAt = renewalTime(expiresAt, new Date(this.#now));
    return Promise.resolve({ token: new Secret("one"), expiresAt, renewAt });
  }

  /** The first call at this time or later. */
  #nextCall(time: number): number {
    const every = this.#fleet.calls.every * 1000;
    const turns = Math.ceil((time - this.#phase) / every);
    return this.#phase + Math.max(0, turns) * every;
  }
}
