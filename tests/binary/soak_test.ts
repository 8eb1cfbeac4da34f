import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { soak } from "../../scripts/soak.ts";
import { BINARY } from "../support/nanoctl.ts";

/**
 * Each loop goes round at least once however short the time is. What this does
 * not see in a minute, `deno task soak` is for.
 */
const SECONDS = 60;

describe("a soak", () => {
  it("of 50 loops that share one file loses nothing, leaves nothing and lets the service not grow", async () => {
    const report = await soak({
      seconds: SECONDS,
      loops: 50,
      atOnce: 8,
      program: BINARY,
    });
    assertEquals(report.failures, []);
    assert(report.leastRounds >= 1, "a loop did not get round");
    assert(report.mostProfiles > 25, "they did not meet in the file");
    assertEquals(report.memory !== undefined, Deno.build.os === "linux");
  });

  it("says what went wrong, without a token, where something does", async () => {
    const folder = Deno.makeTempDirSync({ prefix: "nanoctl-soak-test-" });
    const program = `${folder}/nanoctl`;
    // Gives another token, ends with 0 whatever happens, and leaves a file.
    Deno.writeTextFileSync(
      program,
      `#!/bin/sh
case "$1" in
  token) "${BINARY}" "$@" | tr n m ;;
  api) touch "$HOME/left"; exec "${BINARY}" "$@" ;;
  *) exec "${BINARY}" "$@" ;;
esac
`,
      { mode: 0o755 },
    );
    const { failures } = await soak({
      seconds: 0,
      loops: 2,
      atOnce: 2,
      program,
    });
    Deno.removeSync(folder, { recursive: true });
    const said = failures.join("\n");
    assert(
      /^token --profile loop-1: exit code 0, expected 0; another stdout/m.test(
        said,
      ),
      said,
    );
    assert(
      /^token --profile loop-1: exit code 0, expected 3/m.test(said),
      said,
    );
    assert(/^token --profile bystander: .* another stdout/m.test(said), said);
    assert(/^files are left: .*left/m.test(said), said);
    assert(!/[nm]ano_/.test(said), said);
  });
});
