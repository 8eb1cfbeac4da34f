import { randomText } from "../random.ts";
import type { DevState, Token } from "../state.ts";

/** The system's maximum of a token's life, in seconds: 32 days. */
export const SYSTEM_MAX_TTL = 32 * 24 * 60 * 60;

/** What an operator can set for all tokens; `PATCH /dev/vault` does. */
export interface LeaseSettings {
  renewable: boolean;
  /** The period of the tokens, in seconds; null if they are not periodic. */
  period: number | null;
  /** A token can't be renewed beyond so many seconds from its creation. */
  maxTtl: number;
  /** The path of the tokens' namespace, without slashes at its ends; null for the root namespace. */
  namespace: string | null;
}

interface Lease {
  readonly accessor: string;
  /** The first time to live, in seconds; 0 for a token that never expires. */
  readonly creationTtl: number;
  /** That of the last renewal. */
  ttl: number;
  renewedAt: Date | undefined;
}

/** A renewal as its answer has it. */
export interface Renewal {
  readonly auth: Record<string, unknown>;
  readonly warnings: string[] | null;
}

/** The leases of the tokens: what Vault knows of them beyond the embedded service. */
export class VaultLeases {
  readonly #state: DevState;
  readonly #settings: LeaseSettings;
  readonly #leases = new WeakMap<Token, Lease>();

  constructor(state: DevState, settings: LeaseSettings) {
    this.#state = state;
    this.#settings = settings;
  }

  /** The `data` of lookup-self. */
  describe(token: Token, id: string): Record<string, unknown> {
    const { createdAt, expiresAt, scopes } = token;
    const { period, namespace } = this.#settings;
    const { accessor, creationTtl, renewedAt } = this.#leaseOf(token);
    const now = this.#state.now();
    return {
      accessor,
      creation_time: unixSeconds(createdAt),
      creation_ttl: creationTtl,
      ...ownerOf(token),
      expire_time: expiresAt === null ? null : goDate(expiresAt),
      explicit_max_ttl: 0,
      id,
      num_uses: 0,
      orphan: true,
      policies: scopes,
      ttl: expiresAt === null ? 0 : secondsBetween(now, expiresAt),
      type: "service",
      ...namespace === null ? {} : { namespace_path: `${namespace}/` },
      ...expiresAt === null ? {} : {
        issue_time: goDate(createdAt),
        renewable: this.#settings.renewable,
        ...period === null ? {} : { period },
      },
      ...renewedAt === undefined ? {} : {
        last_renewal: goDate(renewedAt),
        last_renewal_time: unixSeconds(renewedAt),
      },
    };
  }

  /**
   * Renews the token's lease: by its period, else by the increment or as long
   * as the last time, up to the maximum. Undefined if it is not renewable.
   *
   * @param increment Seconds; 0 for none.
   */
  renew(token: Token, increment: number, id: string): Renewal | undefined {
    const { renewable, period, maxTtl } = this.#settings;
    if (token.expiresAt === null || !renewable) return undefined;
    const lease = this.#leaseOf(token);
    const now = this.#state.now();
    const wanted = period ?? (increment > 0 ? increment : lease.ttl);
    const most = Math.max(maxTtl, lease.creationTtl) -
      secondsBetween(token.createdAt, now);
    const isCapped = period === null && wanted > most;
    lease.ttl = isCapped ? most : wanted;
    lease.renewedAt = now;
    this.#state.change(token, { expiresAt: this.#state.fromNow(lease.ttl) });
    const { entity_id, meta } = ownerOf(token);
    const warning = `TTL of "${durationText(wanted)}" exceeded the effective ` +
      `max_ttl of "${durationText(most)}"; TTL value is capped accordingly`;
    return {
      warnings: isCapped ? [warning] : null,
      auth: {
        client_token: id,
        accessor: lease.accessor,
        policies: token.scopes,
        token_policies: token.scopes,
        metadata: meta,
        lease_duration: lease.ttl,
        renewable: true,
        entity_id,
        token_type: "service",
        orphan: true,
        mfa_requirement: null,
        num_uses: 0,
      },
    };
  }

  #leaseOf(token: Token): Lease {
    const known = this.#leases.get(token);
    if (known) return known;
    const { createdAt, expiresAt } = token;
    const ttl = expiresAt === null ? 0 : secondsBetween(createdAt, expiresAt);
    const lease = {
      accessor: randomText(24),
      creationTtl: ttl,
      ttl,
      renewedAt: undefined,
    };
    this.#leases.set(token, lease);
    return lease;
  }
}

/** A root token belongs to nobody; the others are those of people who signed in with a password. */
function ownerOf(
  { user, scopes }: Token,
): Record<"display_name" | "entity_id" | "meta" | "path", unknown> {
  const { id, username } = user;
  return scopes.includes("root")
    ? {
      display_name: "root",
      entity_id: "",
      meta: null,
      path: "auth/token/root",
    }
    : {
      display_name: `userpass-${username}`,
      entity_id: id,
      meta: { username },
      path: `auth/userpass/login/${username}`,
    };
}

/** Seconds of a duration in Go's format (`1h30m`) or of a number; undefined for anything else. */
export function secondsOf(duration: unknown): number | undefined {
  if (typeof duration === "number") {
    return Number.isInteger(duration) ? duration : undefined;
  }
  if (typeof duration !== "string") return undefined;
  if (/^\d*$/.test(duration)) return Number(duration);
  const [whole, hours = "0", minutes = "0", seconds = "0"] =
    /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(duration) ?? [];
  if (whole === undefined) return undefined;
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}

/** A duration in Go's format, without what is zero. */
function durationText(seconds: number): string {
  const parts: [number, string][] = [
    [Math.floor(seconds / 3600), "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ];
  const text = parts.map(([count, unit]) => count === 0 ? "" : count + unit);
  return text.join("") || "0s";
}

/** The server is two hours east of Greenwich, and Go's dates have nanoseconds. */
function goDate(date: Date): string {
  const local = new Date(date.getTime() + 2 * 60 * 60 * 1000);
  return local.toISOString().replace("Z", "000001+02:00");
}

function unixSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

function secondsBetween(from: Date, to: Date): number {
  return Math.floor((to.getTime() - from.getTime()) / 1000);
}
