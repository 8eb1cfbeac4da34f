import {
  Attribute,
  CertificateChoices,
  CertificateSet,
  CMSVersion,
  ContentInfo,
  DigestAlgorithmIdentifiers,
  EncapsulatedContent,
  EncapsulatedContentInfo,
  id_data,
  id_signedData,
  IssuerAndSerialNumber,
  SignedData,
  SignerIdentifier,
  SignerInfo,
  SignerInfos,
} from "@peculiar/asn1-cms";
import {
  AsnArray,
  AsnConvert,
  AsnObjectIdentifierConverter,
  AsnType,
  AsnTypeTypes,
  OctetString,
} from "@peculiar/asn1-schema";
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  Certificate,
  Name,
  RelativeDistinguishedName,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Time,
  Validity,
} from "@peculiar/asn1-x509";
import {
  fromBase64,
  IdentityRefused,
  RSA_SHA256,
  type SigningKey,
} from "./cloud.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const CONTENT_TYPE = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST = "1.2.840.113549.1.9.4";
const SIGNING_TIME = "1.2.840.113549.1.9.5";
const COMMON_NAME = "2.5.4.3";
const SHA256 = algorithm("2.16.840.1.101.3.4.2.1");
const RSA = algorithm("1.2.840.113549.1.1.1");
const SHA256_WITH_RSA = algorithm("1.2.840.113549.1.1.11");
const SERIAL = Uint8Array.of(1).buffer;

/** The signed bytes: the attributes with a SET OF tag (RFC 5652, section 5.4). */
class SignedAttributes extends AsnArray<Attribute> {}
AsnType({ type: AsnTypeTypes.Set, itemType: Attribute })(SignedAttributes);

/** The signer, and the signing time. */
export interface Signer {
  key: SigningKey;
  /** The certificate's subject and issuer. */
  commonName: string;
  now: Date;
}

/**
 * A base64-encoded PKCS#7 SignedData (RFC 2315; now CMS, RFC 5652) that
 * contains the content and the signer's certificate.
 */
export async function signData(
  content: Bytes,
  signer: Signer,
): Promise<string> {
  const name = nameOf(signer.commonName);
  const certificate = await selfSigned(signer, name);
  const signedAttrs = sorted([
    attribute(CONTENT_TYPE, oid(id_data)),
    attribute(SIGNING_TIME, AsnConvert.serialize(new Time(signer.now))),
    attribute(MESSAGE_DIGEST, octets((await sha256(content)).buffer)),
  ]);
  const signature = await sign(signer.key, encoded(signedAttrs));
  const signerInfo = new SignerInfo({
    version: CMSVersion.v1,
    sid: new SignerIdentifier({
      issuerAndSerialNumber: new IssuerAndSerialNumber({
        issuer: name,
        serialNumber: SERIAL,
      }),
    }),
    digestAlgorithm: SHA256,
    signedAttrs,
    signatureAlgorithm: RSA,
    signature: new OctetString(signature),
  });
  const signedData = new SignedData({
    version: CMSVersion.v1,
    digestAlgorithms: new DigestAlgorithmIdentifiers([SHA256]),
    encapContentInfo: new EncapsulatedContentInfo({
      eContentType: id_data,
      eContent: new EncapsulatedContent({ single: new OctetString(content) }),
    }),
    certificates: new CertificateSet([new CertificateChoices({ certificate })]),
    signerInfos: new SignerInfos([signerInfo]),
  });
  const info = new ContentInfo({
    contentType: id_signedData,
    content: AsnConvert.serialize(signedData),
  });
  return new Uint8Array(AsnConvert.serialize(info)).toBase64();
}

/**
 * The content of a SignedData, after verifying its only signer's digest and
 * signature against this key. Ignores its certificates, which the sender
 * chooses.
 *
 * @throws {IdentityRefused}
 */
export async function verifyData(
  text: string,
  { publicKey }: SigningKey,
): Promise<Bytes> {
  const bytes = fromBase64(text);
  if (bytes === undefined) {
    throw new IdentityRefused("The signature is not base64.");
  }
  const { content, attributes, digest, signature } = parts(bytes);
  if (!equal(digest, await sha256(content))) {
    throw new IdentityRefused("The digest is not one of the signed content.");
  }
  const ok = await crypto.subtle.verify(
    RSA_SHA256,
    publicKey,
    signature,
    attributes,
  );
  if (ok) return content;
  throw new IdentityRefused(
    "The signature is not one of this document by the key of this Azure.",
  );
}

/** The parts of a SignedData that are verified. */
interface Parts {
  content: Bytes;
  /** Encoded as signed: a SET OF. */
  attributes: Bytes;
  digest: Bytes;
  signature: Bytes;
}

function parts(bytes: Bytes): Parts {
  try {
    return read(bytes);
  } catch {
    throw new IdentityRefused(
      "The signature is not a PKCS#7 document of one signer, by RSA and SHA-256.",
    );
  }
}

function read(bytes: Bytes): Parts {
  const info = AsnConvert.parse(bytes, ContentInfo);
  expect(info.contentType === id_signedData);
  // The library ignores trailing bytes.
  expect(equal(new Uint8Array(AsnConvert.serialize(info)), bytes));
  const { encapContentInfo, signerInfos } = AsnConvert.parse(
    info.content,
    SignedData,
  );
  expect(encapContentInfo.eContentType === id_data);
  const content = encapContentInfo.eContent?.single;
  const [signer, ...others] = signerInfos;
  expect(content && signer && others.length === 0);
  expect(signer.digestAlgorithm.isEqual(SHA256));
  expect(
    signer.signatureAlgorithm.isEqual(RSA) ||
      signer.signatureAlgorithm.isEqual(SHA256_WITH_RSA),
  );
  const attributes = signer.signedAttrs ?? [];
  const type = new Uint8Array(valueOf(attributes, CONTENT_TYPE));
  expect(equal(type, new Uint8Array(oid(id_data))));
  const digest = valueOf(attributes, MESSAGE_DIGEST);
  return {
    content: new Uint8Array(content.buffer),
    attributes: encoded(attributes),
    digest: new Uint8Array(AsnConvert.parse(digest, OctetString).buffer),
    signature: new Uint8Array(signer.signature.buffer),
  };
}

function expect(condition: unknown): asserts condition {
  if (!condition) throw new Error("not of the expected form");
}
/** The value of the only attribute of this type. */
function valueOf(attributes: Attribute[], type: string): ArrayBuffer {
  const found = attributes.filter(({ attrType }) => attrType === type);
  const [value, ...others] = found[0]?.attrValues ?? [];
  expect(found.length === 1 && value && others.length === 0);
  return value;
}

/** A certificate valid for ten years. Nothing verifies it: the key itself is checked. */
async function selfSigned(
  { key, now }: Signer,
  name: Name,
): Promise<Certificate> {
  const spki = await crypto.subtle.exportKey("spki", key.publicKey);
  const notBefore = new Date(now);
  notBefore.setUTCMilliseconds(0);
  const notAfter = new Date(notBefore);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + 10);
  const tbsCertificate = new TBSCertificate({
    serialNumber: SERIAL,
    signature: SHA256_WITH_RSA,
    issuer: name,
    validity: new Validity({ notBefore, notAfter }),
    subject: name,
    subjectPublicKeyInfo: AsnConvert.parse(spki, SubjectPublicKeyInfo),
  });
  return new Certificate({
    tbsCertificate,
    signatureAlgorithm: SHA256_WITH_RSA,
    signatureValue: await sign(key, AsnConvert.serialize(tbsCertificate)),
  });
}

function nameOf(commonName: string): Name {
  const value = new AttributeValue({ utf8String: commonName });
  const part = new AttributeTypeAndValue({ type: COMMON_NAME, value });
  return new Name([new RelativeDistinguishedName([part])]);
}

function algorithm(id: string): AlgorithmIdentifier {
  return new AlgorithmIdentifier({ algorithm: id, parameters: null });
}

function attribute(attrType: string, value: ArrayBuffer): Attribute {
  return new Attribute({ attrType, attrValues: [value] });
}

function octets(bytes: ArrayBuffer): ArrayBuffer {
  return AsnConvert.serialize(new OctetString(bytes));
}

function oid(id: string): ArrayBuffer {
  return AsnObjectIdentifierConverter.toASN(id).toBER();
}

function encoded(attributes: Attribute[]): Bytes {
  const set = new SignedAttributes(attributes);
  return new Uint8Array(AsnConvert.serialize(set));
}

/** Sorted as DER requires in a SET OF (X.690, section 11.6); the library doesn't do it. */
function sorted(attributes: Attribute[]): Attribute[] {
  const key = (attribute: Attribute): string =>
    new Uint8Array(AsnConvert.serialize(attribute)).toHex();
  return attributes.toSorted((a, b) => key(a) < key(b) ? -1 : 1);
}

function equal(one: Bytes, other: Bytes): boolean {
  return one.toHex() === other.toHex();
}

async function sign(
  { privateKey }: SigningKey,
  bytes: BufferSource,
): Promise<ArrayBuffer> {
  return await crypto.subtle.sign(RSA_SHA256, privateKey, bytes);
}

async function sha256(bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}
