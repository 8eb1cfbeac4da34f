import * as v from "valibot";
import { IdentityRefused, type SigningKey } from "./cloud.ts";
import { signData, verifyData } from "./signed_data.ts";

/** An Azure instance's proof of identity, as the metadata service returned it. */
export interface AzureIdentity {
  /** Base64-encoded PKCS#7 SignedData. */
  signature: string;
  encoding: "pkcs7";
}

/** The parameters of an attested document. */
export interface AzureWish {
  vmId: string;
  /** Up to ten digits; the time if omitted. */
  nonce?: string | undefined;
  now: Date;
}

const SIX_HOURS = 6 * 60 * 60 * 1000;
const Attested = v.object({
  vmId: v.string(),
  timeStamp: v.object({ expiresOn: v.string() }),
});

/** An instance's attested document, valid for six hours like Azure's. */
export async function signAzureDocument(
  key: SigningKey,
  { vmId, nonce, now }: AzureWish,
): Promise<AzureIdentity> {
  const [date, time] = now.toISOString().replace(/[-:]/g, "").split(/[T.]/);
  const document = {
    licenseType: "",
    nonce: nonce ?? `${date}-${time}`,
    plan: { name: "", product: "", publisher: "" },
    sku: "12-gen2",
    subscriptionId: "3f0c9a52-61d7-4e0b-8d26-b7f1c5a4e983",
    timeStamp: {
      createdOn: azureTime(now),
      expiresOn: azureTime(new Date(now.getTime() + SIX_HOURS)),
    },
    vmId,
  };
  const content = new TextEncoder().encode(JSON.stringify(document));
  const signer = { key, commonName: "metadata.azure.com", now };
  return { encoding: "pkcs7", signature: await signData(content, signer) };
}

/**
 * The instance ID in an attested document, after verifying its signature and
 * expiry.
 *
 * @throws {IdentityRefused}
 */
export async function checkAzureIdentity(
  key: SigningKey,
  { signature }: AzureIdentity,
  now: Date,
): Promise<string> {
  const content = await verifyData(signature, key);
  const schema = v.pipe(v.string(), v.parseJson(), Attested);
  const result = v.safeParse(schema, new TextDecoder().decode(content));
  if (!result.success) {
    throw new IdentityRefused("The document names no instance or no expiry.");
  }
  const { vmId, timeStamp } = result.output;
  const expiry = fromAzureTime(timeStamp.expiresOn);
  if (expiry !== undefined && now < expiry) return vmId;
  throw new IdentityRefused("The document has expired.");
}

/** Azure's format, such as `11/28/18 06:16:17 -0000`: month first, in UTC. */
function azureTime(date: Date): string {
  const [, year, month, day, time] =
    /^\d\d(\d\d)-(\d\d)-(\d\d)T([\d:]+)/.exec(date.toISOString()) ?? [];
  return `${month}/${day}/${year} ${time} -0000`;
}

function fromAzureTime(text: string): Date | undefined {
  const [, month, day, year, time] =
    /^(\d\d)\/(\d\d)\/(\d\d) (\d\d:\d\d:\d\d) -0000$/.exec(text) ?? [];
  const date = new Date(`20${year}-${month}-${day}T${time}Z`);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
