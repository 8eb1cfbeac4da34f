import * as v from "valibot";
import {
  fromBase64,
  IdentityRefused,
  RSA_SHA256,
  type SigningKey,
} from "./cloud.ts";

/** An AWS instance's proof of identity, exactly as the metadata service returned it. */
export interface AwsIdentity {
  document: string;
  signature: string;
}

const LINE = 76;
const Document = v.object({ instanceId: v.string() });

/** An instance's identity document, formatted like AWS's, as the signature covers its bytes. */
export function awsDocument(instanceId: string, started: Date): string {
  const fields = {
    accountId: "123456789012",
    architecture: "x86_64",
    availabilityZone: "eu-central-1a",
    billingProducts: null,
    devpayProductCodes: null,
    marketplaceProductCodes: null,
    imageId: "ami-0a1b2c3d4e5f60718",
    instanceId,
    instanceType: "t3.micro",
    kernelId: null,
    pendingTime: started.toISOString().replace(/\.\d+Z$/, "Z"),
    privateIp: "10.0.0.7",
    ramdiskId: null,
    region: "eu-central-1",
    version: "2017-09-30",
  };
  const lines = Object.entries(fields).map(([name, value]) =>
    `  "${name}" : ${JSON.stringify(value)}`
  );
  return `{\n${lines.join(",\n")}\n}`;
}

/** The base64 RSA signature of a document, in lines of 76 characters like AWS's. */
export async function signAwsDocument(
  { privateKey }: SigningKey,
  document: string,
): Promise<string> {
  const bytes = new TextEncoder().encode(document);
  const signature = await crypto.subtle.sign(RSA_SHA256, privateKey, bytes);
  const text = new Uint8Array(signature).toBase64();
  return text.match(new RegExp(`.{1,${LINE}}`, "g"))?.join("\n") ?? "";
}

/**
 * The instance ID in an identity document, after verifying its signature.
 *
 * @throws {IdentityRefused}
 */
export async function checkAwsIdentity(
  { publicKey }: SigningKey,
  { document, signature }: AwsIdentity,
): Promise<string> {
  const signed = fromBase64(signature);
  if (signed === undefined) {
    throw new IdentityRefused("The signature is not base64.");
  }
  const bytes = new TextEncoder().encode(document);
  if (!await crypto.subtle.verify(RSA_SHA256, publicKey, signed, bytes)) {
    throw new IdentityRefused(
      "The signature is not one of this document by the key of this AWS.",
    );
  }
  // Never parse an unsigned document.
  const result = v.safeParse(
    v.pipe(v.string(), v.parseJson(), Document),
    document,
  );
  if (result.success) return result.output.instanceId;
  throw new IdentityRefused("The document names no instance.");
}
