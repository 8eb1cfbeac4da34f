import { NanoctlError } from "../errors.ts";
import type { HttpAnswer, HttpRequest } from "../http/messages.ts";
import type { HttpClient } from "../http/client.ts";
import { clockDifference } from "../http/clock.ts";
import { parseRetryAfter } from "../http/retry.ts";
import { isWebPage, WEB_PAGE, WEB_PAGE_HINT } from "../http/web_page.ts";
import { withoutSecrets } from "../secret.ts";

/** Why a token was refused. */
export type RefusalCode = "token_invalid" | "token_expired" | "token_revoked";

/** What a service's own error body tells. */
export interface ProblemReading {
  /** Why the token was refused, if the status is 401. */
  refusal: RefusalCode;
  /** The service's message for a person; may be empty. */
  detail: string;
  /** Whether the detail says more of a refusal than its code does. */
  detailedRefusal?: boolean;
  /** What the answer means, where the status alone does not say it. */
  means?: Meaning;
  /** When the service takes requests again, where it says so elsewhere than in `Retry-After`. */
  until?: Date | undefined;
}

/** What an answer other than 2xx can mean, whatever its status. */
export type Meaning =
  | RefusalCode
  | "insufficient_scope"
  | "rate_limited"
  | "service_error";

/** How much of what a service says of a failure is shown, in UTF-16 code units. */
const DETAIL_LIMIT = 500;

const REFUSALS: Record<RefusalCode, string> = {
  token_invalid: "it is not valid",
  token_expired: "it has expired",
  token_revoked: "it was revoked",
};

/**
 * What an answer other than 2xx to a request with the token from `source`
 * means, or one that is a web page, whatever its status.
 */
export function problemOf(
  answer: HttpAnswer,
  source: string,
  reading: ProblemReading,
): NanoctlError {
  const { status, url } = answer;
  if (isWebPage(answer)) return webPage(answer);
  const detail = shownDetail(reading.detail);
  if (answer.leftOrigin) {
    return new NanoctlError(
      "redirect_refused",
      `the service redirected to ${url.origin}, where its token is not sent (${status})`,
      `if that is the service, name it with --url ${url.origin}`,
    );
  }
  const means = reading.means ?? meaningOf(status, reading.refusal);
  switch (means) {
    case "insufficient_scope":
      return new NanoctlError(
        means,
        `the token from ${source} lacks a scope for this${detail}`,
        "make a token with more scopes",
      );
    case "rate_limited":
      return rateLimited(
        answer,
        `${url.origin} takes no more requests for now (${status})`,
        reading.until,
      );
    case "service_error":
      return failed(
        answer,
        `${url.origin} failed with status ${status}${detail}`,
      );
    case undefined:
      return new NanoctlError(
        "service_response",
        `${url.origin} answered with the unexpected status ${status}${detail}`,
        "check that the URL is the service's",
      );
    default:
      return refused(
        answer,
        source,
        means,
        reading.detailedRefusal ? detail : "",
      );
  }
}

function meaningOf(status: number, refusal: RefusalCode): Meaning | undefined {
  if (status === 401) return refusal;
  if (status === 403) return "insufficient_scope";
  if (status === 429) return "rate_limited";
  return status >= 500 ? "service_error" : undefined;
}

function refused(
  answer: HttpAnswer,
  source: string,
  refusal: RefusalCode,
  detail: string,
): NanoctlError {
  const note = refusal === "token_expired" ? clockNote(answer) : "";
  return new NanoctlError(
    refusal,
    `${answer.url.origin} refused the token from ${source}: ${
      REFUSALS[refusal]
    }${detail}${note}`,
  );
}

/**
 * Sends a request and gives the answer to what is 2xx and no web page; throws
 * `problem`'s error for the rest.
 */
export async function sendOk(
  client: HttpClient,
  request: HttpRequest,
  problem: (answer: HttpAnswer, source: string) => NanoctlError,
): Promise<HttpAnswer> {
  const answer = await client.send(request);
  // Before a service reads more into the status than it has to say of it.
  if (isWebPage(answer)) throw webPage(answer);
  if (!answer.leftOrigin && answer.status >= 200 && answer.status < 300) {
    return answer;
  }
  throw problem(answer, client.provider?.source ?? "no token");
}

/** The service knows no such provider. */
export function unknownProvider(shown: string, origin: string): NanoctlError {
  return new NanoctlError(
    "provider_unknown",
    `${origin} knows no external provider ${shown}`,
    "see 'nanoctl external-auth list'",
  );
}

/** The service's message after a colon, if there is one. */
export function shownDetail(detail: string): string {
  // Before it is cut: what is left of a secret would not be found any more.
  const shown = withoutSecrets(detail);
  if (shown.length > DETAIL_LIMIT) return `: ${shown.slice(0, DETAIL_LIMIT)}…`;
  return shown === "" ? "" : `: ${shown}`;
}

/** Behind a semicolon, how the clocks differ: to one of them nothing may have expired. */
export function clockNote(answer: HttpAnswer): string {
  const difference = clockDifference(answer);
  return difference ? `; ${difference}` : "";
}

/** Something else than the API answered. */
function webPage(answer: HttpAnswer): NanoctlError {
  const { status, url, leftOrigin } = answer;
  const who = leftOrigin
    ? `the service redirected to ${url.origin}, which`
    : url.origin;
  const message = `${who} answered with ${WEB_PAGE}${
    status === 200 ? "" : ` (status ${status})`
  }`;
  if (!leftOrigin && status === 429) return rateLimited(answer, message);
  if (!leftOrigin && status >= 500) return failed(answer, message);
  return new NanoctlError("service_response", message, WEB_PAGE_HINT);
}

function rateLimited(
  answer: HttpAnswer,
  message: string,
  until?: Date,
): NanoctlError {
  const hint = tryAgain(answer, "try again in", until);
  return new NanoctlError("rate_limited", message, hint);
}

function failed(answer: HttpAnswer, message: string): NanoctlError {
  return new NanoctlError(
    "service_error",
    message,
    `the fault is the service's: ${tryAgain(answer, "try again later, in")}`,
  );
}

/** When another try makes sense: what `Retry-After` says, else what the service says in its own way. */
function tryAgain(
  { headers, receivedAt }: HttpAnswer,
  words: string,
  until?: Date,
): string {
  const seconds = parseRetryAfter(headers.get("retry-after"), receivedAt) ??
    (until && Math.max(1, (until.getTime() - receivedAt.getTime()) / 1000));
  if (seconds === undefined) return "try again later";
  const whole = Math.ceil(seconds);
  return `${words} ${whole} ${whole === 1 ? "second" : "seconds"}`;
}
