import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import type { ProxyServer } from "../../src/http/proxy/proxy_server.ts";
import { HEAD_LIMIT } from "../../src/http/proxy/connect.ts";
import { ProxyTunnel } from "../../src/http/proxy/tunnel.ts";
import { Secret } from "../../src/secret.ts";
import { Authority } from "../support/certificates.ts";
import { NameProxy } from "../support/proxies.ts";
import { ByteServer, deadUrl, me, StrangeServer } from "../support/servers.ts";

const NAME = "nano.invalid";
/** After this long a tunnel is closed, and its test fails. */
const WATCHDOG_SECONDS = 10;

function proxyServer(
  url: string,
  username = "me",
  password = "hunter2",
): ProxyServer {
  const { host } = new URL(url);
  return {
    host,
    url,
    credentials: { username, password: new Secret(password) },
  };
}

/** A tunnel, and the login to it that nobody but the runtime is given. */
interface Opened extends Disposable {
  tunnel: ProxyTunnel;
  login: Deno.BasicAuth;
}

/** Opens a tunnel and listens to what the runtime is told. */
function open(proxy: ProxyServer, caCerts: string[] = []): Opened {
  const original = Deno.createHttpClient;
  let told: Deno.CreateHttpClientOptions | undefined;
  Deno.createHttpClient = (options): Deno.HttpClient => {
    told = options;
    return original(options);
  };
  try {
    const tunnel = new ProxyTunnel(
      proxy,
      (options) => Deno.createHttpClient({ ...options, caCerts }),
    );
    assert(told?.proxy && "basicAuth" in told.proxy && told.proxy.basicAuth);
    let hung = false;
    const watchdog = setTimeout(() => {
      hung = true;
      tunnel[Symbol.dispose]();
    }, WATCHDOG_SECONDS * 1000);
    return {
      tunnel,
      login: told.proxy.basicAuth,
      [Symbol.dispose](): void {
        if (hung) throw new Error("it hung");
        clearTimeout(watchdog);
        tunnel[Symbol.dispose]();
      },
    };
  } finally {
    Deno.createHttpClient = original;
  }
}

/** A client of SOCKS that says whatever a test wants. */
class Socks implements Disposable {
  readonly #connection: Deno.TcpConn;

  constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  static async connect(port: number): Promise<Socks> {
    return new Socks(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** Has shown the login to it. */
  static async loggedIn({ tunnel, login }: Opened): Promise<Socks> {
    const socks = await Socks.connect(tunnel.port);
    await socks.say([5, 2, 0, 2]);
    assertEquals(await socks.hear(2), [5, 2]);
    await socks.say(loginOf(login.username, login.password));
    assertEquals(await socks.hear(2), [1, 0]);
    return socks;
  }

  async say(bytes: number[]): Promise<void> {
    await this.#connection.write(Uint8Array.from(bytes));
  }

  /** Asks for a connection and gives the answer. */
  async ask(address: number[], command = 1): Promise<number | undefined> {
    await this.say([5, command, 0, ...address]);
    const [version, outcome] = await this.hear(10);
    assertEquals(version, 5);
    return outcome;
  }

  /** So many bytes, or all up to the end where there are fewer. */
  async hear(count = Infinity): Promise<number[]> {
    const heard: number[] = [];
    while (heard.length < count) {
      const bytes = new Uint8Array(Math.min(count - heard.length, 65_536));
      const read = await this.#connection.read(bytes).catch(() => null);
      if (read === null) break;
      for (const byte of bytes.subarray(0, read)) heard.push(byte);
    }
    return heard;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.closeWrite().catch(() => {});
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    try {
      this.#connection.close();
    } catch {
      // It was closed by the test.
    }
  }
}

function bytesOf(text: string): number[] {
  return [...new TextEncoder().encode(text)];
}

function textOf(bytes: number[]): string {
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

function loginOf(username: string, password: string): number[] {
  const [name, word] = [bytesOf(username), bytesOf(password)];
  return [1, name.length, ...name, word.length, ...word];
}

/** A name and port 443 as SOCKS has them. */
function named(name: string): number[] {
  return [3, name.length, ...bytesOf(name), 1, 187];
}

describe("a tunnel", () => {
  let service: StrangeServer;
  let proxy: NameProxy;

  beforeEach(() => {
    service = new StrangeServer(() => me());
    proxy = new NameProxy(service.url);
  });
  afterEach(async () => {
    await proxy[Symbol.asyncDispose]();
    await service[Symbol.asyncDispose]();
  });

  const targets: [what: string, address: number[], target: string][] = [
    ["a name, which the proxy resolves", named(NAME), `${NAME}:443`],
    ["an IPv4 address", [1, 192, 0, 2, 7, 32, 251], "192.0.2.7:8443"],
    [
      "an IPv6 address",
      [4, 0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 1, 1, 187],
      "[2001:db8::1]:443",
    ],
  ];
  for (const [what, address, target] of targets) {
    it(`asks the proxy for ${what}, with the credentials`, async () => {
      using opened = open(proxyServer(proxy.url()));
      await using socks = await Socks.loggedIn(opened);
      assertEquals(await socks.ask(address), 0);
      await socks.say(bytesOf("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
      assertEquals(textOf(await socks.hear(15)), "HTTP/1.1 200 OK");
      assertEquals(proxy.requests, [
        { line: `CONNECT ${target} HTTP/1.1`, credentials: "me:hunter2" },
      ]);
      assertEquals(
        service.caught.map(({ headers }) => headers.has("proxy-authorization")),
        [false],
      );
    });
  }

  it("takes a hundred requests at once to a service of https", async () => {
    const authority = await Authority.create();
    const forProxy: (string | null)[] = [];
    await using secure = new StrangeServer(
      ({ headers }) => {
        forProxy.push(headers.get("proxy-authorization"));
        return me();
      },
      await authority.issue({ addresses: ["192.0.2.7"] }),
    );
    await using way = new NameProxy(secure.url, { credentials: "me:hunter2" });
    using opened = open(proxyServer(way.url()), [authority.pem]);
    const { client } = opened.tunnel;
    const statuses = await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const answer = await fetch(`https://192.0.2.7/${i}`, { client });
        await answer.body?.cancel();
        return answer.status;
      }),
    );
    assertEquals(statuses, Array(100).fill(200));
    assertEquals(
      new Set(secure.caught.map(({ url }) => url.pathname)).size,
      100,
    );
    assertEquals(forProxy, Array(100).fill(null));
  });

  const credentials: [username: string, password: string][] = [
    ["me", ""],
    ["", "hunter2"],
    ["", ""],
    ["me", "a:b@c/d%40 \r\nX-Injected: 1"],
    ["jürgen", "пароль"],
  ];
  for (const [username, password] of credentials) {
    it(`presents ${JSON.stringify([username, password])}`, async () => {
      await using socket = new Recorder();
      const server = proxyServer(socket.url, username, password);
      using opened = open(server);
      await using socks = await Socks.loggedIn(opened);
      await socks.say([5, 1, 0, ...named(NAME)]);
      const [line, host, login, ...rest] = (await socket.head).split("\r\n");
      assertEquals([line, host, rest], [
        `CONNECT ${NAME}:443 HTTP/1.1`,
        `Host: ${NAME}:443`,
        ["", ""],
      ]);
      const [, encoded = ""] =
        /^Proxy-Authorization: Basic (\S+)$/.exec(login ?? "") ?? [];
      assertEquals(
        textOf([...Uint8Array.fromBase64(encoded)]),
        `${username}:${password}`,
      );
    });
  }

  it("carries a megabyte unchanged, and what came behind the head", async () => {
    const body = Array.from({ length: 2 ** 20 }, (_, i) => i * 7 % 251);
    const text = String.fromCharCode(...body.slice(0, 100));
    const behind = "x".repeat(10_000);
    await using server = new ByteServer(
      `HTTP/1.1 200 OK\r\nA: b\r\n\r\n${behind}`,
    );
    using opened = open(proxyServer(server.url));
    await using socks = await Socks.loggedIn(opened);
    assertEquals(await socks.ask(named(NAME)), 0);
    await socks.say(bytesOf(text));
    assertEquals(textOf(await socks.hear()), behind);

    await using echo = new Echo();
    await using way = new NameProxy(echo.url);
    using other = open(proxyServer(way.url()));
    await using client = await Socks.loggedIn(other);
    assertEquals(await client.ask(named(NAME)), 0);
    const heard = client.hear(body.length);
    for (let at = 0; at < body.length; at += 16_384) {
      await client.say(body.slice(at, at + 16_384));
    }
    assertEquals(await heard, body);
  });

  const head = "HTTP/1.1 200 OK\r\n";
  const outcomes: [what: string, answer: string, reply: number][] = [
    ["407", "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", 2],
    ["407 in HTTP/1.0", "HTTP/1.0 407 Who are you\r\n\r\n", 2],
    ["401", "HTTP/1.0 401 Unauthorized\r\n\r\n", 2],
    ["403", "HTTP/1.1 403 Forbidden\r\n\r\n", 1],
    ["502", "HTTP/1.1 502 Bad Gateway\r\n\r\n", 1],
    ["503 without an end", "HTTP/1.1 503 Service Unavailable\r\nA: b", 1],
    ["a redirect", "HTTP/1.1 302 Found\r\nLocation: http://x/\r\n\r\n", 1],
    ["200", `${head}\r\n`, 0],
    ["another 2xx, in HTTP/1.0", "HTTP/1.0 204 Fine\r\n\r\n", 0],
    ["nothing, and hangs up", "", 1],
    ["half a head", `${head}A: b\r\n`, 1],
    ["half a line", "HTTP/1.", 1],
    ["garbage", "SSH-2.0-OpenSSH_9.2\r\n\r\n", 1],
    ["zeros", "\0".repeat(100), 1],
    ["a head of 16 KiB", headOf(HEAD_LIMIT), 0],
    ["a head that is a byte longer", headOf(HEAD_LIMIT + 1), 1],
    ["a head without an end", head + "x".repeat(HEAD_LIMIT), 1],
  ];
  for (const [what, answer, outcome] of outcomes) {
    it(`has the outcome ${outcome} when the proxy answers ${what}`, async () => {
      await using server = new ByteServer(answer);
      using opened = open(proxyServer(server.url));
      await using socks = await Socks.loggedIn(opened);
      assertEquals(await socks.ask(named(NAME)), outcome);
      if (outcome !== 0) assertEquals(await socks.hear(), []);
    });
  }

  for (const url of [deadUrl(), "http://nobody.invalid:3128"]) {
    it(`has the outcome 4 when there is no proxy (${new URL(url).hostname})`, async () => {
      using opened = open(proxyServer(url));
      await using socks = await Socks.loggedIn(opened);
      assertEquals(await socks.ask(named(NAME)), 4);
    });
  }

  const refused: [what: string, address: number[], reply: number, number?][] = [
    ["to listen", named(NAME), 7, 2],
    ["for UDP", named(NAME), 7, 3],
    ["for an unknown kind of address", [9, 1, 2, 3, 4, 5, 6], 8],
    ["for a name with a line break", named("a\r\nX: y"), 8],
    ["for a name with a space", named("a b"), 8],
    ["for no name", named(""), 8],
  ];
  for (const [what, address, outcome, command] of refused) {
    it(`does not ask the proxy when it is asked ${what}`, async () => {
      using opened = open(proxyServer(proxy.url()));
      await using socks = await Socks.loggedIn(opened);
      assertEquals(await socks.ask(address, command), outcome);
      assertEquals(await socks.hear(), []);
      assertEquals(proxy.requests, []);
    });
  }

  it("hangs up at the proxy when its client has gone", async () => {
    await using silent = new Recorder();
    using opened = open(proxyServer(silent.url));
    const socks = await Socks.loggedIn(opened);
    await socks.say([5, 1, 0, ...named(NAME)]);
    await silent.head;
    await socks[Symbol.asyncDispose]();
    await silent.ended;
  });

  it("ends with what goes through it when it is closed", async () => {
    await using silent = new Recorder();
    const opened = open(proxyServer(silent.url));
    const { port } = opened.tunnel;
    await using socks = await Socks.loggedIn(opened);
    await socks.say([5, 1, 0, ...named(NAME)]);
    await silent.head;
    opened[Symbol.dispose]();
    await silent.ended;
    const failed = await Socks.connect(port).then(() => false, () => true);
    assert(failed, "it still listens");
  });

  it("does not keep a process alive", async () => {
    await using silent = new Recorder();
    const module = import.meta.resolve("../../src/http/proxy/tunnel.ts");
    const code = `
      import { ProxyTunnel } from ${JSON.stringify(module)};
      const { port } = new ProxyTunnel(
        { host: "h", url: "${silent.url}" },
        (options) => Deno.createHttpClient(options),
      );
      const idle = await Deno.connect({ hostname: "127.0.0.1", port });
      idle.unref();
    `;
    const { code: exit } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--ext=ts", code],
      signal: AbortSignal.timeout(20_000),
    }).output();
    assertEquals(exit, 0);
  });

  describe("that somebody else finds", () => {
    const NO = [5, 255];
    const strangers: [string, (real: Deno.BasicAuth) => number[], number[]][] =
      [
        ["without a login", () => [5, 1, 0], NO],
        ["with no method at all", () => [5, 0], NO],
        ["with SOCKS 4", () => [4, 1, 1, 187, 192, 0, 2, 1, 0], NO],
        [
          "as if it were an http proxy",
          () => bytesOf(`CONNECT ${NAME}:443 HTTP/1.1\r\n`.padEnd(200)),
          NO,
        ],
        [
          "and does not wait for the login's answer",
          () => [5, 1, 2, ...loginOf("a", "b"), 5, 1, 0, ...named(NAME)],
          [5, 2, 1, 1],
        ],
        [
          "with an empty login",
          () => [5, 1, 2, ...loginOf("", "")],
          [5, 2, 1, 1],
        ],
        [
          "with a wrong password",
          ({ username }) => [5, 1, 2, ...loginOf(username, "x".repeat(64))],
          [5, 2, 1, 1],
        ],
        [
          "with a wrong user name",
          ({ password }) => [5, 1, 2, ...loginOf("x", password)],
          [5, 2, 1, 1],
        ],
        [
          "with a longer password",
          ({ username, password }) => [
            ...[5, 1, 2],
            ...loginOf(username, password + "x"),
          ],
          [5, 2, 1, 1],
        ],
        [
          "with the password of the proxy",
          () => [5, 1, 2, ...loginOf("me", "hunter2")],
          [5, 2, 1, 1],
        ],
      ];
    for (const [how, says, hears] of strangers) {
      it(`${how} gets nothing`, async () => {
        using opened = open(proxyServer(proxy.url()));
        await using socks = await Socks.connect(opened.tunnel.port);
        await socks.say(says(opened.login));
        assertEquals(await socks.hear(), hears);
        assertEquals(proxy.requests, []);
      });
    }

    it("has a login of its own each time, that can't be guessed", () => {
      using one = open(proxyServer(proxy.url()));
      using other = open(proxyServer(proxy.url()));
      for (const { username, password } of [one.login, other.login]) {
        assertMatch(username, /^[0-9a-f]{64}$/);
        assertMatch(password, /^[0-9a-f]{64}$/);
      }
      assertFalse(one.login.password === other.login.password);
      assertFalse(Deno.inspect(one.tunnel).includes(one.login.password));
    });
  });

  it("explains a failure as the runtime does those of its own tunnels", () => {
    using opened = open(proxyServer(proxy.url()));
    const explained = (reason: string): unknown => {
      const url = "https://x/?not+allowed+by+ruleset";
      const error = new TypeError(
        `error sending request for url (${url}): client error (Connect): ${reason}`,
      );
      const said = opened.tunnel.explain(error);
      return said === error ? "as it is" : (said as Error).message;
    };
    assertEquals(
      [
        "Connection not allowed by ruleset",
        "General SOCKS server failure",
        "Host unreachable",
        "invalid peer certificate: Expired",
      ].map(explained),
      [
        "proxy authentication required",
        "unsuccessful tunnel",
        "as it is",
        "as it is",
      ],
    );
  });
});

/** A good head of an answer that is so many bytes long. */
function headOf(length: number): string {
  const [start, end] = ["HTTP/1.1 200 OK\r\nA: ", "\r\n\r\n"];
  return start + "x".repeat(length - start.length - end.length) + end;
}

/** A server that takes one connection, notes the head that comes, and says nothing. */
class Recorder implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #head = Promise.withResolvers<string>();
  readonly url = `http://127.0.0.1:${this.#listener.addr.port}`;
  /** When the other side has hung up. */
  readonly ended = this.#serve();
  readonly head = this.#head.promise;

  async #serve(): Promise<void> {
    const connection = await this.#listener.accept().catch(() => undefined);
    if (!connection) return;
    let head = "";
    const bytes = new Uint8Array(4096);
    for (;;) {
      const read = await connection.read(bytes).catch(() => null);
      if (read === null) break;
      head += textOf([...bytes.subarray(0, read)]);
      if (head.endsWith("\r\n\r\n")) this.#head.resolve(head);
    }
    connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.ended;
  }
}

/** A server that says what it hears. */
class Echo implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly url = `http://127.0.0.1:${this.#listener.addr.port}`;
  readonly #ended = this.#serve();

  async #serve(): Promise<void> {
    const connection = await this.#listener.accept().catch(() => undefined);
    await connection?.readable.pipeTo(connection.writable).catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#ended;
  }
}
