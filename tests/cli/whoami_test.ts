import { assert, assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { runWhoami } from "../../src/cli/commands/whoami.ts";
import { Secret } from "../../src/secret.ts";
import { CredentialStore } from "../../src/store/credential_store.ts";
import {
  FakeContext,
  me,
  presented,
  problem,
  rejectionOf,
  TemporaryHome,
} from "../support/fake_context.ts";

const URL = "https://api.example";

async function homeWithLogin(): Promise<TemporaryHome> {
  const home = await TemporaryHome.make();
  await new CredentialStore(new FakeContext({ env: home.env })).save({
    profile: "default",
    service: "nanoservices",
    url: URL,
    username: "stored-name",
    expiresAt: undefined,
    token: new Secret("nano_stored"),
  });
  return home;
}

describe("whoami", () => {
  it("prints the user name that the service gives, and nothing else", async () => {
    await using home = await homeWithLogin();
    const context = new FakeContext({ env: home.env, answer: me() });
    await runWhoami(context, {});
    assertEquals([context.stdout.text, context.stderr.text], ["ada\n", ""]);
    assertEquals(context.requests.map(presented), ["nano_stored"]);
  });

  it("warns where the token has expired by this machine's clock alone", async () => {
    const answer = me({ expires_at: "2026-01-15T11:59:59Z" });
    for (const [minutes, warns] of [[7, true], [0, false]] as const) {
      const context = new FakeContext({
        answer: async (request) => {
          const response = await answer(request);
          const date = new Date(context.time.getTime() - minutes * 60_000);
          response.headers.set("date", date.toUTCString());
          return response;
        },
      });
      await runWhoami(context, { token: "nano_1" });
      assertEquals(context.stdout.text, "ada\n");
      assertEquals(
        context.stderr.text,
        warns
          ? "warning: the service accepts the token, but by this machine's clock it has expired: this machine's clock is 7 minutes ahead of the service's\n"
          : "",
      );
    }
  });

  it("prints it with --quiet too", async () => {
    const context = new FakeContext({ answer: me() });
    await runWhoami(context, { token: "nano_1", quiet: true });
    assertEquals(context.stdout.text, "ada\n");
  });

  it("prints the account with --json, in stable snake_case keys", async () => {
    await using home = await homeWithLogin();
    const context = new FakeContext({
      env: home.env,
      answer: me({ expires_at: "2026-02-01T12:00:00+02:00" }),
    });
    await runWhoami(context, { json: true });
    assertEquals(context.stdout.lines.length, 1);
    assertEquals(JSON.parse(context.stdout.text), {
      account: { username: "ada", email: "ada@example.com" },
      service: "nanoservices",
      url: URL,
      profile: "default",
      origin: "store",
      expires_at: "2026-02-01T10:00:00.000Z",
    });
  });

  it("keeps control characters of a user name from the terminal, and escapes them in JSON", async () => {
    const context = new FakeContext({ answer: me({}, "a\u001b[2J\nda\u202e") });
    await runWhoami(context, { token: "nano_1" });
    assertEquals(context.stdout.text, "a[2J da\n");
    await runWhoami(context, { token: "nano_1", json: true });
    // deno-lint-ignore no-control-regex
    assertFalse(/[\u001b\u202e]/.test(context.stdout.text));
    assertEquals(
      JSON.parse(context.stdout.lines[1] ?? "").account.username,
      "a\u001b[2J\nda\u202e",
    );
  });

  it("is exit 3 where nobody is logged in, and asks nobody", async () => {
    const context = new FakeContext();
    const error = await rejectionOf(runWhoami(context, {}));
    assertEquals([error.exitCode, context.requests.length], [3, 0]);
  });

  it("is exit 3 for another URL than the stored one, and names that", async () => {
    await using home = await homeWithLogin();
    const context = new FakeContext({ env: home.env });
    const error = await rejectionOf(
      runWhoami(context, { url: "https://other.example" }),
    );
    assertEquals(error.exitCode, 3);
    assert(error.message.includes(`is for ${URL}`), error.message);
    assertEquals(context.requests, []);
  });

  const hints: [what: string, env: Record<string, string>, hint: string][] = [
    ["stored", {}, "log in again with 'nanoctl login'"],
    [
      "in NANOSERVICES_TOKEN",
      { NANOSERVICES_TOKEN: "nano_1" },
      `NANOSERVICES_TOKEN hides the stored login of profile default (stored-name): unset it to use that one, or give it a token made at ${URL}/settings/tokens`,
    ],
  ];
  for (const [what, env, hint] of hints) {
    it(`says what to do about a refused token that is ${what}`, async () => {
      await using home = await homeWithLogin();
      const context = new FakeContext({
        env: { ...home.env, ...env },
        answer: problem(401, "token_revoked"),
      });
      const error = await rejectionOf(runWhoami(context, {}));
      assertEquals([error.code, error.hint], ["token_revoked", hint]);
    });
  }

  it("says how to log in again to a profile that is not the active one", async () => {
    await using home = await homeWithLogin();
    const context = new FakeContext({
      env: home.env,
      answer: problem(401, "token_expired"),
    });
    await new CredentialStore(context).save({
      profile: "work",
      service: "nanoservices",
      url: URL,
      username: "ada",
      expiresAt: undefined,
      token: new Secret("nano_work"),
    });
    const error = await rejectionOf(
      runWhoami(context, { profile: "default" }),
    );
    assertEquals(
      error.hint,
      "log in again with 'nanoctl login --profile default'",
    );
  });

  it("names in its hint the URL and the service that were given", async () => {
    await using home = await TemporaryHome.make();
    const context = new FakeContext({ env: home.env });
    const error = await rejectionOf(
      runWhoami(context, { url: `${URL}/`, service: "coder", profile: "w" }),
    );
    assertEquals(
      error.hint,
      `log in with 'nanoctl login --url ${URL} --service coder --profile w', or set NANOSERVICES_TOKEN`,
    );
  });

  it("takes the new token where another process logged in meanwhile", async () => {
    await using home = await homeWithLogin();
    const store = new CredentialStore(new FakeContext({ env: home.env }));
    const context = new FakeContext({
      env: home.env,
      answer: async (request) => {
        if (presented(request) === "nano_new") return await me()(request);
        await store.save({
          profile: "default",
          service: "nanoservices",
          url: URL,
          username: "ada",
          expiresAt: undefined,
          token: new Secret("nano_new"),
        });
        return await problem(401, "token_revoked")(request);
      },
    });
    await runWhoami(context, {});
    assertEquals(context.stdout.text, "ada\n");
    assertEquals(context.requests.map(presented), ["nano_stored", "nano_new"]);
  });
});
