import { OperationProcessingError, ResponseBodyError } from "oauth4webapi";
import { type ErrorCode, NanoctlError } from "../../errors.ts";
import { clockNote, shownDetail } from "../problem.ts";
import { answerBehind } from "./transport.ts";

/** What an OAuth server refused a request with (RFC 6749, section 5.2). */
interface Refusal {
  status: number;
  /** Such as `slow_down`. */
  error: string;
  description: string;
  response: Response;
}

/** What stands for an error code where a server sends the status alone, as Glewlwyd does. */
export function bareStatus(status: number): string {
  return `status ${status}`;
}

function refusalIn(error: unknown): Refusal | undefined {
  if (error instanceof ResponseBodyError) {
    const { status, response } = error;
    // The library says that it is a text, but does not check it.
    const said: unknown = error.error_description;
    const description = typeof said === "string" ? said : "";
    return { status, error: error.error, description, response };
  }
  if (!(error instanceof OperationProcessingError)) return undefined;
  const { cause } = error;
  if (!(cause instanceof Response) || answerBehind(cause)?.text !== "") {
    return undefined;
  }
  const { status } = cause;
  return {
    status,
    error: bareStatus(status),
    description: "",
    response: cause,
  };
}

/** The error code of an OAuth answer, such as `slow_down` (RFC 6749, section 5.2); undefined for other errors. */
export function oauthErrorOf(error: unknown): string | undefined {
  return refusalIn(error)?.error;
}

/** What the errors of one kind of request mean. */
export interface Meaning {
  code: ErrorCode;
  /** Such as "the login was denied". */
  what: string;
  hint?: string;
  /** Whether it may be a matter of clocks that differ. */
  isOfTime?: true;
}

const CLIENT_REFUSED: Meaning = {
  code: "login_denied",
  what: "does not accept the client",
  hint: "check --client-id, and the client's secret if it has one",
};

const NOT_OFFERED: Meaning = {
  code: "login_denied",
  what: "does not offer this way of logging in",
  hint: "log in another way: nanoctl login --help",
};

/** Errors that concern the client, whatever it asks for. */
const COMMON: Record<string, Meaning> = {
  invalid_client: CLIENT_REFUSED,
  [bareStatus(401)]: CLIENT_REFUSED,
  [bareStatus(403)]: CLIENT_REFUSED,
  unauthorized_client: {
    code: "login_denied",
    what: "does not allow this way of logging in for the client",
    hint: "check --client-id and which grants the server allows it",
  },
  // GitHub's own, and what it says of a client that it doesn't know.
  incorrect_client_credentials: CLIENT_REFUSED,
  "Not Found": CLIENT_REFUSED,
  device_flow_disabled: NOT_OFFERED,
  unsupported_grant_type: NOT_OFFERED,
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
  const refusal = refusalIn(error);
  const meaning = refusal &&
    (ownOf(meanings, refusal.error) ?? ownOf(COMMON, refusal.error));
  if (!refusal || !meaning && !(error instanceof ResponseBodyError)) {
    return new NanoctlError(
      "service_response",
      `${origin} answered in the wrong shape${shownDetail(error.message)}`,
      "check that the URL is that of an OAuth server",
    );
  }
  const { status, response } = refusal;
  const detail = shownDetail(refusal.description);
  if (meaning) {
    const { code, what, hint, isOfTime } = meaning;
    const answer = isOfTime && answerBehind(response);
    return new NanoctlError(
      code,
      `${origin} ${what} (${known(refusal.error)})${detail}${
        answer ? clockNote(answer) : ""
      }`,
      hint,
    );
  }
  return new NanoctlError(
    "service_response",
    `${origin} refused the request with status ${status}: ${
      known(refusal.error)
    }${detail}`,
    "check that the URL is that of an OAuth server",
  );
}

/** A server could name what every object has, such as `constructor`. */
function ownOf(
  meanings: Record<string, Meaning>,
  code: string,
): Meaning | undefined {
  return Object.hasOwn(meanings, code) ? meanings[code] : undefined;
}

/** An error code as it may be shown (RFC 6749, section 5.2). */
function known(code: string): string {
  return /^([a-z_]{1,40}|status \d{3})$/.test(code) ? code : "unknown error";
}
