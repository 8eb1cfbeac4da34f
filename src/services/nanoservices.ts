import * as v from "valibot";
import { type ErrorCode, NanoctlError } from "../errors.ts";
import type { HttpAnswer, HttpClient } from "../http/client.ts";
import { parseRetryAfter } from "../http/retry.ts";
import { errorBody, expirySchema, parseAnswer } from "./answer.ts";
import type { Account, Service } from "./service.ts";

const meSchema = v.object({
  username: v.pipe(v.string(), v.nonEmpty()),
  email: v.nullable(v.string()),
  token: v.object({
    id: v.string(),
    name: v.string(),
    expires_at: expirySchema,
    scopes: v.array(v.string()),
  }),
});

/** The nanoservices API, version 1: bearer tokens, problem details (RFC 9457). */
export const nanoservices: Service = {
  name: "nanoservices",

  present(token): [string, string] {
    return ["authorization", `Bearer ${token.reveal()}`];
  },

  tokenPage(baseUrl): string {
    return `${baseUrl}/settings/tokens`;
  },

  problem,

  async whoami(client): Promise<Account> {
    const answer = await sendOk(client, "GET", "/v1/me");
    const { username, email, token } = parseAnswer(answer, meSchema);
    return { username, email, expiresAt: token.expires_at };
  },

  async revoke(client): Promise<void> {
    await sendOk(client, "POST", "/v1/logout");
  },
};

async function sendOk(
  client: HttpClient,
  method: string,
  path: string,
): Promise<HttpAnswer> {
  const answer = await client.send({ method, path });
  if (!answer.leftOrigin && answer.status >= 200 && answer.status < 300) {
    return answer;
  }
  throw problem(answer, client.provider?.source ?? "no token");
}

const REFUSALS: Partial<Record<ErrorCode, string>> = {
  token_invalid: "it is not valid",
  token_expired: "it has expired",
  token_revoked: "it was revoked",
};

/** What an answer other than 2xx means, as one of our errors. */
function problem(answer: HttpAnswer, source: string): NanoctlError {
  const { status, url } = answer;
  const body = errorBody(answer);
  const detail = typeof body.detail === "string" ? `: ${body.detail}` : "";
  if (answer.leftOrigin) {
    return new NanoctlError(
      "redirect_refused",
      `the service redirected to ${url.origin}, where its token is not sent (${status})`,
      `if that is the service, name it with --url ${url.origin}`,
    );
  }
  if (status === 401) {
    const code = refusalCode(body.code);
    return new NanoctlError(
      code,
      `${url.origin} refused the token from ${source}: ${REFUSALS[code]}`,
    );
  }
  if (status === 403) {
    return new NanoctlError(
      "insufficient_scope",
      `the token from ${source} lacks a scope for this${detail}`,
      "make a token with more scopes",
    );
  }
  if (status === 429) return rateLimited(answer);
  if (status >= 500) {
    return new NanoctlError(
      "service_error",
      `${url.origin} failed with status ${status}${detail}`,
      `the fault is the service's: ${tryAgain(answer, "try again later, in")}`,
    );
  }
  return new NanoctlError(
    "service_response",
    `${url.origin} answered with the unexpected status ${status}${detail}`,
    "check that the URL is the service's",
  );
}

function refusalCode(
  code: unknown,
): "token_invalid" | "token_expired" | "token_revoked" {
  return code === "token_expired" || code === "token_revoked"
    ? code
    : "token_invalid";
}

function rateLimited(answer: HttpAnswer): NanoctlError {
  return new NanoctlError(
    "rate_limited",
    `${answer.url.origin} takes no more requests for now (429)`,
    tryAgain(answer, "try again in"),
  );
}

/** When another try makes sense: what `Retry-After` says, if it says anything. */
function tryAgain({ headers, receivedAt }: HttpAnswer, words: string): string {
  const seconds = parseRetryAfter(headers.get("retry-after"), receivedAt);
  return seconds === undefined
    ? "try again later"
    : `${words} ${Math.ceil(seconds)} seconds`;
}
