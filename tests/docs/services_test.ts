import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BUILT_IN } from "../../src/services/builtin/index.ts";
import {
  DATE_FORMATS,
  MEANINGS,
} from "../../src/services/description/schema.ts";
import { GARDEN_TOKEN } from "../support/garden.ts";
import { FILE, GardenHome } from "../support/garden_home.ts";

const ROOT = new URL("../../", import.meta.url);
const TEXT = Deno.readTextFileSync(new URL("docs/services.md", ROOT));
const SCHEMA: unknown = JSON.parse(
  Deno.readTextFileSync(new URL("docs/service.schema.json", ROOT)),
);

/** The names of all fields in a JSON Schema, however deep. */
function fieldsIn(schema: unknown): Set<string> {
  const found = new Set<string>();
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [name, below] of Object.entries(value)) {
      if (name === "properties") {
        for (const field of Object.keys(below)) found.add(field);
      }
      walk(below);
    }
  };
  walk(schema);
  return found;
}

describe("docs/services.md", () => {
  it("lists the built-in services", async () => {
    const rows = [...TEXT.matchAll(/^\| `([a-z]+)` +\| (.+?) +\| (.+?) +\|$/gm)]
      .map(([, name = "", title = "", url = ""]) => [name, title, url])
      .slice(0, Object.keys(BUILT_IN).length);
    const expected = Object.entries(BUILT_IN).map(async ([name, load]) => {
      const { title, url } = await load();
      return [name, title, url ? `\`${url}\`` : "given with `--url`"];
    });
    assertEquals(rows, await Promise.all(expected));
  });

  it("names every field, every date format and every meaning", () => {
    const fields = fieldsIn(SCHEMA);
    assert(fields.size > 30, [...fields].join());
    const missing = [...fields, ...DATE_FORMATS, ...MEANINGS]
      .filter((name) => !TEXT.includes(`\`${name}\``));
    assertEquals(missing, []);
  });

  it("has an example with which one can log in", async () => {
    const [, example = ""] = /```json\n([^]*?)```/.exec(TEXT) ?? [];
    await using home = new GardenHome();
    home.write(new TextEncoder().encode(example));
    const url = ["--url", home.garden.url];
    const given = ["--token", GARDEN_TOKEN];
    const { stdout, stderr } = await home.done(
      ["service", "test", FILE, ...url, ...given],
    );
    assert(!stdout.includes("warning"), stdout);
    assertEquals(stderr, "All is well.\n");
    await home.done(["service", "add", FILE]);
    await home.done(["login", "--service", "garden", ...url, "--save"], {
      env: { NANOSERVICES_TOKEN: GARDEN_TOKEN },
    });
    assertEquals((await home.done(["whoami"])).stdout, "ada\n");
    await home.done(["logout", "--revoke"]);
    assertEquals(home.garden.caught.at(-1)?.method, "DELETE");
  });
});
