import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { runStatus } from "../../src/cli/commands/status.ts";
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

/** Two logins: `default`, which has expired, and `work`, the active one. */
async function homeWithProfiles(): Promise<TemporaryHome> {
  const home = await TemporaryHome.make();
  const store = new CredentialStore(new FakeContext({ env: home.env }));
  const common = { service: "nanoservices", username: "ada" };
  await store.save({
    ...common,
    profile: "default",
    url: "https://api.example",
    expiresAt: new Date("2026-01-10T12:00:00Z"),
    token: new Secret("nano_default"),
  });
  await store.save({
    ...common,
    profile: "work",
    url: "https://work.example",
    expiresAt: undefined,
    token: new Secret("nano_work"),
  });
  return home;
}

describe("status", () => {
  it("shows every profile, the active one marked, and where the token comes from", async () => {
    await using home = await homeWithProfiles();
    const context = new FakeContext({ env: home.env });
    await runStatus(context, {});
    const lines = context.stdout.lines;
    assertEquals(lines.slice(0, 5), [
      "   PROFILE  SERVICE       URL                   USER  TOKEN",
      "   default  nanoservices  https://api.example   ada   expired on 2026-01-10 (5 days ago)",
      "*  work     nanoservices  https://work.example  ada   does not expire",
      "",
      "Active token:  from the stored login of profile work, for https://work.example",
    ]);
    assertMatch(
      lines[5] ?? "",
      /^Encryption: {4}AES-256-GCM, key file, key [0-9a-f]{32}$/,
    );
    assertEquals(
      lines[6],
      `Stored in:     ${home.env.NANOCTL_CONFIG_DIR}/credentials.json`,
    );
    assertEquals([lines.length, context.stderr.text], [7, ""]);
  });

  it("uses neither the network nor the key, and shows no token", async () => {
    await using home = await homeWithProfiles();
    await Deno.remove(home.env.XDG_DATA_HOME, { recursive: true });
    const context = new FakeContext({ env: home.env });
    await runStatus(context, {});
    await runStatus(context, { json: true });
    assertEquals(context.requests, []);
    assertFalse(context.stdout.text.includes("nano_"));
  });

  it("is not an error where nobody is logged in, and says how to", async () => {
    const context = new FakeContext();
    await runStatus(context, {});
    assertEquals(
      context.stdout.text,
      "Active token:  none; log in with 'nanoctl login'\n",
    );
  });

  it("names the variable that goes before the stored login", async () => {
    await using home = await homeWithProfiles();
    const env = { ...home.env, NANOSERVICES_TOKEN: "nano_env" };
    const context = new FakeContext({ env });
    await runStatus(context, {});
    assert(
      context.stdout.text.includes(
        "Active token:  from NANOSERVICES_TOKEN, for https://work.example",
      ),
      context.stdout.text,
    );
  });

  it("has no active token for another URL than the profile's", async () => {
    await using home = await homeWithProfiles();
    const context = new FakeContext({ env: home.env });
    await runStatus(context, { url: "https://other.example" });
    assert(context.stdout.text.includes("Active token:  none;"));
  });

  it("fails where the options contradict each other", async () => {
    const context = new FakeContext();
    const error = await rejectionOf(
      runStatus(context, { token: "a", tokenFile: "b" }),
    );
    assertEquals([error.code, context.stdout.text], ["usage", ""]);
  });
});

describe("status --json", () => {
  it("prints it all in stable snake_case keys", async () => {
    await using home = await homeWithProfiles();
    const context = new FakeContext({ env: home.env });
    await runStatus(context, { json: true });
    assertEquals(context.stdout.lines.length, 1);
    const printed = JSON.parse(context.stdout.text);
    assertMatch(printed.encryption.key_id, /^[0-9a-f]{32}$/);
    assertEquals(printed, {
      active: "work",
      target: {
        service: "nanoservices",
        url: "https://work.example",
        url_source: "profile",
        headers: [],
      },
      token: {
        origin: "store",
        source: "the stored login of profile work",
        service: "nanoservices",
        url: "https://work.example",
        profile: "work",
        expires_at: null,
      },
      encryption: {
        cipher: "AES-256-GCM",
        key_source: "keyfile",
        key_id: printed.encryption.key_id,
      },
      file: `${home.env.NANOCTL_CONFIG_DIR}/credentials.json`,
      profiles: [
        {
          profile: "default",
          service: "nanoservices",
          url: "https://api.example",
          account: { username: "ada" },
          expires_at: "2026-01-10T12:00:00.000Z",
          renewable: false,
          stored_at: "2026-01-15T12:00:00.000Z",
        },
        {
          profile: "work",
          service: "nanoservices",
          url: "https://work.example",
          account: { username: "ada" },
          expires_at: null,
          renewable: false,
          stored_at: "2026-01-15T12:00:00.000Z",
        },
      ],
    });
  });

  it("gives the end of the profile that is named", async () => {
    await using home = await homeWithProfiles();
    const context = new FakeContext({ env: home.env });
    await runStatus(context, { json: true, profile: "default" });
    const { active, token } = JSON.parse(context.stdout.text);
    assertEquals([active, token.profile, token.expires_at], [
      "work",
      "default",
      "2026-01-10T12:00:00.000Z",
    ]);
  });

  it("has nulls where nothing is stored", async () => {
    const context = new FakeContext();
    await runStatus(context, { json: true });
    assertEquals(JSON.parse(context.stdout.text), {
      active: "default",
      target: {
        service: "nanoservices",
        url: "http://127.0.0.1:7080",
        url_source: "default",
        headers: [],
      },
      token: null,
      encryption: null,
      file: null,
      profiles: [],
    });
  });

  it("does not give the stored login's end to a token from elsewhere", async () => {
    await using home = await homeWithProfiles();
    const context = new FakeContext({ env: home.env });
    await runStatus(context, {
      json: true,
      profile: "default",
      token: "nano_flag",
    });
    const { token } = JSON.parse(context.stdout.text);
    assertEquals([token.origin, token.expires_at], ["flag", null]);
  });
});

describe("status --check", () => {
  it("asks the service and says that the token is valid", async () => {
    await using home = await homeWithProfiles();
    const context = new FakeContext({ env: home.env, answer: me() });
    await runStatus(context, { check: true });
    assertEquals(context.requests.map(presented), ["nano_work"]);
    assertEquals(context.stderr.lines, [
      "The active token is valid: you are ada at https://work.example.",
    ]);
  });

  it("fails as whoami does, after showing what is known", async () => {
    await using home = await homeWithProfiles();
    const context = new FakeContext({
      env: home.env,
      answer: problem(401, "token_revoked"),
    });
    const error = await rejectionOf(runStatus(context, { check: true }));
    assertEquals([error.code, error.exitCode], ["token_revoked", 4]);
    assert(context.stdout.text.includes("PROFILE"));
  });

  it("is exit 3 where nobody is logged in", async () => {
    const error = await rejectionOf(
      runStatus(new FakeContext(), { check: true }),
    );
    assertEquals(error.exitCode, 3);
  });
});
