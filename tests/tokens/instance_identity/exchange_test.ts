import { assert, assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { HttpClient } from "../../../src/http/client.ts";
import type { TokenProvider } from "../../../src/http/token_provider.ts";
import { nanoservices } from "../../../src/services/nanoservices.ts";
import { loadProof } from "../../../src/tokens/instance_identity/clouds.ts";
import { instanceIdentity } from "../../../src/tokens/instance_identity/exchange.ts";
import type { IdentityAuth } from "../../../src/tokens/instance_identity/proof.ts";
import {
  type Answer,
  FakeContext,
  json,
  presented,
  problem,
  rejectionOf,
  type SentRequest,
  START,
} from "../../support/fake_context.ts";

const BASE = "https://api.example";
const IMDS = "http://imds.test";
const JWT = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJuYW5vc2VydmljZXMifQ.c2ln";
const MINUTE = 60_000;

const AUTHS: IdentityAuth[] = [
  "aws-instance-identity",
  "azure-instance-identity",
  "google-instance-identity",
];

/** The right answer of whichever metadata service is asked. */
const metadata: Answer = ({ url }) => {
  const path = new URL(url).pathname;
  if (path.endsWith("/identity")) return new Response(JWT);
  if (path.endsWith("/attested/document")) {
    return Response.json({ signature: "UEtDUzc=", encoding: "pkcs7" });
  }
  return new Response(path.endsWith("/document") ? '{\n "a" : 1\n}' : "c2ln");
};

/** A service that exchanges, and knows no session token but the last one. */
class Exchanger {
  readonly context: FakeContext;
  readonly client: HttpClient;
  readonly log: string[] = [];
  /** How many exchanges were asked for, and their requests. */
  readonly exchanges: SentRequest[] = [];
  /** How long a session lasts, in milliseconds; undefined for no end. */
  lasts: number | undefined;
  /** What an exchange is answered with in place of a session. */
  failure: Answer | undefined;
  /** What the metadata service answers with in place of the truth. */
  metadataFailure: Answer | undefined;
  /** What an exchange waits for. */
  gate: Promise<void> = Promise.resolve();

  constructor(random = 0) {
    const context: FakeContext = new FakeContext({
      random,
      env: {
        AWS_EC2_METADATA_SERVICE_ENDPOINT: IMDS,
        AZURE_METADATA_ENDPOINT: IMDS,
        GCE_METADATA_HOST: IMDS,
      },
      answer: (request) => this.#answer(request),
    });
    this.context = context;
    this.client = new HttpClient({
      context,
      baseUrl: BASE,
      present: nanoservices.present,
      timeoutSeconds: 30,
    });
  }

  /** The session token that the service takes now. */
  get current(): string {
    return `session_${this.exchanges.length}`;
  }

  provider(auth: IdentityAuth = "google-instance-identity"): TokenProvider {
    const { context, client } = this;
    return instanceIdentity(
      {
        context,
        service: nanoservices,
        client,
        log: (line) => void this.log.push(line),
      },
      auth,
      () => loadProof(auth),
    );
  }

  async #answer(request: SentRequest): Promise<Response> {
    if (request.url.startsWith(IMDS)) {
      return await (this.metadataFailure ?? metadata)(request);
    }
    if (!request.url.endsWith("-instance-identity")) {
      return presented(request) === this.current
        ? Response.json({})
        : await problem(401, "token_expired")(request);
    }
    this.exchanges.push(request);
    const token = this.current;
    await this.gate;
    if (this.failure) return await this.failure(request);
    const expires_at = this.lasts === undefined
      ? null
      : new Date(this.context.time.getTime() + this.lasts).toISOString();
    return await json({ session_token: token, expires_at })(request);
  }

  /** Lets time pass. */
  pass(milliseconds: number): void {
    this.context.time = new Date(this.context.time.getTime() + milliseconds);
  }
}

async function tokenOf(provider: TokenProvider): Promise<string> {
  return (await provider.getToken()).secret.reveal();
}

describe("the clock of this machine", () => {
  /** What the service answers when its clock is seven minutes behind. */
  const late = (body: unknown, status?: number): Answer =>
    json(body, status, {
      date: new Date(START.getTime() - 7 * MINUTE).toUTCString(),
    });

  it("is named where an identity is refused as expired, and not otherwise", async () => {
    const details: [detail: string, named: boolean][] = [
      ["The token has expired.", true],
      ["The token is for someone else.", false],
    ];
    for (const [detail, named] of details) {
      const service = new Exchanger();
      service.failure = late({ code: "token_invalid", detail }, 401);
      const { code, message } = await rejectionOf(
        service.provider().getToken(),
      );
      assertEquals([code, message], [
        "token_invalid",
        `${BASE} did not accept the google identity of this instance: ${detail}${
          named
            ? "; this machine's clock is 7 minutes ahead of the service's"
            : ""
        }`,
      ]);
    }
  });

  it("is named to --verbose where a session has expired when it comes, and fails nothing", async () => {
    const lasts: [minutes: number, note: string | undefined][] = [
      [
        -5,
        "the session has expired already: this machine's clock is 7 minutes ahead of the service's",
      ],
      [5, undefined],
    ];
    for (const [minutes, note] of lasts) {
      const service = new Exchanger();
      const ends = new Date(START.getTime() + minutes * MINUTE);
      service.failure = late({
        session_token: "session_1",
        expires_at: ends.toISOString(),
      });
      const token = await service.provider().getToken();
      assertEquals([token.secret.reveal(), token.note], ["session_1", note]);
    }
  });
});

describe("an instance identity", () => {
  const bodies: Record<string, unknown> = {
    "aws-instance-identity": { signature: "c2ln", document: '{\n "a" : 1\n}' },
    "azure-instance-identity": { signature: "UEtDUzc=", encoding: "pkcs7" },
    "google-instance-identity": { json_web_token: JWT },
  };
  for (const auth of AUTHS) {
    it(`of ${auth} is exchanged without a token, where the service says`, async () => {
      const service = new Exchanger();
      const provider = service.provider(auth);
      assertEquals([provider.origin, service.context.requests.length], [
        auth,
        0,
      ]);
      assertEquals(await tokenOf(provider), "session_1");
      const [sent] = service.exchanges;
      assertEquals(
        [
          sent?.method,
          sent?.url,
          JSON.parse(sent?.body ?? ""),
          sent?.headers.get("authorization"),
        ],
        ["POST", `${BASE}/v1/agents/${auth}`, bodies[auth], null],
      );
    });
  }

  it("is for the service that is asked: its name is the audience", async () => {
    const service = new Exchanger();
    await service.provider().getToken();
    const [asked] = service.context.requests;
    assertEquals(
      new URL(asked?.url ?? "").searchParams.get("audience"),
      "nanoservices",
    );
  });

  it("is exchanged once for two hundred that ask at once", async () => {
    const service = new Exchanger();
    const open = Promise.withResolvers<void>();
    service.gate = open.promise;
    const provider = service.provider();
    const all = Promise.all(
      Array.from({ length: 200 }, () => tokenOf(provider)),
    );
    open.resolve();
    assertEquals(new Set(await all), new Set(["session_1"]));
    assertEquals(service.exchanges.length, 1);
    assertEquals(service.context.requests.length, 2);
  });

  it("is exchanged once for two hundred requests of one client", async () => {
    const service = new Exchanger();
    const client = service.client.withTokens(service.provider());
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => client.send({ path: "/v1/x" })),
    );
    assertEquals(new Set(answers.map(({ status }) => status)), new Set([200]));
    assertEquals(service.exchanges.length, 1);
  });

  it("is exchanged once more when two hundred requests are refused together", async () => {
    const service = new Exchanger();
    const provider = service.provider();
    const client = service.client.withTokens(provider);
    const first = await provider.getToken();
    // The service forgets the session.
    service.exchanges.push(...service.exchanges);
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => client.send({ path: "/v1/x" })),
    );
    assertEquals(new Set(answers.map(({ status }) => status)), new Set([200]));
    assertEquals(service.exchanges.length, 3);
    assertFalse((await provider.getToken()).secret.equals(first.secret));
  });
});

describe("a session that was exchanged", () => {
  it("is held for as long as it is good, and asked for only once", async () => {
    const service = new Exchanger();
    const provider = service.provider();
    await provider.getToken();
    service.pass(365 * 24 * 60 * MINUTE);
    assertEquals(await tokenOf(provider), "session_1");
    assertEquals(service.exchanges.length, 1);
  });

  it("says when it ends", async () => {
    const service = new Exchanger();
    service.lasts = 60 * MINUTE;
    const { expiresAt } = await service.provider().getToken();
    assertEquals(expiresAt, new Date(START.getTime() + 60 * MINUTE));
  });

  const renewals: [lasts: number, heldFor: number][] = [
    [60 * MINUTE, 40 * MINUTE],
    [15_000, 10_000],
  ];
  for (const [lasts, heldFor] of renewals) {
    it(`that lasts ${lasts / 1000} seconds is renewed after ${heldFor / 1000}, not before`, async () => {
      const service = new Exchanger();
      service.lasts = lasts;
      const provider = service.provider();
      await provider.getToken();
      service.pass(heldFor - 1);
      assertEquals(await tokenOf(provider), "session_1");
      service.pass(1);
      assertEquals(await tokenOf(provider), "session_2");
      service.pass(heldFor - 1);
      assertEquals(await tokenOf(provider), "session_2");
    });
  }

  it("is renewed earlier by chance, but not in the first third of its life", async () => {
    const service = new Exchanger(0.999999);
    service.lasts = 60 * MINUTE;
    const provider = service.provider();
    await provider.getToken();
    service.pass(20 * MINUTE);
    assertEquals(await tokenOf(provider), "session_1");
    service.pass(1);
    assertEquals(await tokenOf(provider), "session_2");
  });

  it("is renewed once for all that ask when it is about to end", async () => {
    const service = new Exchanger();
    service.lasts = 60 * MINUTE;
    const provider = service.provider();
    await provider.getToken();
    service.pass(59 * MINUTE + 30_000);
    const tokens = await Promise.all(
      Array.from({ length: 200 }, () => tokenOf(provider)),
    );
    assertEquals(new Set(tokens), new Set(["session_2"]));
    assertEquals(service.exchanges.length, 2);
  });

  it("is exchanged anew after a 401, and the request is sent again", async () => {
    const service = new Exchanger();
    const provider = service.provider();
    const first = await provider.getToken();
    assertEquals(await provider.renew?.(first), true);
    assertEquals(await tokenOf(provider), "session_2");
  });

  it("that was replaced meanwhile is not exchanged again for a late 401", async () => {
    const service = new Exchanger();
    const provider = service.provider();
    const first = await provider.getToken();
    await provider.renew?.(first);
    assertEquals(await provider.renew?.(first), true);
    assertEquals(service.exchanges.length, 2);
  });

  it("is not renewed where the exchange gives the same one again", async () => {
    const service = new Exchanger();
    service.failure = json({ session_token: "same", expires_at: null });
    const provider = service.provider();
    assertEquals(await provider.renew?.(await provider.getToken()), false);
    assertEquals(service.exchanges.length, 2);
  });

  it("belongs to one provider: another one exchanges for itself", async () => {
    const service = new Exchanger();
    await service.provider().getToken();
    await service.provider().getToken();
    assertEquals(service.exchanges.length, 2);
  });
});

describe("an exchange that fails", () => {
  it("fails for all that wait, and is tried anew by who asks next", async () => {
    const service = new Exchanger();
    service.failure = problem(500, "internal");
    const provider = service.provider();
    const errors = await Promise.all(
      Array.from({ length: 10 }, () => rejectionOf(provider.getToken())),
    );
    assertEquals(
      new Set(errors.map(({ code }) => code)),
      new Set(["service_error"]),
    );
    assertEquals(service.exchanges.length, 1);
    service.failure = undefined;
    assertEquals(await tokenOf(provider), "session_2");
  });

  it("for want of a metadata service is tried anew too", async () => {
    const service = new Exchanger();
    service.metadataFailure = () => new Response("", { status: 404 });
    const provider = service.provider();
    const error = await rejectionOf(provider.getToken());
    assertEquals([error.code, service.exchanges.length], [
      "service_response",
      0,
    ]);
    service.metadataFailure = undefined;
    assertEquals(await tokenOf(provider), "session_1");
  });

  it("before a session ends leaves it in use until its end, and is tried again", async () => {
    const service = new Exchanger();
    service.lasts = 60 * MINUTE;
    const provider = service.provider();
    await provider.getToken();
    service.metadataFailure = () => new Response("", { status: 503 });
    service.pass(59 * MINUTE);
    assertEquals(await tokenOf(provider), "session_1");
    service.pass(MINUTE - 1);
    assertEquals(await tokenOf(provider), "session_1");
    service.pass(1);
    const error = await rejectionOf(provider.getToken());
    assertEquals(error.code, "service_response");
    service.metadataFailure = undefined;
    assertEquals(await tokenOf(provider), "session_2");
  });

  it("after a 401 does not take away what was held", async () => {
    const service = new Exchanger();
    const provider = service.provider();
    const first = await provider.getToken();
    service.failure = problem(503, "unavailable");
    const renewal = Promise.resolve(provider.renew?.(first));
    assertEquals((await rejectionOf(renewal)).code, "service_error");
    assertEquals(await tokenOf(provider), "session_1");
  });

  for (const status of [400, 401, 403, 404]) {
    it(`with ${status} is a refused token, with what the service says of it`, async () => {
      const service = new Exchanger();
      service.failure = problem(status, "token_invalid", {
        detail: "no such agent",
      });
      const error = await rejectionOf(service.provider().getToken());
      assertEquals([error.code, error.message, error.hint], [
        "token_invalid",
        `${BASE} did not accept the google identity of this instance: no such agent`,
        "check that the service has an agent for this instance",
      ]);
    });
  }

  const bad: [what: string, body: unknown][] = [
    ["no token", { expires_at: null }],
    ["an empty token", { session_token: "", expires_at: null }],
    ["a token that would be two headers", {
      session_token: "a\r\nx-admin: yes",
      expires_at: null,
    }],
    ["a list for a token", { session_token: ["secret"], expires_at: null }],
    ["an end that is no date", { session_token: "secret", expires_at: "soon" }],
  ];
  for (const [what, body] of bad) {
    it(`with ${what} is an error of the service, which repeats nothing`, async () => {
      const service = new Exchanger();
      service.failure = json(body);
      const error = await rejectionOf(service.provider().getToken());
      assertEquals(error.code, "service_response");
      assertFalse(/secret|x-admin/.test(error.message), error.message);
    });
  }
});

describe("who waits for an exchange", () => {
  it("may go without taking it from the others", async () => {
    const service = new Exchanger();
    const open = Promise.withResolvers<void>();
    service.gate = open.promise;
    const provider = service.provider();
    const hasty = new HttpClient({
      context: service.context,
      baseUrl: BASE,
      present: nanoservices.present,
      timeoutSeconds: 0.05,
    }).withTokens(provider);
    const patient = tokenOf(provider);
    const error = await rejectionOf(hasty.send({ path: "/v1/x" }));
    assertEquals(error.code, "network_timeout");
    const late = tokenOf(provider);
    open.resolve();
    assertEquals(await Promise.all([patient, late]), [
      "session_1",
      "session_1",
    ]);
    assertEquals(service.exchanges.length, 1);
  });

  it("is told at Ctrl-C, which ends the exchange", async () => {
    const service = new Exchanger();
    service.metadataFailure = ({ signal }) =>
      new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason))
      );
    const waiting = rejectionOf(service.provider().getToken());
    await Promise.resolve();
    service.context.interrupt();
    assertEquals((await waiting).code, "interrupted");
  });
});

describe("a metadata service that is slow at each of its answers", () => {
  it("has two seconds for all of them", async () => {
    const service = new Exchanger();
    service.metadataFailure = ({ method, signal }) =>
      new Promise((resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        // The token comes late, and what it is for does not come at all.
        if (method === "PUT") {
          setTimeout(() => resolve(new Response("imds-1")), 1500);
        }
      });
    const provider = service.provider("aws-instance-identity");
    const started = performance.now();
    const error = await rejectionOf(provider.getToken());
    const took = performance.now() - started;
    assertEquals([error.code, error.message], [
      "network_timeout",
      "the AWS metadata service can't be used: imds.test did not answer within 2 s",
    ]);
    assertEquals(service.context.requests.length, 3);
    assert(took < 3000, `it took ${took} ms`);
  });
});

describe("what an exchange logs", () => {
  for (const auth of AUTHS) {
    it(`is a line a request with ${auth}, and nothing secret`, async () => {
      const service = new Exchanger();
      await service.provider(auth).getToken();
      const text = service.log.join("\n");
      assertEquals(
        service.log.length,
        service.context.requests.length - service.exchanges.length,
      );
      assert(text.includes(`${IMDS}/`), text);
      assertFalse(/session_|c2ln|eyJ|UEtD/.test(text), text);
    });
  }

  it("and gives never shows the session token", async () => {
    const service = new Exchanger();
    const token = await service.provider().getToken();
    assertFalse(Deno.inspect(token).includes("session_1"));
    assertFalse(JSON.stringify(token).includes("session_1"));
  });
});
