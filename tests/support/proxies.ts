import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { Child } from "./nanoctl.ts";
import { deadUrl } from "./servers.ts";
import { PATH } from "./store_files.ts";

/** A name that never resolves (RFC 6761), except through these tests' proxies. */
export const NAME = "nano.invalid";

/** The maximum size of a request head, in bytes. */
const HEAD_LIMIT = 16 * 1024;

/** A request that a proxy received. */
export interface ProxyRequest {
  /** The first line, such as `CONNECT nano.invalid:443 HTTP/1.1`. */
  line: string;
  /** The proxy credentials, decoded: `user:password`. */
  credentials: string | undefined;
}

/** How a proxy behaves, if not in the default way. */
export interface ProxyWish {
  /** The required `user:password`; requests without it get a 407. */
  credentials?: string;
  /** The address to listen on, if not 127.0.0.1. */
  address?: "::1";
}

/**
 * A test's own proxy on loopback. It connects to one service whatever the requested
 * host, so nothing leaves this machine.
 */
export class NameProxy implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #connections = new Set<Deno.TcpConn>();
  readonly #port: number;
  readonly #wish: ProxyWish;
  readonly #ended: Promise<void>;
  /** All requests so far. */
  readonly requests: ProxyRequest[] = [];

  /** Forwards to the service at this URL on 127.0.0.1. */
  constructor(service: string, wish: ProxyWish = {}) {
    this.#port = Number(new URL(service).port);
    this.#wish = wish;
    const hostname = wish.address ?? "127.0.0.1";
    this.#listener = Deno.listen({ hostname, port: 0 });
    this.#ended = this.#serve();
  }

  /** Its host and port. */
  get host(): string {
    const { hostname, port } = this.#listener.addr;
    return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  }

  /** Its URL, with credentials if given. */
  url(credentials?: string): string {
    return `http://${credentials ? `${credentials}@` : ""}${this.host}`;
  }

  /** The first lines of all requests so far. */
  get lines(): string[] {
    return this.requests.map(({ line }) => line);
  }

  async #serve(): Promise<void> {
    const exchanges: Promise<void>[] = [];
    for await (const connection of this.#listener) {
      this.#connections.add(connection);
      exchanges.push(this.#exchange(connection).catch(() => {}));
    }
    await Promise.all(exchanges);
    for (const connection of this.#connections) close(connection);
  }

  async #exchange(client: Deno.TcpConn): Promise<void> {
    const { head, rest } = await readHead(client);
    const [line = "", ...headers] = head.split("\r\n");
    const credentials = basicCredentials(headers);
    this.requests.push({ line, credentials });
    if (credentials !== this.#wish.credentials && this.#wish.credentials) {
      return await answer(
        client,
        "407 Proxy Authentication Required",
        'Proxy-Authenticate: Basic realm="a test"',
      );
    }
    const server = await Deno.connect({
      hostname: "127.0.0.1",
      port: this.#port,
    });
    this.#connections.add(server);
    if (line.startsWith("CONNECT ")) {
      await writeAll(
        client,
        encode("HTTP/1.1 200 Connection established\r\n\r\n"),
      );
    } else {
      await writeAll(server, encode(originForm(line, headers)));
    }
    await writeAll(server, rest);
    await Promise.all([pump(client, server), pump(server, client)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await Promise.all([...this.#connections].map(hangUp));
    await this.#ended;
  }
}

/** A request's head, without the empty line, and the bytes after it. */
async function readHead(
  connection: Deno.TcpConn,
): Promise<{ head: string; rest: Uint8Array }> {
  const bytes = new Uint8Array(HEAD_LIMIT);
  let length = 0;
  while (length < HEAD_LIMIT) {
    const read = await connection.read(bytes.subarray(length));
    if (read === null) break;
    length += read;
    const text = new TextDecoder("latin1").decode(bytes.subarray(0, length));
    const end = text.indexOf("\r\n\r\n");
    if (end < 0) continue;
    return { head: text.slice(0, end), rest: bytes.slice(end + 4, length) };
  }
  throw new Error("no whole head of a request came");
}

function basicCredentials(headers: string[]): string | undefined {
  const [, value] = headers
    .map((header) => /^proxy-authorization: basic (.+)$/i.exec(header))
    .find((match) => match !== null) ?? [];
  if (value === undefined) return undefined;
  return new TextDecoder().decode(Uint8Array.fromBase64(value));
}

/** The request to forward to the service: one per connection, without proxy headers. */
function originForm(line: string, headers: string[]): string {
  const [method = "", target = ""] = line.split(" ");
  const { pathname, search } = new URL(target);
  const kept = headers.filter((header) =>
    !/^(proxy-[a-z]+|connection):/i.test(header)
  );
  return [
    `${method} ${pathname}${search} HTTP/1.1`,
    ...kept,
    "connection: close",
    "\r\n",
  ].join("\r\n");
}

async function answer(
  client: Deno.TcpConn,
  status: string,
  header: string,
): Promise<void> {
  const head = `HTTP/1.1 ${status}\r\n${header}\r\nContent-Length: 0\r\n\r\n`;
  await writeAll(client, encode(head));
  await hangUp(client);
}

/** Forwards data, and the end of the stream. */
async function pump(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  const bytes = new Uint8Array(HEAD_LIMIT);
  try {
    for (;;) {
      const read = await from.read(bytes);
      if (read === null) return;
      await writeAll(to, bytes.subarray(0, read));
    }
  } catch {
    // The other direction ended.
  } finally {
    await hangUp(to);
  }
}

/** Shuts down the connection, because a pending read outlives a plain close. */
async function hangUp(connection: Deno.TcpConn): Promise<void> {
  await connection.closeWrite().catch(() => {});
}

async function writeAll(to: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await to.write(bytes.subarray(written));
  }
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // Already closed at the end of its exchange.
  }
}

function encode(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** tinyproxy's configuration. */
export interface TinyproxyWish {
  /** Forwards requests for NAME to this proxy. */
  upstream?: NameProxy;
  /** Maps NAME to 127.0.0.1 in its own /etc/hosts; needs a mount namespace. */
  knowsName?: boolean;
  /** The required user name and password. */
  credentials?: [user: string, password: string];
  /** Denies every request. */
  denies?: boolean;
}

/** The real tinyproxy as a child process, on a free port of 127.0.0.1. */
export class Tinyproxy implements AsyncDisposable {
  readonly #child: Child;
  readonly #folder: string;
  readonly host: string;

  private constructor(child: Child, folder: string, host: string) {
    this.#child = child;
    this.#folder = folder;
    this.host = host;
  }

  /** Starts it; resolves when it is listening. */
  static async start(wish: TinyproxyWish): Promise<Tinyproxy> {
    const folder = Deno.makeTempDirSync({ prefix: "nanoctl-tinyproxy-" });
    const { host, port } = new URL(deadUrl());
    const path = (name: string, text: string): string => {
      Deno.writeTextFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const lines = [
      `Port ${port}`,
      "Listen 127.0.0.1",
      "Timeout 20",
      "LogLevel Connect",
    ];
    if (wish.upstream) {
      lines.push(`Upstream http ${wish.upstream.host} "${NAME}"`);
    }
    if (wish.credentials) {
      lines.push(`BasicAuth ${wish.credentials.join(" ")}`);
    }
    if (wish.denies) {
      lines.push(`Filter "${path("filter", "")}"`, "FilterDefaultDeny Yes");
    }
    const config = path("tinyproxy.conf", lines.join("\n") + "\n");
    const hosts = path("hosts", `127.0.0.1 localhost ${NAME}\n`);
    const command = `exec tinyproxy -d -c "${config}"`;
    const child = wish.knowsName
      ? new Child("unshare", [
        "-rm",
        "sh",
        "-c",
        `mount --bind "${hosts}" /etc/hosts && ${command}`,
      ], { env: { PATH } })
      : new Child("sh", ["-c", command], { env: { PATH } });
    await listening(host, child);
    return new Tinyproxy(child, folder, host);
  }

  /** Its URL, with credentials if given. */
  url(credentials?: string): string {
    return `http://${credentials ? `${credentials}@` : ""}${this.host}`;
  }

  /** Stops it and returns its log. */
  async stop(): Promise<string> {
    this.#child.kill("SIGTERM");
    const { code, stdout, stderr } = await this.#child.end();
    assertEquals(code, 0, stdout + stderr);
    return stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop().catch(() => {});
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

/** Waits until the address accepts connections; throws if the child exits first. */
async function listening(host: string, child: Child): Promise<void> {
  const { hostname, port } = new URL(`http://${host}`);
  let ended = false;
  const end = child.end().finally(() => ended = true);
  end.catch(() => {});
  for (;;) {
    try {
      (await Deno.connect({ hostname, port: Number(port) })).close();
      return;
    } catch {
      if (ended) throw new Error(`it ended: ${JSON.stringify(await end)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}
