import { ResponseBodyError } from "oauth4webapi";
import { type ErrorCode, NanoctlError } from "../../errors.ts";
import { shownDetail } from "../problem.ts";

/** The error code of an OAuth answer, such as `slow_down` (RFC 6749, section 5.2); undefined for other errors. */
export function oauthErrorOf(error: unknown): string | undefined {
  return error instanceof ResponseBodyError ? error.error : undefined;
}

/** What the errors of one kind of request mean. */
export interface Meaning {
  code: ErrorCode;
  /** Such as "the login was denied". */
  what: string;
  hint?: string;
}

/** Errors that concern the client, whatever it asks for. */
const COMMON: Record<string, Meaning> = {
  invalid_client: {
    code: "login_denied",
    what: "does not accept the client",
    hint: "check --client-id, and the client's secret if it has one",
  },
  unauthorized_client: {
    code: "login_denied",
    what: "does not allow this way of logging in for the client",
    hint: "check --client-id and which grants the server allows it",
  },
  unsupported_grant_type: {
    code: "login_denied",
    what: "does not offer this way of logging in",
    hint: "log in another way: nanoctl login --help",
  },
  invalid_scope: {
    code: "login_denied",
    what: "does not grant what was asked for",
    hint: "check --scope",
  },
};

/**
 * What a failed OAuth request means. `meanings` says more of the server's error
 * codes; our own errors stay as they are.
 */
export function oauthProblem(
  error: unknown,
  issuer: string,
  meanings: Record<string, Meaning> = {},
): unknown {
  if (error instanceof NanoctlError || !(error instanceof Error)) return error;
  const { origin } = new URL(issuer);
  if (!(error instanceof ResponseBodyError)) {
    return new NanoctlError(
      "service_response",
      `${origin} answered in the wrong shape${shownDetail(error.message)}`,
      "check that the URL is that of an OAuth server",
    );
  }
  const detail = shownDetail(error.error_description ?? "");
  const meaning = meanings[error.error] ?? COMMON[error.error];
  if (meaning) {
    const { code, what, hint } = meaning;
    return new NanoctlError(
      code,
      `${origin} ${what} (${known(error.error)})${detail}`,
      hint,
    );
  }
  return new NanoctlError(
    "service_response",
    `${origin} refused the request with status ${error.status}: ${
      known(error.error)
    }${detail}`,
    "check that the URL is that of an OAuth server",
  );
}

/** An error code as it may be shown (RFC 6749, section 5.2). */
function known(code: string): string {
  return /^[a-z_]{1,40}$/.test(code) ? code : "unknown error";
}
