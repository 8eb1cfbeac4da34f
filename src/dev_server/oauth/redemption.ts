import { Secret } from "../../secret.ts";
import {
  type ClientRequest,
  parameter,
  requiredParameter,
} from "./client_request.ts";
import { DEVICE_CODE, REFRESH_TOKEN } from "./clients.ts";
import type { IssuedTokens } from "./grants.ts";
import { OAuthError } from "./oauth_errors.ts";
import type { OAuthState } from "./oauth_state.ts";

/** The tokens for an approved device code (RFC 8628, section 3.4). Throws an `OAuthError`. */
export async function redeemDeviceCode(
  { devices, grants }: OAuthState,
  { client, form }: ClientRequest,
): Promise<IssuedTokens> {
  const code = new Secret(requiredParameter(form, "device_code"));
  const { scopes, username } = await devices.redeem(client, code);
  return await grants.start(
    { client, username, scopes },
    { withRefresh: true },
  );
}

/** The tokens for a refresh token (RFC 6749, section 6). Throws an `OAuthError`. */
export async function redeemRefreshToken(
  { grants }: OAuthState,
  { client, form }: ClientRequest,
): Promise<IssuedTokens> {
  const token = new Secret(requiredParameter(form, "refresh_token"));
  return await grants.refresh(client, token, parameter(form, "scope"));
}

/** The tokens of a service that knows these two grants; `refusal` is what it says of another. Throws an `OAuthError`. */
export async function redeem(
  oauth: OAuthState,
  request: ClientRequest,
  refusal: string,
): Promise<IssuedTokens> {
  switch (requiredParameter(request.form, "grant_type")) {
    case DEVICE_CODE:
      return await redeemDeviceCode(oauth, request);
    case REFRESH_TOKEN:
      return await redeemRefreshToken(oauth, request);
    default:
      throw new OAuthError("unsupported_grant_type", refusal);
  }
}
