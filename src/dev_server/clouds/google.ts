import { errors, jwtVerify, SignJWT } from "jose";
import * as v from "valibot";
import { IdentityRefused, type SigningKey } from "./cloud.ts";

/** The issuer of Compute Engine's identity tokens. */
export const GOOGLE_ISSUER = "https://accounts.google.com";

const LIFETIME = 60 * 60;
const ACCOUNT = "112179062720391305885";
const PROJECT_NUMBER = 123456789012;
const Claims = v.object({
  google: v.object({
    compute_engine: v.object({ instance_id: v.string() }),
  }),
});

/** The parameters of an identity token. */
export interface GoogleTokenWish {
  audience: string;
  instanceId: string;
  /** Whether to include the instance's details: `format=full`. */
  full: boolean;
  now: Date;
  /** When the instance was created. */
  created: Date;
}

/** A Compute Engine identity token: a JWT (RFC 7519), signed with RS256 and valid for an hour. */
export async function signGoogleToken(
  { privateKey }: SigningKey,
  { audience, instanceId, full, now, created }: GoogleTokenWish,
): Promise<string> {
  const seconds = Math.floor(now.getTime() / 1000);
  const details = {
    email: `${PROJECT_NUMBER}-compute@developer.gserviceaccount.com`,
    email_verified: true,
    google: {
      compute_engine: {
        instance_creation_timestamp: Math.floor(created.getTime() / 1000),
        instance_id: instanceId,
        instance_name: "nanoctl-dev",
        project_id: "nanoctl-dev",
        project_number: PROJECT_NUMBER,
        zone: "europe-west3-a",
      },
    },
  };
  return await new SignJWT({ azp: ACCOUNT, ...full ? details : {} })
    .setProtectedHeader({ alg: "RS256", kid: "nanoctl-dev", typ: "JWT" })
    .setIssuer(GOOGLE_ISSUER)
    .setSubject(ACCOUNT)
    .setAudience(audience)
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + LIFETIME)
    .sign(privateKey);
}

/**
 * The instance ID in a token, after verifying its signature, issuer, audience
 * and expiry.
 *
 * @throws {IdentityRefused}
 */
export async function checkGoogleToken(
  { publicKey }: SigningKey,
  token: string,
  { audience, now }: { audience: string; now: Date },
): Promise<string> {
  const { payload } = await jwtVerify(token, publicKey, {
    algorithms: ["RS256"],
    issuer: GOOGLE_ISSUER,
    audience,
    currentDate: now,
    requiredClaims: ["exp", "iat"],
  }).catch((error) => {
    throw new IdentityRefused(reason(error));
  });
  const result = v.safeParse(Claims, payload);
  if (result.success) return result.output.google.compute_engine.instance_id;
  throw new IdentityRefused(
    "The token names no instance; a token of format=full does.",
  );
}

/** Which check failed. Custom messages, because jose's may one day quote the token. */
function reason(error: unknown): string {
  if (error instanceof errors.JWTExpired) return "The token has expired.";
  if (error instanceof errors.JWTClaimValidationFailed) {
    const names: Record<string, string> = {
      aud: "audience",
      exp: "expiry",
      iat: "time of issue",
      iss: "issuer",
    };
    const name = names[error.claim] ?? "validity";
    return `The token's ${name} is missing or another.`;
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return "The token is not signed with RS256.";
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return "The signature is not one of this token by the key of this Google.";
  }
  return "The token is not a signed JWT.";
}
