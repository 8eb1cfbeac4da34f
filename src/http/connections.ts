import { type Context, withoutProxies } from "../context.ts";
import { NanoctlError } from "../errors.ts";
import { proxyFor, type ProxyServer } from "./proxy.ts";

/** What decides how a request reaches its host. */
export interface ConnectionOptions {
  context: Context;
  /** PEM certificates of authorities to trust besides the built-in ones. */
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
 * but where a proxy's URL holds a user name or a password we tell it the way:
 * it would send them on to a service of https, and go direct where there is no
 * password.
 */
export class Connections {
  readonly #options: ConnectionOptions;
  readonly #usual: Deno.HttpClient | undefined;
  readonly #through = new Map<string, Promise<Connection>>();

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { caCerts, direct } = options;
    if (!caCerts && !direct) return;
    const make = (): Deno.HttpClient =>
      Deno.createHttpClient(caCerts ? { caCerts } : {});
    this.#usual = direct ? withoutProxies(make) : make();
  }

  /** The host and port of the proxy that leads to a URL, if one does. Throws as proxyFor does. */
  proxyHost(url: URL): string | undefined {
    return this.#proxy(url)?.host;
  }

  /** The way to a URL. Throws `network_proxy`: as proxyFor does, and when a tunnel can't be had. */
  async to(url: URL): Promise<Connection> {
    const proxy = this.#proxy(url);
    if (!proxy?.credentials) return { client: this.#usual };
    const key = `${url.protocol} by ${proxy.url}`;
    let connection = this.#through.get(key);
    if (!connection) {
      connection = this.#make(url, proxy);
      this.#through.set(key, connection);
    }
    return await connection;
  }

  async #make(url: URL, proxy: ProxyServer): Promise<Connection> {
    const { caCerts } = this.#options;
    if (url.protocol === "https:" && proxy.url.startsWith("http:")) {
      const { ProxyTunnel } = await import("./proxy_tunnel.ts");
      try {
        return new ProxyTunnel(proxy, caCerts);
      } catch {
        throw new NanoctlError(
          "network_proxy",
          `there is no way to the proxy ${proxy.host}: nothing can listen on 127.0.0.1`,
          "a proxy with a user name needs that; check this machine's network",
        );
      }
    }
    const { username = "", password } = proxy.credentials ?? {};
    const client = Deno.createHttpClient({
      proxy: {
        url: proxy.url,
        basicAuth: { username, password: password?.reveal() ?? "" },
      },
      ...(caCerts ? { caCerts } : {}),
    });
    return { client };
  }

  #proxy(url: URL): ProxyServer | undefined {
    const { context, direct } = this.#options;
    return direct ? undefined : proxyFor(context, url);
  }
}
