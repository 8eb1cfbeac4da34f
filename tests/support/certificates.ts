import type { X509Certificate } from "@peculiar/x509";

/** A certificate with its private key, in PEM. */
export interface Identity {
  cert: string;
  key: string;
}

/** The properties of a certificate. */
export interface CertificateWish {
  /** The addresses that it is valid for. */
  addresses?: string[];
  notAfter?: Date;
}

const ALGORITHM = {
  name: "ECDSA",
  namedCurve: "P-256",
  hash: "SHA-256",
} as const;
const DAY = 86_400_000;

/** A test's own certificate authority, which no machine trusts. */
export class Authority {
  readonly #certificate: X509Certificate;
  readonly #keys: CryptoKeyPair;

  private constructor(certificate: X509Certificate, keys: CryptoKeyPair) {
    this.#certificate = certificate;
    this.#keys = keys;
  }

  /** Creates a certificate authority. */
  static async create(): Promise<Authority> {
    const x509 = await load();
    const keys = await crypto.subtle.generateKey(ALGORITHM, true, [
      "sign",
      "verify",
    ]);
    const now = Date.now();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: "01",
      name: "CN=nanoctl test authority",
      notBefore: new Date(now - 3 * DAY),
      notAfter: new Date(now + DAY),
      keys,
      signingAlgorithm: ALGORITHM,
      extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
    });
    return new Authority(certificate, keys);
  }

  /** Its certificate in PEM, as --ca-file takes it. */
  get pem(): string {
    return this.#certificate.toString("pem");
  }

  /** Makes a server's certificate, by default for 127.0.0.1. */
  async issue(wish: CertificateWish = {}): Promise<Identity> {
    const x509 = await load();
    const { addresses = ["127.0.0.1"] } = wish;
    const notAfter = wish.notAfter ?? new Date(Date.now() + DAY);
    const keys = await crypto.subtle.generateKey(ALGORITHM, true, [
      "sign",
      "verify",
    ]);
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: "02",
      subject: "CN=nanoctl test service",
      issuer: this.#certificate.subject,
      notBefore: new Date(Date.now() - 3 * DAY),
      notAfter,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.SubjectAlternativeNameExtension(
          addresses.map((value) => ({ type: "ip" as const, value })),
        ),
      ],
    });
    const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
    return {
      cert: certificate.toString("pem"),
      key: x509.PemConverter.encode(key, "PRIVATE KEY"),
    };
  }
}

/** Stubs reflect-metadata, which tsyringe (used by x509) requires but doesn't need here. */
function load(): Promise<typeof import("@peculiar/x509")> {
  if (!("getOwnMetadata" in Reflect)) {
    const none = (): undefined => undefined;
    Object.assign(Reflect, {
      getMetadata: none,
      getOwnMetadata: none,
      defineMetadata: none,
    });
  }
  return import("@peculiar/x509");
}
