import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type CredentialDockerOptions,
  runCredentialDocker,
} from "../../src/cli/commands/credential/docker.ts";
import { ExitCode } from "../../src/cli/exit_code.ts";
import { NanoctlError } from "../../src/errors.ts";
import { Secret } from "../../src/secret.ts";
import { CredentialStore } from "../../src/store/credential_store.ts";
import {
  FakeContext,
  type FakeContextOptions,
  json,
  problem,
  TemporaryHome,
} from "../support/fake_context.ts";

const BASE = "https://api.example";
const NOT_FOUND = "credentials not found in native keychain\n";
const WITH_TOKEN = { NANOSERVICES_URL: BASE, NANOSERVICES_TOKEN: "nano_1" };

/** Runs the command, and gives what it left behind; `code` is an exit code or the code of an error. */
async function ran(
  home: TemporaryHome,
  action: string,
  { env, ...options }: FakeContextOptions,
  given: CredentialDockerOptions = {},
): Promise<{ code: number | string; context: FakeContext }> {
  const context = new FakeContext({ env: { ...home.env, ...env }, ...options });
  try {
    await runCredentialDocker(context, given, action);
    return { code: 0, context };
  } catch (error) {
    if (error instanceof ExitCode || error instanceof NanoctlError) {
      return { code: error.code, context };
    }
    throw error;
  }
}

/** A login as docker reads it. */
function answer(server: string, username: string, secret: string): string {
  return `${
    JSON.stringify({ ServerURL: server, Username: username, Secret: secret })
  }\n`;
}

describe("credential docker", () => {
  it("asks the service for the provider of the registry's host, with https", async () => {
    await using home = await TemporaryHome.make();
    const { code, context } = await ran(home, "get", {
      env: WITH_TOKEN,
      stdin: "ghcr.io\n",
      answer: json({
        access_token: "gho_1",
        token_type: "bearer",
        expires_at: null,
        extra: {},
      }),
    });
    assertEquals(
      [code, context.stdout.text, context.stderr.text],
      [0, answer("ghcr.io", "oauth2", "gho_1"), ""],
    );
    assertEquals(context.requests.map(({ url }) => url), [
      `${BASE}/v1/external-auth/token?match=https%3A%2F%2Fghcr.io%2F`,
    ]);
  });

  it("takes the user name and the password that Coder says", async () => {
    await using home = await TemporaryHome.make();
    const { context } = await ran(home, "get", {
      env: { CODER_URL: BASE, CODER_SESSION_TOKEN: "coder_1" },
      stdin: "registry.gitlab.example",
      answer: json({
        access_token: "glpat_1",
        type: "gitlab",
        url: "",
        username: "gitlab-user",
        password: "glpat_1",
      }),
    }, { service: "coder" });
    assertEquals(
      context.stdout.text,
      answer("registry.gitlab.example", "gitlab-user", "glpat_1"),
    );
  });

  it("says docker's words where the service has no provider for it", async () => {
    await using home = await TemporaryHome.make();
    const { code, context } = await ran(home, "get", {
      env: WITH_TOKEN,
      stdin: "ghcr.io",
      answer: problem(404, "not_found"),
    });
    assertEquals(
      [code, context.stdout.text, context.stderr.text],
      [1, NOT_FOUND, ""],
    );
  });

  it("says them without a login too, and the reason with --verbose alone", async () => {
    await using home = await TemporaryHome.make();
    const env = { NANOSERVICES_URL: BASE };
    for (const verbose of [false, true]) {
      const { code, context } = await ran(
        home,
        "get",
        { env, stdin: "ghcr.io" },
        { verbose },
      );
      assertEquals([code, context.stdout.text], [1, NOT_FOUND]);
      assertMatch(
        context.stderr.text,
        verbose ? /^not logged in: [^\n]+\n$/ : /^$/,
      );
      assertEquals(context.requests, []);
    }
  });

  it("sends nothing for a registry over http that is not on this machine", async () => {
    await using home = await TemporaryHome.make();
    for (const server of ["http://ghcr.io", "ftp://ghcr.io", "a b"]) {
      const options = { env: WITH_TOKEN, stdin: server };
      const { code, context } = await ran(home, "get", options);
      assertEquals([code, context.stdout.text], [1, NOT_FOUND]);
      assertEquals(context.requests, []);
    }
  });

  it("repeats an error of the service on stdout, with its own exit code", async () => {
    await using home = await TemporaryHome.make();
    const { code, context } = await ran(home, "get", {
      env: WITH_TOKEN,
      stdin: "ghcr.io",
      answer: problem(401, "token_expired"),
    });
    assertEquals(code, "token_expired");
    assertMatch(context.stdout.text, /^.*expired.*\n$/);
  });

  it("gives what was stored before it asks the service", async () => {
    await using home = await TemporaryHome.make();
    await new CredentialStore(new FakeContext({ env: home.env })).saveRegistry({
      server: "ghcr.io",
      username: "ada",
      secret: new Secret("stored"),
    });
    const options = { env: WITH_TOKEN, stdin: "ghcr.io" };
    const { context } = await ran(home, "get", options);
    assertEquals(context.stdout.text, answer("ghcr.io", "ada", "stored"));
    assertEquals(context.requests, []);
  });

  it("makes a file with the key that was chosen", async () => {
    await using home = await TemporaryHome.make();
    const key = new Uint8Array(32).fill(1).toBase64();
    const { code } = await ran(home, "store", {
      env: { NANOCTL_ENCRYPTION_KEY: key },
      stdin: answer("ghcr.io", "ada", "x"),
    }, { keySource: "environment" });
    assertEquals(code, 0);
    const file = JSON.parse(await home.credentialFile() ?? "");
    assertEquals(file.key.source, "environment");
    assertEquals(Object.keys(file.registries), ["ghcr.io"]);
  });

  it("waits for nobody to type", async () => {
    await using home = await TemporaryHome.make();
    const { code, context } = await ran(home, "get", {
      terminals: true,
      stdin: "ghcr.io",
    });
    assertEquals(
      [code, context.stdout.text],
      [1, "no credentials server URL\n"],
    );
    assertEquals(context.inputLimits, []);
  });
});
