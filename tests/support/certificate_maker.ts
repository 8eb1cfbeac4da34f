import type { Extension, X509Certificate } from "@peculiar/x509";
import { Authority, type Identity } from "./certificates.ts";

const ALGORITHM = {
  name: "ECDSA",
  namedCurve: "P-256",
  hash: "SHA-256",
} as const;
const DAY = 86_400_000;

/** What a certificate is to say, in all the ways that are wrong too. */
export interface Wish {
  /** Whose certificate it is. */
  subject?: string;
  /** The names that it is for; with an empty list it says nothing of names. */
  names?: string[];
  /** How many days ago it began to be valid, and in how many it ends. */
  sinceDays?: number;
  forDays?: number;
  /** Whether it is an authority's: "unsaid" leaves that out. */
  authority?: boolean | "unsaid";
  /** What it is for, as object identifiers. */
  purposes?: string[];
  /** Who signs it; itself if left out. */
  issuer?: Made;
}

/** A certificate with all that is needed to use it. */
export interface Made extends Identity {
  certificate: X509Certificate;
  keys: CryptoKeyPair;
}

/** Makes certificates that tests/support/certificates.ts has no wish for. */
export async function makeCertificate(wish: Wish): Promise<Made> {
  // It loads the library in the way that the library needs.
  await Authority.create();
  const x509 = await import("@peculiar/x509");
  const { subject = "a test", names = ["localhost"], issuer } = wish;
  const { sinceDays = 3, forDays = 1, authority = false } = wish;
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, [
    "sign",
    "verify",
  ]);
  const extensions: Extension[] = [];
  if (authority !== "unsaid") {
    extensions.push(
      new x509.BasicConstraintsExtension(authority, undefined, true),
    );
  }
  if (names.length > 0) {
    extensions.push(
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: "dns" as const, value })),
      ),
    );
  }
  if (wish.purposes) {
    extensions.push(new x509.ExtendedKeyUsageExtension(wish.purposes));
  }
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: crypto.randomUUID().replaceAll("-", "").replace(/^./, "1"),
    subject: `CN=${subject}`,
    issuer: issuer?.certificate.subject ?? `CN=${subject}`,
    notBefore: new Date(Date.now() - sinceDays * DAY),
    notAfter: new Date(Date.now() + forDays * DAY),
    publicKey: keys.publicKey,
    signingKey: (issuer?.keys ?? keys).privateKey,
    signingAlgorithm: ALGORITHM,
    extensions,
  });
  const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    certificate,
    keys,
    cert: certificate.toString("pem"),
    key: x509.PemConverter.encode(key, "PRIVATE KEY"),
  };
}
