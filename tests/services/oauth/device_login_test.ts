import { assert, assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { ErrorCode } from "../../../src/errors.ts";
import { withoutSecrets } from "../../../src/secret.ts";
import {
  type PendingLogin,
  startDeviceLogin,
} from "../../../src/services/oauth/device_login.ts";
import type { GrantedTokens } from "../../../src/grant.ts";
import {
  type Answer,
  type FakeContext,
  inTurn,
  json,
  networkFailure,
  rejectionOf,
  START,
  status,
} from "../../support/fake_context.ts";
import {
  confidential,
  deviceCode,
  endpointFor,
  formOf,
  granted,
  ISSUER,
  PATHS,
  refusal,
  routes,
} from "../../support/fake_oauth.ts";

const PENDING = refusal("authorization_pending");
const SLOW_DOWN = refusal("slow_down");

interface Started {
  context: FakeContext;
  login: PendingLogin;
}

/** Starts a login whose code and polls are answered so. */
async function started(
  code: Record<string, unknown>,
  ...polls: Answer[]
): Promise<Started> {
  const { context, endpoint } = endpointFor(routes({
    [PATHS.device]: deviceCode(code),
    [PATHS.token]: inTurn(...polls),
  }));
  return { context, login: await startDeviceLogin(endpoint, undefined) };
}

function wait({ context, login }: Started): Promise<GrantedTokens> {
  return login.wait(context, context.signal);
}

/** How long it was waited before each poll, in seconds. */
function waits({ context }: Started): number[] {
  return context.sleeps.map((milliseconds) => milliseconds / 1000);
}

function seconds(from: Date, to: Date): number {
  return (to.getTime() - from.getTime()) / 1000;
}

describe("asking for a device code", () => {
  const scopes: [scope: string | undefined, form: Record<string, string>][] = [
    [undefined, { client_id: "nanoctl" }],
    ["openid a", { client_id: "nanoctl", scope: "openid a" }],
  ];
  for (const [scope, form] of scopes) {
    it(`names the client and the scope ${scope}`, async () => {
      const { context, endpoint } = endpointFor(deviceCode());
      await startDeviceLogin(endpoint, scope);
      const [request] = context.requests;
      assertEquals([request?.method, request?.url], [
        "POST",
        `${ISSUER}/device`,
      ]);
      assertEquals(formOf(request), form);
    });
  }

  it("authenticates a client with a secret", async () => {
    const { context, endpoint } = endpointFor(deviceCode(), {
      client: confidential(),
    });
    await startDeviceLogin(endpoint, undefined);
    const [request] = context.requests;
    assert(request?.headers.get("authorization")?.startsWith("Basic "));
    assertFalse("client_secret" in formOf(request));
  });

  it("gives what a person needs", async () => {
    const complete = `${ISSUER}/page?user_code=ABCD-EFGH`;
    const { login } = await started({ verification_uri_complete: complete });
    const { wait: _, ...shown } = login;
    assertEquals(shown, {
      userCode: "ABCD-EFGH",
      verificationUri: `${ISSUER}/page`,
      verificationUriComplete: complete,
      expiresIn: 600,
      interval: 5,
    });
  });

  it("keeps the code that the tokens are got with a secret", async () => {
    await started({ device_code: "the-code-that-nobody-sees" });
    assertEquals(
      withoutSecrets("is the-code-that-nobody-sees yours?"),
      "is [secret] yours?",
    );
  });

  it("needs an endpoint for it, and asks nothing without", async () => {
    const { context, endpoint } = endpointFor(deviceCode(), {
      change: { device_authorization_endpoint: undefined },
    });
    const error = await rejectionOf(startDeviceLogin(endpoint, undefined));
    assertEquals([error.code, error.message], [
      "service_response",
      `${ISSUER} has no device authorization endpoint`,
    ]);
    assertEquals(context.requests, []);
  });

  const refused: [error: string, code: ErrorCode][] = [
    ["invalid_client", "login_denied"],
    ["unauthorized_client", "login_denied"],
    ["invalid_scope", "login_denied"],
    ["invalid_request", "service_response"],
  ];
  for (const [error, code] of refused) {
    it(`is ${code} after ${error}`, async () => {
      const { endpoint } = endpointFor(refusal(error));
      const { code: got } = await rejectionOf(
        startDeviceLogin(endpoint, undefined),
      );
      assertEquals(got, code);
    });
  }

  it("is not sent over plain http to another machine", async () => {
    const { context, endpoint } = endpointFor(deviceCode(), {
      change: { device_authorization_endpoint: "http://id.example/device" },
    });
    const { code } = await rejectionOf(startDeviceLogin(endpoint, undefined));
    assertEquals([code, context.requests.length], ["usage", 0]);
  });
});

describe("a device code that no person could use", () => {
  const pages: unknown[] = [
    "javascript:alert(1)",
    "file:///etc/passwd",
    "data:text/html,x",
    "id.example/page",
    "",
    "https://",
    "https://[/",
    " https://id.example/page",
    "https://id.example/pa ge",
    "https://id.example/\u001b[2J",
    "https://id.example/\n",
    "https://id.example/\u202e",
    "https://id.example/é",
    ["https://id.example/page"],
    {},
    null,
    1,
  ];
  const wrong: [field: string, values: unknown[]][] = [
    ["user_code", [
      "",
      "AB\u001b[2JCD",
      "AB\nCD",
      "AB\u202eCD",
      "AB\u0000",
      "ÄÖÜ",
      "A".repeat(65),
      12345678,
      ["ABCD"],
      null,
      undefined,
    ]],
    ["verification_uri", [...pages, undefined]],
    ["verification_uri_complete", pages],
    ["device_code", ["", null, 1, undefined]],
    ["expires_in", [undefined, null, -1, "soon", {}, true]],
  ];
  for (const [field, values] of wrong) {
    for (const value of values) {
      it(`is a wrong answer: ${field} ${JSON.stringify(value)}`, async () => {
        const error = await rejectionOf(started({ [field]: value }));
        assertEquals([error.code, error.exitCode], ["service_response", 6]);
        assert(
          error.message.startsWith(`${ISSUER} answered in the wrong shape`),
          error.message,
        );
      });
    }
  }

  for (const body of [null, [], 1, "text"]) {
    it(`is a wrong answer: ${JSON.stringify(body)}`, async () => {
      const { endpoint } = endpointFor(json(body));
      const { code } = await rejectionOf(startDeviceLogin(endpoint, undefined));
      assertEquals(code, "service_response");
    });
  }

  it("is as valid as the server says, in a text too", async () => {
    const { login } = await started({ expires_in: "900" });
    assertEquals(login.expiresIn, 900);
  });
});

describe("polling for the tokens", () => {
  it("presents the code and gives what was granted", async () => {
    const stage = await started(
      {},
      granted({ refresh_token: "a-refresh-token" }),
    );
    const { token, refreshToken, expiresAt } = await wait(stage);
    assertEquals([token.reveal(), refreshToken?.reveal()], [
      "an-access-token",
      "a-refresh-token",
    ]);
    // From the poll on, which came 5 seconds after the start.
    assertEquals(expiresAt && seconds(START, expiresAt), 3605);
    const [, poll] = stage.context.requests;
    assertEquals([poll?.method, poll?.url], ["POST", `${ISSUER}/token`]);
    assertEquals(formOf(poll), {
      client_id: "nanoctl",
      device_code: "a-device-code-of-a-test",
      grant_type: "urn:ietf:params:oauth:grant-type:device_code",
    });
  });

  const intervals: [given: unknown, waited: number][] = [
    [undefined, 5],
    [1, 1],
    [7, 7],
    [2.5, 2.5],
    [0.001, 1],
    // What the library would refuse the whole login for.
    [0, 5],
    [-1, 5],
    [null, 5],
    ["soon", 5],
    ["10", 10],
    ["Infinity", 5],
    // A login doesn't stop for days because of a wrong answer.
    [300, 300],
    [86_400, 300],
    [1e300, 300],
  ];
  for (const [interval, waited] of intervals) {
    it(`waits ${waited} s where the interval is ${interval}`, async () => {
      const stage = await started(
        { interval, expires_in: 86_400 },
        PENDING,
        granted(),
      );
      await wait(stage);
      assertEquals(waits(stage), [waited, waited]);
    });
  }

  const cases: [what: string, polls: Answer[], waited: number[]][] = [
    ["as before while nobody has decided", [PENDING, PENDING], [5, 5, 5]],
    ["5 s longer after each slow_down", [SLOW_DOWN, SLOW_DOWN], [5, 10, 15]],
    ["on as slowly", [SLOW_DOWN, PENDING, PENDING], [5, 10, 10, 10]],
    ["twice as long after a 429", [status(429), PENDING], [5, 10, 10]],
    ["twice as long after a 503", [status(503), PENDING], [5, 10, 10]],
    [
      "twice as long after a 500 and what is no JSON",
      [() => new Response("oops", { status: 500 }), PENDING],
      [5, 10, 10],
    ],
    [
      "twice as long after a web page with status 502",
      [() => new Response("<html>", { status: 502 }), PENDING],
      [5, 10, 10],
    ],
    [
      "twice as long after a refused connection",
      [
        networkFailure("error (Connect): Connection refused (os error 111)"),
        PENDING,
      ],
      [5, 10, 10],
    ],
    [
      "twice as long after a name that is not found",
      [
        networkFailure(
          "error (Connect): dns error: failed to lookup address information: Name or service not known",
        ),
        PENDING,
      ],
      [5, 10, 10],
    ],
    [
      "twice as long after a cut connection",
      [
        networkFailure("error (SendRequest): connection closed before message"),
        PENDING,
      ],
      [5, 10, 10],
    ],
    [
      "twice as long each time",
      [status(503), status(503), SLOW_DOWN, status(429)],
      [5, 10, 20, 25, 50],
    ],
    [
      "300 s at most",
      Array(9).fill(status(503)),
      [5, 10, 20, 40, 80, 160, 300, 300, 300, 300],
    ],
  ];
  for (const [what, polls, waited] of cases) {
    it(`waits ${what}`, async () => {
      const stage = await started(
        { expires_in: 86_400 },
        ...polls,
        granted(),
      );
      assertEquals((await wait(stage)).token.reveal(), "an-access-token");
      assertEquals(waits(stage), waited);
      assertEquals(stage.context.requests.length, waited.length + 1);
    });
  }
});

describe("a device login that comes to nothing", () => {
  const refused: [error: string, code: ErrorCode, exitCode: number][] = [
    ["access_denied", "login_denied", 4],
    ["expired_token", "login_expired", 4],
    ["invalid_grant", "login_expired", 4],
    ["invalid_client", "login_denied", 4],
    ["unauthorized_client", "login_denied", 4],
    ["unsupported_grant_type", "login_denied", 4],
    ["invalid_scope", "login_denied", 4],
    ["invalid_request", "service_response", 6],
    ["something_new", "service_response", 6],
    ["constructor", "service_response", 6],
    ["__proto__", "service_response", 6],
  ];
  for (const [error, code, exitCode] of refused) {
    it(`is ${code} after ${error}, without another poll`, async () => {
      const stage = await started({}, PENDING, refusal(error, "says who"));
      const failure = await rejectionOf(wait(stage));
      assertEquals([failure.code, failure.exitCode], [code, exitCode]);
      assert(failure.message.startsWith(`${ISSUER} `), failure.message);
      assert(failure.message.endsWith(": says who"), failure.message);
      assert(failure.hint);
      assertEquals(stage.context.requests.length, 3);
    });
  }

  const others: [what: string, answer: Answer, code: ErrorCode][] = [
    [
      "a web page",
      () =>
        new Response("<html>", { headers: { "content-type": "text/html" } }),
      "service_response",
    ],
    ["no JSON", () => new Response("what?"), "service_response"],
    ["400 without a body", status(400), "service_response"],
    ["404", json({}, 404), "service_response"],
    ["tokens with another status", json({}, 201), "service_response"],
    [
      "a redirect elsewhere",
      status(307, { location: "https://evil.example/token" }),
      "redirect_refused",
    ],
  ];
  for (const [what, answer, code] of others) {
    it(`is ${code} after ${what}`, async () => {
      const stage = await started({}, answer, granted());
      assertEquals((await rejectionOf(wait(stage))).code, code);
    });
  }

  it("ends by the clock here where the server goes on to say pending", async () => {
    const stage = await started({ expires_in: 12 }, PENDING);
    const error = await rejectionOf(wait(stage));
    assertEquals([error.code, error.exitCode, error.message, error.hint], [
      "login_expired",
      4,
      `the code of ${ISSUER} expired before it was approved`,
      "start again with 'nanoctl login --device'",
    ]);
    assertEquals(waits(stage), [5, 5, 5]);
  });

  it("ends by the clock here where the server can't be reached", async () => {
    const stage = await started({ expires_in: 30 }, status(503));
    assertEquals((await rejectionOf(wait(stage))).code, "login_expired");
    assertEquals(waits(stage), [5, 10, 20]);
  });

  for (const expires_in of [0, 4]) {
    it(`asks once for a code that is valid for ${expires_in} s`, async () => {
      const stage = await started({ expires_in }, PENDING);
      assertEquals((await rejectionOf(wait(stage))).code, "login_expired");
      assertEquals(waits(stage), [5]);
    });
  }

  it("takes an approval that came at the last moment", async () => {
    const stage = await started({ expires_in: 1 }, granted());
    assertEquals((await wait(stage)).token.reveal(), "an-access-token");
  });

  it("is given up with Ctrl-C between two polls", async () => {
    const stage = await started({}, PENDING);
    stage.context.onSleep = () => {
      if (stage.context.sleeps.length === 2) stage.context.interrupt();
    };
    const error = await rejectionOf(wait(stage));
    assertEquals([error.code, error.exitCode], ["interrupted", 130]);
    assertEquals(stage.context.requests.length, 2);
  });

  it("is given up with Ctrl-C during a poll", async () => {
    const stage = await started({}, ({ signal }) => {
      stage.context.interrupt();
      throw signal.reason;
    });
    assertEquals((await rejectionOf(wait(stage))).code, "interrupted");
    assertEquals(waits(stage), [5]);
  });
});
