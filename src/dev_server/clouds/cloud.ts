/** Every cloud whose instances can prove who they are. */
export const CLOUDS = ["aws", "azure", "google"] as const;

/** A cloud whose instances can prove who they are. */
export type Cloud = typeof CLOUDS[number];

/** The one instance on each cloud that the service stands for, and knows. */
export const INSTANCES: Readonly<Record<Cloud, string>> = {
  aws: "i-0f1e2d3c4b5a69788",
  azure: "6d1f4c0e-8a5b-4b67-9a3d-2c7e5f90b1a4",
  google: "4570452845155348778",
};

/** An identity that does not hold. Its message says which check failed, and holds no part of the identity. */
export class IdentityRefused extends Error {
  /** 401 for an identity that does not hold, 404 where there is no such agent, 409 where there are several. */
  readonly status: 401 | 404 | 409;

  constructor(message: string, status: 401 | 404 | 409 = 401) {
    super(message);
    this.status = status;
  }
}

/** What signs and checks the identities of one cloud. */
export interface SigningKey {
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
}

/** RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, section 8.2): what all three clouds sign with. */
export const RSA_SHA256 = {
  name: "RSASSA-PKCS1-v1_5",
  hash: "SHA-256",
} as const;

/** Makes an RSA key of 2048 bits; its private half never leaves the process. */
export async function makeSigningKey(): Promise<SigningKey> {
  const size = {
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
  };
  return await crypto.subtle.generateKey(
    { ...RSA_SHA256, ...size },
    false,
    ["sign", "verify"],
  );
}

/** Base64 (RFC 4648, section 4), line breaks aside; undefined for anything else. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const joined = text.replace(/[\r\n]/g, "");
    return Uint8Array.fromBase64(joined, { lastChunkHandling: "strict" });
  } catch {
    return undefined;
  }
}
