import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { startDevServer } from "../../src/dev_server/server.ts";
import { NanoctlError } from "../../src/errors.ts";
import {
  ask,
  askAs,
  askRaw,
  FIRST_TOKENS,
  mint,
  seen,
  send,
  withServer,
} from "./helpers.ts";

describe("the embedded service", () => {
  it("starts with a user and a token that is valid for 30 days", () =>
    withServer(async (server, clock) => {
      assertMatch(server.url, /^http:\/\/127\.0\.0\.1:\d+$/);
      assertMatch(server.token, /^nano_[0-9A-Za-z]{40}$/);
      assertEquals(server.user, { username: "ada", email: "ada@example.com" });
      assertEquals(
        server.expiresAt.getTime() - clock.now().getTime(),
        30 * 24 * 60 * 60 * 1000,
      );
      assertEquals((await askAs(server, server.token)).status, 200);
    }));

  it("takes localhost as 127.0.0.1, without asking the resolver", () =>
    withServer(async (server) => {
      assert(server.url.startsWith("http://127.0.0.1:"));
      assertEquals((await ask(server, "/")).status, 200);
    }, { hostname: "LocalHost" }));

  it("brackets an IPv6 address", async () => {
    for (const hostname of ["::1", "[::1]"]) {
      await withServer(async (server) => {
        assert(server.url.startsWith("http://[::1]:"));
        assertEquals((await ask(server, "/")).status, 200);
      }, { hostname });
    }
  });

  // Only Linux has the whole of 127.0.0.0/8 on its loopback interface.
  if (Deno.build.os === "linux") {
    it("listens on any address of 127.0.0.0/8", () =>
      withServer(async (server) => {
        assert(server.url.startsWith("http://127.1.2.3:"));
        assertEquals((await ask(server, "/")).status, 200);
      }, { hostname: "127.1.2.3" }));
  }

  for (
    const hostname of [
      "0.0.0.0",
      "::",
      "[::]",
      "",
      "192.168.1.2",
      "10.0.0.1",
      "::ffff:127.0.0.1",
      "127.0.0.1.example.com",
      "127.0.0.256",
      "localhost.example.com",
      "example.com",
    ]
  ) {
    it(`refuses to listen on ${JSON.stringify(hostname)}`, async () => {
      const error = await assertRejects(
        () => startDevServer({ hostname, port: 0 }),
        NanoctlError,
      );
      assertEquals(error.code, "usage");
      assertStringIncludes(error.message, JSON.stringify(hostname));
    });
  }

  for (const port of [-1, 65_536, 1.5, NaN]) {
    it(`refuses the port ${port}`, async () => {
      const error = await assertRejects(
        () => startDevServer({ hostname: "127.0.0.1", port }),
        NanoctlError,
      );
      assertEquals(error.code, "usage");
    });
  }

  it("says what to do about a port in use", () =>
    withServer(async (server) => {
      const port = Number(new URL(server.url).port);
      const error = await assertRejects(
        () => startDevServer({ hostname: "127.0.0.1", port }),
        NanoctlError,
      );
      assertEquals(error.code, "failed");
      assertStringIncludes(
        error.message,
        `port ${port} of 127.0.0.1 is in use`,
      );
      assertStringIncludes(error.hint ?? "", "--port 0");
    }));

  it("frees its port when it stops, and may be stopped twice", async () => {
    let port = 0;
    await withServer(async (server) => {
      port = Number(new URL(server.url).port);
      await Promise.all([server.shutdown(), server.shutdown()]);
      await server.finished;
    });
    await withServer((server) => {
      assertEquals(Number(new URL(server.url).port), port);
      return Promise.resolve();
    }, { port });
  });

  it("stops when its signal is aborted", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    await withServer(async (server) => {
      controller.abort();
      await server.finished;
    }, { signal });
    await withServer((server) => server.finished, { signal });
  });

  it("stops although a client never ends its request", async () => {
    const server = await startDevServer({ hostname: "127.0.0.1", port: 0 });
    const port = Number(new URL(server.url).port);
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await connection.write(new TextEncoder().encode(
      "POST /dev/tokens HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{",
    ));
    await ask(server, "/");
    await server.shutdown();
    await server.finished;
  });

  it("stops although a slow answer is due", async () => {
    const server = await startDevServer({ hostname: "127.0.0.1", port: 0 });
    const { token, id } = await mint(server, { state: "slow", delay: 600 });
    const cutOff = assertRejects(() => askAs(server, token));
    await seen(server, id);
    await server.shutdown();
    await cutOff;
  });

  it("shares nothing with another", () =>
    withServer((one) =>
      withServer(async (other) => {
        const { status, json } = await askAs(other, one.token);
        assertEquals([status, json.code], [401, "token_invalid"]);
      })
    ));

  it("answers 500 without a word of what failed", () => {
    let broken = false;
    const now = (): Date => {
      if (broken) throw new Error("hunter2");
      return new Date();
    };
    return withServer(async (server) => {
      broken = true;
      for (const path of ["/dev/tokens", "/v1/logout"]) {
        const answer = await send(server, "POST", path, {});
        assertEquals([answer.status, answer.json.code], [500, "internal"]);
        assert(!/hunter2|Error:|\.ts/.test(answer.text));
      }
    }, { now });
  });
});

describe("the embedded service, to a browser of an attacker", () => {
  for (
    const host of [
      "attacker.example",
      "attacker.example:7080",
      "127.0.0.1.attacker.example",
      "localhost.attacker.example",
      "192.168.1.2",
      "0.0.0.0",
      "",
    ]
  ) {
    it(`refuses the Host ${JSON.stringify(host)}`, () =>
      withServer(async (server) => {
        for (const path of ["/", "/v1/me", "/dev/tokens", "/nowhere"]) {
          const line = await askRaw(
            server,
            `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
          );
          assertMatch(line, /^HTTP\/1\.1 40[03] /);
        }
      }));
  }

  for (const host of ["localhost", "LOCALHOST:80", "127.9.9.9", "[::1]:7080"]) {
    it(`accepts the Host ${host}`, () =>
      withServer(async (server) => {
        const line = await askRaw(
          server,
          `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
        );
        assertEquals(line, "HTTP/1.1 200 OK");
      }));
  }

  it("refuses a URL in the request line that names another host", () =>
    withServer(async (server) => {
      const line = await askRaw(
        server,
        "GET http://attacker.example/dev/tokens HTTP/1.1\r\nHost: localhost\r\n\r\n",
      );
      assertMatch(line, /^HTTP\/1\.1 403 /);
    }));

  const crossOrigin: [name: string, value: string][] = [
    ["Origin", "https://attacker.example"],
    ["Origin", "null"],
    ["Origin", "http://127.0.0.1:1"],
    ["Sec-Fetch-Site", "cross-site"],
    ["Sec-Fetch-Site", "same-site"],
  ];
  for (const [name, value] of crossOrigin) {
    it(`refuses a request with ${name}: ${value}`, () =>
      withServer(async (server) => {
        const auth = { Authorization: `Bearer ${server.token}` };
        for (
          const [method, path] of [
            ["GET", "/dev/tokens"],
            ["GET", "/%64ev/tokens"],
            ["GET", "/dev/requests"],
            ["POST", "/dev/tokens"],
            ["DELETE", "/dev/requests"],
            ["POST", "/v1/logout"],
            ["POST", "/settings/tokens"],
          ] as const
        ) {
          const answer = await ask(server, path, {
            method,
            headers: { [name]: value, ...auth },
          });
          assertEquals([answer.status, answer.json.code], [403, "forbidden"]);
        }
        assertEquals((await askAs(server, server.token)).status, 200);
        const { json } = await ask(server, "/dev/tokens");
        assertEquals(json.tokens.length, FIRST_TOKENS);
      }));
  }

  it("accepts what its own page sends", () =>
    withServer(async (server) => {
      const { status } = await ask(server, "/settings/tokens", {
        method: "POST",
        headers: { Origin: server.url, "Sec-Fetch-Site": "same-origin" },
        body: new URLSearchParams({ name: "laptop", expiry: "1d" }),
      });
      assertEquals(status, 201);
    }));

  it("never allows another origin to read", () =>
    withServer(async (server) => {
      for (
        const [method, path] of [
          ["OPTIONS", "/v1/me"],
          ["OPTIONS", "/dev/tokens"],
          ["GET", "/v1/me"],
          ["GET", "/"],
        ] as const
      ) {
        const { headers } = await ask(server, path, {
          method,
          headers: {
            Origin: "https://attacker.example",
            "Access-Control-Request-Method": "GET",
          },
        });
        const names = [...headers.keys()];
        assertEquals(names.filter((n) => n.startsWith("access-control")), []);
      }
    }));

  it("keeps every answer out of caches and frames", () =>
    withServer(async (server) => {
      for (const path of ["/", "/v1/me", "/dev/tokens", "/nowhere"]) {
        const { headers } = await ask(server, path);
        assertEquals(headers.get("cache-control"), "no-store");
        assertEquals(headers.get("x-content-type-options"), "nosniff");
        assertEquals(headers.get("x-frame-options"), "DENY");
      }
    }));
});
