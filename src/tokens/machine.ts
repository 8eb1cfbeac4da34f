import type { GrantedTokens, OAuthGrant, OAuthMachineLogin } from "../grant.ts";
import type { HttpClient } from "../http/client.ts";
import {
  clientCredentials,
  exchangeToken,
} from "../services/oauth/machine_login.ts";
import { type Endpoint, endpointOfGrant } from "../services/oauth/server.ts";
import { tokenFile } from "./file.ts";

/**
 * Logs a machine in. The workload's token is read each time, as those who mount
 * it replace it before it expires.
 *
 * Throws `login_denied`, `not_logged_in` for a file that can't be read,
 * `token_invalid` for one that holds no token, and what the client throws.
 */
export async function machineLogin(
  endpoint: Endpoint,
  { way, scope, audience, subjectTokenFile = "" }: OAuthMachineLogin,
  now: () => Date,
): Promise<GrantedTokens> {
  const wanted = { scope, audience };
  if (way === "client-credentials") {
    return await clientCredentials(endpoint, wanted, now);
  }
  const { secret } = await tokenFile(subjectTokenFile, way).getToken();
  return await exchangeToken(endpoint, secret, wanted, now);
}

/** Logs a machine in at its OAuth server as it did before. Throws as {@linkcode machineLogin} does. */
export async function logInAgain(
  http: HttpClient,
  grant: OAuthGrant,
  now: () => Date,
): Promise<GrantedTokens> {
  const { machine } = grant;
  if (!machine) throw new Error("a person's login has no way to be repeated");
  return await machineLogin(endpointOfGrant(http, grant), machine, now);
}
