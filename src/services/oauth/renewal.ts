import {
  processRefreshTokenResponse,
  processRevocationResponse,
  refreshTokenGrantRequest,
  revocationRequest,
} from "oauth4webapi";
import type { HttpClient } from "../../http/client.ts";
import type { Secret } from "../../secret.ts";
import type { GrantedTokens, OAuthGrant } from "../../grant.ts";
import {
  bareStatus,
  type Meaning,
  oauthErrorOf,
  oauthProblem,
} from "./problem.ts";
import { endpointOfGrant } from "./server.ts";
import { tokensIn } from "./tokens.ts";

const ENDED: Meaning = {
  code: "login_ended",
  what: "does not renew the login any more",
  isOfTime: true,
};

/**
 * Spends a refresh token (RFC 6749, section 6).
 *
 * Throws `login_ended` if the server does not accept it any more, and what the
 * client throws.
 */
export async function refresh(
  http: HttpClient,
  grant: OAuthGrant,
  refreshToken: Secret,
  now: () => Date,
): Promise<GrantedTokens> {
  const { server, client, auth, transport } = endpointOfGrant(http, grant);
  try {
    const answer = await refreshTokenGrantRequest(
      server,
      client,
      auth,
      refreshToken.reveal(),
      transport,
    );
    return tokensIn(
      await processRefreshTokenResponse(server, client, answer),
      now(),
      refreshToken,
    );
  } catch (error) {
    throw oauthProblem(error, grant.issuer, {
      invalid_grant: ENDED,
      invalid_client: ENDED,
      unauthorized_client: ENDED,
      [bareStatus(400)]: ENDED,
      [bareStatus(401)]: ENDED,
      [bareStatus(403)]: ENDED,
    });
  }
}

/**
 * Ends a login at the server (RFC 7009): the refresh token, then the access
 * token, which many servers end along with it. False if the server has no such
 * endpoint.
 *
 * Throws what the client throws, and `service_response`.
 */
export async function revokeTokens(
  http: HttpClient,
  grant: OAuthGrant,
  { token, refreshToken }: Pick<GrantedTokens, "token" | "refreshToken">,
): Promise<boolean> {
  if (grant.revocationEndpoint === undefined) return false;
  const { server, client, auth, transport } = endpointOfGrant(http, grant);
  const given: [secret: Secret | undefined, type: string][] = [
    [refreshToken, "refresh_token"],
    [token, "access_token"],
  ];
  for (const [secret, token_type_hint] of given) {
    if (!secret) continue;
    try {
      await processRevocationResponse(
        await revocationRequest(server, client, auth, secret.reveal(), {
          ...transport,
          additionalParameters: { token_type_hint },
        }),
      );
    } catch (error) {
      // Some servers revoke refresh tokens only (RFC 7009, section 2.2.1).
      if (
        token_type_hint === "access_token" && refreshToken &&
        oauthErrorOf(error) === "unsupported_token_type"
      ) continue;
      throw oauthProblem(error, grant.issuer);
    }
  }
  return true;
}
