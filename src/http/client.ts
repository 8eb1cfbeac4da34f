import { discard, sendWithRetries, type Take } from "./attempts.ts";
import { readText } from "./body.ts";
import type { HttpOptions } from "./client_options.ts";
import { Connections } from "./connections.ts";
import { Deadline } from "./deadline.ts";
import type {
  AnswerHead,
  HttpAnswer,
  HttpRequest,
  HttpStream,
} from "./messages.ts";
import { Sender } from "./sender.ts";
import type { SessionToken, TokenProvider } from "./token_provider.ts";

/**
 * The client that sends every request of every command. It sends
 * without credentials; {@linkcode HttpClient.withTokens} gives one that
 * authenticates. What a status means is for the service to say.
 *
 * Throws network errors (`network…`), `redirect_refused`, `usage` if a token
 * would go over plain http, `service_response` for an answer that is too long,
 * `interrupted`, and what the provider throws.
 */
export class HttpClient {
  readonly #options: HttpOptions;
  readonly #provider: TokenProvider | undefined;
  readonly #connections: Connections;
  readonly #sender: Sender;
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
    this.#sender = new Sender(options, connections);
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

  /**
   * The same client for another base URL, such as an endpoint that a server's
   * metadata names. It authenticates only with a provider that is given here; the
   * service's own headers stay with its origin.
   */
  at(baseUrl: string, provider?: TokenProvider): HttpClient {
    const { headers, fixedHeaders, ...others } = this.#options;
    const isOwn = new URL(baseUrl).origin === new URL(this.baseUrl).origin;
    const own = {
      ...(headers ? { headers } : {}),
      ...(fixedHeaders ? { fixedHeaders } : {}),
    };
    return new HttpClient(
      { ...others, baseUrl, ...(isOwn ? own : {}) },
      provider,
      this.#connections,
    );
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
   * for the head, and then again for each chunk.
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
      throw deadline.explain(this.#sender.asNetworkError(error, head.url));
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
        deadline.restart();
      }
    } catch (error) {
      throw deadline.explain(this.#sender.asNetworkError(error, head.url));
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
    const { source = "" } = provider ?? {};
    const sendWith = (token: SessionToken | undefined): Promise<T> =>
      sendWithRetries(this.#sender, {
        request,
        credential: token && { token, source },
        deadline,
      }, take);
    const token = provider && await this.#token(provider, deadline);
    const answer = await sendWith(token);
    if (answer.status !== 401 || !token || !provider?.renew) return answer;
    if (answer.leftOrigin) return answer;
    const renewed = await this.#supply(
      provider,
      deadline,
      () => this.#renew(provider, token),
    );
    if (!renewed) return answer;
    await discard(answer);
    return await sendWith(await this.#token(provider, deadline));
  }

  /** The provider's token; its note is logged once. */
  async #token(
    provider: TokenProvider,
    deadline: Deadline,
  ): Promise<SessionToken> {
    const token = await this.#supply(
      provider,
      deadline,
      () => provider.getToken(deadline.signal),
    );
    if (token.note && token.note !== this.#noted) {
      this.#noted = token.note;
      this.#options.log?.(token.note);
    }
    return token;
  }

  /** Waits for the provider, within the request's time limit unless it has one of its own. */
  async #supply<T>(
    { hasOwnTimeLimit }: TokenProvider,
    deadline: Deadline,
    work: () => Promise<T>,
  ): Promise<T> {
    if (!hasOwnTimeLimit) return await deadline.race(work());
    deadline.clear();
    const supplied = await deadline.race(work());
    deadline.restart();
    return supplied;
  }

  /** Requests that fail together share one renewal, which no single one may abort. */
  #renew(provider: TokenProvider, rejected: SessionToken): Promise<boolean> {
    this.#renewal ??= Promise.resolve(
      provider.renew?.(rejected, this.#options.context.signal) ?? false,
    ).finally(() => this.#renewal = undefined);
    return this.#renewal;
  }

  #deadline(request: HttpRequest): Deadline {
    const url = this.#sender.url(request);
    return new Deadline(this.#options, url, this.#sender.proxyHost(url));
  }
}
