import { assert, assertEquals, assertRejects } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import {
  type Example,
  examplePages,
  examplesIn,
  examplesOf,
  specExamples,
  titleOf,
} from "../support/doc_examples.ts";
import { DocumentedHosts } from "../support/documented_hosts.ts";
import { ExamplePlace } from "../support/example_place.ts";
import type { Entry, ExampleTable, Way } from "../support/example_ways.ts";
import { itNeeding } from "../support/needs.ts";
import { programs } from "../support/store_files.ts";
import { PAGE_EXAMPLES } from "./page_examples.ts";
import { SPEC_EXAMPLES } from "./spec_examples.ts";

const ROOT = fromFileUrl(import.meta.resolve("../../"));
/** What an example may need, and a machine may lack. */
const OTHERS = [
  "curl",
  "fish",
  "git",
  "jq",
  "kubectl",
  "npm",
  "openssl",
  "skopeo",
  "zsh",
];
/** A block that only sets variables, which hold for the rest of its page. */
const SETS_VARIABLES = /^([A-Z_]+=\S+( +#.*)?\n)+$/;
const SPECS = await specExamples();
/** What the reader of a page has. */
const FURNISHED: Record<string, (place: ExamplePlace) => Promise<void>> = {
  "README.md": (place) => place.addRelease(),
  "docs/commands.md": async (place) => {
    await place.logIn();
    await place.addGarden();
  },
  "docs/install.md": (place) => place.addRelease(),
  "docs/key_sources.md": async (place) => {
    await place.logIn();
    place.addKeyServices();
  },
  "docs/login.md": async (place) => {
    await place.addClient();
    place.addSecretManagers();
  },
  "docs/secret_managers.md": (place) =>
    Promise.resolve(place.addSecretManagers()),
  "docs/services.md": (place) => place.addGarden(),
  "docs/tools.md": (place) => place.logIn(),
  "docs/workspaces.md": (place) => place.logIn(),
};

/** The names of all members, and of what kind each is; values differ from run to run. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shape);
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      // Members of extra are the provider's own.
      name === "extra" ? "object" : shape(member),
    ]).sort(),
  );
}

/** A test of an example; skipped where a program is missing. */
function itRuns(example: Example, way: Way, fn: () => Promise<void>): void {
  const all = JSON.stringify([example.text, way]);
  const needed = OTHERS.filter((name) => new RegExp(`\\b${name}\\b`).test(all));
  const missing = programs(...needed)() ?? way.needs?.();
  itNeeding(missing, titleOf(example), fn);
}

/** Runs an example, and compares what it answers with what the page shows. */
async function runExample(
  place: ExamplePlace,
  example: Example,
  way: Way,
): Promise<void> {
  const { stdout } = await place.run(example.text, way);
  if (example.answer === undefined) return;
  const said = JSON.parse(stdout);
  const shown = JSON.parse(example.answer);
  assertEquals(shape(said), shape(shown));
  assertEquals(said.code, shown.code);
}

/** What the table says of an example of a page; undefined of what is no command, and not in the table. */
function entryFor(example: Example): Entry | undefined {
  const entry = PAGE_EXAMPLES[example.page]?.[titleOf(example)];
  return entry ?? (example.language === "sh" ? {} : undefined);
}

/** The test of what no shell runs here. */
function itIsRead(example: Example, entry: Exclude<Entry, Way>): void {
  if ("impossible" in entry) return;
  const { elsewhere } = entry;
  it(`is read by ${elsewhere}: ${titleOf(example)}`, () => {
    const test = Deno.readTextFileSync(join(ROOT, elsewhere));
    assert(test.includes(example.page));
  });
}

function isWay(entry: Entry): entry is Way {
  return !("elsewhere" in entry || "impossible" in entry);
}

/** The commands of a page, and the files that these need, each with the page's variables before it. */
function commandsOf(page: string): [Example, Way][] {
  const examples = examplesOf(page);
  const variables = examples.map(({ text }) => text)
    .filter((text) => SETS_VARIABLES.test(text)).join("");
  return examples.flatMap((example): [Example, Way][] => {
    const entry = entryFor(example);
    if (entry === undefined || !isWay(entry)) return [];
    if (variables === "" || entry.saves !== undefined) {
      return [[example, entry]];
    }
    const before = `${variables}${entry.before ?? ""}`;
    return [[example, { ...entry, before }]];
  });
}

/** The entries of a table that name none of the examples. */
function leftovers(table: ExampleTable, examples: Example[]): string[] {
  const there = new Set(examples.map((one) => `${one.page}: ${titleOf(one)}`));
  return Object.entries(table).flatMap(([page, entries]) =>
    Object.keys(entries).map((title) => `${page}: ${title}`)
  ).filter((name) => !there.has(name));
}

// The shells, and script(1) for a terminal.
const onPosix = Deno.build.os === "windows" ? describe.skip : describe;

for (const page of examplePages()) {
  const commands = commandsOf(page);
  if (commands.length === 0) continue;
  onPosix(`the examples of ${page}`, () => {
    let hosts: DocumentedHosts;
    let place: ExamplePlace;
    beforeAll(async () => {
      hosts = await DocumentedHosts.start();
      place = await ExamplePlace.make(hosts);
      await FURNISHED[page]?.(place);
      if (!page.endsWith("api.md")) await hosts.connectProviders();
    });
    afterAll(async () => {
      place?.[Symbol.dispose]();
      await hosts?.[Symbol.asyncDispose]();
    });

    for (const [example, way] of commands) {
      itRuns(example, way, () => runExample(place, example, way));
    }
  });
}

onPosix("the examples of the commands", () => {
  let hosts: DocumentedHosts;
  beforeAll(async () => {
    hosts = await DocumentedHosts.start();
    await hosts.connectProviders();
  });
  afterAll(() => hosts?.[Symbol.asyncDispose]());

  for (const example of SPECS) {
    const way = SPEC_EXAMPLES[example.page]?.[titleOf(example)] ?? {};
    itRuns(example, way, async () => {
      using place = await ExamplePlace.make(hosts);
      await place.logIn();
      place.addSecretManagers();
      await place.addGarden();
      await runExample(place, example, way);
    });
  }

  const WRONG: [what: string, text: string, way: Way][] = [
    ["that fails", "nanoctl whoami --profile nobody", {}],
    ["that fails before its end", "false\ntrue", {}],
    ["that fails in a pipe", "false | cat", {}],
    ["that should fail, and does not", "true", { code: 1 }],
    ["that shows something else", "nanoctl whoami", { shows: /grace/ }],
    ["that sends something else", "nanoctl whoami", { sends: [/^POST/] }],
    ["without the effect", "true", { after: "test -e effect" }],
    ["with a line too many", "true\ntrue", { lines: [{}] }],
  ];
  for (const [what, text, way] of WRONG) {
    it(`would be seen to be wrong: one ${what}`, async () => {
      using place = await ExamplePlace.make(hosts);
      await place.logIn();
      await assertRejects(() => place.run(text, way));
    });
  }
});

describe("the blocks of the pages", () => {
  const examples = examplePages().flatMap(examplesOf);

  it("are found, and the table has none that is gone", () => {
    assert(examples.length >= 55, `${examples.length}`);
    assert(SPECS.length >= 45, `${SPECS.length}`);
    assertEquals(leftovers(PAGE_EXAMPLES, examples), []);
    assertEquals(leftovers(SPEC_EXAMPLES, SPECS), []);
  });

  it("have a first line of their own on each page", () => {
    const names = examples.map((one) => `${one.page}: ${titleOf(one)}`);
    assertEquals(names.filter((one, at) => names.indexOf(one) !== at), []);
  });

  it("are commands or JSON, or in the table", () => {
    const unknown = examples.filter((one) =>
      entryFor(one) === undefined && one.language !== "json"
    );
    assertEquals(unknown.map(titleOf), []);
  });

  it("are JSON where they say so", () => {
    const json = examples.filter(({ language }) => language === "json");
    assert(json.length >= 3);
    for (const { text } of json) JSON.parse(text);
  });

  it("show an answer to every command of the API", () => {
    const silent = examplesOf("docs/api.md").filter(({ text, answer }) =>
      answer === undefined && !SETS_VARIABLES.test(text)
    );
    assertEquals(silent.map(titleOf), []);
  });

  for (const example of examples) {
    const entry = entryFor(example);
    if (entry && !isWay(entry)) itIsRead(example, entry);
  }

  it("are fenced or indented, and an answer belongs to its command", () => {
    const markdown = "# A page\n\n    one\n\n    two\n\nText:\n\n" +
      "```sh\nthree\n```\n\n```json\n{}\n```\n\nText.\n\n```json\n[]\n```\n";
    assertEquals(examplesIn("page", markdown), [
      { page: "page", language: "sh", text: "one\n\ntwo\n" },
      { page: "page", language: "sh", text: "three\n", answer: "{}\n" },
      { page: "page", language: "json", text: "[]\n" },
    ]);
  });
});
