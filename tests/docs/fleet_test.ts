import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { figuresOf, rowOf, SCENARIOS } from "../../scripts/fleet.ts";
import { isObject } from "../../src/json.ts";
import { examplesOf } from "../support/doc_examples.ts";
import { pythonWith } from "../support/example_ways.ts";
import { Home, run } from "../support/nanoctl.ts";
import { workloadToken } from "../support/oauth_service.ts";
import { Service } from "../support/service.ts";
import { itWith, PATH, programs } from "../support/store_files.ts";

const ROOT = new URL("../../", import.meta.url);
const PAGE = "docs/fleet.md";
const TEXT = Deno.readTextFileSync(new URL(PAGE, ROOT));
const MANIFESTS = examplesOf(PAGE).filter(({ language }) =>
  language === "yaml"
);

/** Runs a program with a text as its input, and gives what it prints as JSON. */
async function jsonOf(
  program: string,
  args: string[],
  input: string,
): Promise<unknown> {
  const child = new Deno.Command(program, {
    args,
    clearEnv: true,
    env: { PATH },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  assert(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** The paths of what is in one value and not, or otherwise, in another. */
function lost(from: unknown, to: unknown, path = ""): string[] {
  const inner = Array.isArray(from) || isObject(from);
  if (!inner) return from === to ? [] : [path];
  const other = isObject(to) || Array.isArray(to) ? Object.entries(to) : [];
  const known = new Map<string, unknown>(other);
  return Object.entries(from).flatMap(([name, value]) =>
    lost(value, known.get(name), `${path}/${name}`)
  );
}

/** What a manifest says, and what kubectl's own types make of it: they drop what they don't know. */
async function readBoth(text: string): Promise<[unknown, unknown]> {
  const script = "import json, sys, yaml; " +
    "print(json.dumps(yaml.safe_load(sys.stdin)))";
  const annotate = ["set", "env", "--local", "-f", "-", "-o", "json", "A=b"];
  return [
    await jsonOf("/usr/bin/python3", ["-c", script], text),
    await jsonOf("kubectl", annotate, text),
  ];
}

describe(PAGE, () => {
  it("has a manifest for workload identity and one for a mounted secret", () => {
    assertEquals(MANIFESTS.length, 2);
  });

  for (const { text } of MANIFESTS) {
    const kind = /^kind: (\w+)$/m.exec(text)?.[1] ?? "";
    itWith(
      [programs("kubectl"), pythonWith("yaml")],
      `has a ${kind} of which kubectl knows every field`,
      async () => {
        const [said, read] = await readBoth(text);
        assertEquals(lost(said, read), []);
        const misspelt = text.replaceAll("readOnly:", "readonly:");
        const [wrong, dropped] = await readBoth(misspelt);
        assert(lost(wrong, dropped).some((path) => path.endsWith("/readonly")));
      },
    );
  }

  it("has a login for workload identity that works", async () => {
    using home = new Home();
    const service = await Service.start();
    try {
      const file = home.at("workload");
      Deno.writeTextFileSync(file, await workloadToken(service));
      const [{ text } = { text: "" }] = MANIFESTS;
      const command = [...text.matchAll(/^ +- (--\S+)$/gm)].map(([, word]) =>
        `${word}`.replace("/var/run/secrets/tokens/nanoctl", file)
          .replace("https://nano.example.com", service.url)
      );
      assertEquals(command.length, 3);
      const login = await run(["login", "--save", ...command], { home });
      assertEquals(login.code, 0, login.stderr);
      const { stdout } = await run(["status"], { home });
      assertMatch(stdout, /renews itself/);
    } finally {
      await service.stop();
    }
  });

  it("sets variables that docs/configuration.md lists", () => {
    const page = new URL("docs/configuration.md", ROOT);
    const listed = Deno.readTextFileSync(page);
    const names = MANIFESTS.flatMap(({ text }) =>
      [...text.matchAll(/name: ([A-Z_]+),/g)].map(([, name = ""]) => name)
    );
    assert(names.length >= 5, `${names}`);
    for (const name of names) {
      assert(listed.includes(`\`${name}\``), name);
    }
  });

  it("has a row of figures for each scenario, and the first are what the simulation says", async () => {
    const rows = TEXT.replace(/ *\| */g, " | ").split("\n").map((row) =>
      row.trim()
    );
    const [first] = SCENARIOS;
    assert(first);
    for (const jitter of [false, true]) {
      const given = { agents: 10_000, jitter, seed: 1 };
      const row = rowOf(first, jitter, await figuresOf(first, given));
      assert(rows.includes(row), row);
    }
    for (const { name, life } of SCENARIOS) {
      const start = `| ${life / 60} min | ${name} | `;
      const found = rows.filter((row) => row.startsWith(start));
      assertEquals(found.length, 2, start);
    }
  });
});
