import { NanoctlError } from "../../errors.ts";
import { Secret } from "../../secret.ts";
import { address, connectRequest, readAnswer } from "./connect.ts";
import { join, Peer } from "./peer.ts";
import type { ProxyServer } from "./proxy_server.ts";
import { isOurs, readTarget, REPLY, reply } from "./socks.ts";

const PASSWORD_BYTES = 32;

/** Creates one of the runtime's clients, with options of its own in addition. */
export type MakeClient = (
  options: Deno.CreateHttpClientOptions,
) => Deno.HttpClient;

/** What the runtime calls these replies, and what it says when it asks an http proxy itself. */
const REASONS: [reply: RegExp, said: string][] = [
  [/not allowed by ruleset/i, "proxy authentication required"],
  [/general SOCKS server failure/i, "unsuccessful tunnel"],
];

/**
 * A way through an http proxy that wants a user name and a password, for https.
 * Left to itself the runtime presents them to the service as well, inside the
 * tunnel. So it is given a SOCKS proxy in their place: this one, on loopback,
 * which asks the real one for a tunnel (CONNECT; RFC 9110, section 9.3.6) and
 * alone knows the credentials (Basic; RFC 7617). The runtime's TLS goes through
 * it unread, to the service. Nobody else on this machine can use it: it has a
 * password of its own, generated each time. It does not keep the process alive.
 *
 * Throws `network_proxy` when nothing can listen on loopback, and what
 * `makeClient` throws.
 */
export class ProxyTunnel implements Disposable {
  /** What fetch sends through it with. */
  readonly client: Deno.HttpClient;
  readonly #listener: Deno.TcpListener;
  readonly #proxy: ProxyServer;
  readonly #login = { username: random(), password: new Secret(random()) };
  readonly #ended = new AbortController();

  constructor(proxy: ProxyServer, makeClient: MakeClient) {
    this.#proxy = proxy;
    this.#listener = listen(proxy);
    this.#listener.unref();
    void this.#accept();
    const { username, password } = this.#login;
    this.client = makeClient({
      proxy: {
        url: `socks5h://127.0.0.1:${this.port}`,
        basicAuth: { username, password: password.reveal() },
      },
    });
  }

  /** Where it listens on 127.0.0.1. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** The error of a failed fetch through it, in the runtime's words for its own tunnels. */
  explain(error: unknown): unknown {
    if (!(error instanceof Error)) return error;
    // What comes before the reason holds the URL.
    const text = error.message.replace(/^.*?client error/, "");
    const said = REASONS.find(([reply]) => reply.test(text))?.[1];
    return said === undefined ? error : new TypeError(said);
  }

  /** Stops listening and hangs up. */
  [Symbol.dispose](): void {
    this.#ended.abort();
    this.#listener.close();
    this.client.close();
  }

  async #accept(): Promise<void> {
    try {
      for await (const connection of this.#listener) {
        void this.#serve(new Peer(connection));
      }
    } catch {
      // Without a free descriptor nothing can be accepted, or sent.
    }
  }

  async #serve(client: Peer): Promise<void> {
    const hangUp = (): void => client.hangUp();
    this.#ended.signal.addEventListener("abort", hangUp);
    try {
      await this.#exchange(client);
    } catch {
      // The client hung up, or speaks another protocol.
    } finally {
      client.hangUp();
      this.#ended.signal.removeEventListener("abort", hangUp);
    }
  }

  async #exchange(client: Peer): Promise<void> {
    if (!await isOurs(client, this.#login)) return;
    const target = await readTarget(client);
    if (typeof target === "number") return await client.write(reply(target));
    const gone = new AbortController();
    // Nothing comes before the reply, so this is the end, or what TLS sends after it.
    const first = client.next();
    void first.then((chunk) => chunk ?? gone.abort(), () => gone.abort());
    const { outcome, proxy } = await this.#open(target, gone.signal);
    await client.write(reply(outcome));
    if (!proxy) return;
    try {
      // In TLS it is the client that speaks first.
      client.putBack(await first);
      await join(client, proxy);
    } finally {
      proxy.hangUp();
    }
  }

  /** Opens the tunnel at the real proxy; there is one when the outcome is that it is done. */
  async #open(
    target: string,
    gone: AbortSignal,
  ): Promise<{ outcome: number; proxy?: Peer }> {
    const signal = AbortSignal.any([gone, this.#ended.signal]);
    let proxy: Peer;
    try {
      proxy = new Peer(await Deno.connect({ ...address(this.#proxy), signal }));
    } catch {
      return { outcome: REPLY.unreachable };
    }
    signal.addEventListener("abort", () => proxy.hangUp());
    if (signal.aborted) proxy.hangUp();
    try {
      await proxy.write(connectRequest(target, this.#proxy));
      const outcome = await readAnswer(proxy);
      if (outcome === REPLY.done) return { outcome, proxy };
      proxy.hangUp();
      return { outcome };
    } catch {
      proxy.hangUp();
      return { outcome: REPLY.unreachable };
    }
  }
}

function listen({ host }: ProxyServer): Deno.TcpListener {
  try {
    return Deno.listen({ hostname: "127.0.0.1", port: 0 });
  } catch {
    throw new NanoctlError(
      "network_proxy",
      `there is no way to the proxy ${host}: nothing can listen on 127.0.0.1`,
      "a proxy with a user name needs that; check this machine's network",
    );
  }
}

function random(): string {
  return crypto.getRandomValues(new Uint8Array(PASSWORD_BYTES)).toHex();
}
