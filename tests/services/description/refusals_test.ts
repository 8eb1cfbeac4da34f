import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { describedProblem } from "../../../src/services/description/refusals.ts";
import { described } from "../../support/descriptions.ts";

const NOW = new Date("2026-01-15T12:00:00Z");

const DESCRIPTION = described({
  refusals: [
    {
      status: [400, 401],
      field: "code",
      equals: "E7",
      means: "token_revoked",
    },
    { status: [401], header: "x-expired", means: "token_expired" },
    {
      status: [403],
      header: "x-left",
      equals: "0",
      means: "rate_limited",
      until: [{ header: "x-reset", format: "unix" }],
    },
    {
      status: [403],
      field: "message",
      contains: "SCOPE",
      means: "insufficient_scope",
    },
    { status: [403], means: "token_invalid" },
    { status: [418], means: "service_error" },
  ],
  message: [{ field: "message" }, { field: "errors.0" }],
});

function problem(
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): ReturnType<typeof describedProblem> {
  return describedProblem(DESCRIPTION, {
    status,
    headers: new Headers({ "content-type": "application/json", ...headers }),
    receivedAt: NOW,
    url: new URL("https://api.example/x"),
    leftOrigin: false,
    text: JSON.stringify(body),
  }, "--token");
}

describe("a refusal of a described service", () => {
  const CASES: [
    code: string,
    status: number,
    body: unknown,
    headers?: Record<string, string>,
  ][] = [
    ["token_revoked", 401, { code: "E7" }],
    ["token_revoked", 400, { code: "E7" }],
    ["token_expired", 401, {}, { "x-expired": "yes" }],
    ["token_invalid", 401, {}],
    ["rate_limited", 403, {}, { "x-left": "0" }],
    ["insufficient_scope", 403, { message: "no scope for this" }],
    ["token_invalid", 403, {}],
    ["service_error", 418, {}],
    // What the description says nothing of.
    ["rate_limited", 429, {}],
    ["service_error", 503, {}],
    ["service_response", 400, { code: "E8" }],
    ["service_response", 404, null],
  ];
  for (const [code, status, body, headers] of CASES) {
    const what = JSON.stringify([body, headers ?? {}]);
    it(`with ${status} and ${what} is ${code}`, () =>
      assertEquals(problem(status, body, headers).code, code));
  }

  it("repeats the service's message, of the first place that has one", () => {
    assertEquals(
      problem(401, { message: "gone" }).message,
      "https://api.example refused the token from --token: it is not valid: gone",
    );
    assertEquals(
      problem(401, { errors: ["away"] }).message,
      "https://api.example refused the token from --token: it is not valid: away",
    );
  });

  it("says when to try again, if the service says it as described", () => {
    const hint = (reset: string): string | undefined =>
      problem(403, {}, { "x-left": "0", "x-reset": reset }).hint;
    const minute = String(NOW.getTime() / 1000 + 60);
    assertEquals(hint(minute), "try again in 60 seconds");
    assertEquals(hint("soon"), "try again later");
  });
});
