import { NanoctlError } from "../errors.ts";
import { namesSecret } from "../secret.ts";
import { VERSION } from "../version.ts";
import type { HttpOptions } from "./client_options.ts";
import type { Connections } from "./connections.ts";
import type { Deadline } from "./deadline.ts";
import type { HttpRequest } from "./messages.ts";
import {
  isUntrusted,
  networkError,
  proxyLoginError,
  untrustedError,
} from "./network_error.ts";
import type { Hop } from "./redirect.ts";
import { isLoopback } from "./service_url.ts";
import type { SessionToken } from "./token_provider.ts";

/** A token, and where it comes from, for the log. */
export interface Credential {
  token: SessionToken;
  source: string;
}

/** What accompanies a request on each of its tries. */
export interface Sending {
  request: HttpRequest;
  credential: Credential | undefined;
  deadline: Deadline;
}

/** Sends one request at a time, to one URL. Nothing else calls fetch. */
export class Sender {
  readonly options: HttpOptions;
  readonly #connections: Connections;

  constructor(options: HttpOptions, connections: Connections) {
    this.options = options;
    this.#connections = connections;
  }

  /** Where a request goes first. */
  url(request: HttpRequest): URL {
    return new URL(`${this.options.baseUrl}${request.path}`);
  }

  /** The proxy between here and a URL, if there is one. */
  proxyHost(url: URL): string | undefined {
    return this.#connections.proxyHost(url);
  }

  /**
   * Sends a request to the URL of a hop. The token and the other credentials go
   * along to the service's own origin only.
   *
   * Throws `usage` if a credential would go over plain http, network errors,
   * and the deadline's reason.
   */
  async send(
    sending: Sending,
    hop: Hop,
    attempt: number,
  ): Promise<Response> {
    const { credential } = sending;
    const { context, log } = this.options;
    const proxy = this.#connections.proxyHost(hop.url);
    const started = context.now().getTime();
    const ended = (outcome: string): void =>
      log?.(
        `${hop.method} ${redactedUrl(hop.url)} ${outcome}, ` +
          `${context.now().getTime() - started} ms, try ${attempt}, ` +
          `token: ${credential && hop.trusted ? credential.source : "none"}`,
      );
    const response = await this.#fetch(sending, hop).catch((error) => {
      ended(error instanceof NanoctlError ? error.code : "failed");
      throw error;
    });
    ended(String(response.status));
    // To plain http the proxy itself answers.
    if (response.status === 407 && proxy && hop.url.protocol === "http:") {
      await response.body?.cancel();
      throw proxyLoginError(hop.url, proxy);
    }
    return response;
  }

  async #fetch(
    { request, credential, deadline }: Sending,
    hop: Hop,
  ): Promise<Response> {
    const headers = this.#headers(request, hop, credential);
    for (;;) {
      const connection = await this.#connections.to(hop.url);
      try {
        return await this.options.context.fetch(hop.url, {
          method: hop.method,
          headers,
          body: hop.body ? onlyOnce(hop.body) : null,
          redirect: "manual",
          signal: deadline.signal,
          ...(connection.client ? { client: connection.client } : {}),
        });
      } catch (error) {
        const reason = connection.explain?.(error) ?? error;
        // Nothing was sent: TLS comes first.
        if (isUntrusted(reason) && this.#connections.trustSystem(connection)) {
          continue;
        }
        throw deadline.explain(
          await this.#untrusted(reason, hop.url, deadline) ??
            this.asNetworkError(reason, hop.url),
        );
      }
    }
  }

  #headers(
    request: HttpRequest,
    hop: Hop,
    credential: Credential | undefined,
  ): Headers {
    const {
      context,
      insecureHttp,
      fixedHeaders = [],
      headers: ofService = [],
    } = this.options;
    const headers = new Headers({
      "accept": "application/json",
      "user-agent": `nanoctl/${VERSION} (${context.os}; ${Deno.build.arch})`,
    });
    if (hop.body !== undefined) headers.set("content-type", "application/json");
    if (!hop.trusted) return headers;
    for (const [name, value] of fixedHeaders) headers.set(name, value);
    for (const { name, value } of ofService) headers.set(name, value);
    const own = request.headers ?? [];
    for (const [name] of own) headers.delete(name);
    for (const [name, value] of own) headers.append(name, value);
    const isSecret = credential !== undefined || request.confidential ||
      ofService.length > 0;
    if (
      isSecret && hop.url.protocol === "http:" &&
      !isLoopback(hop.url.hostname) && !insecureHttp
    ) {
      throw new NanoctlError(
        "usage",
        `${
          credential ? "a token" : "a secret that is worth a token"
        } is not sent over plain http to ${hop.url.host}`,
        "use https, or say --insecure-http if you must",
      );
    }
    if (credential) {
      headers.set(...this.options.present(credential.token.secret));
    }
    return headers;
  }

  /** Names who signed a certificate that is not trusted; through a proxy nobody can look. */
  async #untrusted(
    error: unknown,
    url: URL,
    { signal }: Deadline,
  ): Promise<NanoctlError | undefined> {
    if (!isUntrusted(error) || this.#connections.proxyHost(url)) return;
    const { isAmong, issuerOf } = await import("./tls/issuer.ts");
    const issuer = await issuerOf(url, signal);
    if (issuer === undefined) return undefined;
    const expired = await this.#connections.expired();
    return untrustedError(url, issuer, isAmong(expired, issuer));
  }

  /** A failure of the connection, as one of our errors. */
  asNetworkError(error: unknown, url: URL): NanoctlError {
    return error instanceof NanoctlError
      ? error
      : networkError(error, url, this.proxyHost(url));
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

/** The URL with the values of telling query keys hidden, for `--verbose`. */
export function redactedUrl(url: URL): string {
  const copy = new URL(url);
  copy.hash = "";
  for (const key of new Set(copy.searchParams.keys())) {
    if (namesSecret(key)) copy.searchParams.set(key, "hidden");
  }
  return copy.href;
}
