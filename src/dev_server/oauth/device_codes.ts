import { Secret } from "../../secret.ts";
import { randomText } from "../random.ts";
import { type DevState, sha256 } from "../state.ts";
import type { Client } from "./clients.ts";
import { OAuthError } from "./oauth_errors.ts";
import type { OAuthSettings } from "./oauth_settings.ts";

/** No vowels, so that no code is a word (RFC 8628, section 6.1). */
const LETTERS = "BCDFGHJKLMNPQRSTVWXZ";
/** What `slow_down` adds to the interval, in seconds (RFC 8628, section 3.5). */
const SLOWER = 5;
const MOST = 1000;

/** A device login, without its device code (RFC 8628, section 3.2). */
export interface DeviceLogin {
  readonly client: Client;
  readonly scopes: readonly string[];
  /** Such as `BDFG-HJKL`. */
  readonly userCode: string;
  readonly expiresAt: Date;
  /** In seconds. */
  interval: number;
  lastPoll: Date | undefined;
  decision: "none" | "approve" | "deny";
  /** Whose account it is for, once approved. */
  username: string;
  /** Whether its tokens were issued. */
  used: boolean;
}

/** The device logins in progress. */
export class DeviceCodes {
  readonly #state: DevState;
  readonly #settings: OAuthSettings;
  /** By the device code's hash, oldest first. */
  readonly #byHash = new Map<string, DeviceLogin>();
  readonly #byUserCode = new Map<string, DeviceLogin>();

  constructor(state: DevState, settings: OAuthSettings) {
    this.#state = state;
    this.#settings = settings;
  }

  /** Starts a login (RFC 8628, section 3.2), and drops the oldest if there are too many. */
  async start(
    client: Client,
    scopes: readonly string[],
    deviceCode = new Secret(`nano_device${randomText(40)}`),
  ): Promise<{ deviceCode: Secret; login: DeviceLogin }> {
    const hash = await sha256(deviceCode.reveal());
    const login: DeviceLogin = {
      client,
      scopes,
      userCode: this.#newUserCode(),
      expiresAt: this.#state.fromNow(this.#settings.deviceExpiresIn),
      interval: this.#settings.interval,
      lastPoll: undefined,
      decision: "none",
      username: this.#state.firstUser.username,
      used: false,
    };
    this.#byHash.set(hash, login);
    this.#byUserCode.set(lettersOf(login.userCode), login);
    this.#dropOldest();
    return { deviceCode, login };
  }

  /** The login with this user code, however it is typed (RFC 8628, section 6.1). */
  byUserCode(typed: string): DeviceLogin | undefined {
    return this.#byUserCode.get(lettersOf(typed));
  }

  /** Whether its code has expired, by the service's clock. */
  hasExpired({ expiresAt }: DeviceLogin): boolean {
    return expiresAt <= this.#state.now();
  }

  /** Whether a person can still decide. */
  isOpen(login: DeviceLogin): boolean {
    return login.decision === "none" && !this.hasExpired(login);
  }

  /**
   * The approved login with this device code, which is used up by it (RFC 8628,
   * section 3.5).
   *
   * @throws {OAuthError} `authorization_pending` and `slow_down` until it is
   * decided; `access_denied`, `expired_token`, `invalid_grant`.
   */
  async redeem(client: Client, deviceCode: Secret): Promise<DeviceLogin> {
    const login = this.#byHash.get(await sha256(deviceCode.reveal()));
    if (login?.client !== client) {
      throw new OAuthError(
        "invalid_grant",
        "The device code is not known, or is another client's.",
      );
    }
    if (login.used) {
      throw new OAuthError("invalid_grant", "The device code was used before.");
    }
    if (this.hasExpired(login)) {
      throw new OAuthError("expired_token", "The device code has expired.");
    }
    if (login.decision === "deny") {
      throw new OAuthError("access_denied", "The login was denied.");
    }
    if (login.decision === "none") throw this.#polled(login);
    login.used = true;
    return login;
  }

  /** Counts a poll of a login that is not decided, and says what to answer (RFC 8628, section 3.5). */
  #polled(login: DeviceLogin): OAuthError {
    const now = this.#state.now();
    const { lastPoll, interval } = login;
    login.lastPoll = now;
    if (lastPoll && Number(now) - Number(lastPoll) < interval * 1000) {
      login.interval += SLOWER;
      return new OAuthError(
        "slow_down",
        `Wait ${login.interval} seconds between two polls.`,
        {},
        login.interval,
      );
    }
    return new OAuthError(
      "authorization_pending",
      "Nobody has decided about the login yet.",
    );
  }

  #newUserCode(): string {
    const code = `${randomText(4, LETTERS)}-${randomText(4, LETTERS)}`;
    return this.byUserCode(code) ? this.#newUserCode() : code;
  }

  #dropOldest(): void {
    const [oldest] = this.#byHash;
    if (oldest === undefined || this.#byHash.size <= MOST) return;
    const [hash, { userCode }] = oldest;
    this.#byHash.delete(hash);
    this.#byUserCode.delete(lettersOf(userCode));
  }
}

/** A user code without what a person may type between the letters. */
function lettersOf(typed: string): string {
  return typed.replace(/[\s\p{Pd}]/gu, "").toUpperCase();
}
