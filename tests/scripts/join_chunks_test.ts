import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { bundleArgs } from "../../scripts/bundle.ts";
import { joinChunks } from "../../scripts/join_chunks.ts";
import { run, runDeno, SetupError } from "../../scripts/process.ts";

/** Two commands and a main program that share modules in every combination, and keep state in one. */
const SOURCES: Record<string, string> = {
  "main.ts": `
    import { add } from "./all.ts";
    import { label } from "./main_and_one.ts";
    add("main " + label);
    const { run } = Deno.args[0] === "one"
      ? await import("./one.ts")
      : await import("./two.ts");
    console.log(run());
  `,
  "one.ts": `
    import { add, all, Marked } from "./all.ts";
    import { label } from "./main_and_one.ts";
    import { twice } from "./both.ts";
    import "./side.ts";
    export function run(): string {
      add(twice("one"));
      return [label, ...all, new Marked() instanceof Marked].join();
    }
  `,
  "two.ts": `
    import { add, all, Marked } from "./all.ts";
    import { twice } from "./both.ts";
    export function run(): string {
      add(twice("two"));
      return [...all, new Marked() instanceof Marked].join();
    }
  `,
  "all.ts": `
    import { upper } from "./deep.ts";
    export class Marked {}
    export let all: string[] = [];
    export function add(text: string): void {
      all = [...all, upper(text)];
    }
  `,
  "deep.ts": "export const upper = (text: string) => text.toUpperCase();",
  "main_and_one.ts": `
    import { upper } from "./deep.ts";
    export const label = upper('import{a}from"./chunk-X.js";');
  `,
  "both.ts": "export const twice = (text: string) => text + text;",
  "side.ts": 'globalThis.name = "side";',
};

describe("the chunks of a bundle", () => {
  let folder = "";
  let bundle = "";
  beforeEach(async () => {
    folder = await Deno.makeTempDir({ prefix: "nanoctl_join_" });
    for (const [name, text] of Object.entries(SOURCES)) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    bundle = `${folder}/bundle`;
    const { success, stderr } = await runDeno(bundleArgs(bundle, "main.ts"), {
      cwd: folder,
    });
    assert(success, stderr);
  });
  afterEach(() => Deno.remove(folder, { recursive: true }));

  function chunks(): string[] {
    return [...Deno.readDirSync(bundle)].map(({ name }) => name)
      .filter((name) => name.startsWith("chunk-"));
  }

  async function saidBy(command: string): Promise<string> {
    const { stdout, stderr } = await run(Deno.execPath(), [
      ...["run", "-A", "--no-config", `${bundle}/main.js`, command],
    ]);
    return stdout + stderr;
  }

  it("are one file for what every command loads, which does what they did", async () => {
    const before = [await saidBy("one"), await saidBy("two")];
    assert(before[0]?.includes("MAIN"), before[0]);
    assert(chunks().length >= 3, chunks().join());
    await joinChunks(bundle, "main.js");
    // What only the commands share is not loaded by every command.
    assertEquals(chunks().length, 1);
    assert(Deno.statSync(`${bundle}/start.js`).isFile);
    assertEquals([await saidBy("one"), await saidBy("two")], before);
  });

  it("come out the same each time", async () => {
    await joinChunks(bundle, "main.js");
    const first = Deno.readTextFileSync(`${bundle}/start.js`);
    const main = Deno.readTextFileSync(`${bundle}/main.js`);
    await Deno.remove(bundle, { recursive: true });
    await runDeno(bundleArgs(bundle, "main.ts"), { cwd: folder });
    await joinChunks(bundle, "main.js");
    assertEquals(Deno.readTextFileSync(`${bundle}/start.js`), first);
    assertEquals(Deno.readTextFileSync(`${bundle}/main.js`), main);
  });

  it("stay as they are where there is one alone", async () => {
    await joinChunks(bundle, "main.js");
    const files = [...Deno.readDirSync(bundle)].length;
    await joinChunks(bundle, "main.js");
    assertEquals([...Deno.readDirSync(bundle)].length, files);
  });

  it("are refused in a form that is not known, rather than joined wrongly", async () => {
    const one = [...Deno.readDirSync(bundle)].map(({ name }) => name)
      .find((name) => name.startsWith("one-"));
    const path = `${bundle}/${one}`;
    const text = Deno.readTextFileSync(path);
    await Deno.writeTextFile(
      path,
      text.replace(/import\{[^}]*\}from/, "import*as everything from"),
    );
    await assertRejects(() => joinChunks(bundle, "main.js"), SetupError);
  });
});
