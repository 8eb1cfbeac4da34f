import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { assertFails, Home, run } from "../support/nanoctl.ts";

/** What is typed, and what the hint proposes for it. */
const PROPOSALS: [typed: string, proposed: string[]][] = [
  ["extern", ["nanoctl external-auth"]],
  ["version", ["nanoctl --version"]],
  ["auth", [
    "nanoctl login",
    "nanoctl logout",
    "nanoctl status",
    "nanoctl token",
  ]],
  ["auth login", ["nanoctl login"]],
  ["auth logout", ["nanoctl logout"]],
  ["auth status", ["nanoctl status"]],
  ["auth token", ["nanoctl token"]],
  ["auth switch", ["nanoctl use"]],
  ["auth setup-git", []],
  ["switch", ["nanoctl use"]],
  ["contexts", ["nanoctl status"]],
  ["profiles", ["nanoctl status"]],
  ["config", ["nanoctl status"]],
  ["signin", ["nanoctl login"]],
  ["sign-in", ["nanoctl login"]],
  ["log-in", ["nanoctl login"]],
  ["logoff", ["nanoctl logout"]],
  ["signout", ["nanoctl logout"]],
  ["print-token", ["nanoctl token"]],
  ["access-token github", ["nanoctl external-auth access-token"]],
  ["tokn", ["nanoctl token"]],
  ["Login", ["nanoctl login"]],
  ["store inf", ["nanoctl store info"]],
  ["store rekye", ["nanoctl store rekey"]],
  ["--profile store inf", []],
  ["external-auth acces github", ["nanoctl external-auth access-token"]],
  ["external-auth frobnicate", []],
  ["frobnicate", []],
  // What may be a token is not looked at.
  ["token1", []],
  ["zzzz", []],
  ["log", []],
  ["--url https://host.example extern", ["nanoctl external-auth"]],
  ["help extern", ["nanoctl external-auth"]],
  ["whoami --tokenfile x", ["--token-file"]],
  ["whoami --jsno", ["--json"]],
  ["login --key-sorce x", ["--key-source"]],
  ["login --tok x", []],
  ["whoami --key-source x", []],
  ["whoami --frobnicate", []],
  ["whoami -z", []],
  ["--verison", ["--version"]],
];

describe("a command line that is nearly right", () => {
  for (const [typed, proposed] of PROPOSALS) {
    it(`proposes ${proposed.join() || "nothing"} for ${typed}`, async () => {
      using home = new Home();
      const quoted = proposed.map((one) => `'${one}'`).join(", ")
        .replace(/, ([^,]+)$/, " or $1");
      const hint = await assertFails(typed.split(" "), { home }, {
        exit: 2,
        code: "usage",
        // Cliffy's own proposal is none of it.
        message:
          /^(unknown (command|option) "[a-z-]+"|there is no such command)$/,
        hint: /[sS]ee 'nanoctl [^']*--help'$/,
      });
      assertEquals(
        hint.replace(/(^see|\? See) '[^']+'$/, ""),
        proposed.length > 0 ? `did you mean ${quoted}` : "",
      );
      // Nothing of what is proposed is run.
      assertEquals(home.entries(), []);
    });
  }

  it("is proposed what there is: each command runs, or says what it lacks", async () => {
    using home = new Home();
    const proposed = new Set(PROPOSALS.flatMap(([, ways]) => ways));
    for (const way of proposed) {
      if (!way.startsWith("nanoctl ")) continue;
      const args = way.split(" ").slice(1);
      const { code, stdout } = await run(
        args[0]?.startsWith("--") ? args : [...args, "--help"],
        { home },
      );
      assertEquals(code, 0, way);
      assert(stdout.includes(args[0] === "--version" ? "nanoctl " : way), way);
    }
  });

  it("is not repeated where it may be a token", async () => {
    for (
      const typed of [
        ["nano_0123456789abcdef"],
        ["0123456789-abcdefghijklmnopqrstuv"],
        ["--nano_0123456789abcdef"],
        ["whoami", "--nano_0123456789abcdef"],
        ["store", "nano_0123456789abcdef"],
      ]
    ) {
      const { code, stderr } = await run(typed);
      assertEquals(code, 2);
      assertMatch(
        stderr,
        /^error: there is no such (command|option)\nhint: see 'nanoctl .*--help'\n$/,
      );
    }
  });
});
