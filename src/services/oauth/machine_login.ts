import {
  clientCredentialsGrantRequest,
  genericTokenEndpointRequest,
  processClientCredentialsResponse,
  processGenericTokenEndpointResponse,
} from "oauth4webapi";
import type { Secret } from "../../secret.ts";
import type { GrantedTokens } from "../../grant.ts";
import { type Meaning, oauthProblem } from "./problem.ts";
import type { Endpoint } from "./server.ts";
import { tokensIn } from "./tokens.ts";

const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT = "urn:ietf:params:oauth:token-type:jwt";

/** What is asked for, apart from the proof. */
export interface Wanted {
  scope?: string | undefined;
  /** Where the token is to be used (RFC 8693, section 2.1). */
  audience?: string | undefined;
}

/**
 * A token for the client itself (RFC 6749, section 4.4).
 *
 * Throws `login_denied` if the server refuses the client, and what the client throws.
 */
export async function clientCredentials(
  { server, client, auth, transport }: Endpoint,
  wanted: Wanted,
  now: () => Date,
): Promise<GrantedTokens> {
  try {
    const answer = await clientCredentialsGrantRequest(
      server,
      client,
      auth,
      parametersOf(wanted),
      transport,
    );
    return tokensIn(
      await processClientCredentialsResponse(server, client, answer),
      now(),
    );
  } catch (error) {
    throw oauthProblem(error, server.issuer);
  }
}

const REFUSED: Meaning = {
  code: "login_denied",
  what: "does not accept the workload's token",
  hint: "check the token's audience and expiry, and whom the server trusts",
  isOfTime: true,
};

/**
 * A token in exchange for a workload's own (RFC 8693, section 2.1).
 *
 * Throws `login_denied` if the server does not accept it, and what the client throws.
 */
export async function exchangeToken(
  { server, client, auth, transport }: Endpoint,
  subject: Secret,
  wanted: Wanted,
  now: () => Date,
): Promise<GrantedTokens> {
  try {
    const answer = await genericTokenEndpointRequest(
      server,
      client,
      auth,
      EXCHANGE,
      {
        ...parametersOf(wanted),
        subject_token: subject.reveal(),
        subject_token_type: JWT,
      },
      transport,
    );
    return tokensIn(
      await processGenericTokenEndpointResponse(server, client, answer),
      now(),
    );
  } catch (error) {
    throw oauthProblem(error, server.issuer, {
      invalid_request: REFUSED,
      invalid_grant: REFUSED,
      invalid_target: REFUSED,
    });
  }
}

function parametersOf({ scope, audience }: Wanted): Record<string, string> {
  return {
    ...(scope === undefined ? {} : { scope }),
    ...(audience === undefined ? {} : { audience }),
  };
}
