import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { runToken } from "../../src/cli/commands/token.ts";
import { Secret } from "../../src/secret.ts";
import { CredentialStore } from "../../src/store/credential_store.ts";
import { FakeContext, rejectionOf } from "../support/fake_context.ts";
import {
  homeWithToken,
  STORED_URL as URL,
} from "../support/home_with_token.ts";

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;

describe("token", () => {
  it("prints the stored token and nothing else, without asking the service", async () => {
    await using home = await homeWithToken();
    const context = new FakeContext({ env: home.env });
    await runToken(context, {});
    assertEquals([context.stdout.text, context.stderr.text], [
      "nano_stored\n",
      "",
    ]);
    assertEquals(context.requests, []);
  });

  it("prints the token that a command would use, by the same precedence", async () => {
    await using home = await homeWithToken();
    const env = { ...home.env, NANOSERVICES_TOKEN: "nano_env" };
    const context = new FakeContext({ env });
    await runToken(context, {});
    await runToken(context, { token: "nano_flag" });
    assertEquals(context.stdout.lines, ["nano_env", "nano_flag"]);
  });

  it("prints it with --json, in stable snake_case keys", async () => {
    await using home = await homeWithToken(30 * DAY);
    const context = new FakeContext({ env: home.env });
    await runToken(context, { json: true });
    assertEquals(JSON.parse(context.stdout.text), {
      token: "nano_stored",
      service: "nanoservices",
      url: URL,
      profile: "default",
      origin: "store",
      expires_at: "2026-02-14T12:00:00.000Z",
    });
  });

  it("has null for an end that is not known", async () => {
    const context = new FakeContext({
      env: { NANOSERVICES_TOKEN: "nano_env" },
    });
    await runToken(context, { json: true });
    const { origin, expires_at } = JSON.parse(context.stdout.text);
    assertEquals([origin, expires_at], ["environment", null]);
  });

  const warnings: [endsIn: number | undefined, warning: string | undefined][] =
    [
      [undefined, undefined],
      [30 * DAY, undefined],
      [DAY, undefined],
      [
        DAY - SECOND,
        "warning: the token expires on 2026-01-16 (in 24 hours)",
      ],
      [5 * HOUR, "warning: the token expires on 2026-01-15 (in 5 hours)"],
      [SECOND, "warning: the token expires on 2026-01-15 (in 1 minute)"],
    ];
  for (const [endsIn, warning] of warnings) {
    it(`${warning ? "warns" : "does not warn"} of an end ${endsIn === undefined ? "that never comes" : `in ${endsIn / HOUR} hours`}`, async () => {
      await using home = await homeWithToken(endsIn);
      const context = new FakeContext({ env: home.env });
      await runToken(context, {});
      assertEquals(context.stdout.text, "nano_stored\n");
      assertEquals(context.stderr.lines, warning ? [warning] : []);
    });
  }

  it("does not warn with --quiet", async () => {
    await using home = await homeWithToken(HOUR);
    const context = new FakeContext({ env: home.env });
    await runToken(context, { quiet: true });
    assertEquals([context.stdout.text, context.stderr.text], [
      "nano_stored\n",
      "",
    ]);
  });

  for (const endsIn of [0, -1, -3 * DAY]) {
    it(`is exit 4 and prints nothing once it expired ${-endsIn} ms ago`, async () => {
      await using home = await homeWithToken(endsIn);
      const context = new FakeContext({ env: home.env });
      const error = await rejectionOf(runToken(context, {}));
      assertEquals([error.code, error.exitCode, error.hint], [
        "token_expired",
        4,
        "log in again with 'nanoctl login'; this machine's clock shows 2026-01-15 12:00 UTC",
      ]);
      assertEquals(
        error.message.startsWith("the stored token expired on "),
        true,
      );
      assertEquals(context.stdout.text, "");
    });
  }

  it("says how to log in again to a profile that is not the active one", async () => {
    await using home = await homeWithToken(-1);
    const context = new FakeContext({ env: home.env });
    await new CredentialStore(context).save({
      profile: "other",
      service: "nanoservices",
      url: URL,
      username: "ada",
      expiresAt: undefined,
      token: new Secret("nano_other"),
    });
    const error = await rejectionOf(runToken(context, { profile: "default" }));
    assertEquals(
      error.hint,
      "log in again with 'nanoctl login --profile default'; this machine's clock shows 2026-01-15 12:00 UTC",
    );
  });

  it("is exit 3 and prints nothing where nobody is logged in", async () => {
    const context = new FakeContext();
    const error = await rejectionOf(runToken(context, {}));
    assertEquals([error.exitCode, context.stdout.text], [3, ""]);
  });

  it("is exit 3 for another URL: the stored token is for one only", async () => {
    await using home = await homeWithToken();
    const context = new FakeContext({ env: home.env });
    const error = await rejectionOf(
      runToken(context, { url: "https://other.example" }),
    );
    assertEquals([error.exitCode, context.stdout.text], [3, ""]);
  });
});
