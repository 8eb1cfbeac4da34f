import type { GetProof } from "./proof.ts";
import {
  askMetadata,
  METADATA_VARIABLES,
  type MetadataService,
  metadataUrl,
  unusable,
} from "./metadata.ts";

/** The default URL of EC2's metadata service. */
export const AWS_METADATA = "http://169.254.169.254";

const SERVICE: MetadataService = {
  name: "the AWS metadata service",
  cloud: "AWS",
  variable: METADATA_VARIABLES.aws,
};
/** The metadata token's lifetime: short, as it is used immediately. */
const TTL_SECONDS = "60";

/**
 * An EC2 instance's identity document and its signature, fetched with an IMDSv2
 * token.
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
