import { Secret } from "../../secret.ts";
import { DEFAULT_SCOPES } from "../state.ts";
import {
  type ClientRequest,
  parameter,
  requiredParameter,
} from "./client_request.ts";
import type { IssuedTokens } from "./grants.ts";
import { OAuthError } from "./oauth_errors.ts";
import type { OAuthState } from "./oauth_state.ts";
import { grantedScopes } from "./scopes.ts";

/** The type of the token that an exchange gives (RFC 8693, section 3). */
export const ACCESS_TOKEN_TYPE =
  "urn:ietf:params:oauth:token-type:access_token";

const SUBJECT_TYPES = [
  "urn:ietf:params:oauth:token-type:jwt",
  "urn:ietf:params:oauth:token-type:id_token",
];

/**
 * An access token in exchange for a workload's own (RFC 8693, section 2). Its
 * user is named like the workload.
 *
 * @throws {OAuthError} `invalid_request`; `invalid_target` for a token that is to
 * be used elsewhere; `invalid_scope`.
 */
export async function exchangeToken(
  { grants, workloadKey }: OAuthState,
  { client, form }: ClientRequest,
  issuer: string,
): Promise<IssuedTokens> {
  const subjectToken = new Secret(requiredParameter(form, "subject_token"));
  checkTypes(form);
  checkTargets(form, issuer);
  const scope = parameter(form, "scope");
  const scopes = grantedScopes(scope, DEFAULT_SCOPES, DEFAULT_SCOPES);
  const subject = await workloadKey.check(subjectToken, issuer);
  const username = subject.replace(/[^\w.-]/g, "-");
  return await grants.start(
    { client, username, scopes },
    { withRefresh: false },
  );
}

/** RFC 8693, section 2.1. */
function checkTypes(form: URLSearchParams): void {
  const refuse = (description: string): never => {
    throw new OAuthError("invalid_request", description);
  };
  if (!SUBJECT_TYPES.includes(requiredParameter(form, "subject_token_type"))) {
    refuse("The subject_token_type is not that of a JWT or an ID token.");
  }
  const wanted = parameter(form, "requested_token_type");
  if (wanted !== undefined && wanted !== ACCESS_TOKEN_TYPE) {
    refuse("The requested_token_type is not that of an access token.");
  }
  if (parameter(form, "actor_token") ?? parameter(form, "actor_token_type")) {
    refuse("There is no delegation here, so an actor_token cannot be taken.");
  }
}

/** Refuses a token for any other service (RFC 8693, section 2.2.2). */
function checkTargets(form: URLSearchParams, issuer: string): void {
  const targets = [...form.getAll("audience"), ...form.getAll("resource")];
  if (targets.every((target) => ["", issuer, `${issuer}/`].includes(target))) {
    return;
  }
  throw new OAuthError(
    "invalid_target",
    "The service issues tokens for itself only.",
  );
}
