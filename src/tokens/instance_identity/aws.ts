import type { GetProof } from "./proof.ts";
import {
  askMetadata,
  METADATA_VARIABLES,
  type MetadataService,
  metadataUrl,
  unusable,
} from "./metadata.ts";

/** Where an EC2 instance finds its metadata service. */
export const AWS_METADATA = "http://169.254.169.254";

const SERVICE: MetadataService = {
  name: "the AWS metadata service",
  cloud: "AWS",
  variable: METADATA_VARIABLES.aws,
};
/** How long the metadata token is to last: it is used at once. */
const TTL_SECONDS = "60";

/**
 * The signed instance identity document of an EC2 instance, by IMDSv2: a token
 * first, and with it the signature and the document.
 *
 * Throws as {@linkcode askMetadata} does.
 */
export const awsProof: GetProof = async (metadata, env) => {
  const client = metadata(metadataUrl(env, SERVICE, AWS_METADATA));
  const token = (await askMetadata(client, {
    method: "PUT",
    path: "/latest/api/token",
    headers: [["x-aws-ec2-metadata-token-ttl-seconds", TTL_SECONDS]],
  }, SERVICE)).trim();
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw unusable(
      SERVICE,
      client,
      "answered with something that is no metadata token",
    );
  }
  const headers: [string, string][] = [["x-aws-ec2-metadata-token", token]];
  const path = "/latest/dynamic/instance-identity";
  const [signature, document] = await Promise.all([
    askMetadata(client, { path: `${path}/signature`, headers }, SERVICE),
    askMetadata(client, { path: `${path}/document`, headers }, SERVICE),
  ]);
  return { cloud: "aws", signature, document };
};
