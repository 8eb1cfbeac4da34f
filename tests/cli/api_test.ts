import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type ApiOptions, runApi } from "../../src/cli/commands/api.ts";
import type { ErrorCode } from "../../src/errors.ts";
import {
  type Answer,
  FakeContext,
  type FakeContextOptions,
  inTurn,
  json,
  presented,
  problem,
  rejectionOf,
  status,
  TemporaryHome,
} from "../support/fake_context.ts";

const BASE = "https://api.example/v";
const ENV = { NANOSERVICES_URL: BASE, NANOSERVICES_TOKEN: "nano_env" };

function contextFor(
  answer: Answer = json({ a: 1 }),
  options: FakeContextOptions = {},
): FakeContext {
  return new FakeContext({ env: ENV, answer, ...options });
}

describe("the request of api", () => {
  const requests: {
    path: string;
    options?: ApiOptions;
    sends: string;
    body?: string;
  }[] = [
    { path: "/me", sends: "GET /me" },
    { path: "me", sends: "GET /me" },
    { path: "", sends: "GET /" },
    { path: "?a=b", sends: "GET /?a=b" },
    { path: BASE, sends: "GET /" },
    { path: `${BASE}/me?a=b`, sends: "GET /me?a=b" },
    { path: "HTTPS://API.example:443/v/me", sends: "GET /me" },
    { path: "/me", options: { method: "put" }, sends: "PUT /me" },
    {
      path: "/me",
      options: { field: ["a=1", "b="] },
      sends: "POST /me",
      body: '{"a":"1","b":""}',
    },
    {
      path: "/me",
      options: { field: ["a=1"], method: "PATCH" },
      sends: "PATCH /me",
      body: '{"a":"1"}',
    },
    {
      path: "/me",
      options: { field: ["a=1 2", "a=3"], method: "GET" },
      sends: "GET /me?a=1+2&a=3",
    },
    {
      path: "/me?x=y",
      options: { field: ["a=1"], method: "HEAD" },
      sends: "HEAD /me?x=y&a=1",
    },
  ];
  for (const { path, options = {}, sends, body } of requests) {
    it(`for ${JSON.stringify(path)} with ${JSON.stringify(options)} is ${sends}`, async () => {
      const context = contextFor();
      await runApi(context, options, path);
      const [request] = context.requests;
      const [method, target] = sends.split(" ");
      assertEquals(
        [request?.method, request?.url, request?.body],
        [method, new URL(`${BASE}${target}`).href, body],
      );
      assert(request);
      assertEquals(presented(request), "nano_env");
    });
  }

  it("takes headers, which stay behind when a redirect leaves the origin", async () => {
    const context = contextFor(
      inTurn(status(302, { location: "https://other.example/" }), json({})),
    );
    await runApi(context, { header: ["X-A: b", "accept:c"] }, "/me");
    assertEquals(
      context.requests.map(({ url, headers }) => [
        url,
        headers.get("x-a"),
        headers.get("accept"),
        headers.get("authorization"),
      ]),
      [
        [`${BASE}/me`, "b", "c", "Bearer nano_env"],
        ["https://other.example/", null, "application/json", null],
      ],
    );
  });

  const refused: [options: ApiOptions, path: string][] = [
    [{}, "https://other.example/v/me"],
    [{}, "http://api.example/v/me"],
    [{}, "https://api.example/"],
    [{}, "https://api.example/vv"],
    [{}, "https://api.example:444/v/me"],
    [{}, "https://user@api.example/v/me"],
    [{}, "https://api.example@other.example/v/me"],
    [{}, "ftp://api.example/v/me"],
    [{ method: "" }, "/me"],
    [{ method: "G T" }, "/me"],
    [{ method: "CONNECT" }, "/me"],
    [{ method: "trace" }, "/me"],
    [{ field: ["a"] }, "/me"],
    [{ field: ["=a"] }, "/me"],
    [{ header: ["a"] }, "/me"],
    [{ header: ["a b: c"] }, "/me"],
    [{ header: ["a: b\nc: d"] }, "/me"],
    [{ header: ["a: €"] }, "/me"],
    [{ header: ["AUTHORIZATION: a"] }, "/me"],
    [{ header: ["coder-session-token: a"] }, "/me"],
    [{ header: ["Host: a"] }, "/me"],
    [{ input: "/no/such/file" }, "/me"],
    [{ input: "-", method: "GET" }, "/me"],
    [{ input: "-", method: "head" }, "/me"],
    [{ timeout: 0 }, "/me"],
  ];
  for (const [options, path] of refused) {
    it(`is not made for ${JSON.stringify(options)} ${path}`, async () => {
      const context = contextFor();
      const error = await rejectionOf(runApi(context, options, path));
      assertEquals(error.code, "usage");
      assertEquals([context.requests, context.stdout.text], [[], ""]);
      assert(!error.message.includes("nano_env"));
    });
  }

  it("reads standard input whole, however long, and only when it is asked to", async () => {
    const context = contextFor(json({}), { stdin: "text" });
    await runApi(context, {}, "/me");
    assertEquals(context.inputLimits, []);
    await runApi(context, { input: "-", field: ["a=b"] }, "/me");
    assertEquals(context.inputLimits, [Infinity]);
    assertEquals(context.requests.map(({ method, url }) => [method, url]), [
      ["GET", `${BASE}/me`],
      ["POST", `${BASE}/me?a=b`],
    ]);
  });

  it("is not made when nobody is logged in", async () => {
    await using home = await TemporaryHome.make();
    const context = new FakeContext({
      env: { ...home.env, NANOSERVICES_URL: BASE },
    });
    const error = await rejectionOf(runApi(context, {}, "/me"));
    assertEquals(error.code, "not_logged_in");
  });
});

describe("the answer of api", () => {
  it("is printed as it is, without a line break of ours", async () => {
    const context = contextFor(() => new Response("a\n\n b"));
    await runApi(context, {}, "/me");
    assertEquals([context.stdout.text, context.stderr.text], ["a\n\n b", ""]);
  });

  it("is the same with --json", async () => {
    const context = contextFor(() => new Response("no JSON"));
    await runApi(context, { json: true }, "/me");
    assertEquals(context.stdout.text, "no JSON");
  });

  it("begins with status and headers with --include", async () => {
    const context = contextFor(() =>
      new Response("body", {
        status: 201,
        headers: { "x-a": "b\x9b2J", "content-type": "text/plain" },
      })
    );
    await runApi(context, { include: true }, "/me");
    assertEquals(
      context.stdout.text,
      "HTTP 201\ncontent-type: text/plain\nx-a: b2J\n\nbody",
    );
  });

  const failures: [answer: Answer, code: ErrorCode, exit: number][] = [
    [json({}, 304 + 96), "failed", 1],
    [json({}, 404), "failed", 1],
    [problem(401, "token_invalid"), "token_invalid", 4],
    [problem(401, "token_expired"), "token_expired", 4],
    [problem(401, "token_revoked"), "token_revoked", 4],
    [problem(403, "insufficient_scope"), "insufficient_scope", 4],
    [json({}, 429), "rate_limited", 6],
    [json({}, 500), "service_error", 6],
    [json({}, 503), "service_error", 6],
  ];
  for (const [answer, code, exit] of failures) {
    it(`ends with ${exit}, ${code}, and is printed all the same`, async () => {
      const context = contextFor(answer);
      const error = await rejectionOf(runApi(context, {}, "/me"));
      assertEquals([error.code, error.exitCode], [code, exit]);
      assert(context.stdout.text.startsWith("{"));
    });
  }

  it("of a refusal says what to do about the token", async () => {
    const error = await rejectionOf(
      runApi(contextFor(problem(401, "token_expired")), {}, "/me"),
    );
    assert(error.hint?.startsWith("unset NANOSERVICES_TOKEN and log in"));
  });

  it("names the method and the path, but no query, when it fails", async () => {
    const error = await rejectionOf(
      runApi(contextFor(json({}, 404)), { method: "DELETE" }, "/me?key=s3cret"),
    );
    assertEquals(
      error.message,
      "DELETE /v/me was answered with the status 404",
    );
  });

  it("is read no further than it can be written", async () => {
    let pulls = 0;
    const context = contextFor(() =>
      new Response(
        new ReadableStream({
          pull: (controller) => {
            pulls++;
            controller.enqueue(new Uint8Array(10));
          },
        }),
      )
    );
    context.stdout.failure = new Deno.errors.BrokenPipe();
    let failure: unknown;
    await runApi(context, {}, "/me").catch((error) => failure = error);
    assert(failure instanceof Deno.errors.BrokenPipe);
    assert(pulls < 5, `${pulls} chunks were taken`);
  });
});
