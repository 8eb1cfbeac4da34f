import { assert, assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type ErrorCode, NanoctlError } from "../../../src/errors.ts";
import { Secret } from "../../../src/secret.ts";
import { clientCredentials } from "../../../src/services/oauth/machine_login.ts";
import {
  oauthErrorOf,
  oauthProblem,
} from "../../../src/services/oauth/problem.ts";
import {
  type Answer,
  json,
  rejectionOf,
  status,
} from "../../support/fake_context.ts";
import { confidential, endpointFor, ISSUER } from "../../support/fake_oauth.ts";

const SECRET = "a client's secret: with signs / and + that are encoded";

/** The error of a request that is answered so. */
async function failure(
  answer: Answer,
  methods = ["client_secret_basic"],
): Promise<NanoctlError> {
  const { context, endpoint } = endpointFor(answer, {
    client: confidential(SECRET),
    change: { token_endpoint_auth_methods_supported: methods },
  });
  return await rejectionOf(
    clientCredentials(endpoint, {}, () => context.now()),
  );
}

describe("an error that an OAuth server answers", () => {
  const meanings: [error: string, code: ErrorCode, what: string][] = [
    ["invalid_client", "login_denied", "does not accept the client"],
    [
      "unauthorized_client",
      "login_denied",
      "does not allow this way of logging in for the client",
    ],
    [
      "unsupported_grant_type",
      "login_denied",
      "does not offer this way of logging in",
    ],
    ["invalid_scope", "login_denied", "does not grant what was asked for"],
  ];
  for (const [error, code, what] of meanings) {
    for (const httpStatus of [400, 401, 403]) {
      it(`is ${code} for ${error} with status ${httpStatus}`, async () => {
        const got = await failure(json({ error }, httpStatus));
        assertEquals([got.code, got.message], [
          code,
          `${ISSUER} ${what} (${error})`,
        ]);
        assert(got.hint);
      });
    }
  }

  it("stays what the body says beside a challenge", async () => {
    const { code } = await failure(
      json({ error: "invalid_client" }, 401, {
        "www-authenticate": 'Basic realm="oauth"',
      }),
    );
    assertEquals(code, "login_denied");
  });

  const unknown: [error: string, shown: string][] = [
    ["invalid_request", "invalid_request"],
    ["server_says_so", "server_says_so"],
    ["toString", "unknown error"],
    ["constructor", "constructor"],
    ["\u001b[2J", "unknown error"],
    ["", "unknown error"],
    ["invalid client", "unknown error"],
    ["a".repeat(41), "unknown error"],
  ];
  for (const [error, shown] of unknown) {
    it(`is a refusal that says ${JSON.stringify(shown)} for ${JSON.stringify(error)}`, async () => {
      const got = await failure(json({ error }, 400));
      assertEquals([got.code, got.exitCode], ["service_response", 6]);
      if (error !== "") {
        assertEquals(
          got.message,
          `${ISSUER} refused the request with status 400: ${shown}`,
        );
      }
    });
  }

  const nonsense: [what: string, answer: Answer][] = [
    ["an error that is no text", json({ error: 1 }, 400)],
    ["an error that is null", json({ error: null }, 400)],
    ["no error", json({}, 400)],
    ["a list", json(["invalid_client"], 400)],
    ["a text", json("invalid_client", 400)],
    ["no JSON", () => new Response("invalid_client", { status: 400 })],
    ["nothing", status(400)],
    ["no content", status(204)],
  ];
  for (const [what, answer] of nonsense) {
    it(`is a wrong answer where it is ${what}`, async () => {
      const { code, message } = await failure(answer);
      assertEquals(code, "service_response");
      assert(message.startsWith(`${ISSUER} answered in the wrong shape`));
    });
  }

  it("is one with a good status too, as GitHub has it", async () => {
    const { code } = await failure(json({ error: "invalid_client" }));
    assertEquals(code, "login_denied");
  });

  it("is said with what the server says of it, up to a limit", async () => {
    const { message } = await failure(
      json(
        { error: "invalid_client", error_description: "y".repeat(600) },
        400,
      ),
    );
    assert(message.endsWith(`: ${"y".repeat(500)}…`));
  });

  for (const error_description of [1, null, {}, []]) {
    it(`is said alone where its description is ${JSON.stringify(error_description)}`, async () => {
      const { message } = await failure(
        json({ error: "invalid_client", error_description }, 400),
      );
      assert(message.endsWith("(invalid_client)"), message);
    });
  }
});

describe("the secrets of a request", () => {
  for (const method of ["client_secret_basic", "client_secret_post"]) {
    it(`are not repeated where the server repeats them (${method})`, async () => {
      const echo: Answer = ({ headers, body }) =>
        Response.json({
          error: "invalid_request",
          error_description: `${SECRET} ${
            headers.get("authorization")
          } ${body}`,
        }, { status: 400 });
      const { message } = await failure(echo, [method]);
      const encoded = new URLSearchParams([["", SECRET]]).toString().slice(1);
      for (
        const secret of [
          SECRET,
          encoded,
          encodeURIComponent(SECRET),
          btoa(`robot:${encoded}`),
          btoa(`robot:${SECRET}`),
        ]
      ) {
        assertFalse(message.includes(secret), message);
      }
      assert(message.includes("[secret]"), message);
    });
  }

  it("are not repeated as an error either", async () => {
    const { message } = await failure(json({ error: SECRET }, 400));
    assertFalse(message.includes(SECRET));
  });

  it("are not repeated where the server fails", async () => {
    const { code, message } = await failure(
      json({ error_description: `what is ${SECRET}?` }, 500),
    );
    assertEquals(code, "service_error");
    assert(message.endsWith(": what is [secret]?"), message);
  });
});

describe("an error of another kind", () => {
  it("stays as it is if it is ours, or none", () => {
    for (const error of [new NanoctlError("network", "x"), "text", undefined]) {
      assertEquals(oauthProblem(error, ISSUER), error);
    }
  });

  it("is a wrong answer, without the secret in it", () => {
    const secret = new Secret("something-that-is-not-said");
    const error = oauthProblem(
      new TypeError(`bad ${secret.reveal()}`),
      `${ISSUER}/realms/a`,
    );
    assert(error instanceof NanoctlError);
    assertEquals([error.code, error.message], [
      "service_response",
      `${ISSUER} answered in the wrong shape: bad [secret]`,
    ]);
  });

  it("has no code of OAuth", () => {
    assertEquals(oauthErrorOf(new Error("slow_down")), undefined);
  });
});
