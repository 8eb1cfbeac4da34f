import * as v from "valibot";
import type { GetProof } from "./proof.ts";
import {
  askMetadata,
  METADATA_VARIABLES,
  type MetadataService,
  metadataUrl,
  unusable,
} from "./metadata.ts";

/** The default URL of Azure's metadata service. */
export const AZURE_METADATA = "http://169.254.169.254";

const SERVICE: MetadataService = {
  name: "the Azure metadata service",
  cloud: "Azure",
  variable: METADATA_VARIABLES.azure,
};

const attestedSchema = v.object({
  signature: v.pipe(v.string(), v.nonEmpty()),
  encoding: v.string(),
});

/**
 * An Azure virtual machine's attested document: base64-encoded PKCS#7.
 *
 * Throws as {@linkcode askMetadata} does.
 */
export const azureProof: GetProof = async (metadata, env) => {
  const client = metadata(metadataUrl(env, SERVICE, AZURE_METADATA));
  const text = await askMetadata(client, {
    path: "/metadata/attested/document?api-version=2020-09-01",
    headers: [["metadata", "true"]],
  }, SERVICE);
  const result = v.safeParse(attestedSchema, parsed(text));
  if (!result.success) {
    throw unusable(
      SERVICE,
      client,
      "answered with something that is no attested document",
    );
  }
  return { cloud: "azure", ...result.output };
};

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
