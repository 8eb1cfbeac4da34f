import type { Hono } from "hono";
import type { DevEnv } from "../guards.ts";

/** The error codes with their HTTP statuses: RFC 6749, section 5.2, RFC 8628, section 3.5, and RFC 8693, section 2.2.2. */
const ERRORS = {
  access_denied: 400,
  authorization_pending: 400,
  expired_token: 400,
  invalid_client: 401,
  invalid_grant: 400,
  invalid_request: 400,
  invalid_scope: 400,
  invalid_target: 400,
  slow_down: 400,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
} as const;

/** An error code of an OAuth endpoint (RFC 6749, section 5.2). */
export type OAuthErrorCode = keyof typeof ERRORS;

/** Thrown for a refused OAuth request. The description never quotes the request. */
export class OAuthError extends Error {
  constructor(
    readonly code: OAuthErrorCode,
    readonly description: string,
    readonly headers: Record<string, string> = {},
    /** The new interval of a `slow_down`, in seconds. */
    readonly interval: number | undefined = undefined,
  ) {
    super(description);
  }
}

/** The answer to a refused OAuth request (RFC 6749, section 5.2). */
export function oauthErrorAnswer(
  { code, description, headers }: OAuthError,
  status: number = ERRORS[code],
): Response {
  const body = { error: code, error_description: description };
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: {
      "Content-Type": "application/json",
      "Cache-Control": "no-store",
      Pragma: "no-cache",
      ...headers,
    },
  });
}

/** Turns each {@linkcode OAuthError} of these routes into its answer (RFC 6749, section 5.2). */
export function answerOAuthErrors(app: Hono<DevEnv>): void {
  app.onError((error) => {
    if (!(error instanceof OAuthError)) throw error;
    return oauthErrorAnswer(error);
  });
}
