import type { Context } from "../context.ts";
import { NanoctlError } from "../errors.ts";
import type { Secret } from "../secret.ts";
import { VERSION } from "../version.ts";
import { readText } from "./body.ts";
import { isPassing, networkError, timeoutError } from "./network_error.ts";
import { proxyFor } from "./proxy.ts";
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
  WAIT_BUDGET_SECONDS,
  waitSeconds,
} from "./retry.ts";
import { isLoopback } from "./service_url.ts";
import type { SessionToken, TokenProvider } from "./token_provider.ts";

/** What the client needs to know of the service that it talks to. */
export interface HttpOptions {
  context: Context;
  /** The service's URL in its normal form (parseServiceUrl). */
  baseUrl: string;
  /** The header that presents a token to this service: name and value. */
  present(token: Secret): [name: string, value: string];
  /** How long one request may take with all its tries and redirects, in seconds. */
  timeoutSeconds: number;
  /** Send the token over plain http to a host that is not this machine. */
  insecureHttp?: boolean;
  /** PEM certificates of authorities to trust besides the built-in ones. */
  caCerts?: string[];
  /** Takes one line a request for `--verbose`, without secrets. */
  log?(line: string): void;
}

/** One request to the service. */
export interface HttpRequest {
  method?: string;
  /** Path below the service's URL, with its leading slash and its query. */
  path: string;
  /** Sent as JSON. */
  json?: unknown;
}

/** An answer that has been read whole. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** When it came. */
  readonly receivedAt: Date;
  /** Where the answer came from in the end, after redirects. */
  readonly url: URL;
  /** Whether a redirect led to another origin, so that no token went along. */
  readonly leftOrigin: boolean;
}

/**
 * The one way out: every request of every command goes through here. It sends
 * without credentials; {@linkcode HttpClient.withTokens} gives one that
 * authenticates. Throws network errors (`network_…`) and `redirect_refused`;
 * what a status means is for the service to say.
 */
export class HttpClient {
  readonly #options: HttpOptions;
  readonly #provider: TokenProvider | undefined;
  readonly #connection: Deno.HttpClient | undefined;
  #renewal: Promise<boolean> | undefined;

  constructor(
    options: HttpOptions,
    provider?: TokenProvider,
    connection?: Deno.HttpClient,
  ) {
    this.#options = options;
    this.#provider = provider;
    this.#connection = connection ??
      (options.caCerts
        ? Deno.createHttpClient({ caCerts: options.caCerts })
        : undefined);
  }

  /** The service's URL in its normal form. */
  get baseUrl(): string {
    return this.#options.baseUrl;
  }

  /** Who supplies the token, if anyone does. */
  get provider(): TokenProvider | undefined {
    return this.#provider;
  }

  /** The same client, authenticating with the tokens of this provider. */
  withTokens(provider: TokenProvider): HttpClient {
    return new HttpClient(this.#options, provider, this.#connection);
  }

  /** Sends a request and reads the whole answer, whatever its status. */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    const deadline = new Deadline(this.#options, this.#url(request));
    try {
      return await this.#authenticated(request, deadline);
    } catch (error) {
      throw deadline.explain(error);
    } finally {
      deadline.clear();
    }
  }

  async #authenticated(
    request: HttpRequest,
    deadline: Deadline,
  ): Promise<HttpAnswer> {
    const provider = this.#provider;
    const token = provider &&
      await deadline.race(provider.getToken(deadline.signal));
    const answer = await this.#withRetries(request, token, deadline);
    if (answer.status !== 401 || !token || !provider?.renew) return answer;
    if (
      answer.leftOrigin || !await deadline.race(this.#renew(provider, token))
    ) return answer;
    const renewed = await deadline.race(provider.getToken(deadline.signal));
    return await this.#withRetries(request, renewed, deadline);
  }

  /** Requests that fail together share one renewal, which no single one may abort. */
  #renew(provider: TokenProvider, rejected: SessionToken): Promise<boolean> {
    this.#renewal ??= Promise.resolve(
      provider.renew?.(rejected, this.#options.context.signal) ?? false,
    ).finally(() => this.#renewal = undefined);
    return this.#renewal;
  }

  async #withRetries(
    request: HttpRequest,
    token: SessionToken | undefined,
    deadline: Deadline,
  ): Promise<HttpAnswer> {
    const { context } = this.#options;
    const repeatable = isRepeatable(request.method ?? "GET");
    for (let attempt = 1;; attempt++) {
      const last = !repeatable || attempt === ATTEMPTS;
      const result = await this.#follow(request, token, deadline, attempt)
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
      deadline.budget -= wait;
      await context.sleep(wait * 1000, deadline.signal);
    }
  }

  async #follow(
    request: HttpRequest,
    token: SessionToken | undefined,
    deadline: Deadline,
    attempt: number,
  ): Promise<HttpAnswer> {
    let hop: Hop = {
      url: this.#url(request),
      method: request.method ?? "GET",
      body: request.json === undefined
        ? undefined
        : JSON.stringify(request.json),
      trusted: true,
    };
    for (let redirects = 0;; redirects++) {
      const response = await this.#sendHop(hop, token, deadline, attempt);
      if (!isRedirect(response)) {
        const text = await readText(response).catch((error) => {
          throw deadline.explain(this.#asNetworkError(error, hop.url));
        });
        const { status, headers } = response;
        return {
          status,
          headers,
          text,
          receivedAt: this.#options.context.now(),
          url: hop.url,
          leftOrigin: !hop.trusted,
        };
      }
      await response.body?.cancel();
      if (redirects === REDIRECTS) throw tooManyRedirects(hop.url);
      hop = nextHop(hop, response);
    }
  }

  async #sendHop(
    hop: Hop,
    token: SessionToken | undefined,
    deadline: Deadline,
    attempt: number,
  ): Promise<Response> {
    const { context, log } = this.#options;
    const started = context.now().getTime();
    const ended = (outcome: string): void =>
      log?.(
        `${hop.method} ${redactedUrl(hop.url)} ${outcome}, ` +
          `${context.now().getTime() - started} ms, try ${attempt}, ` +
          `token: ${token && hop.trusted ? this.#provider?.source : "none"}`,
      );
    try {
      const response = await context.fetch(hop.url, {
        method: hop.method,
        headers: this.#headers(hop, token),
        body: hop.body ?? null,
        redirect: "manual",
        signal: deadline.signal,
        ...(this.#connection ? { client: this.#connection } : {}),
      });
      ended(String(response.status));
      return response;
    } catch (error) {
      const explained = deadline.explain(this.#asNetworkError(error, hop.url));
      ended(explained instanceof NanoctlError ? explained.code : "failed");
      throw explained;
    }
  }

  #headers(hop: Hop, token: SessionToken | undefined): Headers {
    const { context, insecureHttp } = this.#options;
    const headers = new Headers({
      "accept": "application/json",
      "user-agent": `nanoctl/${VERSION} (${context.os}; ${Deno.build.arch})`,
    });
    if (hop.body !== undefined) headers.set("content-type", "application/json");
    if (!token || !hop.trusted) return headers;
    if (
      hop.url.protocol === "http:" && !isLoopback(hop.url.hostname) &&
      !insecureHttp
    ) {
      throw new NanoctlError(
        "usage",
        `a token is not sent over plain http to ${hop.url.host}`,
        "use https, or say --insecure-http if you must",
      );
    }
    headers.set(...this.#options.present(token.secret));
    return headers;
  }

  #asNetworkError(error: unknown, url: URL): NanoctlError {
    return error instanceof NanoctlError
      ? error
      : networkError(error, url, proxyFor(this.#options.context, url));
  }

  #url(request: HttpRequest): URL {
    return new URL(`${this.#options.baseUrl}${request.path}`);
  }
}

/** One time limit over all that a request takes, and Ctrl-C. */
class Deadline {
  readonly signal: AbortSignal;
  /** How many seconds of waiting between tries are left. */
  budget = WAIT_BUDGET_SECONDS;
  readonly #own = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #context: Context;
  readonly #endsAt: number;

  constructor(options: HttpOptions, url: URL) {
    this.#context = options.context;
    this.#endsAt = this.#context.now().getTime() +
      options.timeoutSeconds * 1000;
    this.signal = AbortSignal.any([this.#own.signal, this.#context.signal]);
    this.#timer = setTimeout(
      () => this.#own.abort(timeoutError(url, options.timeoutSeconds)),
      options.timeoutSeconds * 1000,
    );
  }

  /** Why we stopped, where it was we who stopped; else the error itself. */
  explain(error: unknown): unknown {
    return this.signal.aborted ? this.signal.reason : error;
  }

  /** Waits for something that may not end by itself at the limit. */
  async race<T>(work: Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    const over = Promise.withResolvers<never>();
    const reject = (): void => over.reject(this.signal.reason);
    this.signal.addEventListener("abort", reject);
    try {
      return await Promise.race([work, over.promise]);
    } finally {
      this.signal.removeEventListener("abort", reject);
    }
  }

  secondsLeft(): number {
    return (this.#endsAt - this.#context.now().getTime()) / 1000;
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}

const SECRET_KEY = /token|key|secret|password|code|signature/i;

/** The URL with the values of telling query keys hidden, for `--verbose`. */
export function redactedUrl(url: URL): string {
  const copy = new URL(url);
  copy.hash = "";
  for (const key of new Set(copy.searchParams.keys())) {
    if (SECRET_KEY.test(key)) copy.searchParams.set(key, "hidden");
  }
  return copy.href;
}
