import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { NanoctlError } from "../../src/errors.ts";
import { HttpClient } from "../../src/http/client.ts";
import { Secret } from "../../src/secret.ts";
import { coder } from "../../src/services/coder.ts";
import { nanoservices } from "../../src/services/nanoservices.ts";
import type { Service } from "../../src/services/service.ts";
import { fixedToken } from "../../src/tokens/fixed.ts";
import {
  type Answer,
  FakeContext,
  inTurn,
  rejectionOf,
  status,
} from "../support/fake_context.ts";

const BASE = "https://api.example";
const PAGE = "a web page, perhaps a sign-in page or a captive portal";
const HINT =
  "open the service's URL in a browser and sign in there, or check --url and the network";

function page(code: number, headers: Record<string, string> = {}): Answer {
  return () =>
    new Response("<!doctype html><title>Sign in</title>", {
      status: code,
      headers: { "content-type": "text/html", ...headers },
    });
}

function anonymous({ present }: Service, answer: Answer): HttpClient {
  return new HttpClient({
    context: new FakeContext({ answer }),
    baseUrl: BASE,
    present,
    timeoutSeconds: 30,
  });
}

for (const service of [nanoservices, coder]) {
  const client = (answer: Answer): HttpClient => anonymous(service, answer);
  const withToken = (answer: Answer): HttpClient =>
    client(answer).withTokens(
      fixedToken({ secret: new Secret("nano_0123456789") }, "flag", "--token"),
    );

  /** Everything that a service is asked. */
  const asked: Record<string, (answer: Answer) => Promise<unknown>> = {
    whoami: (answer) => service.whoami(withToken(answer)),
    revoke: (answer) => service.revoke(withToken(answer)),
    externalAuth: (answer) =>
      service.externalAuth(withToken(answer), { id: "github" }),
    listExternalAuth: (answer) => service.listExternalAuth(withToken(answer)),
    exchangeIdentity: (answer) =>
      service.exchangeIdentity(client(answer), {
        cloud: "azure",
        signature: "signature",
        encoding: "pkcs7",
      }, undefined),
  };

  describe(`a web page in the place of ${service.name}`, () => {
    for (const [what, ask] of Object.entries(asked)) {
      for (const code of [200, 201, 400, 401, 403, 404]) {
        it(`is named by ${what} with the status ${code}`, async () => {
          assertSays(await rejectionOf(ask(page(code))), {
            code: "service_response",
            message: `${BASE} answered with ${PAGE}${
              code === 200 ? "" : ` (status ${code})`
            }`,
            hint: HINT,
          });
        });
      }

      it(`is named by ${what} as a failure of the service, 502`, async () => {
        assertSays(await rejectionOf(ask(page(502))), {
          code: "service_error",
          message: `${BASE} answered with ${PAGE} (status 502)`,
          hint: "the fault is the service's: try again later",
        });
      });

      it(`is named by ${what} as too many requests, 429`, async () => {
        const answer = page(429, { "retry-after": "60" });
        assertSays(await rejectionOf(ask(answer)), {
          code: "rate_limited",
          message: `${BASE} answered with ${PAGE} (status 429)`,
          hint: "try again in 60 seconds",
        });
      });
    }

    for (const code of [200, 401, 429, 503]) {
      it(`has the host to which the service redirected, ${code}`, async () => {
        const location = "https://login.example/start?state=secret";
        const answer: Answer = (request) =>
          request.url === location
            ? page(code)(request)
            : status(302, { location })(request);
        assertSays(await rejectionOf(service.whoami(withToken(answer))), {
          code: "service_response",
          message:
            `the service redirected to https://login.example, which answered with ${PAGE}${
              code === 200 ? "" : ` (status ${code})`
            }`,
          hint: HINT,
        });
      });
    }

    it("has the service's own host after a redirect within it", async () => {
      const answer = inTurn(status(302, { location: "/login" }), page(200));
      assertSays(await rejectionOf(service.whoami(withToken(answer))), {
        code: "service_response",
        message: `${BASE} answered with ${PAGE}`,
        hint: HINT,
      });
    });
  });
}

function assertSays(
  { code, message, hint }: NanoctlError,
  expected: { code: string; message: string; hint: string },
): void {
  assertEquals({ code, message, hint: hint ?? "" }, expected);
}
