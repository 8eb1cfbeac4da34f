import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { helpText } from "../../src/cli/command_line/help.ts";
import { runStatus } from "../../src/cli/commands/status.ts";
import { Secret } from "../../src/secret.ts";
import { CredentialStore } from "../../src/store/credential_store.ts";
import { FakeContext, START, TemporaryHome } from "../support/fake_context.ts";

/**
 * What was looked at, by name and width. `UPDATE=1 deno test -A
 * tests/cli/rendered_test.ts` writes them anew, to be looked at again.
 */
const FOLDER = fromFileUrl(import.meta.resolve("./rendered/"));

async function assertLooked(
  name: string,
  columns: number,
  text: string,
): Promise<void> {
  const path = `${FOLDER}${name}_${columns}.txt`;
  if (Deno.env.get("UPDATE")) {
    await Deno.mkdir(FOLDER, { recursive: true });
    await Deno.writeTextFile(path, text);
  }
  assertEquals(text, await Deno.readTextFile(path));
}

/** A text without anything longer than the terminal, but for words that can't be cut. */
function assertFits(text: string, columns: number): void {
  for (const line of text.split("\n")) {
    assert(line.length <= columns || !/\S \S/.test(line.trimStart()), line);
  }
}

for (const columns of [40, 80, 200]) {
  describe(`on a terminal of ${columns} columns`, () => {
    for (const name of ["", "use", "external-auth"]) {
      it(`the help of nanoctl ${name} is what was looked at`, async () => {
        const text = `${await helpText(name, { columns })}\n`;
        await assertLooked(`help_${name || "nanoctl"}`, columns, text);
        const [prose = ""] = text.split("\nExamples:");
        assertFits(prose, columns);
      });
    }

    it("status is what was looked at", async () => {
      await using home = await TemporaryHome.make();
      const context = new FakeContext({
        env: { ...home.env, TERM: "xterm" },
        terminals: true,
      });
      context.stdout.columns = columns;
      const store = new CredentialStore(context);
      const logins: [string, string, number | undefined, boolean][] = [
        ["default", "ada", 30, false],
        ["expired", "ada", -5, false],
        ["soon", "\u6f22\u5b57", 0.5, false],
        ["work", "\u05d0\u05d3\u05d4", undefined, true],
      ];
      for (const [profile, username, days, renews] of logins) {
        await store.save({
          profile,
          username,
          service: "nanoservices",
          url: `https://${profile}.example.com`,
          token: new Secret(`a token of ${profile}`),
          ...renews ? { refreshToken: new Secret("a refresh token") } : {},
          expiresAt: days === undefined
            ? undefined
            : new Date(START.getTime() + days * 24 * 3_600_000),
        });
      }
      await runStatus(context, {});
      const [logged = ""] = context.stdout.text.split("\n\n");
      await assertLooked("status", columns, `${logged}\n`);
    });
  });
}
