import { Secret } from "../../secret.ts";
import { randomText } from "../random.ts";
import { sha256 } from "../state.ts";

/** The grant of a device login (RFC 8628, section 3.4). */
export const DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code";

/** The grant of a refresh (RFC 6749, section 6). */
export const REFRESH_TOKEN = "refresh_token";

/** The grant of a client for itself (RFC 6749, section 4.4). */
export const CLIENT_CREDENTIALS = "client_credentials";

/** The grant in exchange for another token (RFC 8693, section 2.1). */
export const TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";

/** Every grant that the token endpoint knows (RFC 8414, section 2: `grant_types_supported`). */
export const GRANT_TYPES = [
  DEVICE_CODE,
  REFRESH_TOKEN,
  CLIENT_CREDENTIALS,
  TOKEN_EXCHANGE,
] as const;

/** The name of a grant. */
export type GrantType = typeof GRANT_TYPES[number];

/** A registered client (RFC 6749, section 2). */
export interface Client {
  readonly id: string;
  /** The hash of its secret; undefined for a public client (RFC 6749, section 2.1). */
  readonly secretHash: string | undefined;
  /** The grants that it may use. */
  readonly grants: readonly GrantType[];
}

/** The public client that is there from the start. */
export const PUBLIC_CLIENT: Client = {
  id: "nanoctl",
  secretHash: undefined,
  grants: [DEVICE_CODE, REFRESH_TOKEN, TOKEN_EXCHANGE],
};

/** The registered clients. */
export class Clients {
  readonly #clients = new Map<string, Client>([
    [PUBLIC_CLIENT.id, PUBLIC_CLIENT],
  ]);

  /** The client with this id. */
  byId(id: string): Client | undefined {
    return this.#clients.get(id);
  }

  /** Registers a confidential client (RFC 6749, section 2.1), and makes up a secret if there is none. */
  async register(
    id: string,
    secret = new Secret(`nano_secret${randomText(40)}`),
  ): Promise<Secret> {
    const secretHash = await sha256(secret.reveal());
    this.#clients.set(id, { id, secretHash, grants: GRANT_TYPES });
    return secret;
  }

  /** The client with this id and secret, a public one without a secret; undefined if there is none (RFC 6749, section 2.3). */
  async authenticate(
    id: string,
    secret: Secret | undefined,
  ): Promise<Client | undefined> {
    const client = this.byId(id);
    const hash = secret && await sha256(secret.reveal());
    return client?.secretHash === hash ? client : undefined;
  }
}
