import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { customFetch } from "oauth4webapi";
import type { ErrorCode } from "../../../src/errors.ts";
import { Secret, withoutSecrets } from "../../../src/secret.ts";
import { transportOf } from "../../../src/services/oauth/transport.ts";
import { fixedToken } from "../../../src/tokens/fixed.ts";
import {
  type Answer,
  type FakeContext,
  json,
  rejectionOf,
  status,
} from "../../support/fake_context.ts";
import { clientFor, ISSUER } from "../../support/fake_oauth.ts";

interface Sent {
  url?: string;
  method?: "GET" | "POST";
  headers?: Record<string, string>;
  body?: URLSearchParams;
}

/** Sends as oauth4webapi does, through a client that has a token of its own. */
function send(
  answer: Answer,
  { url = `${ISSUER}/a`, method = "GET", headers = {}, body }: Sent = {},
): { context: FakeContext; response: Promise<Response> } {
  const secret = new Secret("a-token-of-a-person");
  const { context, http } = clientFor(answer, {
    provider: fixedToken({ secret }, "flag", "--token"),
  });
  const response = transportOf(http)[customFetch](url, {
    method,
    headers,
    body,
    redirect: "manual",
  });
  return { context, response };
}

describe("a request of the OAuth library", () => {
  it("is sent as it is, with the client's own name and no token", async () => {
    const { context, response } = send(json({}), {
      url: `${ISSUER}:8443/a/b?c=d`,
      method: "POST",
      headers: { accept: "application/x", "content-type": "text/x" },
      body: new URLSearchParams({ "é": "a b" }),
    });
    await response;
    const [request] = context.requests;
    assertEquals(
      [request?.method, request?.url, request?.body],
      ["POST", `${ISSUER}:8443/a/b?c=d`, "%C3%A9=a+b"],
    );
    assertEquals(
      ["accept", "content-type", "authorization"].map((name) =>
        request?.headers.get(name)
      ),
      ["application/x", "text/x", null],
    );
    assert(request?.headers.get("user-agent")?.startsWith("nanoctl/"));
  });

  const plain: [what: string, sent: Sent, allowed: boolean][] = [
    ["a form", { method: "POST", body: new URLSearchParams() }, false],
    ["a form without fields", { method: "POST" }, false],
    ["a secret header", { headers: { authorization: "Basic x" } }, false],
    ["nothing secret", {}, true],
  ];
  for (const [what, sent, allowed] of plain) {
    it(`goes ${allowed ? "" : "not "}over plain http with ${what}`, async () => {
      const { context, response } = send(json({}), {
        ...sent,
        url: "http://id.example/a",
      });
      if (allowed) await response;
      else assertEquals((await rejectionOf(response)).code, "usage");
      assertEquals(context.requests.length, allowed ? 1 : 0);
    });
  }

  it("goes over plain http to this machine", async () => {
    const { response } = send(json({}), {
      url: "http://127.0.0.1:9/a",
      method: "POST",
    });
    assertEquals((await response).status, 200);
  });

  const fields: [field: string, hidden: boolean][] = [
    ["client_secret", true],
    ["device_code", true],
    ["refresh_token", true],
    ["subject_token", true],
    ["token", true],
    ["token_type_hint", false],
    ["scope", false],
  ];
  for (const [field, hidden] of fields) {
    it(`makes ${field} ${hidden ? "a" : "no"} secret in each form`, async () => {
      const value = `what ${field}/holds+`;
      const body = new URLSearchParams({ [field]: value });
      await send(json({}), { method: "POST", body }).response;
      const forms = [
        value,
        encodeURIComponent(value),
        body.toString().slice(field.length + 1),
      ];
      assertEquals(
        forms.map((form) => withoutSecrets(form) !== form),
        [hidden, hidden, hidden],
      );
    });
  }
});

describe("an answer for the OAuth library", () => {
  const passed: [what: string, answer: Answer, status: number, text: string][] =
    [
      ["JSON", json({ a: 1 }), 200, '{"a":1}'],
      ["an error", json({ error: "x" }, 400), 400, '{"error":"x"}'],
      ["404", json({}, 404), 404, "{}"],
      ["no content", status(204), 204, ""],
      ["no JSON", () => new Response("a"), 200, "a"],
      ["no object", json([1]), 200, "[1]"],
      ["an ID token", json({ id_token: "x", a: 1 }), 200, '{"a":1}'],
      ["no interval", json({ interval: 0, a: 1 }), 200, '{"a":1}'],
      [
        "an interval",
        json({ a: 1, interval: "7" }),
        200,
        '{"a":1,"interval":7}',
      ],
      [
        "numbers that JavaScript would round",
        () => new Response('{"a":12345678901234567890}'),
        200,
        '{"a":12345678901234567890}',
      ],
      [
        "JSON that calls itself a web page",
        json({ a: 1 }, 200, { "content-type": "text/html" }),
        200,
        '{"a":1}',
      ],
    ];
  for (const [what, answer, expected, text] of passed) {
    it(`is handed on where it is ${what}`, async () => {
      const response = await send(answer).response;
      assertEquals([response.status, await response.text()], [expected, text]);
    });
  }

  const challenges: [body: unknown, challenge: string | null][] = [
    [{ error: "invalid_client" }, null],
    [{}, "Basic"],
    [[], "Basic"],
  ];
  for (const [body, challenge] of challenges) {
    it(`has the challenge ${challenge} beside ${JSON.stringify(body)}`, async () => {
      const response = await send(
        json(body, 401, { "www-authenticate": "Basic" }),
      ).response;
      assertEquals(response.headers.get("www-authenticate"), challenge);
    });
  }

  const problems: [what: string, answer: Answer, code: ErrorCode][] = [
    ["a web page", () => new Response("<html>"), "service_response"],
    [
      "a web page for a 401",
      () => new Response("<html>", { status: 401 }),
      "service_response",
    ],
    ["429", json({ error: "slow_down" }, 429), "rate_limited"],
    ["500", json({ error: "invalid_grant" }, 500), "service_error"],
    ["599", status(599), "service_error"],
  ];
  for (const [what, answer, code] of problems) {
    it(`is ${code} where it is ${what}`, async () => {
      const { response } = send(answer, { method: "POST" });
      assertEquals((await rejectionOf(response)).code, code);
    });
  }

  it("says when to try again, and what the server says of it", async () => {
    const error = await rejectionOf(
      send(
        json({ error_description: "at night" }, 503, { "retry-after": "90" }),
        { method: "POST" },
      ).response,
    );
    assertEquals([error.message, error.hint], [
      `${ISSUER} failed with status 503: at night`,
      "the fault is the service's: try again later, in 90 seconds",
    ]);
  });
});
