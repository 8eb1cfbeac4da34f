import type { AwsIdentity } from "./aws.ts";
import type { AzureIdentity } from "./azure.ts";
import {
  type Cloud,
  IdentityRefused,
  INSTANCES,
  makeSigningKey,
  type SigningKey,
} from "./cloud.ts";
import type { ProblemCode } from "../problems.ts";

/** The default lifetime of an instance's session, in seconds. */
export const DEFAULT_SESSION_LIFETIME = 60 * 60;

/** An instance's proof of identity on each cloud. */
export interface Identity {
  aws: AwsIdentity;
  azure: AzureIdentity;
  google: { json_web_token: string };
}

/** The statuses with which an exchange can be made to fail, and their codes on the nanoservices wire. */
export const FAILURES = {
  400: "invalid_request",
  401: "token_invalid",
  403: "forbidden",
  404: "not_found",
  429: "rate_limited",
  500: "internal",
  503: "unavailable",
} as const satisfies Record<number, ProblemCode>;

/** The error that exchanges return instead of a session, for rehearsals. */
export interface Failure {
  readonly status: keyof typeof FAILURES;
  /** How many more exchanges fail; Infinity for all. */
  left: number;
}

/**
 * The service's state for cloud instances: each cloud's key pair, generated on
 * first use, and the settings from the admin routes.
 */
export class InstanceIdentities {
  /** The lifetime of new sessions, in seconds. */
  sessionLifetime = DEFAULT_SESSION_LIFETIME;
  /** Whether the service accepts the instances as agents. */
  known = true;
  /** The names of the agents on each instance. */
  agents: readonly string[] = ["main"];
  /** Set while exchanges must fail. */
  failure: Failure | undefined;
  readonly exchanges: Record<Cloud, number> = { aws: 0, azure: 0, google: 0 };
  readonly #now: () => Date;
  readonly #started: Date;
  readonly #keys = new Map<Cloud, Promise<SigningKey>>();

  constructor(now: () => Date) {
    this.#now = now;
    this.#started = now();
  }

  /** A cloud's key pair, generated on the first call. */
  key(cloud: Cloud): Promise<SigningKey> {
    const key = this.#keys.get(cloud) ?? makeSigningKey();
    this.#keys.set(cloud, key);
    return key;
  }

  /** Counts an exchange, and returns the status with which it must fail, if any. */
  count(cloud: Cloud): Failure["status"] | undefined {
    this.exchanges[cloud]++;
    const failure = this.failure;
    if (failure === undefined) return undefined;
    failure.left--;
    if (failure.left <= 0) this.failure = undefined;
    return failure.status;
  }

  /** The AWS instance's proof of identity. */
  async aws(): Promise<AwsIdentity> {
    const { awsDocument, signAwsDocument } = await import("./aws.ts");
    const document = awsDocument(INSTANCES.aws, this.#started);
    const signature = await signAwsDocument(await this.key("aws"), document);
    return { document, signature };
  }

  /** The Azure instance's proof of identity. */
  async azure(nonce?: string): Promise<AzureIdentity> {
    const { signAzureDocument } = await import("./azure.ts");
    const vmId = INSTANCES.azure;
    const wish = { vmId, nonce, now: this.#now() };
    return await signAzureDocument(await this.key("azure"), wish);
  }

  /** The Google instance's proof of identity for this audience. */
  async google(audience: string, full: boolean): Promise<string> {
    const { signGoogleToken } = await import("./google.ts");
    return await signGoogleToken(await this.key("google"), {
      audience,
      full,
      instanceId: INSTANCES.google,
      now: this.#now(),
      created: this.#started,
    });
  }

  /**
   * The instance ID in an identity, after all of its cloud's checks.
   *
   * @param audience The audience that a Google identity must name.
   * @throws {IdentityRefused}
   */
  async check<C extends Cloud>(
    cloud: C,
    identity: Identity[C],
    audience: string,
  ): Promise<string> {
    const instance = await this.#checks[cloud](identity, audience);
    if (this.known && instance === INSTANCES[cloud]) return instance;
    throw new IdentityRefused(
      "The service knows no agent on this instance.",
      audience === "coder" ? 404 : 401,
    );
  }

  /**
   * The chosen agent, as Coder chooses it: the one with this name, or else the
   * instance's only agent, which goes by the instance ID.
   *
   * @throws {IdentityRefused} with `status` 404 or 409
   */
  choose(instance: string, name: string): string {
    const named = name.trim();
    if (named === "") {
      const [only, ...others] = this.agents;
      if (only !== undefined && others.length === 0) return instance;
      throw new IdentityRefused("There are several agents on it.", 409);
    }
    if (this.agents.includes(named)) return named;
    throw new IdentityRefused(
      `No agent found with instance ID "${instance}" and that name.`,
      404,
    );
  }

  readonly #checks: {
    [C in Cloud]: (identity: Identity[C], audience: string) => Promise<string>;
  } = {
    aws: async (identity) => {
      const { checkAwsIdentity } = await import("./aws.ts");
      return await checkAwsIdentity(await this.key("aws"), identity);
    },
    azure: async (identity) => {
      const { checkAzureIdentity } = await import("./azure.ts");
      const key = await this.key("azure");
      return await checkAzureIdentity(key, identity, this.#now());
    },
    google: async ({ json_web_token }, audience) => {
      const { checkGoogleToken } = await import("./google.ts");
      return await checkGoogleToken(await this.key("google"), json_web_token, {
        audience,
        now: this.#now(),
      });
    },
  };
}
