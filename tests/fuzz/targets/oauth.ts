import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { ErrorCode } from "../../../src/errors.ts";
import type { Grant, GrantedTokens } from "../../../src/grant.ts";
import type { HttpClient } from "../../../src/http/client.ts";
import { Secret } from "../../../src/secret.ts";
import { startDeviceLogin } from "../../../src/services/oauth/device_login.ts";
import {
  clientCredentials,
  exchangeToken,
} from "../../../src/services/oauth/machine_login.ts";
import { refresh, revokeTokens } from "../../../src/services/oauth/renewal.ts";
import { discover, endpointOf } from "../../../src/services/oauth/server.ts";
import { oauth as service } from "../../../src/services/oauth/service.ts";
import { fixedToken } from "../../../src/tokens/fixed.ts";
import {
  type Answer,
  FakeContext,
  type FakeContextOptions,
  inTurn,
  type SentRequest,
  TemporaryHome,
} from "../../support/fake_context.ts";
import {
  clientFor,
  ISSUER,
  metadata,
  PATHS,
} from "../../support/fake_oauth.ts";
import { anyText } from "../inputs.ts";
import { MARK, ranSafely, settledValue } from "../properties.ts";
import { target } from "../target.ts";
import { answerOf, body, headers, type Reply, status } from "./answers.ts";

/** Secrets with signs that a form encodes. */
const CLIENT_SECRET = `${MARK} client's/secret+`;
const REFRESH_TOKEN = `${MARK} refresh/token+`;
const ACCESS_TOKEN = `${MARK}-access/token+`;
const SUBJECT_TOKEN = `${MARK}.subject/token+`;

/** What a server that is well answers at each path. */
const GOOD = new Map<string, unknown>([
  [PATHS.device, {
    device_code: "a-device-code",
    user_code: "ABCD-EFGH",
    verification_uri: `${ISSUER}/page`,
    verification_uri_complete: `${ISSUER}/page?code=ABCD-EFGH`,
    expires_in: 600,
    interval: 5,
  }],
  [PATHS.token, {
    access_token: "an-access-token",
    token_type: "Bearer",
    expires_in: 3600,
    refresh_token: "a-refresh-token",
    scope: "openid",
    id_token: "e30.e30.e30",
  }],
  [PATHS.revoke, {}],
  [PATHS.userinfo, { sub: "1", preferred_username: "ada", email: "a@b.c" }],
]);

/** How one request is answered. */
type Step =
  | { kind: "well" }
  /** As a server that is well does, with changes. */
  | { kind: "odd"; reply: Reply }
  /** As it refuses, with changes. */
  | { kind: "refusal"; error: string; reply: Reply }
  /** As one that repeats what it was sent. */
  | { kind: "echo"; error: string; status: number };

const error: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      "authorization_pending",
      "slow_down",
      "access_denied",
      "expired_token",
      "invalid_grant",
      "invalid_client",
      "invalid_target",
      "unsupported_token_type",
    ),
  },
  { weight: 1, arbitrary: anyText },
);

const reply: fc.Arbitrary<Reply> = fc.record({ status, headers, body });

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ kind: "well" as const }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant("odd" as const), reply }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("refusal" as const),
      error,
      reply,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("echo" as const),
      error,
      status: fc.constantFrom(400, 401, 403, 500),
    }),
  },
);

/** Answers the requests in turn; the last answer repeats. */
function answerBy(steps: Step[]): Answer {
  return inTurn(...steps.map((step): Answer => (request) => {
    const good = GOOD.get(new URL(request.url).pathname) ?? metadata();
    switch (step.kind) {
      case "well":
        return Response.json(good);
      case "odd":
        return answerOf(asJson(step.reply), good)(request);
      case "refusal": {
        const refused = { error: step.error, error_description: "who?" };
        return answerOf({ ...asJson(step.reply), status: 400 }, refused)(
          request,
        );
      }
      case "echo":
        return echo(request, step);
    }
  }));
}

/** Without this type no error is read out of a body. */
function asJson(reply: Reply): Reply {
  const type: [string, string] = ["content-type", "application/json"];
  return { ...reply, headers: [type, ...reply.headers] };
}

function echo(
  { url, headers, body }: SentRequest,
  { error, status }: { error: string; status: number },
): Response {
  const sent = `${url} ${headers.get("authorization")} ${body}`;
  const form = [...new URLSearchParams(body)].join(" ");
  return Response.json(
    { error, error_description: `${sent} ${form}` },
    { status },
  );
}

/** A server that answers without end has to be stopped by a person, as they would. */
function withPatience(context: FakeContext): FakeContext {
  context.onSleep = () => {
    if (context.sleeps.length > 60) context.interrupt();
  };
  return context;
}

/** What is sent is sent to web servers, and what is secret only over https. */
function assertGoesWell({ requests }: FakeContext): void {
  for (const { url, headers, body = "" } of requests) {
    const { protocol } = new URL(url);
    assert(protocol === "https:" || protocol === "http:", url);
    const secret = headers.has("authorization") || body.includes(MARK);
    assert(!secret || protocol === "https:", `a secret went to ${url}`);
    assert(!url.includes(MARK), "a secret in a URL");
  }
}

/** What every request may end with. */
const FAILURES: ErrorCode[] = [
  "interrupted",
  "network",
  "network_proxy_login",
  "rate_limited",
  "redirect_refused",
  "service_error",
  "service_response",
  "usage",
];

function isVisible(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

function isWebAddress(text: unknown): boolean {
  return typeof text === "string" && isVisible(text) && URL.canParse(text) &&
    /^https?:$/.test(new URL(text).protocol);
}

function assertTokens(tokens: GrantedTokens | undefined): void {
  if (!tokens) return;
  const { token, refreshToken, expiresAt, renewAt } = tokens;
  assert(isVisible(token.reveal()), "no header can carry it");
  assert(refreshToken?.reveal() !== "", "an empty refresh token");
  assertEquals(expiresAt === undefined, renewAt === undefined);
  if (!expiresAt || !renewAt) return;
  // A year of four digits, as RFC 3339 has it.
  assert(/^\d{4}-/.test(expiresAt.toISOString()), "an end too far away");
  assert(renewAt <= expiresAt, "it is renewed after its end");
}

type Call = (http: HttpClient, context: FakeContext) => Promise<void>;

const GRANT: Grant = {
  issuer: ISSUER,
  clientId: "robot",
  clientSecret: new Secret(CLIENT_SECRET),
  tokenEndpoint: `${ISSUER}${PATHS.token}`,
  revocationEndpoint: `${ISSUER}${PATHS.revoke}`,
};

/** By which of its two ways the client authenticates. */
function endpoint(
  http: HttpClient,
  method: string,
): ReturnType<typeof endpointOf> {
  return endpointOf(
    http,
    metadata({ token_endpoint_auth_methods_supported: [method] }),
    { id: "robot", secret: new Secret(CLIENT_SECRET) },
  );
}

const CALLS: Call[] = [
  async (http) => {
    const server = await settledValue(
      () => discover(http, ISSUER),
      ...FAILURES,
    );
    if (!server) return;
    assertEquals(new URL(server.issuer).href, new URL(ISSUER).href);
    for (
      const address of [
        server.token_endpoint,
        server.device_authorization_endpoint,
        server.revocation_endpoint,
        server.userinfo_endpoint,
      ]
    ) {
      assert(address === undefined || isWebAddress(address), String(address));
    }
  },
  async (http, context) => {
    const login = await settledValue(
      () => startDeviceLogin(endpoint(http, "client_secret_post"), "openid"),
      "login_denied",
      ...FAILURES,
    );
    if (!login) return;
    assert(/^[\x20-\x7e]+$/.test(login.userCode), "no one can type it");
    const { verificationUri, verificationUriComplete } = login;
    for (const page of [verificationUri, verificationUriComplete ?? ISSUER]) {
      assert(isWebAddress(page), page);
    }
    assert(login.interval > 0 && login.interval <= 300, `${login.interval}`);
    assert(login.expiresIn >= 0, `${login.expiresIn}`);
    const tokens = await settledValue(
      () => login.wait(context, context.signal),
      "login_denied",
      "login_expired",
      ...FAILURES,
    );
    assertTokens(tokens);
    assert(
      context.sleeps.every((time) => time <= 300_000),
      "it waits for too long",
    );
  },
  ...["client_secret_basic", "client_secret_post"].map(
    (method): Call => async (http, context) =>
      assertTokens(
        await settledValue(
          () =>
            clientCredentials(endpoint(http, method), {}, () => context.now()),
          "login_denied",
          ...FAILURES,
        ),
      ),
  ),
  async (http, context) =>
    assertTokens(
      await settledValue(
        () =>
          exchangeToken(
            endpoint(http, "client_secret_post"),
            new Secret(SUBJECT_TOKEN),
            { audience: "a" },
            () => context.now(),
          ),
        "login_denied",
        ...FAILURES,
      ),
    ),
  async (http, context) => {
    const old = new Secret(REFRESH_TOKEN);
    const tokens = await settledValue(
      () => refresh(http, GRANT, old, () => context.now()),
      "login_ended",
      "login_denied",
      ...FAILURES,
    );
    assertTokens(tokens);
    assert(!tokens || tokens.refreshToken, "the refresh token was lost");
  },
  async (http) => {
    const revoked = await settledValue(
      () =>
        revokeTokens(http, GRANT, {
          token: new Secret(ACCESS_TOKEN),
          refreshToken: new Secret(REFRESH_TOKEN),
        }),
      "login_denied",
      "login_ended",
      ...FAILURES,
    );
    assert(revoked === undefined || revoked === true);
  },
  async (http) => {
    const secret = new Secret(ACCESS_TOKEN);
    const account = await settledValue(
      () =>
        service.whoami(
          http.withTokens(fixedToken({ secret }, "flag", "--token")),
        ),
      "insufficient_scope",
      "token_invalid",
      ...FAILURES,
    );
    if (!account) return;
    assert(account.username !== "" && account.username.length <= 256);
    assert(!account.username.includes(ACCESS_TOKEN));
    assert(account.email !== "");
  },
];

const calls = target<{ call: number; steps: Step[] }>({
  name: "oauth-answers",
  inputs: fc.record({
    call: fc.nat(CALLS.length - 1),
    steps: fc.array(step, { minLength: 1, maxLength: 5 }),
  }),
  open: () =>
    Promise.resolve({
      check: async ({ call, steps }) => {
        const { context, http } = clientFor(answerBy(steps));
        await CALLS[call % CALLS.length]?.(http, withPatience(context));
        assertGoesWell(context);
      },
    }),
});

const LINES: string[][] = [
  ["login", "--device", "--issuer", ISSUER],
  ["login", "--device", "--issuer", ISSUER, "--json"],
  ["login", "--client-credentials", "--client-id", "a", "--issuer", ISSUER],
  ["login", "--issuer", ISSUER, "--token", ACCESS_TOKEN, "--save"],
  ["whoami", "--service", "oauth", "--url", ISSUER, "--token", ACCESS_TOKEN],
];

const logins = target<{ line: number; well: number; steps: Step[] }>({
  name: "oauth-login",
  inputs: fc.record({
    line: fc.nat(LINES.length - 1),
    /** So many requests are answered well before the steps begin. */
    well: fc.nat(4),
    steps: fc.array(step, { minLength: 1, maxLength: 4 }),
  }),
  open: async () => {
    const home = await TemporaryHome.make();
    const env = { ...home.env, NANOCTL_CLIENT_SECRET: CLIENT_SECRET };
    const ran = (args: string[], options: FakeContextOptions) =>
      ranSafely(args, withPatience(new FakeContext({ ...options, env })));
    return {
      check: async ({ line, well, steps }) => {
        const first = Array<Step>(well).fill({ kind: "well" });
        const { exitCode, stdout, context } = await ran(
          LINES[line % LINES.length] ?? [],
          { answer: answerBy([...first, ...steps]) },
        );
        assertGoesWell(context);
        assert(!stdout.includes(MARK), "a secret on stdout");
        assert(exitCode !== 7, "the credential file is at fault");
        // Whatever was stored can be read.
        assertEquals((await ran(["status"], {})).exitCode, 0);
      },
      close: () => home[Symbol.asyncDispose](),
    };
  },
});

/** Whatever an OAuth server answers: what we understand of it, or an error, and no secret of ours in either. */
export const oauth = [calls, logins];
