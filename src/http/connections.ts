import type { Context } from "../process/context.ts";
import { systemOf } from "../process/system/systems.ts";
import { withoutProxies, withSystemStore } from "../process/variables.ts";
import { makeClient, wellFormed } from "./tls/certificates.ts";
import { proxyFor, type ProxyServer } from "./proxy/proxy_server.ts";
import type { MakeClient } from "./proxy/tunnel.ts";
import type { SystemAuthorities } from "./tls/system_authorities.ts";

type AuthoritiesModule = typeof import("./tls/system_authorities.ts");

/** What decides how a request reaches its host. */
export interface ConnectionOptions {
  context: Context;
  /** PEM certificates of authorities to trust in addition to the built-in ones and the system's. */
  caCerts?: string[];
  /** Never goes through a proxy, whatever the variables say. */
  direct?: boolean;
}

/** How one request is sent. */
export interface Connection {
  /** The client for fetch; the runtime's default if omitted. */
  readonly client?: Deno.HttpClient | undefined;
  /** Whether it trusts the system's authorities, if it speaks TLS. */
  readonly trustsSystem?: boolean;
  /** The error of a failed fetch, in the runtime's words for direct connections. */
  explain?(error: unknown): unknown;
}

/**
 * The connections of one client. The runtime reads the proxy variables itself. It
 * is told whom to trust for TLS, and how to reach a proxy whose URL holds a user
 * name or a password: by itself it would send them on to an https service, and
 * bypass the proxy if there is no password.
 */
export class Connections {
  readonly #options: ConnectionOptions;
  readonly #made = new Map<string, Promise<Connection>>();
  #named: Promise<SystemAuthorities> | undefined;
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
   * Throws `network_proxy`: as proxyFor does, and if a tunnel can't be opened;
   * `usage` if a variable names authorities that can't be read.
   */
  async to(url: URL): Promise<Connection> {
    const proxy = this.#proxy(url);
    const tls = url.protocol === "https:" || proxy?.url.startsWith("https:");
    if (!tls && !proxy?.credentials && !this.#options.direct) return {};
    if (tls && systemOf(this.#options.context.os).keepsAuthorities) {
      this.#system ??= this.#load(({ systemAuthorities }) => systemAuthorities);
    }
    const by = proxy?.credentials ? proxy.url : "the usual way";
    const trust = this.#system ? "with the system's store" : "";
    const key = `${tls ? "TLS" : url.protocol} by ${by} ${trust}`;
    let connection = this.#made.get(key);
    if (!connection) {
      connection = this.#make(url, proxy, tls === true);
      this.#made.set(key, connection);
    }
    return await connection;
  }

  /**
   * Trusts the system's authorities from now on, and says whether this changes
   * anything for a connection. Most services have a certificate of an authority
   * that is built in: reading the system's, some 150, waits until one hasn't.
   */
  trustSystem({ trustsSystem = true }: Connection): boolean {
    if (trustsSystem) return false;
    this.#system ??= this.#load(({ systemAuthorities }) => systemAuthorities);
    return true;
  }

  async #load(
    choose: (module: AuthoritiesModule) => AuthoritiesModule[
      "systemAuthorities" | "namedAuthorities"
    ],
  ): Promise<SystemAuthorities> {
    const module = await import("./tls/system_authorities.ts");
    return await choose(module)(this.#options.context);
  }

  async #make(
    url: URL,
    proxy: ProxyServer | undefined,
    tls: boolean,
  ): Promise<Connection> {
    if (!tls) return this.#by(url, proxy, makeClient);
    const trustsSystem = this.#system !== undefined;
    const authorities = await (this.#system ?? this.#namedByVariables());
    const { caCerts = [] } = this.#options;
    const make: MakeClient = (options) =>
      trustingClient(options, authorities, caCerts);
    const connection = await this.#by(url, proxy, make);
    // A tunnel is an object of a class, whose methods a copy would lack.
    return Object.assign(connection, { trustsSystem });
  }

  /** The connection that a way to a URL needs. */
  async #by(
    url: URL,
    proxy: ProxyServer | undefined,
    make: MakeClient,
  ): Promise<Connection> {
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

  /** Authorities that the user names are read from the start, so that errors in them are reported. */
  async #namedByVariables(): Promise<SystemAuthorities | undefined> {
    const { env } = this.#options.context;
    if (!env.get("SSL_CERT_FILE") && !env.get("SSL_CERT_DIR")) return undefined;
    this.#named ??= this.#load(({ namedAuthorities }) => namedAuthorities);
    return await this.#named;
  }

  /** The system's expired authorities; none if they weren't read. */
  async expired(): Promise<string[]> {
    return (await this.#system)?.expired ?? [];
  }

  #proxy(url: URL): ProxyServer | undefined {
    const { context, direct } = this.#options;
    return direct ? undefined : proxyFor(context, url);
  }
}

/**
 * Makes a client that trusts the built-in authorities and these. Some may be of
 * a kind that the runtime can't read; the rest counts all the same.
 */
function trustingClient(
  options: Deno.CreateHttpClientOptions,
  authorities: SystemAuthorities | undefined,
  caCerts: string[],
): Deno.HttpClient {
  const { certificates = [], byRuntime } = authorities ?? {};
  const make = (known: string[]): Deno.HttpClient =>
    makeClient({ ...options, caCerts: [...known, ...caCerts] });
  const makeAny = (): Deno.HttpClient => {
    if (certificates.length === 0) return make([]);
    try {
      return Deno.createHttpClient({
        ...options,
        caCerts: [...certificates, ...caCerts],
      });
    } catch {
      authorities?.check();
      return make(wellFormed(certificates));
    }
  };
  return byRuntime ? withSystemStore(makeAny) : makeAny();
}
