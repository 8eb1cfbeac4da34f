import { Attribute, type SignedData, SignerInfo } from "@peculiar/asn1-cms";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import { createHash, verify, X509Certificate } from "node:crypto";
import {
  checkAzureIdentity,
  signAzureDocument,
} from "../../../src/dev_server/clouds/azure.ts";
import {
  IdentityRefused,
  makeSigningKey,
} from "../../../src/dev_server/clouds/cloud.ts";
import { signData } from "../../../src/dev_server/clouds/signed_data.ts";
import { signedDataOf } from "../instances.ts";

const key = await makeSigningKey();
const now = new Date("2030-01-01T00:00:00Z");
const signer = { key, commonName: "metadata.azure.com", now };
const { signature } = await signAzureDocument(key, { vmId: "vm-1", now });

function check(signature: string, at: Date = now): Promise<string> {
  return checkAzureIdentity(key, { signature, encoding: "pkcs7" }, at);
}

/** A document of these words, signed as it should be. */
function signed(text: string): Promise<string> {
  return signData(new TextEncoder().encode(text), signer);
}

/** The document with something in it changed, and not signed again. */
function changed(change: (data: SignedData) => void): string {
  const data = signedDataOf(signature);
  change(data);
  return wrapped(new Uint8Array(AsnConvert.serialize(data)));
}

/** As a ContentInfo: DER of at most 65535 bytes. */
function wrapped(data: Uint8Array, type = 0x02): string {
  const length = (size: number): number[] => [0x82, size >> 8, size & 0xff];
  const id = [0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, type];
  return Uint8Array.from([
    0x30,
    ...length(id.length + 4 + data.length),
    ...id,
    0xa0,
    ...length(data.length),
    ...data,
  ]).toBase64();
}

function signerOf(data: SignedData): SignerInfo {
  const [info] = data.signerInfos;
  assert(info);
  return info;
}

/** What is signed: the attributes as a SET (RFC 5652, section 5.4). */
function attributesOf({ signedAttrs }: SignerInfo): Buffer {
  const all = Buffer.concat(
    (signedAttrs ?? []).map((attribute) =>
      Buffer.from(AsnConvert.serialize(attribute))
    ),
  );
  assert(all.length < 128);
  return Buffer.concat([Buffer.of(0x31, all.length), all]);
}

/** The content with the first of these words replaced. */
function content(data: SignedData, from: string, to: string): OctetString {
  const text = new TextDecoder().decode(
    data.encapContentInfo.eContent?.single?.buffer,
  );
  assert(text.includes(from));
  return new OctetString(new TextEncoder().encode(text.replace(from, to)));
}

const cases: [string, string, string][] = [
  [
    "a changed byte",
    changed((data) => {
      const { eContent } = data.encapContentInfo;
      assert(eContent);
      eContent.single = content(data, "vm-1", "vm-2");
    }),
    "digest",
  ],
  [
    "a changed byte with the digest of it",
    changed((data) => {
      const { eContent } = data.encapContentInfo;
      assert(eContent);
      eContent.single = content(data, "vm-1", "vm-2");
      const digest = createHash("sha256")
        .update(Buffer.from(eContent.single.buffer)).digest();
      const value = AsnConvert.serialize(new OctetString(digest));
      for (const attribute of signerOf(data).signedAttrs ?? []) {
        if (attribute.attrType !== "1.2.840.113549.1.9.4") continue;
        attribute.attrValues = [value];
      }
    }),
    "signature is not one of",
  ],
  [
    "a changed signature",
    changed((data) => {
      const bytes = new Uint8Array(signerOf(data).signature.buffer);
      bytes[7] = (bytes[7] ?? 0) ^ 1;
      signerOf(data).signature = new OctetString(bytes);
    }),
    "signature is not one of",
  ],
  [
    "the key of another, whose certificate it brings",
    (await signAzureDocument(await makeSigningKey(), { vmId: "vm-1", now }))
      .signature,
    "signature is not one of",
  ],
  [
    "an attribute more",
    changed((data) =>
      void signerOf(data).signedAttrs?.push(
        new Attribute({ attrType: "1.2.3.4", attrValues: [] }),
      )
    ),
    "signature is not one of",
  ],
  [
    "no attributes",
    changed((data) => {
      signerOf(data).signedAttrs = new SignerInfo().signedAttrs ?? [];
    }),
    "not a PKCS#7 document",
  ],
  [
    "two digests",
    changed((data) => {
      const { signedAttrs = [] } = signerOf(data);
      const digest = signedAttrs.find(({ attrType }) =>
        attrType === "1.2.840.113549.1.9.4"
      );
      assert(digest);
      signedAttrs.push(digest);
    }),
    "not a PKCS#7 document",
  ],
  [
    "another type of content",
    changed((data) => {
      data.encapContentInfo.eContentType = "1.2.840.113549.1.9.16.1.4";
    }),
    "not a PKCS#7 document",
  ],
  [
    "an attribute that says another type of content",
    changed((data) => {
      for (const attribute of signerOf(data).signedAttrs ?? []) {
        if (attribute.attrType !== "1.2.840.113549.1.9.3") continue;
        attribute.attrValues = [Uint8Array.of(0x06, 1, 0x2a).buffer];
      }
    }),
    "not a PKCS#7 document",
  ],
  [
    "enveloped data",
    wrapped(new Uint8Array(AsnConvert.serialize(signedDataOf(signature))), 3),
    "not a PKCS#7 document",
  ],
  [
    "no signer",
    changed((data) => void data.signerInfos.splice(0)),
    "not a PKCS#7 document",
  ],
  [
    "two signers",
    changed((data) => void data.signerInfos.push(signerOf(data))),
    "not a PKCS#7 document",
  ],
  [
    "another digest algorithm",
    changed((data) => {
      signerOf(data).digestAlgorithm.algorithm = "1.3.14.3.2.26";
    }),
    "not a PKCS#7 document",
  ],
  [
    "another signature algorithm",
    changed((data) => {
      signerOf(data).signatureAlgorithm.algorithm = "1.2.840.113549.1.1.5";
    }),
    "not a PKCS#7 document",
  ],
  [
    "no content",
    changed((data) => {
      delete data.encapContentInfo.eContent;
    }),
    "not a PKCS#7 document",
  ],
  ["what is cut off", signature.slice(0, 400), "not a PKCS#7 document"],
  ["what has more after it", more(signature), "not a PKCS#7 document"],
  ["no DER", btoa("hunter2"), "not a PKCS#7 document"],
  ["nothing", "", "not a PKCS#7 document"],
  ["what is not base64", "?", "not base64"],
  ["a signed text that is not JSON", await signed("vm-1"), "no instance"],
  ["a signed document of nothing", await signed("{}"), "no instance"],
  ["a signed document without expiry", await signed('{"vmId":"vm-1"}'), "no "],
  [
    "an expiry that cannot be read",
    await signed('{"vmId":"vm-1","timeStamp":{"expiresOn":"2099-01-01"}}'),
    "expired",
  ],
  [
    "an expiry in a month that is none",
    await signed(
      '{"vmId":"vm-1","timeStamp":{"expiresOn":"13/01/99 00:00:00 -0000"}}',
    ),
    "expired",
  ],
];

function more(text: string): string {
  return Uint8Array.from([...Uint8Array.fromBase64(text), 5, 0]).toBase64();
}

describe("an Azure identity", () => {
  it("is what Azure's is", () => {
    const data = signedDataOf(signature);
    const text = new TextDecoder().decode(
      data.encapContentInfo.eContent?.single?.buffer,
    );
    assertEquals(JSON.parse(text), {
      licenseType: "",
      nonce: "20300101-000000",
      plan: { name: "", product: "", publisher: "" },
      sku: "12-gen2",
      subscriptionId: "3f0c9a52-61d7-4e0b-8d26-b7f1c5a4e983",
      timeStamp: {
        createdOn: "01/01/30 00:00:00 -0000",
        expiresOn: "01/01/30 06:00:00 -0000",
      },
      vmId: "vm-1",
    });
  });

  it("is signed as other implementations read it", () => {
    const data = signedDataOf(signature);
    const [choice] = data.certificates ?? [];
    assert(choice?.certificate);
    const certificate = new X509Certificate(
      Buffer.from(AsnConvert.serialize(choice.certificate)),
    );
    const { publicKey } = certificate;
    assertEquals(certificate.subject, "CN=metadata.azure.com");
    assert(certificate.verify(publicKey), "not signed by itself");
    const info = signerOf(data);
    const attributes = attributesOf(info);
    const value = Buffer.from(info.signature.buffer);
    assert(verify("sha256", attributes, publicKey, value));
    const digest = info.signedAttrs?.find(({ attrType }) =>
      attrType === "1.2.840.113549.1.9.4"
    )?.attrValues[0];
    assert(digest);
    const bytes = data.encapContentInfo.eContent?.single?.buffer;
    assert(bytes);
    assertEquals(
      Buffer.from(AsnConvert.parse(digest, OctetString).buffer),
      createHash("sha256").update(Buffer.from(bytes)).digest(),
    );
  });

  it("holds, also as another implementation writes it", async () => {
    assertEquals(await check(signature), "vm-1");
    assertEquals(await check(changed(() => {})), "vm-1");
  });

  it("holds for six hours", async () => {
    const after = (milliseconds: number): Date =>
      new Date(now.getTime() + 6 * 60 * 60 * 1000 + milliseconds);
    assertEquals(await check(signature, after(-1)), "vm-1");
    const error = await assertRejects(
      () => check(signature, after(0)),
      IdentityRefused,
    );
    assertStringIncludes(error.message, "expired");
  });

  for (const [name, text, reason] of cases) {
    it(`is refused for ${name}`, async () => {
      const error = await assertRejects(() => check(text), IdentityRefused);
      assertStringIncludes(error.message, reason);
    });
  }

  it("is refused, and nothing worse, wherever a byte is changed", async () => {
    const bytes = Uint8Array.fromBase64(signature);
    const held: number[] = [];
    for (let at = 0; at < bytes.length; at++) {
      const other = bytes.slice();
      other[at] = (other[at] ?? 0) ^ 0x81;
      const outcome = await check(other.toBase64()).catch((error) => error);
      if (outcome === "vm-1") held.push(at);
      else assert(outcome instanceof IdentityRefused, `at ${at}: ${outcome}`);
    }
    const whole = [...bytes].map((byte) => String.fromCharCode(byte)).join("");
    const start = whole.indexOf('{"licenseType');
    const end = whole.indexOf("}", whole.indexOf('"vmId"'));
    assertEquals(held.filter((at) => at >= start && at <= end), []);
  });
});
