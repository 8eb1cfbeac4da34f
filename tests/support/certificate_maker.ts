import type { Extension, X509Certificate } from "@peculiar/x509";
import { Authority, type Identity } from "./certificates.ts";

const ALGORITHM = {
  name: "ECDSA",
  namedCurve: "P-256",
  hash: "SHA-256",
} as const;
const DAY = 86_400_000;

/** The properties of a certificate, including invalid ones. */
export interface Wish {
  /** The subject's common name. */
  subject?: string;
  /** The names that it is valid for; none are included if the list is empty. */
  names?: string[];
  /** How many days ago its validity started, and in how many it ends. */
  sinceDays?: number;
  forDays?: number;
  /** Whether it is a CA certificate; "unsaid" omits the extension. */
  authority?: boolean | "unsaid";
  /** Its extended key usages, as object identifiers. */
  purposes?: string[];
  /** The signer; self-signed if omitted. */
  issuer?: Made;
}

/** A certificate with everything needed to use it. */
export interface Made extends Identity {
  certificate: X509Certificate;
  keys: CryptoKeyPair;
}

/** Makes certificates that tests/support/certificates.ts doesn't support. */
export async function makeCertificate(wish: Wish): Promise<Made> {
  // This loads the library the way it needs to be loaded.
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
