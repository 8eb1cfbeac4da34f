import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { NanoctlError } from "../../src/errors.ts";
import { HttpClient } from "../../src/http/client.ts";
import type { HttpOptions } from "../../src/http/client_options.ts";
import { redactedUrl } from "../../src/http/sender.ts";
import type {
  SessionToken,
  TokenProvider,
} from "../../src/http/token_provider.ts";
import { Secret } from "../../src/secret.ts";
import { VERSION } from "../../src/version.ts";
import {
  type Answer,
  FakeContext,
  inTurn,
  json,
  networkFailure,
  never,
  presented,
  problem,
  rejectionOf,
  START,
  status,
} from "../support/fake_context.ts";

const BASE = "https://api.example";
const REFUSED = "(Connect): tcp connect error: Connection refused (os error 1)";
const UNTRUSTED = "(Connect): invalid peer certificate: UnknownIssuer";

/** Short, for tests in which the limit is what ends the wait. */
const SOON = 0.05;

function clientOf(
  context: FakeContext,
  change: Partial<HttpOptions> = {},
): HttpClient {
  return new HttpClient({
    context,
    baseUrl: BASE,
    present: (token) => ["authorization", `Bearer ${token.reveal()}`],
    timeoutSeconds: 30,
    ...change,
  });
}

function scripted(
  answer: Answer,
): { context: FakeContext; client: HttpClient } {
  const context = new FakeContext({ answer });
  return { context, client: clientOf(context).withTokens(new Tokens()) };
}

/** A provider whose token is replaced by the next one at each renewal. */
class Tokens implements TokenProvider {
  readonly origin = "store";
  readonly source = "a test";
  /** How often a renewal was done. */
  renewals = 0;
  /** How often one was begun: what would go over the network. */
  exchanges = 0;
  /** Whether renewing leads to another token. */
  renewable = true;
  /** What a renewal waits for. */
  gate: Promise<void> = Promise.resolve();

  get current(): string {
    return `nano_${this.renewals + 1}`;
  }

  getToken(): Promise<SessionToken> {
    return Promise.resolve({ secret: new Secret(this.current) });
  }

  async renew(rejected: SessionToken): Promise<boolean> {
    if (rejected.secret.reveal() !== this.current) return true;
    if (!this.renewable) return false;
    const next = this.renewals + 1;
    this.exchanges++;
    await this.gate;
    this.renewals = next;
    return true;
  }
}

interface Loopback extends AsyncDisposable {
  readonly origin: string;
  /** What came in, in order: method, path with query, and token. */
  readonly log: string[];
}

/** A real server on loopback. */
function serve(
  handler: (request: Request) => Response | Promise<Response>,
): Loopback {
  const log: string[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname, search } = new URL(request.url);
      const token = request.headers.get("authorization") ?? "no token";
      log.push(`${request.method} ${pathname}${search}, ${token}`);
      const response = await handler(request);
      await request.body?.cancel();
      return response;
    },
  );
  return {
    origin: `http://127.0.0.1:${server.addr.port}`,
    log,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function redirectTo(location: string, code = 302): Response {
  return new Response(null, { status: code, headers: { location } });
}

describe("a request", () => {
  it("goes to the path below the service's URL and its prefix", async () => {
    const context = new FakeContext({ answer: json({}) });
    const client = clientOf(context, { baseUrl: `${BASE}/prefix` });
    await client.send({ path: "/v1/me?a=b" });
    assertEquals(context.requests.map(({ method, url }) => [method, url]), [
      ["GET", `${BASE}/prefix/v1/me?a=b`],
    ]);
  });

  it("says who sends it, from which system, and that JSON is wanted", async () => {
    const context = new FakeContext({ answer: json({}), os: "darwin" });
    await clientOf(context).send({ path: "/" });
    const headers = context.requests[0]?.headers;
    assertEquals(
      headers?.get("user-agent"),
      `nanoctl/${VERSION} (darwin; ${Deno.build.arch})`,
    );
    assertEquals(headers?.get("accept"), "application/json");
  });

  it("has no body and no content type unless JSON is given", async () => {
    const { context, client } = scripted(json({}));
    await client.send({ method: "POST", path: "/" });
    assertEquals(context.requests[0]?.body, undefined);
    assertEquals(context.requests[0]?.headers.get("content-type"), null);
  });

  for (const value of [{ a: ["ü", null] }, null, "text", 0, false]) {
    it(`carries ${JSON.stringify(value)} as JSON`, async () => {
      const { context, client } = scripted(json({}));
      await client.send({ method: "POST", path: "/", json: value });
      assertEquals(context.requests[0]?.body, JSON.stringify(value));
      assertEquals(
        context.requests[0]?.headers.get("content-type"),
        "application/json",
      );
    });
  }

  it("never lets fetch follow a redirect by itself", async () => {
    const { context, client } = scripted(json({}));
    await client.send({ path: "/" });
    assertEquals(context.requests[0]?.redirect, "manual");
  });

  it("gives the answer whole, whatever its status", async () => {
    for (const code of [200, 201, 400, 404, 500]) {
      const { client } = scripted(json({ a: "ü" }, code, { "x-a": "b" }));
      const answer = await client.send({ path: "/v1/me" });
      assertEquals(answer.status, code);
      assertEquals(answer.text, '{"a":"ü"}');
      assertEquals(answer.headers.get("x-a"), "b");
      assertEquals(answer.url.href, `${BASE}/v1/me`);
      assertFalse(answer.leftOrigin);
    }
  });
});

describe("the token", () => {
  it("is presented as the service wants it", async () => {
    const context = new FakeContext({ answer: json({}) });
    const client = clientOf(context, {
      present: (token) => ["coder-session-token", token.reveal()],
    }).withTokens(new Tokens());
    await client.send({ path: "/" });
    const headers = context.requests[0]?.headers;
    assertEquals(headers?.get("coder-session-token"), "nano_1");
    assertEquals(headers?.get("authorization"), null);
  });

  it("is not sent by a client that was given no provider", async () => {
    const context = new FakeContext({ answer: json({}) });
    const plain = clientOf(context);
    plain.withTokens(new Tokens());
    await plain.send({ path: "/" });
    assertEquals(context.requests.map(presented), [undefined]);
    assertEquals(plain.provider, undefined);
  });

  it("is asked for again at each request", async () => {
    const tokens = new Tokens();
    const context = new FakeContext({ answer: json({}) });
    const client = clientOf(context).withTokens(tokens);
    await client.send({ path: "/" });
    tokens.renewals = 1;
    await client.send({ path: "/" });
    assertEquals(context.requests.map(presented), ["nano_1", "nano_2"]);
  });

  it("stays on its origin across a redirect there", async () => {
    await using server = serve((request) =>
      request.url.endsWith("/there") ? new Response("ok") : redirectTo("/there")
    );
    const context = new FakeContext({ network: true });
    const client = clientOf(context, { baseUrl: server.origin })
      .withTokens(new Tokens());
    const answer = await client.send({ path: "/here" });
    assertEquals(answer.text, "ok");
    assertEquals(answer.url.pathname, "/there");
    assertFalse(answer.leftOrigin);
    assertEquals(server.log, [
      "GET /here, Bearer nano_1",
      "GET /there, Bearer nano_1",
    ]);
  });

  it("does not follow a redirect to another origin, nor back again", async () => {
    await using other = serve(() => redirectTo(`${server.origin}/back`));
    await using server: Loopback = serve((request) =>
      request.url.endsWith("/back")
        ? new Response("ok")
        : redirectTo(`${other.origin}/away`)
    );
    const context = new FakeContext({ network: true });
    const client = clientOf(context, { baseUrl: server.origin })
      .withTokens(new Tokens());
    const answer = await client.send({ path: "/here" });
    assert(answer.leftOrigin);
    assertEquals(server.log, [
      "GET /here, Bearer nano_1",
      "GET /back, no token",
    ]);
    assertEquals(other.log, ["GET /away, no token"]);
  });

  for (
    const host of [
      "api.example",
      "10.0.0.1",
      "127.0.0.1.example",
      "a.localhost",
    ]
  ) {
    it(`is not sent over plain http to ${host}: nothing is`, async () => {
      const context = new FakeContext();
      const client = clientOf(context, { baseUrl: `http://${host}` })
        .withTokens(new Tokens());
      const error = await rejectionOf(client.send({ path: "/" }));
      assertEquals(
        [error.code, error.message],
        ["usage", `a token is not sent over plain http to ${host}`],
      );
      assert(error.hint?.includes("--insecure-http"));
      assertEquals(context.requests, []);
      assertEquals(context.sleeps, []);
    });
  }

  it("goes over plain http where --insecure-http says so", async () => {
    const context = new FakeContext({ answer: json({}) });
    const client = clientOf(context, {
      baseUrl: "http://api.example",
      insecureHttp: true,
    }).withTokens(new Tokens());
    await client.send({ path: "/" });
    assertEquals(context.requests.map(presented), ["nano_1"]);
  });

  for (const host of ["127.0.0.1:7080", "localhost:7080", "[::1]:7080"]) {
    it(`goes over plain http to ${host}`, async () => {
      const context = new FakeContext({ answer: json({}) });
      const client = clientOf(context, { baseUrl: `http://${host}` })
        .withTokens(new Tokens());
      await client.send({ path: "/" });
      assertEquals(context.requests.map(presented), ["nano_1"]);
    });
  }

  it("is not alone: what is as good as one does not go over plain http either", async () => {
    const request = { method: "POST", path: "/", json: {}, confidential: true };
    const far = new FakeContext({ answer: json({}) });
    const baseUrl = "http://api.example";
    const error = await rejectionOf(clientOf(far, { baseUrl }).send(request));
    assertEquals([error.code, error.message, far.requests.length], [
      "usage",
      "a secret that is worth a token is not sent over plain http to api.example",
      0,
    ]);
    await clientOf(far, { baseUrl, insecureHttp: true }).send(request);
    const near = new FakeContext({ answer: json({}) });
    await clientOf(near, { baseUrl: "http://127.0.0.1:7080" }).send(request);
    assertEquals([far.requests.length, near.requests.length], [1, 1]);
  });

  it("is not needed for plain http without a token", async () => {
    const context = new FakeContext({ answer: json({}) });
    const client = clientOf(context, { baseUrl: "http://api.example" });
    assertEquals((await client.send({ path: "/" })).status, 200);
  });
});

describe("redirects", () => {
  it("are followed five times", async () => {
    const { context, client } = scripted(inTurn(
      ...Array.from(
        { length: 5 },
        (_, i) => status(302, { location: `/${i}` }),
      ),
      json({ done: true }),
    ));
    assertEquals((await client.send({ path: "/" })).text, '{"done":true}');
    assertEquals(context.requests.length, 6);
  });

  it("are refused the sixth time", async () => {
    const { context, client } = scripted(status(302, { location: "/again" }));
    const error = await rejectionOf(client.send({ path: "/" }));
    assertEquals(
      [error.code, error.message],
      [
        "redirect_refused",
        `${BASE} redirects more than 5 times, which is not followed`,
      ],
    );
    assertEquals(context.requests.length, 6);
  });

  it("are followed as often as the client allows", async () => {
    for (
      const [redirects, where] of [
        [0, "elsewhere"],
        [1, "more than once"],
        [2, "more than 2 times"],
      ] as const
    ) {
      const context = new FakeContext({
        answer: status(307, { location: "http://other.example/again" }),
      });
      const client = clientOf(context, {
        baseUrl: "http://127.0.0.1",
        redirects,
      });
      const error = await rejectionOf(client.send({ path: "/" }));
      assertEquals(error.code, "redirect_refused");
      assertMatch(
        error.message,
        new RegExp(`redirects ${where}, which is not followed$`),
      );
      assertEquals(context.requests.length, redirects + 1);
    }
  });

  it("are refused from https to http before anything is sent there", async () => {
    const { context, client } = scripted(
      status(302, { location: "http://api.example/" }),
    );
    const error = await rejectionOf(client.send({ path: "/" }));
    assertEquals(error.code, "redirect_refused");
    assertEquals(context.requests.length, 1);
  });

  it("never take a body to another origin", async () => {
    await using other = serve(() => new Response("taken"));
    await using server = serve(() => redirectTo(`${other.origin}/`, 307));
    const context = new FakeContext({ network: true });
    const client = clientOf(context, { baseUrl: server.origin });
    const error = await rejectionOf(
      client.send({ method: "POST", path: "/", json: { secret: "s" } }),
    );
    assertEquals(error.code, "redirect_refused");
    assertEquals(other.log, []);
  });

  it("turn a POST into a GET without a body at 303", async () => {
    const { context, client } = scripted(inTurn(
      status(303, { location: "/done" }),
      json({}),
    ));
    await client.send({ method: "POST", path: "/", json: {} });
    const { method, body, headers } = context.requests[1] ?? {};
    assertEquals([method, body, headers?.get("content-type")], [
      "GET",
      undefined,
      null,
    ]);
  });
});

describe("trying again", () => {
  for (const method of ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]) {
    it(`is done for ${method}, three times in all`, async () => {
      const { context, client } = scripted(status(503));
      assertEquals((await client.send({ method, path: "/" })).status, 503);
      assertEquals(context.requests.length, 3);
      assertEquals(context.sleeps, [250, 500]);
    });
  }

  for (const method of ["POST", "PATCH"]) {
    it(`is not done for ${method}, which may not be repeated`, async () => {
      const { context, client } = scripted(status(503));
      assertEquals((await client.send({ method, path: "/" })).status, 503);
      assertEquals([context.requests.length, context.sleeps.length], [1, 0]);
    });

    it(`is not done for ${method} when the network fails`, async () => {
      const { context, client } = scripted(networkFailure(REFUSED));
      const error = await rejectionOf(client.send({ method, path: "/" }));
      assertEquals(error.code, "network_refused");
      assertEquals(context.requests.length, 1);
    });
  }

  for (const code of [429, 502, 503, 504]) {
    it(`is done after ${code}`, async () => {
      const { context, client } = scripted(inTurn(status(code), json({})));
      assertEquals((await client.send({ path: "/" })).status, 200);
      assertEquals(context.requests.length, 2);
    });
  }

  for (const code of [400, 403, 404, 500, 501]) {
    it(`is not done after ${code}`, async () => {
      const { context, client } = scripted(status(code));
      assertEquals((await client.send({ path: "/" })).status, code);
      assertEquals(context.requests.length, 1);
    });
  }

  it("is done as often as the client allows", async () => {
    for (const attempts of [1, 2, 4]) {
      for (const answer of [status(503), networkFailure(REFUSED)]) {
        const context = new FakeContext({ answer });
        const client = clientOf(context, { attempts });
        await client.send({ path: "/" }).catch(() => {});
        assertEquals(context.requests.length, attempts);
      }
    }
  });

  it("is done after a failure of the network, and then gives its error", async () => {
    const { context, client } = scripted(networkFailure(REFUSED));
    const error = await rejectionOf(client.send({ path: "/" }));
    assertEquals(error.code, "network_refused");
    assertEquals(context.requests.length, 3);
  });

  it("is done after a body that broke off", async () => {
    const broken: Answer = () =>
      new Response(
        new ReadableStream({
          start: (controller) =>
            controller.error(
              new TypeError("error reading a body from connection"),
            ),
        }),
      );
    const { context, client } = scripted(inTurn(broken, json({ a: 1 })));
    assertEquals((await client.send({ path: "/" })).text, '{"a":1}');
    assertEquals(context.requests.length, 2);
  });

  it("is not done for a certificate: it stays wrong", async () => {
    const { context, client } = scripted(networkFailure(UNTRUSTED));
    const error = await rejectionOf(client.send({ path: "/" }));
    assertEquals(error.code, "network_tls");
    // Once with the built-in authorities, and once with the system's too.
    assertEquals(context.requests.length, 2);
  });

  it("starts from the first URL, with the token, after a redirect away", async () => {
    const { context, client } = scripted(inTurn(
      status(302, { location: "https://other.example/" }),
      status(503),
      json({}),
    ));
    await client.send({ path: "/" });
    assertEquals(
      context.requests.map((request) => [request.url, presented(request)]),
      [
        [`${BASE}/`, "nano_1"],
        ["https://other.example/", undefined],
        [`${BASE}/`, "nano_1"],
      ],
    );
  });

  it("waits as long as Retry-After says, in seconds", async () => {
    const { context, client } = scripted(
      inTurn(status(429, { "retry-after": "7" }), json({})),
    );
    assertEquals((await client.send({ path: "/" })).status, 200);
    assertEquals(context.sleeps, [7000]);
  });

  it("waits until the date that Retry-After names", async () => {
    const date = new Date(START.getTime() + 9000).toUTCString();
    const { context, client } = scripted(
      inTurn(status(503, { "retry-after": date }), json({})),
    );
    assertEquals((await client.send({ path: "/" })).status, 200);
    assertEquals(context.sleeps, [9000]);
  });

  it("does not wait for a Retry-After beyond thirty seconds", async () => {
    const context = new FakeContext({
      answer: status(429, { "retry-after": "31" }),
    });
    const answer = await clientOf(context, { timeoutSeconds: 3600 })
      .send({ path: "/" });
    assertEquals(answer.status, 429);
    assertEquals([context.requests.length, context.sleeps.length], [1, 0]);
  });

  it("waits for thirty seconds in all, not for each try", async () => {
    const context = new FakeContext({
      answer: status(429, { "retry-after": "20" }),
    });
    const answer = await clientOf(context, { timeoutSeconds: 3600 })
      .send({ path: "/" });
    assertEquals(answer.status, 429);
    assertEquals([context.requests.length, context.sleeps], [2, [20_000]]);
  });

  it("waits for thirty seconds in all when the token is renewed in between", async () => {
    const slow = status(503, { "retry-after": "20" });
    const context = new FakeContext({
      answer: inTurn(slow, problem(401, "token_expired"), slow, json({})),
    });
    const client = clientOf(context, { timeoutSeconds: 3600 })
      .withTokens(new Tokens());
    assertEquals((await client.send({ path: "/" })).status, 503);
    assertEquals(context.sleeps, [20_000]);
  });

  it("does not wait for a Retry-After beyond the time limit", async () => {
    const context = new FakeContext({
      answer: status(503, { "retry-after": "11" }),
    });
    const answer = await clientOf(context, { timeoutSeconds: 10 })
      .send({ path: "/" });
    assertEquals(answer.status, 503);
    assertEquals(context.sleeps, []);
  });

  it("ends at Ctrl-C in the middle of a wait", async () => {
    const { context, client } = scripted(status(503));
    context.onSleep = (): void => context.interrupt();
    const error = await rejectionOf(client.send({ path: "/" }));
    assertEquals([error.code, error.exitCode], ["interrupted", 130]);
    assertEquals(context.requests.length, 1);
  });
});

describe("a time limit", () => {
  it("ends a request that is not answered, and is not tried again", async () => {
    const context = new FakeContext({ answer: never });
    const error = await rejectionOf(
      clientOf(context, { timeoutSeconds: SOON }).send({ path: "/" }),
    );
    assertEquals(
      [error.code, error.message],
      ["network_timeout", `api.example did not answer within ${SOON} s`],
    );
    assertEquals(context.requests.length, 1);
  });

  it("ends a real server's silence", async () => {
    const held = Promise.withResolvers<Response>();
    await using server = serve(() => held.promise);
    const context = new FakeContext({ network: true });
    const error = await rejectionOf(
      clientOf(context, { baseUrl: server.origin, timeoutSeconds: SOON })
        .send({ path: "/" }),
    );
    held.resolve(new Response());
    assertEquals(error.code, "network_timeout");
  });

  it("ends a body that never ends", async () => {
    await using server = serve(() =>
      new Response(
        new ReadableStream({
          start: (controller) =>
            controller.enqueue(new TextEncoder().encode("{")),
        }),
      )
    );
    const context = new FakeContext({ network: true });
    const error = await rejectionOf(
      clientOf(context, { baseUrl: server.origin, timeoutSeconds: SOON })
        .send({ path: "/" }),
    );
    assertEquals(error.code, "network_timeout");
  });

  it("ends a wait for a token that does not come", async () => {
    const context = new FakeContext();
    const client = clientOf(context, { timeoutSeconds: SOON }).withTokens({
      origin: "store",
      source: "a test",
      getToken: (signal) =>
        new Promise((_, reject) =>
          signal?.addEventListener("abort", () => reject(signal.reason))
        ),
    });
    const error = await rejectionOf(client.send({ path: "/" }));
    assertEquals(error.code, "network_timeout");
    assertEquals(context.requests, []);
  });

  it("ends a wait for a renewal that does not come", async () => {
    const tokens = new Tokens();
    const gate = Promise.withResolvers<void>();
    tokens.gate = gate.promise;
    const context = new FakeContext({ answer: problem(401, "token_expired") });
    const sent = rejectionOf(
      clientOf(context, { timeoutSeconds: SOON }).withTokens(tokens)
        .send({ path: "/" }),
    );
    const tooLate = Promise.withResolvers<NanoctlError>();
    const timer = setTimeout(
      () => tooLate.resolve(new NanoctlError("failed", "it still waits")),
      SOON * 1000 * 10,
    );
    const error = await Promise.race([sent, tooLate.promise]);
    clearTimeout(timer);
    gate.resolve();
    await sent.catch(() => {});
    assertEquals(error.code, "network_timeout");
  });
});

describe("a client's own signal", () => {
  it("ends its requests with the signal's reason, and later ones too", async () => {
    const context = new FakeContext({ answer: never });
    const over = new AbortController();
    const client = clientOf(context, { signal: over.signal });
    const pending = rejectionOf(client.send({ path: "/" }));
    over.abort(new NanoctlError("network_timeout", "too slow in all"));
    assertEquals((await pending).message, "too slow in all");
    const later = await rejectionOf(client.send({ path: "/" }));
    assertEquals(later.message, "too slow in all");
  });
});

describe("Ctrl-C", () => {
  it("ends a request that is under way", async () => {
    const context = new FakeContext({
      answer: ({ signal }) => {
        context.interrupt();
        throw signal.reason;
      },
    });
    const error = await rejectionOf(clientOf(context).send({ path: "/" }));
    assertEquals(error.code, "interrupted");
    assertEquals(context.requests.length, 1);
  });

  it("ends a real request that is under way", async () => {
    const arrived = Promise.withResolvers<void>();
    const held = Promise.withResolvers<Response>();
    await using server = serve(() => {
      arrived.resolve();
      return held.promise;
    });
    const context = new FakeContext({ network: true });
    const sent = rejectionOf(
      clientOf(context, { baseUrl: server.origin }).send({ path: "/" }),
    );
    await arrived.promise;
    context.interrupt();
    const error = await sent;
    held.resolve(new Response());
    assertEquals([error.code, error.exitCode], ["interrupted", 130]);
  });

  it("once pressed, leaves no failure behind that nobody hears of", async () => {
    const context = new FakeContext();
    context.interrupt();
    const failed = Promise.withResolvers<SessionToken>();
    const client = clientOf(context).withTokens({
      origin: "store",
      source: "a test",
      getToken: () => failed.promise,
    });
    const error = await rejectionOf(client.send({ path: "/" }));
    assertEquals(error.code, "interrupted");
    // Unheard, this would end the test run.
    failed.reject(new NanoctlError("network", "too late"));
    await new Promise((resolve) => setTimeout(resolve));
  });

  it("keeps a request from being sent once it was pressed", async () => {
    const context = new FakeContext({ answer: json({}) });
    context.interrupt();
    const error = await rejectionOf(clientOf(context).send({ path: "/" }));
    assertEquals(error.code, "interrupted");
  });
});

describe("a 401", () => {
  /** Accepts one token only, as a service does after the others expired. */
  function only(token: string): Answer {
    return (request) =>
      presented(request) === token
        ? new Response("welcome")
        : new Response(null, { status: 401 });
  }

  it("renews the token and sends the request again", async () => {
    const { context, client } = scripted(only("nano_2"));
    const answer = await client.send({ method: "POST", path: "/", json: 1 });
    assertEquals(answer.text, "welcome");
    assertEquals(
      context.requests.map((sent) => [sent.method, sent.body, presented(sent)]),
      [["POST", "1", "nano_1"], ["POST", "1", "nano_2"]],
    );
  });

  it("renews only once", async () => {
    const { context, client } = scripted(only("nano_9"));
    assertEquals((await client.send({ path: "/" })).status, 401);
    assertEquals(context.requests.map(presented), ["nano_1", "nano_2"]);
  });

  it("is given back when there is no other token", async () => {
    const tokens = new Tokens();
    tokens.renewable = false;
    const context = new FakeContext({ answer: only("nano_2") });
    const client = clientOf(context).withTokens(tokens);
    assertEquals((await client.send({ path: "/" })).status, 401);
    assertEquals(context.requests.length, 1);
  });

  it("is given back when the provider can't renew", async () => {
    const context = new FakeContext({ answer: only("nano_2") });
    const secret = new Secret("nano_1");
    const client = clientOf(context).withTokens({
      origin: "flag",
      source: "--token",
      getToken: () => Promise.resolve({ secret }),
    });
    assertEquals((await client.send({ path: "/" })).status, 401);
    assertEquals(context.requests.length, 1);
  });

  it("is given back without a provider", async () => {
    const context = new FakeContext({ answer: only("nano_1") });
    assertEquals((await clientOf(context).send({ path: "/" })).status, 401);
    assertEquals(context.requests.length, 1);
  });

  it("from another origin renews nothing: our token was not refused", async () => {
    await using other = serve(() => new Response(null, { status: 401 }));
    await using server = serve(() => redirectTo(`${other.origin}/`));
    const tokens = new Tokens();
    const context = new FakeContext({ network: true });
    const client = clientOf(context, { baseUrl: server.origin })
      .withTokens(tokens);
    const answer = await client.send({ path: "/" });
    assertEquals([answer.status, answer.leftOrigin], [401, true]);
    assertEquals(tokens.exchanges, 0);
    assertEquals(other.log.length, 1);
  });

  it("gives the error of a renewal that fails", async () => {
    const context = new FakeContext({ answer: only("nano_2") });
    const client = clientOf(context).withTokens({
      origin: "store",
      source: "a test",
      getToken: () => Promise.resolve({ secret: new Secret("nano_1") }),
      renew: () => Promise.reject(new NanoctlError("file_locked", "locked")),
    });
    assertEquals(
      (await rejectionOf(client.send({ path: "/" }))).code,
      "file_locked",
    );
  });

  it("renews anew when a later request is refused", async () => {
    const tokens = new Tokens();
    let valid = "nano_2";
    const context = new FakeContext({
      answer: (request) => only(valid)(request),
    });
    const client = clientOf(context).withTokens(tokens);
    assertEquals((await client.send({ path: "/" })).status, 200);
    valid = "nano_3";
    assertEquals((await client.send({ path: "/" })).status, 200);
    assertEquals(tokens.renewals, 2);
  });

  it("renews once for a hundred requests that fail together", async () => {
    const HUNDRED = 100;
    const tokens = new Tokens();
    const allRefused = Promise.withResolvers<void>();
    tokens.gate = allRefused.promise;
    let refused = 0;
    await using server = serve((request) => {
      const token = request.headers.get("authorization");
      if (token === "Bearer nano_2") return new Response("welcome");
      if (++refused === HUNDRED) allRefused.resolve();
      return new Response(null, { status: 401 });
    });
    const context = new FakeContext({ network: true });
    const client = clientOf(context, { baseUrl: server.origin })
      .withTokens(tokens);
    const answers = await Promise.all(
      Array.from({ length: HUNDRED }, () => client.send({ path: "/" })),
    );
    assertEquals(
      answers.filter(({ text }) => text === "welcome").length,
      HUNDRED,
    );
    assertEquals(tokens.exchanges, 1);
  });

  it("that comes late does not renew a token that was renewed meanwhile", async () => {
    const tokens = new Tokens();
    const late = Promise.withResolvers<void>();
    const context = new FakeContext({
      answer: async (request) => {
        const token = presented(request);
        if (request.url.endsWith("/late") && token === "nano_1") {
          await late.promise;
        }
        return await only("nano_2")(request);
      },
    });
    const client = clientOf(context).withTokens(tokens);
    const lateOne = client.send({ path: "/late" });
    assertEquals((await client.send({ path: "/" })).text, "welcome");
    late.resolve();
    assertEquals((await lateOne).text, "welcome");
    assertEquals(tokens.exchanges, 1);
  });

  it("leaves the renewal to the others when one of them times out", async () => {
    const tokens = new Tokens();
    const context = new FakeContext({ answer: only("nano_2") });
    const signals: (AbortSignal | undefined)[] = [];
    const client = clientOf(context).withTokens({
      origin: "store",
      source: "a test",
      getToken: () => tokens.getToken(),
      renew: (rejected, signal) => {
        signals.push(signal);
        return tokens.renew(rejected);
      },
    });
    await client.send({ path: "/" });
    assertEquals(signals, [context.signal]);
  });
});

describe("a direct client", () => {
  const proxy = "http://127.0.0.1:1";
  const direct = true;

  it("never uses a proxy, and leaves the environment as it was", async () => {
    await using service = serve(() => new Response("the service"));
    await using proxy = serve(() => new Response("the proxy"));
    const before = Deno.env.toObject();
    try {
      for (const NO_PROXY of [undefined, "", "other.example"]) {
        for (const name of ["NO_PROXY", "no_proxy"]) Deno.env.delete(name);
        if (NO_PROXY !== undefined) Deno.env.set("NO_PROXY", NO_PROXY);
        Deno.env.set("HTTP_PROXY", proxy.origin);
        const context = new FakeContext({ network: true });
        const client = clientOf(context, { baseUrl: service.origin, direct });
        assertEquals(
          (await client.send({ path: "/" })).text,
          "the service",
        );
        assertEquals(Deno.env.get("NO_PROXY"), NO_PROXY);
        const usual = Deno.createHttpClient({});
        const answer = await fetch(service.origin, { client: usual });
        assertEquals(await answer.text(), "the proxy");
        usual.close();
      }
    } finally {
      for (const name of ["HTTP_PROXY", "NO_PROXY"]) Deno.env.delete(name);
      for (const [name, value] of Object.entries(before)) {
        Deno.env.set(name, value);
      }
    }
  });

  const failures: [what: string, answer: Answer, said: string][] = [
    ["time that is up", never, `api.example did not answer within ${SOON} s`],
    [
      "a refused connection",
      networkFailure(REFUSED),
      `nothing answers at ${BASE} (connection refused)`,
    ],
  ];
  for (const [what, answer, said] of failures) {
    it(`does not speak of a proxy for ${what}`, async () => {
      for (const HTTPS_PROXY of [proxy, "not a url"]) {
        const context = new FakeContext({ env: { HTTPS_PROXY }, answer });
        const error = await rejectionOf(
          clientOf(context, { direct, timeoutSeconds: SOON })
            .send({ path: "/" }),
        );
        assertEquals(error.message, said);
      }
    });
  }

  it("gives a 407 back as any other status", async () => {
    const context = new FakeContext({
      env: { HTTPS_PROXY: proxy },
      answer: status(407),
    });
    const answer = await clientOf(context, { direct }).send({ path: "/" });
    assertEquals(answer.status, 407);
  });
});

describe("a 407", () => {
  for (
    const [scheme, isProxys] of [["http", true], ["https", false]] as const
  ) {
    it(`of ${scheme} is ${isProxys ? "the proxy's" : "the service's own"}`, async () => {
      const context = new FakeContext({
        env: { ALL_PROXY: "http://127.0.0.1:2" },
        answer: status(407),
      });
      const client = clientOf(context, { baseUrl: `${scheme}://api.example` });
      const sent = client.send({ path: "/" });
      if (isProxys) {
        assertEquals((await rejectionOf(sent)).code, "network_proxy_login");
      } else assertEquals((await sent).status, 407);
    });
  }
});

describe("an answer", () => {
  it("is read to 10 MiB after decompression and no further", async () => {
    const zipped = await gzip(11 * 1024 * 1024);
    assert(zipped.length < 100_000);
    await using server = serve(() =>
      new Response(zipped, { headers: { "content-encoding": "gzip" } })
    );
    const context = new FakeContext({ network: true });
    const error = await rejectionOf(
      clientOf(context, { baseUrl: server.origin }).send({ path: "/" }),
    );
    assertEquals(
      [error.code, error.message],
      ["service_response", "the service answered with more than 10 MiB"],
    );
    assertEquals(server.log.length, 1);
  });

  it("is read to the limit of the client and no further", async () => {
    const limits: [bytes: number, said: string][] = [
      [16 * 1024, "16 KiB"],
      [1000, "1000 bytes"],
    ];
    for (const [bodyLimit, said] of limits) {
      const answer = (): Response =>
        new Response(new Uint8Array(context.requests.length + bodyLimit - 1));
      const context = new FakeContext({ answer });
      const client = clientOf(context, { bodyLimit });
      assertEquals((await client.send({ path: "/" })).text.length, bodyLimit);
      const error = await rejectionOf(client.send({ path: "/" }));
      assertEquals(
        [error.code, error.message],
        ["service_response", `the service answered with more than ${said}`],
      );
    }
  });

  it("that was compressed is read as what it was", async () => {
    const zipped = await gzip(1000);
    await using server = serve(() =>
      new Response(zipped, { headers: { "content-encoding": "gzip" } })
    );
    const context = new FakeContext({ network: true });
    const answer = await clientOf(context, { baseUrl: server.origin })
      .send({ path: "/" });
    assertEquals(answer.text, " ".repeat(1000));
  });

  it("from nothing that listens is an error of the network", async () => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    const context = new FakeContext({ network: true });
    const error = await rejectionOf(
      clientOf(context, { baseUrl: `http://127.0.0.1:${port}` })
        .send({ path: "/" }),
    );
    assertEquals(error.code, "network_refused");
    assertEquals(context.sleeps.length, 2);
  });

  for (
    const [what, said] of [
      ["that is not HTTP is an error of the service", "SSH-2.0-OpenSSH_9\r\n"],
      [
        "of https where http was asked for is an error too",
        "\x15\x03\x01\x00\x02\x02\x16",
      ],
    ] as const
  ) {
    it(what, async () => {
      await using server = serveBytes(said);
      const context = new FakeContext({ network: true });
      const error = await rejectionOf(
        clientOf(context, { baseUrl: server.origin }).send({ path: "/" }),
      );
      assertEquals([error.code, error.exitCode], ["service_response", 6]);
    });
  }

  it("that closes without a word is an error of the network", async () => {
    await using server = serveBytes("");
    const context = new FakeContext({ network: true });
    const error = await rejectionOf(
      clientOf(context, { baseUrl: server.origin }).send({ path: "/" }),
    );
    assertEquals(error.code, "network");
  });

  it("in http where https was asked for is an error of TLS", async () => {
    await using server = serve(() => new Response("plain"));
    const context = new FakeContext({ network: true });
    const error = await rejectionOf(
      clientOf(context, { baseUrl: server.origin.replace("http:", "https:") })
        .send({ path: "/" }),
    );
    assertEquals(error.code, "network_tls");
  });
});

describe("the line for --verbose", () => {
  function logged(answer: Answer): {
    lines: string[];
    context: FakeContext;
    client: HttpClient;
  } {
    const lines: string[] = [];
    const context = new FakeContext({ answer });
    const client = clientOf(context, { log: (line) => lines.push(line) })
      .withTokens(new Tokens());
    return { lines, context, client };
  }

  it("is one a request, with method, URL, status, time, try and source", async () => {
    const slow: Answer = () => {
      context.time = new Date(context.time.getTime() + 42);
      return new Response("{}");
    };
    const { lines, context, client } = logged(slow);
    await client.send({ path: "/v1/me" });
    assertEquals(lines, [
      `GET ${BASE}/v1/me 200, 42 ms, try 1, token: a test`,
    ]);
  });

  it("is one for each try and each redirect, and says where no token went", async () => {
    const { lines, client } = logged(inTurn(
      status(503),
      status(302, { location: "https://other.example/x" }),
      json({}),
    ));
    await client.send({ path: "/" });
    assertEquals(lines, [
      `GET ${BASE}/ 503, 0 ms, try 1, token: a test`,
      `GET ${BASE}/ 302, 0 ms, try 2, token: a test`,
      "GET https://other.example/x 200, 0 ms, try 2, token: none",
    ]);
  });

  it("is one more for what is noted about the token, and only once", async () => {
    const lines: string[] = [];
    const client = clientOf(new FakeContext({ answer: json({}) }), {
      log: (line) => lines.push(line),
    }).withTokens({
      origin: "flag",
      source: "a test",
      getToken: () =>
        Promise.resolve({ secret: new Secret("nano_1"), note: "mended" }),
    });
    await client.send({ path: "/" });
    await client.send({ path: "/" });
    const request = `GET ${BASE}/ 200, 0 ms, try 1, token: a test`;
    assertEquals(lines, ["mended", request, request]);
  });

  it("names the error of a request that failed", async () => {
    const { lines, client } = logged(networkFailure(UNTRUSTED));
    await rejectionOf(client.send({ path: "/" }));
    assertEquals(lines, [
      `GET ${BASE}/ network_tls, 0 ms, try 1, token: a test`,
    ]);
  });

  it("never holds a token, wherever one is", async () => {
    const { lines, client } = logged(inTurn(
      problem(401, "token_expired"),
      status(307, { location: `${BASE}/x?access_token=nano_hidden` }),
      status(307, { location: `${BASE}/y#access_token=nano_hidden` }),
      json({ access_token: "nano_hidden" }),
    ));
    await client.send({
      method: "POST",
      path: "/?code=nano_hidden",
      json: { a: "nano_hidden" },
    });
    assertEquals(lines.length, 4);
    const text = lines.join("\n");
    for (const secret of ["nano_1", "nano_2", "nano_hidden"]) {
      assertFalse(text.includes(secret), text);
    }
  });
});

describe("redactedUrl", () => {
  const urls: [query: string, shown: string][] = [
    ["", ""],
    ["?id=github", "?id=github"],
    ["?token=x", "?token=hidden"],
    ["?ACCESS_TOKEN=x&id=1", "?ACCESS_TOKEN=hidden&id=1"],
    ["?api_key=x", "?api_key=hidden"],
    ["?client_secret=x", "?client_secret=hidden"],
    ["?password=x", "?password=hidden"],
    ["?device_code=x", "?device_code=hidden"],
    ["?X-Amz-Signature=x", "?X-Amz-Signature=hidden"],
    ["?token=x&a=b&token=y", "?token=hidden&a=b"],
    ["?to%6ben=x", "?token=hidden"],
    ["?token", "?token=hidden"],
    ["?other=token", "?other=token"],
  ];
  for (const [query, shown] of urls) {
    it(`shows ${query || "no query"} as ${shown || "it is"}`, () => {
      const url = new URL(`https://api.example/path${query}`);
      assertEquals(redactedUrl(url), `https://api.example/path${shown}`);
    });
  }

  it("leaves the URL itself alone", () => {
    const url = new URL("https://api.example/?token=x");
    redactedUrl(url);
    assertEquals(url.href, "https://api.example/?token=x");
  });
});

async function gzip(size: number): Promise<Uint8Array<ArrayBuffer>> {
  const blob = new Blob([" ".repeat(size)]);
  const stream = blob.stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** A server that answers every connection with these bytes and closes it. */
function serveBytes(text: string): Loopback {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answers = (async (): Promise<void> => {
    for await (const connection of listener) {
      await connection.read(new Uint8Array(4096));
      const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
      if (text) await connection.write(bytes);
      connection.close();
    }
  })();
  return {
    origin: `http://127.0.0.1:${listener.addr.port}`,
    log: [],
    async [Symbol.asyncDispose](): Promise<void> {
      listener.close();
      await answers;
    },
  };
}
