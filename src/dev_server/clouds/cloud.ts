/** The clouds whose instances can prove their identity. */
export const CLOUDS = ["aws", "azure", "google"] as const;

/** A cloud whose instances can prove their identity. */
export type Cloud = typeof CLOUDS[number];

/** The one instance on each cloud that the service simulates and accepts. */
export const INSTANCES: Readonly<Record<Cloud, string>> = {
  aws: "i-0f1e2d3c4b5a69788",
  azure: "6d1f4c0e-8a5b-4b67-9a3d-2c7e5f90b1a4",
  google: "4570452845155348778",
};

/** Thrown for a refused identity. The message says which check failed, and never quotes the identity. */
export class IdentityRefused extends Error {
  /** 401 for an invalid identity, 404 for an unknown agent, 409 if there are several agents. */
  readonly status: 401 | 404 | 409;

  constructor(message: string, status: 401 | 404 | 409 = 401) {
    super(message);
    this.status = status;
  }
}

/** The key pair that signs and verifies one cloud's identities. */
export interface SigningKey {
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
}

/** RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, section 8.2), which all three clouds use. */
export const RSA_SHA256 = {
  name: "RSASSA-PKCS1-v1_5",
  hash: "SHA-256",
} as const;

/** Generates a 2048-bit RSA key pair; its private key can't be exported. */
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

/** Decodes base64 (RFC 4648, section 4), ignoring line breaks; undefined if it is malformed. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const joined = text.replace(/[\r\n]/g, "");
    return Uint8Array.fromBase64(joined, { lastChunkHandling: "strict" });
  } catch {
    return undefined;
  }
}
