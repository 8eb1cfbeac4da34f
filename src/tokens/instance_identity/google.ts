import type { GetProof } from "./proof.ts";
import {
  askMetadata,
  METADATA_VARIABLES,
  type MetadataService,
  metadataUrl,
  unusable,
} from "./metadata.ts";

/** The default host of Compute Engine's metadata server. */
export const GOOGLE_METADATA = "metadata.google.internal";

const SERVICE: MetadataService = {
  name: "the Google metadata service",
  cloud: "Google Cloud",
  variable: METADATA_VARIABLES.google,
};

/**
 * The identity token of a Compute Engine instance's default service account: a
 * JWT (RFC 7519) issued for the audience.
 *
 * Throws as {@linkcode askMetadata} does.
 */
export const googleProof: GetProof = async (metadata, env, audience) => {
  const client = metadata(metadataUrl(env, SERVICE, GOOGLE_METADATA));
  const query = new URLSearchParams({ audience, format: "full" });
  const jsonWebToken = (await askMetadata(client, {
    path:
      `/computeMetadata/v1/instance/service-accounts/default/identity?${query}`,
    headers: [["metadata-flavor", "Google"]],
  }, SERVICE)).trim();
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(jsonWebToken)) {
    throw unusable(SERVICE, client, "answered with something that is no JWT");
  }
  return { cloud: "google", jsonWebToken };
};
