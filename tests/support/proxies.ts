import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { Child } from "./nanoctl.ts";
import { deadUrl } from "./servers.ts";
import { PATH } from "./store_files.ts";

/** A name that nobody knows (RFC 6761) but the proxies of these tests. */
export const NAME = "nano.invalid";

/** The largest head of a request that the proxy reads. */
const HEAD_LIMIT = 16 * 1024;

/** A request as a proxy saw it. */
export interface ProxyRequest {
  /** The first line, such as `CONNECT nano.invalid:443 HTTP/1.1`. */
  line: string;
  /** What it presented to the proxy, decoded: `user:password`. */
  credentials: string | undefined;
}

/** How a proxy is to behave, where it is not the usual way. */
export interface ProxyWish {
  /** `user:password`; without them it answers 407. */
  credentials?: string;
  /** The address that it listens on, where it is not 127.0.0.1. */
  address?: "::1";
}

/**
 * A proxy of a test's own on loopback. Whatever host is asked for, it leads to
 * the one service, and so nothing leaves this machine.
 */
export class NameProxy implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #connections = new Set<Deno.TcpConn>();
  readonly #port: number;
  readonly #wish: ProxyWish;
  readonly #ended: Promise<void>;
  /** All requests so far. */
  readonly requests: ProxyRequest[] = [];

  /** Leads to the service at this URL of 127.0.0.1. */
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

  /** Its URL, with these credentials where they are given. */
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

/** The head of a request without its empty line, and what came behind it. */
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

/** The request as it goes on to the service: one to a connection, nothing of the proxy's. */
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

/** Hands on what comes, the end of it too. */
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

/** Says that nothing more comes: a pending read on a connection outlives its close. */
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
    // It was closed when its exchange was over.
  }
}

function encode(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** How tinyproxy is to be set up. */
export interface TinyproxyWish {
  /** It passes what is for NAME on to this proxy. */
  upstream?: NameProxy;
  /** In an /etc/hosts of its own NAME is 127.0.0.1; takes mounts of its own. */
  knowsName?: boolean;
  /** The user name and the password that it asks for. */
  credentials?: [user: string, password: string];
  /** It lets nothing through. */
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

  /** Starts it; it listens when this resolves. */
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

  /** Its URL, with these credentials where they are given. */
  url(credentials?: string): string {
    return `http://${credentials ? `${credentials}@` : ""}${this.host}`;
  }

  /** Ends it and gives what it logged. */
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

/** Waits until something accepts connections there; throws when the child ends first. */
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
