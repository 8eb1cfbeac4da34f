import { assert, assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { ErrorCode } from "../../../src/errors.ts";
import { Secret } from "../../../src/secret.ts";
import {
  clientCredentials,
  exchangeToken,
  type Wanted,
} from "../../../src/services/oauth/machine_login.ts";
import {
  type Answer,
  networkFailure,
  rejectionOf,
  START,
  status,
} from "../../support/fake_context.ts";
import {
  confidential,
  endpointFor,
  formOf,
  granted,
  ISSUER,
  refusal,
} from "../../support/fake_oauth.ts";

const SUBJECT = "a.workload.token-of-its-own";
const now = (): Date => START;

const WANTED: [wanted: Wanted, form: Record<string, string>][] = [
  [{}, {}],
  [{ scope: undefined, audience: undefined }, {}],
  [{ scope: "a b" }, { scope: "a b" }],
  [{ audience: "https://api.example" }, { audience: "https://api.example" }],
  [{ scope: "a", audience: "b" }, { scope: "a", audience: "b" }],
];

/** What each way sends, and how it fails with an answer. */
const WAYS = {
  "client credentials": clientCredentials,
  "an exchange": (
    endpoint: Parameters<typeof clientCredentials>[0],
    wanted: Wanted,
    at: () => Date,
  ) => exchangeToken(endpoint, new Secret(SUBJECT), wanted, at),
};

describe("client credentials", () => {
  for (const [wanted, form] of WANTED) {
    it(`ask for ${JSON.stringify(wanted)}`, async () => {
      const { context, endpoint } = endpointFor(granted(), {
        client: confidential("s3cret"),
      });
      const { token } = await clientCredentials(endpoint, wanted, now);
      assertEquals(token.reveal(), "an-access-token");
      const [request] = context.requests;
      assertEquals([request?.method, request?.url], [
        "POST",
        `${ISSUER}/token`,
      ]);
      assertEquals(formOf(request), {
        grant_type: "client_credentials",
        ...form,
      });
      assertEquals(
        request?.headers.get("authorization"),
        `Basic ${btoa("robot:s3cret")}`,
      );
    });
  }
});

describe("a token exchange", () => {
  for (const [wanted, form] of WANTED) {
    it(`asks for ${JSON.stringify(wanted)}, as a client without a secret`, async () => {
      const { context, endpoint } = endpointFor(granted());
      await exchangeToken(endpoint, new Secret(SUBJECT), wanted, now);
      const [request] = context.requests;
      assertEquals(formOf(request), {
        grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
        client_id: "nanoctl",
        subject_token: SUBJECT,
        subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
        ...form,
      });
      assertFalse(request?.headers.has("authorization"));
    });
  }

  it("may be that of a client with a secret", async () => {
    const { context, endpoint } = endpointFor(granted(), {
      client: confidential(),
      change: { token_endpoint_auth_methods_supported: ["client_secret_post"] },
    });
    await exchangeToken(endpoint, new Secret(SUBJECT), {}, now);
    const { client_id, client_secret } = formOf(context.requests[0]);
    assertEquals([client_id, client_secret], [
      "robot",
      "the client's own secret",
    ]);
  });

  it("says whom the server has to trust, and not the workload's token", async () => {
    const { endpoint } = endpointFor(
      refusal("invalid_grant", `${SUBJECT} has expired`),
    );
    const error = await rejectionOf(
      exchangeToken(endpoint, new Secret(SUBJECT), {}, now),
    );
    assertEquals([error.message, error.hint], [
      `${ISSUER} does not accept the workload's token (invalid_grant): [secret] has expired`,
      "check the token's audience and expiry, and whom the server trusts",
    ]);
  });
});

describe("a machine's login that fails", () => {
  type Case = [
    what: string,
    answer: Answer,
    codes: [own: ErrorCode, exchange: ErrorCode],
  ];
  const oauthErrors: [error: string, own: ErrorCode, exchange: ErrorCode][] = [
    ["invalid_client", "login_denied", "login_denied"],
    ["unauthorized_client", "login_denied", "login_denied"],
    ["unsupported_grant_type", "login_denied", "login_denied"],
    ["invalid_scope", "login_denied", "login_denied"],
    ["invalid_request", "service_response", "login_denied"],
    ["invalid_grant", "service_response", "login_denied"],
    ["invalid_target", "service_response", "login_denied"],
    ["something_new", "service_response", "service_response"],
    ["constructor", "service_response", "service_response"],
  ];
  const cases: Case[] = [
    ...oauthErrors.map(([error, own, exchange]): Case => [
      error,
      refusal(error, "says who"),
      [own, exchange],
    ]),
    ["429", status(429), ["rate_limited", "rate_limited"]],
    ["503", status(503), ["service_error", "service_error"]],
    [
      "a web page",
      () => new Response("<html>"),
      ["service_response", "service_response"],
    ],
    [
      "a refused connection",
      networkFailure("error (Connect): Connection refused (os error 111)"),
      ["network_refused", "network_refused"],
    ],
    [
      "a redirect elsewhere",
      status(307, { location: "https://evil.example/" }),
      ["redirect_refused", "redirect_refused"],
    ],
  ];
  Object.entries(WAYS).forEach(([way, login], index) => {
    for (const [what, answer, codes] of cases) {
      it(`is ${codes[index]} after ${what} (${way}), at once`, async () => {
        const { context, endpoint } = endpointFor(answer, {
          client: confidential(),
        });
        const error = await rejectionOf(login(endpoint, {}, now));
        assertEquals(error.code, codes[index]);
        assert(error.message.includes(new URL(ISSUER).host), error.message);
        assertEquals(context.requests.length, 1);
      });
    }

    it(`needs a token endpoint (${way})`, async () => {
      const { context, endpoint } = endpointFor(granted(), {
        client: confidential(),
        change: { token_endpoint: undefined },
      });
      const { code } = await rejectionOf(login(endpoint, {}, now));
      assertEquals([code, context.requests.length], ["service_response", 0]);
    });

    it(`sends nothing over plain http to another machine (${way})`, async () => {
      const { context, endpoint } = endpointFor(granted(), {
        client: confidential(),
        change: { token_endpoint: "http://id.example/token" },
      });
      const { code } = await rejectionOf(login(endpoint, {}, now));
      assertEquals([code, context.requests.length], ["usage", 0]);
    });

    it(`is given up with Ctrl-C (${way})`, async () => {
      const stage: ReturnType<typeof endpointFor> = endpointFor(
        ({ signal }) => {
          stage.context.interrupt();
          throw signal.reason;
        },
      );
      const { code } = await rejectionOf(login(stage.endpoint, {}, now));
      assertEquals(code, "interrupted");
    });
  });
});
