import {
  calculateJwkThumbprint,
  errors,
  exportJWK,
  type JWK,
  jwtVerify,
  SignJWT,
} from "jose";
import { Secret } from "../../secret.ts";
import { OAuthError } from "./oauth_errors.ts";

/** The `iss` of the workload tokens (RFC 7519, section 4.1.1). */
export const WORKLOAD_ISSUER = "https://workload.example";

const ALGORITHM = "ES256";

/** What a workload token says (RFC 7519, section 4.1). */
export interface WorkloadClaims {
  readonly subject: string;
  readonly audience: string;
  /** In seconds; negative is in the past. */
  readonly expiresIn: number;
}

/** The key pair of the simulated platform that workloads run on, generated on first use. */
export class WorkloadKey {
  readonly #now: () => Date;
  #pair: Promise<CryptoKeyPair> | undefined;

  constructor(now: () => Date) {
    this.#now = now;
  }

  /** The public key as a JWK Set (RFC 7517, section 5). */
  async jwks(): Promise<{ keys: JWK[] }> {
    const key = await this.#publicJwk();
    return { keys: [{ ...key, alg: ALGORITHM, use: "sig" }] };
  }

  /** A workload's token: a JWT (RFC 7519), signed with ES256. */
  async sign(
    { subject, audience, expiresIn }: WorkloadClaims,
  ): Promise<Secret> {
    const { privateKey } = await this.#keyPair();
    const { kid = "" } = await this.#publicJwk();
    const seconds = Math.floor(this.#now().getTime() / 1000);
    const jwt = await new SignJWT()
      .setProtectedHeader({ alg: ALGORITHM, kid, typ: "JWT" })
      .setIssuer(WORKLOAD_ISSUER)
      .setSubject(subject)
      .setAudience(audience)
      .setIssuedAt(seconds)
      .setExpirationTime(seconds + expiresIn)
      .sign(privateKey);
    return new Secret(jwt);
  }

  /**
   * The subject of a token, after verifying its signature, issuer, audience and
   * expiry (RFC 8693, section 2.1).
   *
   * @throws {OAuthError} `invalid_request` (RFC 8693, section 2.2.2).
   */
  async check(token: Secret, audience: string): Promise<string> {
    const { publicKey } = await this.#keyPair();
    const { payload } = await jwtVerify(token.reveal(), publicKey, {
      algorithms: [ALGORITHM],
      issuer: WORKLOAD_ISSUER,
      audience,
      currentDate: this.#now(),
      requiredClaims: ["exp", "iat", "sub"],
    }).catch((error) => {
      throw new OAuthError("invalid_request", reason(error));
    });
    return payload.sub ?? "";
  }

  #keyPair(): Promise<CryptoKeyPair> {
    this.#pair ??= crypto.subtle.generateKey(
      { name: "ECDSA", namedCurve: "P-256" },
      false,
      ["sign", "verify"],
    );
    return this.#pair;
  }

  async #publicJwk(): Promise<JWK> {
    const key = await exportJWK((await this.#keyPair()).publicKey);
    return { ...key, kid: await calculateJwkThumbprint(key) };
  }
}

/** Which check failed. Custom messages, because jose's may one day quote the token. */
function reason(error: unknown): string {
  if (error instanceof errors.JWTExpired) {
    return "The subject token has expired.";
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.claim === "aud"
      ? "The subject token is for another audience."
      : "The subject token lacks a claim, or has a wrong one.";
  }
  return "The subject token is not a JWT by the key of this service.";
}
