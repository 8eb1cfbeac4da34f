import { NanoctlError } from "../errors.ts";
import { Secret } from "../secret.ts";
import type { ProxyServer } from "./proxy.ts";

/** The largest head that a proxy may answer CONNECT with, in bytes: 16 KiB. */
export const HEAD_LIMIT = 16 * 1024;

const CHUNK_BYTES = 64 * 1024;
const PASSWORD_BYTES = 32;

/** Makes one of the runtime's clients; what else it is to have, its maker knows. */
export type MakeClient = (
  options: Deno.CreateHttpClientOptions,
) => Deno.HttpClient;

/** What the fields of SOCKS say (RFC 1928, sections 3 to 6; RFC 1929, section 2). */
const SOCKS = 5;
const LOGIN = { version: 1, method: 2, accepted: 0, refused: 1 };
const NO_METHOD = 0xff;
const CONNECT = 1;
const ADDRESS = { ipv4: 1, name: 3, ipv6: 4 };
const REPLY = {
  done: 0,
  failure: 1,
  notAllowed: 2,
  unreachable: 4,
  unknownCommand: 7,
  unknownAddress: 8,
};

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
 * password of its own, made anew each time. It does not keep the process alive.
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

  /** A failed fetch through it, in the words that the runtime has for tunnels of its own. */
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
      // Whoever called broke off, or speaks something else.
    } finally {
      client.hangUp();
      this.#ended.signal.removeEventListener("abort", hangUp);
    }
  }

  async #exchange(client: Peer): Promise<void> {
    if (!await this.#isOurs(client)) return;
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

  /** Asks for the user name and the password that only our own client knows. */
  async #isOurs(client: Peer): Promise<boolean> {
    const [version, count = 0] = await client.take(2);
    const methods = await client.take(count);
    if (version !== SOCKS || !methods.includes(LOGIN.method)) {
      await client.write(Uint8Array.of(SOCKS, NO_METHOD));
      return false;
    }
    await client.write(Uint8Array.of(SOCKS, LOGIN.method));
    const [loginVersion, length = 0] = await client.take(2);
    const username = latin1(await client.take(length));
    const [passwordLength = 0] = await client.take(1);
    const password = new Secret(latin1(await client.take(passwordLength)));
    const ours = loginVersion === LOGIN.version &&
      username === this.#login.username &&
      password.equals(this.#login.password);
    const answer = ours ? LOGIN.accepted : LOGIN.refused;
    await client.write(Uint8Array.of(LOGIN.version, answer));
    return ours;
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

/** One end of a connection: bytes are taken from it in the portions that a protocol has. */
class Peer {
  readonly #connection: Deno.TcpConn;
  #rest: Uint8Array | undefined;
  #closed = false;

  constructor(connection: Deno.TcpConn) {
    connection.unref();
    this.#connection = connection;
  }

  /** What came next; null at the end. */
  async next(): Promise<Uint8Array | null> {
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest) return rest;
    const bytes = new Uint8Array(CHUNK_BYTES);
    const count = await this.#connection.read(bytes);
    return count === null ? null : bytes.subarray(0, count);
  }

  /** Makes this what comes next. */
  putBack(chunk: Uint8Array | null): void {
    this.#rest = chunk?.length ? chunk : undefined;
  }

  /** Exactly this many bytes. Throws when there are fewer. */
  async take(count: number): Promise<Uint8Array> {
    let taken = this.#rest ?? new Uint8Array();
    this.#rest = undefined;
    while (taken.length < count) {
      const chunk = await this.next();
      if (!chunk) throw new Deno.errors.UnexpectedEof();
      taken = joined(taken, chunk);
    }
    this.putBack(taken.subarray(count));
    return taken.subarray(0, count);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length;) {
      written += await this.#connection.write(bytes.subarray(written));
    }
  }

  /** Says that nothing more comes. */
  async end(): Promise<void> {
    await this.#connection.closeWrite().catch(() => {});
  }

  /** Ends both directions. */
  hangUp(): void {
    if (this.#closed) return;
    this.#closed = true;
    // In newer runtimes a pending read outlives the close, and then the other side hears nothing of it.
    this.end();
    this.#connection.close();
  }
}

/** Hands on what comes, both ways, until the client has gone or has got all. */
async function join(client: Peer, proxy: Peer): Promise<void> {
  const down = pump(proxy, client).catch(() => {}).then(() => client.end());
  try {
    await pump(client, proxy);
  } catch {
    // The proxy takes no more, but what it said before is still on its way.
    await down;
  }
}

/** Throws when the other side takes no more. */
async function pump(from: Peer, to: Peer): Promise<void> {
  for (;;) {
    const chunk = await from.next().catch(() => null);
    if (!chunk) return;
    await to.write(chunk);
  }
}

/** The host and port that a SOCKS client asks for, as CONNECT has them, or the reply that refuses. */
async function readTarget(client: Peer): Promise<string | number> {
  const [version, command, , type] = await client.take(4);
  if (version !== SOCKS || command !== CONNECT) return REPLY.unknownCommand;
  const host = await readHost(client, type);
  const [high = 0, low = 0] = await client.take(2);
  // A name is on its way into the head of a request.
  if (!host || /[^\x21-\x7e]/.test(host)) return REPLY.unknownAddress;
  return `${host}:${high * 256 + low}`;
}

async function readHost(
  client: Peer,
  type: number | undefined,
): Promise<string | undefined> {
  switch (type) {
    case ADDRESS.ipv4:
      return (await client.take(4)).join(".");
    case ADDRESS.name: {
      const [length = 0] = await client.take(1);
      return latin1(await client.take(length));
    }
    case ADDRESS.ipv6: {
      const groups = (await client.take(16)).toHex().match(/..../g) ?? [];
      return URL.parse(`http://[${groups.join(":")}]`)?.hostname;
    }
    default:
      return undefined;
  }
}

/** A reply without a bound address, which nobody asks for. */
function reply(outcome: number): Uint8Array {
  return Uint8Array.of(SOCKS, outcome, 0, ADDRESS.ipv4, 0, 0, 0, 0, 0, 0);
}

function connectRequest(target: string, proxy: ProxyServer): Uint8Array {
  const { username = "", password } = proxy.credentials ?? {};
  const login = encode(`${username}:${password?.reveal() ?? ""}`).toBase64();
  return encode(
    [
      `CONNECT ${target} HTTP/1.1`,
      `Host: ${target}`,
      `Proxy-Authorization: Basic ${login}`,
      "\r\n",
    ].join("\r\n"),
  );
}

/** Reads what a proxy answers CONNECT with; what comes behind its head stays to be read. */
async function readAnswer(proxy: Peer): Promise<number> {
  let bytes = new Uint8Array();
  while (bytes.length <= HEAD_LIMIT) {
    const chunk = await proxy.next();
    if (!chunk) return REPLY.failure;
    bytes = joined(bytes, chunk);
    const text = latin1(bytes);
    if (text.length < "HTTP/1.1 200".length) continue;
    const [, status] = /^HTTP\/1\.\d (\d{3})/.exec(text) ?? [];
    // Some proxies say 401 of credentials that are wrong.
    if (status === "407" || status === "401") return REPLY.notAllowed;
    if (!status?.startsWith("2")) return REPLY.failure;
    const end = text.indexOf("\r\n\r\n");
    if (end < 0) continue;
    proxy.putBack(bytes.subarray(end + 4));
    return end + 4 <= HEAD_LIMIT ? REPLY.done : REPLY.failure;
  }
  return REPLY.failure;
}

/** Where to connect to for an http proxy. */
function address({ url }: ProxyServer): Deno.ConnectOptions {
  const { hostname, port } = new URL(url);
  return {
    hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(port || 80),
  };
}

function joined(
  first: Uint8Array,
  second: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}

function random(): string {
  return crypto.getRandomValues(new Uint8Array(PASSWORD_BYTES)).toHex();
}

function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
