import {
  allowInsecureRequests,
  customFetch,
  type CustomFetchOptions,
} from "oauth4webapi";
import type { HttpClient } from "../../http/client.ts";
import type { HttpAnswer } from "../../http/messages.ts";
import { isWebPage } from "../../http/web_page.ts";
import { treatAsSecret } from "../../secret.ts";
import { errorBody } from "../error_body.ts";
import { problemOf } from "../problem.ts";

/** How oauth4webapi sends requests: by our own client. */
export interface Transport {
  /** Whether plain http is possible is for our client to say: what holds a secret goes to loopback only. */
  [allowInsecureRequests]: true;
  [customFetch](
    url: string,
    options: CustomFetchOptions<"GET" | "POST", unknown>,
  ): Promise<Response>;
}

/**
 * Sends through a client without tokens. What no OAuth server says of itself, a
 * web page, 429 or 5xx, is thrown as it is for every other request.
 */
export function transportOf(client: HttpClient): Transport {
  return {
    [allowInsecureRequests]: true,
    [customFetch]: async (address, { method, headers, body }) => {
      const url = new URL(address);
      hideSecrets(headers, body);
      // Our client names itself.
      const { "user-agent": _, ...own } = headers;
      const answer = await client.at(url.origin).send({
        method,
        path: `${url.pathname}${url.search}`,
        headers: Object.entries(own),
        ...(body === undefined
          ? {}
          : { body: new TextEncoder().encode(String(body)) }),
        confidential: method === "POST" || "authorization" in headers,
      });
      const { status } = answer;
      if (isWebPage(answer) || status === 429 || status >= 500) {
        throw serverProblem(answer);
      }
      return responseOf(answer);
    },
  };
}

/** The fields of a form that hold a secret. */
const SECRET_FIELDS = [
  "client_secret",
  "device_code",
  "refresh_token",
  "subject_token",
  "token",
];

/** A server may repeat what it was sent, in the form in which it was sent. */
function hideSecrets(headers: Record<string, string>, body: unknown): void {
  const form = body instanceof URLSearchParams ? body : new URLSearchParams();
  for (const name of SECRET_FIELDS) treatAsSecret(form.get(name) ?? "");
  treatAsSecret(headers["authorization"]?.replace(/^Basic /, "") ?? "");
}

/** An answer that says nothing of the request itself, as an error. */
export function serverProblem(answer: HttpAnswer): Error {
  const { error_description } = errorBody(answer);
  return problemOf(answer, "the login", {
    refusal: "token_invalid",
    detail: typeof error_description === "string" ? error_description : "",
  });
}

/** Statuses that have no body (Fetch standard, "null body status"). */
const WITHOUT_BODY = [101, 204, 205, 304];

const answers = new WeakMap<Response, HttpAnswer>();

/** The answer behind a response that the library reports in an error. */
export function answerBehind(response: unknown): HttpAnswer | undefined {
  return response instanceof Response ? answers.get(response) : undefined;
}

/** An error has a status of its own (RFC 6749, section 5.2), which some servers don't give it: GitHub's is 200. */
function statusOf(answer: HttpAnswer): number {
  const isError = typeof errorBody(answer).error === "string";
  return isError && answer.status === 200 ? 400 : answer.status;
}

function responseOf(answer: HttpAnswer): Response {
  const { headers, text } = answer;
  const status = statusOf(answer);
  const body = WITHOUT_BODY.includes(status) ? null : acceptable(text);
  const kept = new Headers(headers);
  // The library would report the challenge in place of the error in the body.
  if (errorBody(answer).error !== undefined) kept.delete("www-authenticate");
  const response = new Response(body, { status, headers: kept });
  answers.set(response, answer);
  return response;
}

/**
 * Without what would make the library refuse the whole answer: the ID token,
 * which we don't use, however it is signed, and an interval that is none (RFC
 * 8628, section 3.2, has a default for it).
 */
function acceptable(text: string): string {
  try {
    const { id_token, interval, ...others } = JSON.parse(text);
    if (id_token === undefined && interval === undefined) return text;
    const seconds = Number(interval);
    return JSON.stringify(
      seconds > 0 && seconds < Infinity
        ? { ...others, interval: seconds }
        : others,
    );
  } catch {
    return text;
  }
}
