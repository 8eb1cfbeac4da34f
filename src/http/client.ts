import type { Context } from "../context.ts";
import { NanoctlError } from "../errors.ts";
import { namesSecret, type Secret } from "../secret.ts";
import { VERSION } from "../version.ts";
import { readText } from "./body.ts";
import { type ConnectionOptions, Connections } from "./connections.ts";
import {
  isPassing,
  isUntrusted,
  networkError,
  proxyLoginError,
  timeoutError,
  untrustedError,
} from "./network_error.ts";
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
export interface HttpOptions extends ConnectionOptions {
  /** The service's URL in its normal form (parseServiceUrl). */
  baseUrl: string;
  /** The header that presents a token to this service: name and value. */
  present(token: Secret): [name: string, value: string];
  /** Headers that every request to the service's own origin carries. They may be credentials. */
  headers?: { name: string; value: string }[];
  /** How long one request may take with all its tries and redirects, in seconds. */
  timeoutSeconds: number;
  /** Send the token over plain http to a host that is not this machine. */
  insecureHttp?: boolean;
  /** How often a request is tried at most: 3 unless said. */
  attempts?: number;
  /** How many redirects are followed at most: 5 unless said; with 0 a redirect is refused. */
  redirects?: number;
  /** How much of an answer that is read whole is read at most, in bytes: 10 MiB unless said. */
  bodyLimit?: number;
  /** Ends every request when it is aborted; the reason is the error. */
  signal?: AbortSignal;
  /** Takes one line a request for `--verbose`, without secrets. */
  log?(line: string): void;
}

/** One request to the service. */
export interface HttpRequest {
  method?: string;
  /** Path below the service's URL, with its leading slash and its query. */
  path: string;
  /** Headers besides our own. They stay behind when a redirect leaves the origin. */
  headers?: [name: string, value: string][];
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is, in place of `json`; its content type is JSON unless a header says otherwise. */
  body?: Uint8Array<ArrayBuffer>;
  /** It holds what is as good as a token, and goes only where a token would. */
  confidential?: boolean;
}

/** What every answer tells before its body. */
export interface AnswerHead {
  readonly status: number;
  readonly headers: Headers;
  /** When it came. */
  readonly receivedAt: Date;
  /** Where the answer came from in the end, after redirects. */
  readonly url: URL;
  /** Whether a redirect led to another origin, so that no token went along. */
  readonly leftOrigin: boolean;
}

/** An answer that has been read whole. */
export interface HttpAnswer extends AnswerHead {
  readonly text: string;
}

/** An answer whose body is still to come, of any size. */
export interface HttpStream extends AnswerHead {
  /** The body. Throws network errors, and a timeout between two chunks. */
  readonly chunks: AsyncIterable<Uint8Array<ArrayBuffer>>;
  /** Lets go of a body that nobody wants. */
  cancel(): Promise<void>;
}

/** What becomes of a response: read whole, or handed on. */
type Take<T extends AnswerHead> = (
  response: Response,
  head: AnswerHead,
) => Promise<T>;

/**
 * The one way out: every request of every command goes through here. It sends
 * without credentials; {@linkcode HttpClient.withTokens} gives one that
 * authenticates. What a status means is for the service to say.
 *
 * Throws network errors (`network…`), `redirect_refused`, `usage` where a token
 * would go over plain http, `service_response` for an answer that is too long,
 * `interrupted`, and what the provider throws.
 */
export class HttpClient {
  readonly #options: HttpOptions;
  readonly #provider: TokenProvider | undefined;
  readonly #connections: Connections;
  #renewal: Promise<boolean> | undefined;
  #noted: string | undefined;

  constructor(
    options: HttpOptions,
    provider?: TokenProvider,
    connections = new Connections(options),
  ) {
    this.#options = options;
    this.#provider = provider;
    this.#connections = connections;
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
    return new HttpClient(this.#options, provider, this.#connections);
  }

  /** Sends a request and reads the whole answer, whatever its status. */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    const deadline = this.#deadline(request);
    try {
      return await this.#authenticated(
        request,
        deadline,
        (response, head) => this.#readWhole(response, head, deadline),
      );
    } catch (error) {
      throw deadline.explain(error);
    } finally {
      deadline.clear();
    }
  }

  /**
   * Sends a request and hands on the answer as it comes. The time limit holds
   * for the head, and then anew for each chunk.
   */
  async stream(request: HttpRequest): Promise<HttpStream> {
    const deadline = this.#deadline(request);
    try {
      return await this.#authenticated(
        request,
        deadline,
        (response, head) =>
          Promise.resolve({
            ...head,
            chunks: this.#chunks(response, head, deadline),
            cancel: async () => await response.body?.cancel(),
          }),
      );
    } catch (error) {
      deadline.clear();
      throw deadline.explain(error);
    }
  }

  async #readWhole(
    response: Response,
    head: AnswerHead,
    deadline: Deadline,
  ): Promise<HttpAnswer> {
    try {
      return {
        ...head,
        text: await readText(response, this.#options.bodyLimit),
      };
    } catch (error) {
      throw deadline.explain(this.#asNetworkError(error, head.url));
    }
  }

  async *#chunks(
    response: Response,
    head: AnswerHead,
    deadline: Deadline,
  ): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    try {
      for await (const chunk of response.body ?? []) {
        // How long the reader takes is not the service's fault.
        deadline.clear();
        yield chunk;
        deadline.startAnew();
      }
    } catch (error) {
      throw deadline.explain(this.#asNetworkError(error, head.url));
    } finally {
      deadline.clear();
    }
  }

  async #authenticated<T extends AnswerHead>(
    request: HttpRequest,
    deadline: Deadline,
    take: Take<T>,
  ): Promise<T> {
    const provider = this.#provider;
    const token = provider && await this.#token(provider, deadline);
    const answer = await this.#withRetries(request, token, deadline, take);
    if (answer.status !== 401 || !token || !provider?.renew) return answer;
    if (
      answer.leftOrigin || !await deadline.race(this.#renew(provider, token))
    ) return answer;
    await discard(answer);
    const renewed = await this.#token(provider, deadline);
    return await this.#withRetries(request, renewed, deadline, take);
  }

  /** The provider's token; what is to be said about it is said once. */
  async #token(
    provider: TokenProvider,
    deadline: Deadline,
  ): Promise<SessionToken> {
    const token = await deadline.race(provider.getToken(deadline.signal));
    if (token.note && token.note !== this.#noted) {
      this.#noted = token.note;
      this.#options.log?.(token.note);
    }
    return token;
  }

  /** Requests that fail together share one renewal, which no single one may abort. */
  #renew(provider: TokenProvider, rejected: SessionToken): Promise<boolean> {
    this.#renewal ??= Promise.resolve(
      provider.renew?.(rejected, this.#options.context.signal) ?? false,
    ).finally(() => this.#renewal = undefined);
    return this.#renewal;
  }

  async #withRetries<T extends AnswerHead>(
    request: HttpRequest,
    token: SessionToken | undefined,
    deadline: Deadline,
    take: Take<T>,
  ): Promise<T> {
    const { context, attempts = ATTEMPTS } = this.#options;
    const repeatable = isRepeatable(request.method ?? "GET");
    for (let attempt = 1;; attempt++) {
      const last = !repeatable || attempt >= attempts;
      const result = await this
        .#follow(request, token, deadline, attempt, take)
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
      await context.sleep(wait * 1000, deadline.signal);
    }
  }

  async #follow<T extends AnswerHead>(
    request: HttpRequest,
    token: SessionToken | undefined,
    deadline: Deadline,
    attempt: number,
    take: Take<T>,
  ): Promise<T> {
    const { redirects: limit = REDIRECTS } = this.#options;
    let hop: Hop = {
      url: this.#url(request),
      method: request.method ?? "GET",
      body: request.json === undefined
        ? request.body
        : JSON.stringify(request.json),
      trusted: true,
    };
    for (let redirects = 0;; redirects++) {
      const response = await this.#sendHop(
        request,
        hop,
        token,
        deadline,
        attempt,
      );
      if (!isRedirect(response)) {
        return await take(response, {
          status: response.status,
          headers: response.headers,
          receivedAt: this.#options.context.now(),
          url: hop.url,
          leftOrigin: !hop.trusted,
        });
      }
      await response.body?.cancel();
      if (redirects >= limit) throw tooManyRedirects(hop.url, limit);
      hop = nextHop(hop, response);
    }
  }

  async #sendHop(
    request: HttpRequest,
    hop: Hop,
    token: SessionToken | undefined,
    deadline: Deadline,
    attempt: number,
  ): Promise<Response> {
    const { context, log } = this.#options;
    const proxy = this.#connections.proxyHost(hop.url);
    const started = context.now().getTime();
    const ended = (outcome: string): void =>
      log?.(
        `${hop.method} ${redactedUrl(hop.url)} ${outcome}, ` +
          `${context.now().getTime() - started} ms, try ${attempt}, ` +
          `token: ${token && hop.trusted ? this.#provider?.source : "none"}`,
      );
    const connection = await this.#connections.to(hop.url);
    let response: Response;
    try {
      response = await context.fetch(hop.url, {
        method: hop.method,
        headers: this.#headers(request, hop, token),
        body: hop.body ? onlyOnce(hop.body) : null,
        redirect: "manual",
        signal: deadline.signal,
        ...(connection.client ? { client: connection.client } : {}),
      });
    } catch (error) {
      const reason = connection.explain?.(error) ?? error;
      const explained = deadline.explain(
        await this.#untrusted(reason, hop.url, deadline) ??
          this.#asNetworkError(reason, hop.url),
      );
      ended(explained instanceof NanoctlError ? explained.code : "failed");
      throw explained;
    }
    ended(String(response.status));
    // To plain http the proxy itself answers.
    if (response.status === 407 && proxy && hop.url.protocol === "http:") {
      await response.body?.cancel();
      throw proxyLoginError(hop.url, proxy);
    }
    return response;
  }

  #headers(
    request: HttpRequest,
    hop: Hop,
    token: SessionToken | undefined,
  ): Headers {
    const { context, insecureHttp, headers: ofService = [] } = this.#options;
    const headers = new Headers({
      "accept": "application/json",
      "user-agent": `nanoctl/${VERSION} (${context.os}; ${Deno.build.arch})`,
    });
    if (hop.body !== undefined) headers.set("content-type", "application/json");
    if (!hop.trusted) return headers;
    for (const { name, value } of ofService) headers.set(name, value);
    const own = request.headers ?? [];
    for (const [name] of own) headers.delete(name);
    for (const [name, value] of own) headers.append(name, value);
    const isSecret = token !== undefined || request.confidential ||
      ofService.length > 0;
    if (
      isSecret && hop.url.protocol === "http:" &&
      !isLoopback(hop.url.hostname) && !insecureHttp
    ) {
      throw new NanoctlError(
        "usage",
        `${
          token ? "a token" : "what is as good as a token"
        } is not sent over plain http to ${hop.url.host}`,
        "use https, or say --insecure-http if you must",
      );
    }
    if (token) headers.set(...this.#options.present(token.secret));
    return headers;
  }

  /** Names who signed a certificate that is not trusted; through a proxy nobody can look. */
  async #untrusted(
    error: unknown,
    url: URL,
    { signal }: Deadline,
  ): Promise<NanoctlError | undefined> {
    if (!isUntrusted(error) || this.#connections.proxyHost(url)) return;
    const { isAmong, issuerOf } = await import("./issuer.ts");
    const issuer = await issuerOf(url, signal);
    if (issuer === undefined) return undefined;
    const expired = await this.#connections.expired();
    return untrustedError(url, issuer, isAmong(expired, issuer));
  }

  #asNetworkError(error: unknown, url: URL): NanoctlError {
    return error instanceof NanoctlError
      ? error
      : networkError(error, url, this.#connections.proxyHost(url));
  }

  #deadline(request: HttpRequest): Deadline {
    const url = this.#url(request);
    const proxy = this.#connections.proxyHost(url);
    return new Deadline(this.#options, url, proxy);
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
  readonly #context: Context;
  readonly #seconds: number;
  readonly #url: URL;
  readonly #proxy: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #endsAt = 0;

  constructor(
    { context, timeoutSeconds, signal }: HttpOptions,
    url: URL,
    proxy: string | undefined,
  ) {
    this.#context = context;
    this.#seconds = timeoutSeconds;
    this.#url = url;
    this.#proxy = proxy;
    this.signal = AbortSignal.any([
      this.#own.signal,
      context.signal,
      ...(signal ? [signal] : []),
    ]);
    this.startAnew();
  }

  /** Gives the next wait the whole time. */
  startAnew(): void {
    clearTimeout(this.#timer);
    this.#endsAt = this.#context.now().getTime() + this.#seconds * 1000;
    this.#timer = setTimeout(
      () =>
        this.#own.abort(timeoutError(this.#url, this.#seconds, this.#proxy)),
      this.#seconds * 1000,
    );
  }

  /** Why we stopped, where it was we who stopped; else the error itself. */
  explain(error: unknown): unknown {
    return this.signal.aborted ? this.signal.reason : error;
  }

  /** Waits for something that may not end by itself at the limit. */
  async race<T>(work: Promise<T>): Promise<T> {
    // Where it fails after we stopped waiting, nobody else is there to hear.
    work.catch(() => {});
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

/**
 * A body that the runtime can't send a second time: Deno 2.8 repeats a request
 * of any method when the connection is cut, unless its body is a stream, as a
 * blob's is (denoland/deno#35610).
 */
function onlyOnce(body: string | Uint8Array<ArrayBuffer>): BodyInit {
  return body.length === 0 ? body : new Blob([body]);
}

/** Lets go of an answer that another one takes the place of. */
async function discard(
  answer: AnswerHead & Partial<HttpStream>,
): Promise<void> {
  await answer.cancel?.();
}

/** The URL with the values of telling query keys hidden, for `--verbose`. */
export function redactedUrl(url: URL): string {
  const copy = new URL(url);
  copy.hash = "";
  for (const key of new Set(copy.searchParams.keys())) {
    if (namesSecret(key)) copy.searchParams.set(key, "hidden");
  }
  return copy.href;
}
