import type { Context } from "../process/context.ts";
import { withoutProxies, withSystemStore } from "../process/variables.ts";
import { makeClient, wellFormed } from "./tls/certificates.ts";
import { proxyFor, type ProxyServer } from "./proxy/proxy_server.ts";
import type { MakeClient } from "./proxy/tunnel.ts";
import type { SystemAuthorities } from "./tls/system_authorities.ts";

/** What decides how a request reaches its host. */
export interface ConnectionOptions {
  context: Context;
  /** PEM certificates of authorities to trust besides the built-in ones and the system's. */
  caCerts?: string[];
  /** Never goes through a proxy, whatever the variables say. */
  direct?: boolean;
}

/** How one request is sent. */
export interface Connection {
  /** What fetch is to send with; left out, the runtime's usual one does. */
  readonly client?: Deno.HttpClient | undefined;
  /** A failed fetch in the words that the runtime has where it connects by itself. */
  explain?(error: unknown): unknown;
}

/**
 * The ways out of one client. The runtime finds its own, by the same variables,
 * but where TLS is spoken it is told whom to trust, and where a proxy's URL
 * holds a user name or a password it is told the way: it would send them on to
 * a service of https, and go direct where there is no password.
 */
export class Connections {
  readonly #options: ConnectionOptions;
  readonly #made = new Map<string, Promise<Connection>>();
  #system: Promise<SystemAuthorities> | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** The host and port of the proxy that leads to a URL, if one does. Throws as proxyFor does. */
  proxyHost(url: URL): string | undefined {
    return this.#proxy(url)?.host;
  }

  /**
   * The way to a URL.
   *
   * Throws `network_proxy`: as proxyFor does, and when a tunnel can't be had;
   * `usage` where a variable names authorities that can't be read.
   */
  async to(url: URL): Promise<Connection> {
    const proxy = this.#proxy(url);
    const tls = url.protocol === "https:" || proxy?.url.startsWith("https:");
    if (!tls && !proxy?.credentials && !this.#options.direct) return {};
    const by = proxy?.credentials ? proxy.url : "the usual way";
    const key = `${tls ? "TLS" : url.protocol} by ${by}`;
    let connection = this.#made.get(key);
    if (!connection) {
      connection = this.#make(url, proxy, tls === true);
      this.#made.set(key, connection);
    }
    return await connection;
  }

  async #make(
    url: URL,
    proxy: ProxyServer | undefined,
    tls: boolean,
  ): Promise<Connection> {
    const make = tls ? await this.#trustingClient() : makeClient;
    if (!proxy?.credentials) {
      const { direct } = this.#options;
      return { client: direct ? withoutProxies(() => make({})) : make({}) };
    }
    if (url.protocol === "https:" && proxy.url.startsWith("http:")) {
      const { ProxyTunnel } = await import("./proxy/tunnel.ts");
      return new ProxyTunnel(proxy, make);
    }
    const { username, password } = proxy.credentials;
    return {
      client: make({
        proxy: {
          url: proxy.url,
          basicAuth: { username, password: password.reveal() },
        },
      }),
    };
  }

  /** Makes clients that trust the built-in authorities, the system's and those given. */
  async #trustingClient(): Promise<MakeClient> {
    const { context, caCerts = [] } = this.#options;
    const { systemAuthorities } = await import("./tls/system_authorities.ts");
    this.#system ??= systemAuthorities(context);
    const { certificates, byRuntime } = await this.#system;
    return (options) => {
      const make = (): Deno.HttpClient =>
        trustingClient(options, certificates, caCerts);
      return byRuntime ? withSystemStore(make) : make();
    };
  }

  /** What the system has of authorities whose time is over; nothing where none was asked for. */
  async expired(): Promise<string[]> {
    return (await this.#system)?.expired ?? [];
  }

  #proxy(url: URL): ProxyServer | undefined {
    const { context, direct } = this.#options;
    return direct ? undefined : proxyFor(context, url);
  }
}

/** What the system has may be of a kind that the runtime can't read; the rest counts all the same. */
function trustingClient(
  options: Deno.CreateHttpClientOptions,
  system: string[],
  caCerts: string[],
): Deno.HttpClient {
  try {
    return Deno.createHttpClient({
      ...options,
      caCerts: [...system, ...caCerts],
    });
  } catch {
    return makeClient({
      ...options,
      caCerts: [...wellFormed(system), ...caCerts],
    });
  }
}
