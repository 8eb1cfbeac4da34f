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

/** How long an instance's session lasts unless the admin routes say otherwise, in seconds. */
export const DEFAULT_SESSION_LIFETIME = 60 * 60;

/** What an instance proves itself with on each cloud. */
export interface Identity {
  aws: AwsIdentity;
  azure: AzureIdentity;
  google: { json_web_token: string };
}

/** With which statuses an exchange can be made to fail, and what the nanoservices wire calls them. */
export const FAILURES = {
  400: "invalid_request",
  401: "token_invalid",
  403: "forbidden",
  404: "not_found",
  429: "rate_limited",
  500: "internal",
  503: "unavailable",
} as const satisfies Record<number, ProblemCode>;

/** What the exchanges are to answer instead of a session, for rehearsals. */
export interface Failure {
  readonly status: keyof typeof FAILURES;
  /** How many exchanges are still to fail; Infinity for all. */
  left: number;
}

/**
 * What the service knows of cloud instances: their keys, which are made when
 * they are first needed, and what the admin routes set.
 */
export class InstanceIdentities {
  /** How long the sessions last that are made from now on, in seconds. */
  sessionLifetime = DEFAULT_SESSION_LIFETIME;
  /** Whether the instances are agents that the service knows. */
  known = true;
  /** The names of the agents on each instance. */
  agents: readonly string[] = ["main"];
  /** Set while exchanges are to fail. */
  failure: Failure | undefined;
  readonly exchanges: Record<Cloud, number> = { aws: 0, azure: 0, google: 0 };
  readonly #now: () => Date;
  readonly #started: Date;
  readonly #keys = new Map<Cloud, Promise<SigningKey>>();

  constructor(now: () => Date) {
    this.#now = now;
    this.#started = now();
  }

  /** The key of a cloud, made at the first call. */
  key(cloud: Cloud): Promise<SigningKey> {
    const key = this.#keys.get(cloud) ?? makeSigningKey();
    this.#keys.set(cloud, key);
    return key;
  }

  /** Counts an exchange, and says with what status it is to fail, if it is. */
  count(cloud: Cloud): Failure["status"] | undefined {
    this.exchanges[cloud]++;
    const failure = this.failure;
    if (failure === undefined) return undefined;
    failure.left--;
    if (failure.left <= 0) this.failure = undefined;
    return failure.status;
  }

  /** What the instance on AWS proves itself with. */
  async aws(): Promise<AwsIdentity> {
    const { awsDocument, signAwsDocument } = await import("./aws.ts");
    const document = awsDocument(INSTANCES.aws, this.#started);
    const signature = await signAwsDocument(await this.key("aws"), document);
    return { document, signature };
  }

  /** What the instance on Azure proves itself with. */
  async azure(nonce?: string): Promise<AzureIdentity> {
    const { signAzureDocument } = await import("./azure.ts");
    const vmId = INSTANCES.azure;
    const wish = { vmId, nonce, now: this.#now() };
    return await signAzureDocument(await this.key("azure"), wish);
  }

  /** What the instance on Google proves itself with, to this audience. */
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
   * The instance that an identity is of, once every check of its cloud holds.
   *
   * @param audience For whom a Google identity must be.
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
   * The agent that is meant, as Coder chooses it: the one of this name, or the
   * only one there is, which is called as its instance is.
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
