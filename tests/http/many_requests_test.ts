import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { NanoctlError } from "../../src/errors.ts";
import { HttpClient } from "../../src/http/client.ts";
import type {
  SessionToken,
  TokenProvider,
} from "../../src/http/token_provider.ts";
import { Secret } from "../../src/secret.ts";
import { FakeContext } from "../support/fake_context.ts";

const MANY = 1000;
const OLD = "nano_old";
const NEW = "nano_new";
/** For a busy machine: nothing here is to wait for it. */
const TIMEOUT_SECONDS = 60;

/** A provider that is not careful itself: each call of renew is an exchange. */
class Renewing implements TokenProvider {
  readonly origin = "store";
  readonly source = "a test";
  readonly #exchange: () => Promise<void>;
  current = OLD;
  exchanges = 0;
  /** How often the client asked for a token that is no longer good. */
  needless = 0;

  constructor(exchange: () => Promise<void>) {
    this.#exchange = exchange;
  }

  getToken(): Promise<SessionToken> {
    return Promise.resolve({ secret: new Secret(this.current) });
  }

  async renew(rejected: SessionToken): Promise<boolean> {
    if (rejected.secret.reveal() !== this.current) {
      this.needless++;
      return true;
    }
    this.exchanges++;
    await this.#exchange();
    this.current = NEW;
    return true;
  }
}

/** A request as the server saw it. */
interface Seen {
  id: string;
  token: string;
  body: string;
  /** Whether the client had the new token by then. */
  afterRenewal: boolean;
}

/** A server on loopback that takes the new token only. */
class Gatekeeper implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly seen: Seen[] = [];
  /** What a refusal waits for. */
  beforeRefusal: (id: string) => Promise<void> = () => Promise.resolve();
  renewed = false;

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#answer(request),
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** How many requests were refused, or are about to be. */
  get refused(): number {
    return this.seen.filter(({ token }) => token === OLD).length;
  }

  async #answer(request: Request): Promise<Response> {
    const id = new URL(request.url).pathname.slice(1);
    const token = request.headers.get("authorization")?.slice(7) ?? "none";
    const afterRenewal = this.renewed;
    this.seen.push({ id, token, afterRenewal, body: await request.text() });
    if (token === NEW) return new Response(id);
    await this.beforeRefusal(id);
    return new Response(null, { status: 401 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

function clientFor(server: Gatekeeper, provider: TokenProvider): HttpClient {
  return new HttpClient({
    context: new FakeContext({ network: true }),
    baseUrl: server.url,
    present: (token) => ["authorization", `Bearer ${token.reveal()}`],
    timeoutSeconds: TIMEOUT_SECONDS,
  }).withTokens(provider);
}

const ids = Array.from({ length: MANY }, (_, i) => `${i}`);

/** Each request got its own answer, by the new token, and none was sent in vain twice. */
function assertEachOnce(server: Gatekeeper): void {
  const tokensOf = new Map<string, string[]>();
  for (const { id, token } of server.seen) {
    tokensOf.set(id, [...tokensOf.get(id) ?? [], token]);
  }
  assertEquals(tokensOf.size, MANY);
  for (const [id, tokens] of tokensOf) {
    assert(
      ["nano_old,nano_new", "nano_new"].includes(tokens.join()),
      `request ${id} was sent with ${tokens}`,
    );
  }
}

describe("a thousand requests at once, with a token that has just expired,", () => {
  for (const method of ["GET", "POST"]) {
    it(`lead to one renewal, and all succeed: ${method}`, async () => {
      await using server = new Gatekeeper();
      const provider = new Renewing(async () => {
        // In the middle of the others: some are refused before, some after.
        await until(() => server.refused >= MANY / 2);
        server.renewed = true;
      });
      const client = clientFor(server, provider);
      const answers = await Promise.all(
        ids.map((id) =>
          client.send({
            method,
            path: `/${id}`,
            ...(method === "POST" ? { json: id } : {}),
          })
        ),
      );
      assertEquals(answers.map(({ status }) => status), Array(MANY).fill(200));
      assertEquals(answers.map(({ text }) => text), ids);
      assertEquals(provider.exchanges, 1);
      assertEachOnce(server);
      if (method === "POST") {
        assert(server.seen.every(({ id, body }) => body === `"${id}"`));
      }
    });
  }

  it("lead to one renewal when half of the refusals come only after it", async () => {
    await using server = new Gatekeeper();
    const allThere = Promise.withResolvers<void>();
    const firstDone = Promise.withResolvers<void>();
    server.beforeRefusal = async (id): Promise<void> => {
      if (server.refused === MANY) allThere.resolve();
      await allThere.promise;
      if (Number(id) % 2 === 1) await firstDone.promise;
    };
    const provider = new Renewing(() => {
      server.renewed = true;
      return Promise.resolve();
    });
    const client = clientFor(server, provider);
    const sent = ids.map((id) => client.send({ path: `/${id}` }));
    await Promise.all(sent.filter((_, i) => i % 2 === 0));
    firstDone.resolve();
    const answers = await Promise.all(sent);
    assertEquals(answers.map(({ text }) => text), ids);
    assertEquals(provider.exchanges, 1);
    assert(provider.needless > 0, "some did come late");
    assertEquals(
      server.seen.filter(({ token, afterRenewal }) =>
        token === OLD && afterRenewal
      ),
      [],
      "none was sent with the old token once there was a new one",
    );
    assertEachOnce(server);
  });

  it("all fail alike when the renewal fails, and it is not tried a thousand times", async () => {
    await using server = new Gatekeeper();
    const provider = new Renewing(async () => {
      await until(() => server.refused === MANY);
      // Until the last of the refusals has got through to the client.
      await new Promise((resolve) => setTimeout(resolve, 500));
      throw new NanoctlError("token_expired", "log in again");
    });
    const client = clientFor(server, provider);
    const errors = await Promise.all(
      ids.map((id) =>
        client.send({ path: `/${id}` }).then(
          () => "no error",
          (error: unknown) =>
            error instanceof NanoctlError ? error.code : String(error),
        )
      ),
    );
    assertEquals(errors, Array(MANY).fill("token_expired"));
    assertEquals([provider.exchanges, server.seen.length], [1, MANY]);
  });

  it("lead to one renewal when they stream their answers", async () => {
    await using server = new Gatekeeper();
    const provider = new Renewing(async () => {
      await until(() => server.refused >= MANY / 2);
      server.renewed = true;
    });
    const client = clientFor(server, provider);
    const texts = await Promise.all(ids.map(async (id) => {
      const { chunks } = await client.stream({ path: `/${id}` });
      const decoder = new TextDecoder();
      let text = "";
      for await (const chunk of chunks) text += decoder.decode(chunk);
      return text;
    }));
    assertEquals(texts, ids);
    assertEquals(provider.exchanges, 1);
    assertEachOnce(server);
  });
});

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + TIMEOUT_SECONDS * 1000;
  while (!condition()) {
    if (Date.now() > end) throw new Error("it never came to this");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
