import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type ConnectionOptions,
  Connections,
} from "../../src/http/connections.ts";
import { ProxyTunnel } from "../../src/http/proxy/tunnel.ts";
import { FakeContext, rejectionOf } from "../support/fake_context.ts";

const HTTPS = new URL("https://a.example/x");
const HTTP = new URL("http://a.example/x");
const BOTH = "mozilla,system";
const KNOWN = "http://me:hunter2@p.example:3128";

function connections(
  env: Record<string, string>,
  change: Partial<ConnectionOptions> = {},
): Connections {
  return new Connections({ context: new FakeContext({ env }), ...change });
}

/** The way to a URL in a word. */
async function wayTo(ways: Connections, url: URL): Promise<string> {
  const connection = await ways.to(url);
  if (connection instanceof ProxyTunnel) {
    connection[Symbol.dispose]();
    return "tunnel";
  }
  connection.client?.close();
  return connection.client ? "own" : "usual";
}

describe("the way to a URL", () => {
  const cases: [env: Record<string, string>, url: URL, way: string][] = [
    [{}, HTTP, "usual"],
    [{}, HTTPS, "own"],
    [{ HTTPS_PROXY: "http://p.example:3128" }, HTTPS, "own"],
    [{ HTTPS_PROXY: KNOWN }, HTTPS, "tunnel"],
    [{ HTTPS_PROXY: KNOWN.replace("http://", "") }, HTTPS, "tunnel"],
    [{ ALL_PROXY: KNOWN }, HTTPS, "tunnel"],
    [{ HTTPS_PROXY: "http://me@p.example:3128" }, HTTPS, "tunnel"],
    [{ HTTPS_PROXY: KNOWN, ALL_PROXY: "p.example:1" }, HTTPS, "own"],
    [{ HTTPS_PROXY: KNOWN, NO_PROXY: "a.example" }, HTTPS, "own"],
    [{ HTTPS_PROXY: KNOWN }, new URL("https://127.0.0.1"), "own"],
    [{ HTTPS_PROXY: KNOWN }, HTTP, "usual"],
    [{ HTTP_PROXY: KNOWN }, HTTPS, "own"],
    [{ HTTP_PROXY: KNOWN }, HTTP, "own"],
    [{ HTTP_PROXY: "https://p.example" }, HTTP, "own"],
    [{ HTTP_PROXY: "http://p.example" }, HTTP, "usual"],
    [{ HTTPS_PROXY: KNOWN.replace("http", "https") }, HTTPS, "own"],
    [{ HTTPS_PROXY: KNOWN.replace("http", "socks5") }, HTTPS, "own"],
  ];
  for (const [env, url, way] of cases) {
    it(`is ${way} to ${url.protocol} with ${JSON.stringify(env)}`, async () => {
      assertEquals(await wayTo(connections(env), url), way);
    });
  }

  it("is one for all hosts of https, and another for http", async () => {
    const ways = connections({ ALL_PROXY: KNOWN });
    const [first, second, plain] = await Promise.all([
      ways.to(HTTPS),
      ways.to(new URL("https://b.example")),
      ways.to(HTTP),
    ]);
    assertStrictEquals(first, second);
    assert(first instanceof ProxyTunnel);
    assert(!(plain instanceof ProxyTunnel));
    first[Symbol.dispose]();
    plain?.client?.close();
  });

  it("trusts the system once it is told to, and not before", async () => {
    const ways = connections({});
    const [first, plain] = [await ways.to(HTTPS), await ways.to(HTTP)];
    assertEquals([first.trustsSystem, plain.trustsSystem], [false, undefined]);
    assertEquals(ways.trustSystem(plain), false);
    assertEquals(ways.trustSystem(first), true);
    const second = await ways.to(HTTPS);
    assertEquals(second.trustsSystem, true);
    // Of requests that fail together each gets another try, and no more.
    assertEquals(ways.trustSystem(first), true);
    assertEquals(ways.trustSystem(second), false);
    first.client?.close();
    second.client?.close();
  });

  it("is direct where that is asked for, whatever the variables say", async () => {
    for (const HTTPS_PROXY of [KNOWN, "not a url"]) {
      const ways = connections({ HTTPS_PROXY }, { direct: true });
      assertEquals(ways.proxyHost(HTTPS), undefined);
      assertEquals(await wayTo(ways, HTTPS), "own");
    }
  });

  it("is none where the variable holds no URL of a proxy", async () => {
    const ways = connections({ HTTPS_PROXY: "ftp://me:hunter2@p.example" });
    const error = await rejectionOf(ways.to(HTTPS));
    assertEquals(error.code, "network_proxy");
    assert(!error.message.includes("hunter2"));
  });

  for (const [os, store] of [["linux", undefined], ["darwin", BOTH]] as const) {
    it(`trusts by ${store ?? "files"} on ${os}, and leaves no variable behind`, async () => {
      const seen: (string | undefined)[] = [];
      const { createHttpClient } = Deno;
      Deno.createHttpClient = (options): Deno.HttpClient => {
        seen.push(Deno.env.get("DENO_TLS_CA_STORE"));
        return createHttpClient(options);
      };
      try {
        const context = new FakeContext({ os });
        for (const direct of [false, true]) {
          await wayTo(new Connections({ context, direct }), HTTPS);
        }
      } finally {
        Deno.createHttpClient = createHttpClient;
      }
      assertEquals(seen, [store, store]);
      assertEquals(Deno.env.get("DENO_TLS_CA_STORE"), undefined);
    });
  }

  it("is made once, and is another one where no TLS is spoken", async () => {
    const ways = connections({}, { direct: true });
    const [first, second, plain] = await Promise.all([
      ways.to(HTTPS),
      ways.to(new URL("https://b.example")),
      ways.to(HTTP),
    ]);
    assertStrictEquals(first, second);
    assert(first.client && plain.client && first !== plain);
    first.client.close();
    plain.client.close();
  });

  it("can't be had where nothing can listen on loopback", async () => {
    const { listen } = Deno;
    Deno.listen = (() => {
      throw new Deno.errors.AddrNotAvailable();
    }) as typeof Deno.listen;
    try {
      const error = await rejectionOf(
        connections({ HTTPS_PROXY: KNOWN }).to(HTTPS),
      );
      assertEquals(
        [error.code, error.message],
        [
          "network_proxy",
          "there is no way to the proxy p.example:3128: nothing can listen on 127.0.0.1",
        ],
      );
    } finally {
      Deno.listen = listen;
    }
  });
});
