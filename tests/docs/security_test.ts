import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";

const ROOT = new URL("../../", import.meta.url);
const TEXT = Deno.readTextFileSync(new URL("docs/security.md", ROOT));

/** A test that stands behind a claim. */
interface Evidence {
  path: string;
  /** The name of a step, with `…` in the place of what differs. */
  name: string;
}

/** The tests that a text names: a file's path in backticks, then names in quotes. */
function evidenceIn(text: string): Evidence[] {
  const line = text.replace(/\s+/g, " ");
  return [...line.matchAll(/`(tests\/\S+\.ts)`: ("[^"]+"(?:, "[^"]+")*)/g)]
    .flatMap(([, path = "", names = ""]) =>
      [...names.matchAll(/"([^"]+)"/g)]
        .map(([, name = ""]) => ({ path, name }))
    );
}

/** Whether a test's source has a step, or a case, of this name. */
function hasStep(source: string, name: string): boolean {
  const fixed = name.split("…").map((part) =>
    part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
  );
  const pattern = fixed.join("\\$\\{[^`]*?\\}");
  return new RegExp(`"${pattern}"`).test(source) ||
    new RegExp("`" + pattern + "`").test(source);
}

describe("docs/security.md", () => {
  const evidence = evidenceIn(TEXT);

  it("names a test for every defence", () => {
    assert(evidence.length >= 60, `only ${evidence.length}`);
    const bare = TEXT.split("\n## ").slice(3).join("\n")
      .split(/\n(?=[-#]|\n)/)
      .filter((item) => item.startsWith("- ") && evidenceIn(item).length === 0);
    assertEquals(bare, []);
  });

  it("names every test in the form that is checked", () => {
    const named = TEXT.match(/`tests\/[^`]+`/g)?.length;
    const read = TEXT.replace(/\s+/g, " ").match(/`tests\/\S+\.ts`: "/g)
      ?.length;
    assertEquals(named, read);
  });

  for (const path of new Set(evidence.map((one) => one.path))) {
    it(`names steps that ${path} has`, () => {
      const source = Deno.readTextFileSync(new URL(path, ROOT));
      const missing = evidence.filter((one) =>
        one.path === path && !hasStep(source, one.name)
      ).map(({ name }) => name);
      assertEquals(missing, []);
    });
  }

  it("would be seen to name a step that there is not", () => {
    const [one] = evidenceIn('x `tests/a_test.ts`: "with\n … is"');
    assertEquals(one, { path: "tests/a_test.ts", name: "with … is" });
    assert(hasStep("it(`with ${a} is`, f)", "with … is"));
    assert(hasStep('it("with a is", f)', "with a is"));
    assert(!hasStep('it("with a is not", f)', "with a is"));
    assert(!hasStep("it(`with ${a} was`, f)", "with … is"));
  });
});
