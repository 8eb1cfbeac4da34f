import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { sha256 } from "../../scripts/process.ts";
import { GARDEN_TOKEN } from "../support/garden.ts";
import {
  BYTES,
  FILE,
  FOLDER,
  GardenHome,
  KEPT,
  other,
} from "../support/garden_home.ts";
import { assertFails, assertFailure } from "../support/nanoctl.ts";
import { KEYS, Terminal } from "../support/terminal.ts";

const DIGEST = await sha256(BYTES);

describe("service add", () => {
  let home: GardenHome;
  beforeEach(() => {
    home = new GardenHome();
  });
  afterEach(() => home[Symbol.asyncDispose]());

  it("keeps a file as it is, for its user alone, and says where tokens go", async () => {
    const { stdout, stderr } = await home.done(["service", "add", FILE]);
    assertEquals(stdout, "");
    for (
      const said of [
        "Garden, as the service garden",
        "A token goes to: the origin of --url\n",
        "In the header: x-garden-key",
        `SHA-256: ${DIGEST}`,
        `Added in ${home.at(KEPT)}.`,
      ]
    ) assert(stderr.includes(said), stderr);
    assertEquals(Deno.readFileSync(home.at(KEPT)), BYTES);
    assertEquals([home.mode(FOLDER), home.mode(KEPT)], ["0700", "0600"]);
    const again = await home.done(["service", "add", FILE]);
    assertMatch(again.stderr, /garden\.json has it already\.\n$/);
  });

  it("says it as JSON, with every origin that is named", async () => {
    const bytes = other({
      url: "https://garden.example",
      api_of_url: "https://api.garden.example",
      revoke: { base: "https://shed.example:8443", path: "/key" },
    });
    home.write(bytes);
    const { stdout, stderr } = await home.done([
      "service",
      "add",
      FILE,
      "--json",
    ]);
    assertEquals([JSON.parse(stdout), stderr], [{
      name: "garden",
      sha256: await sha256(bytes),
      origins: [
        "https://shed.example:8443",
        "https://garden.example",
        "https://api.garden.example",
      ],
      path: home.at(KEPT),
    }, ""]);
  });

  it("replaces another description only if it is told to, and says who has to log in again", async () => {
    await home.logIn();
    await home.logIn("work");
    home.write(other({ title: "Another" }));
    await assertFails(["service", "add", FILE], home.options, {
      exit: 2,
      code: "usage",
      message: /^there is another description of the service garden: \//,
      hint: /--replace$/,
    });
    assertEquals(Deno.readFileSync(home.at(KEPT)), BYTES);
    const { stderr } = await home.done(["service", "add", FILE, "--replace"]);
    assertMatch(stderr, /to log in again: default, work\n$/);
    // With the first one they are of use again.
    await home.done(["service", "remove", "garden"]);
    home.write(BYTES);
    await home.done(["service", "add", FILE]);
    assertEquals((await home.done(["whoami"])).stdout, "ada\n");
  });

  const NOT_ADDED: [what: string, bytes: Uint8Array, message: RegExp][] = [
    [
      "with the name of a built-in service",
      other({ name: "github" }),
      /^there is a built-in service github$/,
    ],
    [
      "with the name of the default service",
      other({ name: "nanoservices" }),
      /^there is a built-in service nanoservices$/,
    ],
    [
      "with an API beside the URL",
      other({ api: "{url}.evil.example" }),
      /: api: not a URL that begins with \{url\} or https:\/\/$/,
    ],
    [
      "with a line break in a header",
      other({ headers: { "x-a": "b\r\nhost: evil.example" } }),
      /: headers\.x-a: not a short text in ASCII$/,
    ],
    [
      "that is too long",
      other({ $schema: "x".repeat(70_000) }),
      /: it is longer than 65536 bytes$/,
    ],
    [
      "that is nested deep",
      new TextEncoder().encode("[".repeat(60_000)),
      /: it is not JSON in UTF-8$/,
    ],
  ];
  for (const [what, bytes, message] of NOT_ADDED) {
    it(`does not take one ${what}`, async () => {
      home.write(bytes);
      const result = await home.nanoctl(["service", "add", FILE]);
      assertFailure(result, {
        exit: 2,
        code: "usage",
        message,
        hint: /./,
      });
      assertEquals(home.entries(), [FILE]);
    });
  }

  it("does not take what could be changed by others for one", async () => {
    await home.logIn();
    Deno.chmodSync(home.at(KEPT), 0o666);
    await assertFails(["whoami"], home.options, {
      exit: 7,
      code: "file_permissions",
      message: /garden\.json is open to others/,
      hint: /^chmod 0600 /,
    });
  });
});

describe("service add from a URL", () => {
  let home: GardenHome;
  beforeEach(() => {
    home = new GardenHome();
  });
  afterEach(() => home[Symbol.asyncDispose]());

  let url: string;
  beforeEach(() => {
    home.garden.files.set("/garden.json", () => new Response(BYTES));
    url = `${home.garden.url}/garden.json`;
  });

  it("needs a terminal, or the SHA-256 that it has", async () => {
    await assertFails(["service", "add", url], home.options, {
      exit: 2,
      code: "usage",
      message: /has to be confirmed, and there is no terminal/,
      hint: new RegExp(`--sha256 ${DIGEST}$`),
    });
    const wrong = "0".repeat(64);
    await assertFails(
      ["service", "add", url, "--sha256", wrong],
      home.options,
      {
        exit: 2,
        code: "usage",
        message: new RegExp(`^its SHA-256 is ${DIGEST}, not ${wrong}$`),
        hint: /changed$/,
      },
    );
    await assertFails(["service", "add", url, "--sha256", "12"], home.options, {
      exit: 2,
      code: "usage",
      message: /^what --sha256 gives is no SHA-256$/,
      hint: /64 hexadecimal digits/,
    });
    assertEquals(home.entries(), [FILE]);
    await home.done(["service", "add", url, "--sha256", DIGEST.toUpperCase()]);
    assertEquals(Deno.readFileSync(home.at(KEPT)), BYTES);
  });

  it("gets neither a token nor the headers of a service", async () => {
    await home.done([
      ...["service", "add", url, "--sha256", DIGEST],
      ...["--header", "x-access=a-secret-of-the-proxy"],
    ], { env: { NANOSERVICES_TOKEN: GARDEN_TOKEN } });
    assertEquals(home.garden.caught.length, 1);
    assertEquals(home.garden.requestsWith(GARDEN_TOKEN), []);
    assertEquals(home.garden.requestsWith("a-secret-of-the-proxy"), []);
  });

  const WRONG: [
    what: string,
    answer: () => Response,
    code: string,
    message: RegExp,
    hint: RegExp,
  ][] = [
    [
      "nothing",
      () => new Response("no", { status: 404 }),
      "service_response",
      /has no description there \(status 404\)$/,
      /^check the URL$/,
    ],
    [
      "a web page",
      () =>
        new Response("<html>", { headers: { "content-type": "text/html" } }),
      "usage",
      /: it is not JSON in UTF-8$/,
      /docs\/services\.md/,
    ],
    [
      "what has no end",
      () => new Response(endless()),
      "usage",
      /: it is longer than 65536 bytes$/,
      /docs\/services\.md/,
    ],
  ];
  for (const [what, answer, code, message, hint] of WRONG) {
    it(`does not take ${what} for a description`, async () => {
      home.garden.files.set("/garden.json", answer);
      const exit = code === "usage" ? 2 : 6;
      await assertFails(
        ["service", "add", url, "--sha256", DIGEST],
        home.options,
        { exit, code, message, hint },
      );
      assertEquals(home.entries(), [FILE]);
    });
  }

  for (
    const bad of [
      "http://garden.invalid/garden.json",
      "https://ada:word@127.0.0.1/garden.json",
      "http:",
    ]
  ) {
    it(`sends no request to ${bad}`, async () => {
      const result = await home.nanoctl(["service", "add", bad]);
      assertFailure(result, {
        exit: 2,
        code: "usage",
        message: /plain http|not the URL/,
        hint: /^give an https URL/,
      });
    });
  }

  it("adds it when Enter is pressed, and shows first where tokens go", async () => {
    const terminal = new Terminal(["service", "add", url], { home });
    await terminal.waitFor("Press Enter to add it, Ctrl-C to leave it.");
    const shown = terminal.transcript;
    for (const said of ["x-garden-key", "origin of --url", DIGEST]) {
      assert(shown.includes(said), shown);
    }
    assert(!home.entries().includes(KEPT));
    await terminal.type(KEYS.enter);
    const { code, before, after } = await terminal.end();
    assertEquals([code, after], [0, before]);
    assertEquals(Deno.readFileSync(home.at(KEPT)), BYTES);
  });

  it("leaves it on Ctrl-C", async () => {
    const terminal = new Terminal(["service", "add", url], { home });
    await terminal.waitFor("Press Enter");
    await terminal.type(KEYS.ctrlC);
    const { code, before, after } = await terminal.end();
    assertEquals([code, after], [130, before]);
    assertEquals(home.entries(), [FILE]);
  });
});

function endless(): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(4096).fill(0x20)),
  });
}
