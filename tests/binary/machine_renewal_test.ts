import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { Secret } from "../../src/secret.ts";
import { CredentialStore } from "../../src/store/credential_store.ts";
import { FakeContext } from "../support/fake_context.ts";
import { assertFailure, CREDENTIALS, Home, run } from "../support/nanoctl.ts";
import { refusal, ScriptedOAuth } from "../support/scripted_oauth.ts";

describe("a stored login of a machine", () => {
  let server: ScriptedOAuth;
  let home: Home;
  /** What the token endpoint issues next, and for how many seconds. */
  let issued: { access_token: string; expires_in: number };

  beforeEach(() => {
    issued = { access_token: "first-token", expires_in: 0 };
    server = new ScriptedOAuth({
      token: () => ({ body: { ...issued, token_type: "Bearer" } }),
    });
    home = new Home();
  });
  afterEach(async () => {
    home[Symbol.dispose]();
    await server[Symbol.asyncDispose]();
  });

  async function logIn(...args: string[]): Promise<void> {
    const { code, stderr } = await run(
      ["login", "--issuer", server.issuer, "--save", ...args],
      {
        home,
        cwd: home.path,
        env: { NANOCTL_CLIENT_SECRET: "s3cret of a test" },
      },
    );
    assertEquals(code, 0, stderr);
  }

  async function token(): Promise<string> {
    const { code, stdout, stderr } = await run(["token"], { home, cwd: "/" });
    assertEquals([code, stderr], [0, ""]);
    return stdout.trim();
  }

  const exchange = ["--subject-token-file", "workload", "--audience", "api"];

  it("for a workload's token reads the file again when its token is due", async () => {
    Deno.writeTextFileSync(home.at("workload"), "first.workload.token\n");
    await logIn(...exchange, "--scope", "deploy");
    Deno.writeTextFileSync(home.at("workload"), "second.workload.token\n");
    issued = { access_token: "second-token", expires_in: 3600 };
    assertEquals(await token(), "second-token");
    assertEquals(await token(), "second-token");
    assertEquals(
      server.formsTo("token").map((form) => [
        form.get("subject_token"),
        form.get("audience"),
        form.get("scope"),
      ]),
      [
        ["first.workload.token", "api", "deploy"],
        ["second.workload.token", "api", "deploy"],
      ],
    );
    assertMatch((await run(["status"], { home })).stdout, /renews itself/);
  });

  /** Has the stored token end in 30 days, though it is to be renewed now. */
  async function makeDue(token: string): Promise<void> {
    const context = new FakeContext({ env: { HOME: home.path } });
    const isStored = await new CredentialStore(context)
      .renew("default", new Secret(token), {
        token: new Secret(token),
        expiresAt: new Date(Date.now() + 30 * 24 * 3_600_000),
        renewAt: new Date(0),
      });
    assert(isStored);
  }

  it("is renewed and stored by token long before it ends, if its moment has come", async () => {
    Deno.writeTextFileSync(home.at("workload"), "a.workload.token\n");
    await logIn(...exchange);
    await makeDue("first-token");
    issued = { access_token: "second-token", expires_in: 3600 };
    assertEquals(
      [await token(), await token()],
      Array(2).fill(issued.access_token),
    );
    assertEquals(server.formsTo("token").length, 2);
  });

  it("that can't be renewed ahead of time is tried again later, not by each command", async () => {
    Deno.writeTextFileSync(home.at("workload"), "a.workload.token\n");
    await logIn(...exchange);
    await makeDue("first-token");
    server.scripts.token = () => ({ status: 503, body: {} });
    const first = await run(["token"], { home });
    assertEquals([first.code, first.stdout], [0, "first-token\n"]);
    assertMatch(first.stderr, /^warning: the token was not renewed: /);
    assertEquals(await token(), "first-token");
    assertEquals(server.formsTo("token").length, 2);
  });

  it("says so if that file is gone", async () => {
    Deno.writeTextFileSync(home.at("workload"), "first.workload.token\n");
    await logIn(...exchange);
    Deno.removeSync(home.at("workload"));
    assertFailure(await run(["token"], { home }), {
      exit: 3,
      code: "not_logged_in",
      message: /the token file .*workload can't be read: there is no such file/,
    });
  });

  it("says so if the server does not accept that token any more", async () => {
    Deno.writeTextFileSync(home.at("workload"), "first.workload.token\n");
    await logIn(...exchange);
    server.scripts.token = () => refusal("invalid_grant", "it has expired");
    assertFailure(await run(["token"], { home }), {
      exit: 4,
      code: "login_denied",
      message: /does not accept the workload's token .*it has expired/,
      hint: /audience and expiry/,
    });
  });

  it("as the client itself logs in again, with the secret sealed", async () => {
    await logIn("--client-credentials", "--client-id", "robot");
    issued = { access_token: "second-token", expires_in: 3600 };
    assertEquals(await token(), "second-token");
    assertEquals(
      server.formsTo("token").map((form) => form.get("grant_type")),
      ["client_credentials", "client_credentials"],
    );
    assertEquals(home.holds("s3cret of a test"), false);
  });

  it("without --save is stored nowhere", async () => {
    const { code } = await run([
      ...["login", "--issuer", server.issuer, "--client-credentials"],
      ...["--client-id", "robot"],
    ], { home, env: { NANOCTL_CLIENT_SECRET: "s3cret of a test" } });
    assertEquals(code, 0);
    assertEquals(home.entries().includes(CREDENTIALS), false);
  });
});
