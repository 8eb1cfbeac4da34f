import type { AnswerHead, HttpStream } from "./messages.ts";
import { isPassing } from "./network_error.ts";
import {
  type Hop,
  isRedirect,
  nextHop,
  REDIRECTS,
  tooManyRedirects,
} from "./redirect.ts";
import {
  ATTEMPTS,
  isPassingStatus,
  isRepeatable,
  waitSeconds,
} from "./retry.ts";
import { waiting } from "../process/progress.ts";
import type { Sender, Sending } from "./sender.ts";

/** What becomes of a response: read whole, or handed on. */
export type Take<T extends AnswerHead> = (
  response: Response,
  head: AnswerHead,
) => Promise<T>;

/**
 * Sends a request until it succeeds, fails for good, or has had its tries; each
 * try follows redirects. Throws as `Sender.send` does, and `redirect_refused`.
 */
export async function sendWithRetries<T extends AnswerHead>(
  sender: Sender,
  sending: Sending,
  take: Take<T>,
): Promise<T> {
  const { request, deadline } = sending;
  const { context, attempts = ATTEMPTS } = sender.options;
  const { origin } = sender.url(request);
  const repeatable = isRepeatable(request.method ?? "GET");
  for (let attempt = 1;; attempt++) {
    const last = !repeatable || attempt >= attempts;
    const result = await waiting(
      `Asking ${origin}`,
      () => follow(sender, sending, attempt, take),
    )
      .catch((error) => {
        if (last || !isPassing(error)) throw error;
        return undefined;
      });
    if (result && (last || !isPassingStatus(result.status))) return result;
    const wait = waitSeconds(
      attempt,
      result?.headers.get("retry-after") ?? null,
      context.now(),
      context.random(),
    );
    if (result && wait > Math.min(deadline.budget, deadline.secondsLeft())) {
      return result;
    }
    if (result) await discard(result);
    deadline.budget -= wait;
    const until = context.now().getTime() + wait * 1000;
    await waiting(
      () => `Trying ${origin} again in ${secondsTo(until, context.now())} s`,
      () => context.sleep(wait * 1000, deadline.signal),
    );
  }
}

function secondsTo(until: number, now: Date): number {
  return Math.max(1, Math.ceil((until - now.getTime()) / 1000));
}

/** Follows redirects, and hands the last response on. */
async function follow<T extends AnswerHead>(
  sender: Sender,
  sending: Sending,
  attempt: number,
  take: Take<T>,
): Promise<T> {
  const { request } = sending;
  const { context, redirects: limit = REDIRECTS } = sender.options;
  let hop: Hop = {
    url: sender.url(request),
    method: request.method ?? "GET",
    body: request.json === undefined
      ? request.body
      : JSON.stringify(request.json),
    trusted: true,
  };
  for (let redirects = 0;; redirects++) {
    const response = await sender.send(sending, hop, attempt);
    if (!isRedirect(response)) {
      return await take(response, {
        status: response.status,
        headers: response.headers,
        receivedAt: context.now(),
        url: hop.url,
        leftOrigin: !hop.trusted,
      });
    }
    await response.body?.cancel();
    if (redirects >= limit) throw tooManyRedirects(hop.url, limit);
    hop = nextHop(hop, response);
  }
}

/** Lets go of an answer that is not wanted any more. */
export async function discard(
  answer: AnswerHead & Partial<HttpStream>,
): Promise<void> {
  await answer.cancel?.();
}
