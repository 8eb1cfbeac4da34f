import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { runCredentialKubernetes } from "../../src/cli/commands/credential/kubernetes.ts";
import {
  FakeContext,
  json,
  problem,
  rejectionOf,
  START,
} from "../support/fake_context.ts";
import {
  homeWithToken,
  STORED_URL as BASE,
} from "../support/home_with_token.ts";

const V1 = "client.authentication.k8s.io/v1";
const HOUR = 3_600_000;

describe("credential kubernetes", () => {
  it("prints the stored token and when it ends, without asking the service", async () => {
    await using home = await homeWithToken(48 * HOUR);
    const context = new FakeContext({ env: home.env });
    await runCredentialKubernetes(context, {});
    assertEquals(context.stdout.lines.map((line) => JSON.parse(line)), [{
      apiVersion: V1,
      kind: "ExecCredential",
      status: {
        expirationTimestamp: "2026-01-17T12:00:00Z",
        token: "nano_stored",
      },
    }]);
    assertEquals([context.stderr.text, context.requests], ["", []]);
  });

  it("warns as token does, on stderr alone", async () => {
    await using home = await homeWithToken(HOUR);
    const context = new FakeContext({ env: home.env });
    await runCredentialKubernetes(context, {});
    assertEquals(context.stdout.lines.length, 1);
    assertMatch(
      context.stderr.text,
      /^warning: the token expires on [^\n]+\n$/,
    );
  });

  it("takes the token by the precedence of every command", async () => {
    await using home = await homeWithToken();
    const env = { ...home.env, NANOSERVICES_TOKEN: "nano_env" };
    const context = new FakeContext({ env });
    await runCredentialKubernetes(context, {});
    await runCredentialKubernetes(context, { token: "nano_flag" });
    assertEquals(
      context.stdout.lines.map((line) => JSON.parse(line).status),
      [{ token: "nano_env" }, { token: "nano_flag" }],
    );
  });

  it("fails once the stored token has expired, and says how to log in again", async () => {
    await using home = await homeWithToken(-1);
    const context = new FakeContext({ env: home.env });
    const error = await rejectionOf(runCredentialKubernetes(context, {}));
    assertEquals([error.code, context.stdout.text], ["token_expired", ""]);
    assertMatch(error.hint ?? "", /^log in again with 'nanoctl login'; /);
  });

  it("asks for no token in a version that it doesn't know", async () => {
    const context = new FakeContext({
      env: { KUBERNETES_EXEC_INFO: `{"apiVersion":"${V1}alpha1"}` },
    });
    const error = await rejectionOf(runCredentialKubernetes(context, {}));
    assertEquals([error.code, context.stdout.text], ["usage", ""]);
  });

  it("prints an agent's token, whatever a person has stored", async () => {
    await using home = await homeWithToken();
    const env = {
      ...home.env,
      NANOSERVICES_AGENT_URL: BASE,
      NANOSERVICES_AGENT_TOKEN: "agent_1",
    };
    const context = new FakeContext({ env });
    await runCredentialKubernetes(context, {});
    assertEquals(JSON.parse(context.stdout.text).status, { token: "agent_1" });
  });

  describe("for an agent with the identity of its instance", () => {
    const options = { agentUrl: BASE, auth: "azure-instance-identity" };
    const contextFor = (answer: ReturnType<typeof json>): FakeContext =>
      new FakeContext({
        env: { AZURE_METADATA_ENDPOINT: "http://imds.test" },
        answer: (request) =>
          request.url.startsWith(BASE)
            ? answer(request)
            : Response.json({ signature: "UEtDUzc=", encoding: "pkcs7" }),
      });

    it("prints the session's token and its end, with no warning", async () => {
      const expires_at = new Date(START.getTime() + HOUR).toISOString();
      const context = contextFor(
        json({ session_token: "agent_2", expires_at }),
      );
      await runCredentialKubernetes(context, options);
      assertEquals(JSON.parse(context.stdout.text).status, {
        expirationTimestamp: "2026-01-15T13:00:00Z",
        token: "agent_2",
      });
      assertEquals(context.stderr.text, "");
    });

    it("says what to check if it is refused", async () => {
      const context = contextFor(problem(401, "token_invalid"));
      const error = await rejectionOf(
        runCredentialKubernetes(context, options),
      );
      assertEquals(context.stdout.text, "");
      assertMatch(error.hint ?? "", /^check that the service has an agent /);
    });
  });
});
