import type { Grant } from "../grant.ts";
import { isObject } from "../json.ts";
import { Secret } from "../secret.ts";

/** A grant as the sealed envelope holds it (docs/credential_file.md). */
export function sealedGrant(grant: Grant): Record<string, unknown> {
  return {
    issuer: grant.issuer,
    client_id: grant.clientId,
    client_secret: grant.clientSecret?.reveal(),
    token_endpoint: grant.tokenEndpoint,
    revocation_endpoint: grant.revocationEndpoint,
  };
}

/** The grant in an opened envelope; undefined if it holds none. */
export function grantIn(sealed: unknown): Grant | undefined {
  if (!isObject(sealed)) return undefined;
  const { issuer, client_id, client_secret, token_endpoint } = sealed;
  const { revocation_endpoint } = sealed;
  if (
    typeof issuer !== "string" || typeof client_id !== "string" ||
    typeof token_endpoint !== "string"
  ) return undefined;
  return {
    issuer,
    clientId: client_id,
    tokenEndpoint: token_endpoint,
    ...(typeof client_secret === "string"
      ? { clientSecret: new Secret(client_secret) }
      : {}),
    ...(typeof revocation_endpoint === "string"
      ? { revocationEndpoint: revocation_endpoint }
      : {}),
  };
}
