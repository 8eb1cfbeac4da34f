import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { generated, stale } from "../../scripts/docs.ts";
import { readHelp } from "../support/help.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

describe("docs/reference and docs/man", () => {
  let root: string;
  let files: Map<string, string>;
  beforeAll(async () => {
    files = await generated();
    root = await Deno.makeTempDir({ prefix: "nanoctl-reference-" });
    for (const [path, text] of files) {
      await Deno.mkdir(`${root}/${path.replace(/[^/]+$/, "")}`, {
        recursive: true,
      });
      await Deno.writeTextFile(`${root}/${path}`, text);
    }
  });
  afterAll(() => Deno.remove(root, { recursive: true }));

  it("are what the specs say", async () => {
    assertEquals(await stale(ROOT), []);
  });

  it("are told from what was written by hand, is missing or left over", async () => {
    await Deno.writeTextFile(`${root}/docs/reference/api.md`, "by hand");
    await Deno.remove(`${root}/docs/man/nanoctl.1`);
    await Deno.writeTextFile(`${root}/docs/man/nanoctl-gone.1`, "");
    assertEquals(await stale(root), [
      "docs/man/nanoctl-gone.1",
      "docs/man/nanoctl.1",
      "docs/reference/api.md",
    ]);
  });

  it("have each command, with all of its options and what help says of it", async () => {
    for (const { path, commands, options, examples } of await readHelp()) {
      if (commands.length > 0) continue;
      const page = files.get(`docs/reference/${path.join("_")}.md`) ?? "";
      const man = files.get(`docs/man/nanoctl-${path.join("-")}.1`) ?? "";
      for (const flag of options.flat()) {
        assert(page.includes(flag), `${path}: ${flag}`);
        assert(man.includes(flag.replaceAll("-", "\\-")), `${path}: ${flag}`);
      }
      for (const line of examples) assert(page.includes(line.trim()), line);
      assertMatch(man, /^\.TH "NANOCTL-[A-Z-]+" 1 /);
    }
  });
});
