import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { NanoctlError } from "../../src/errors.ts";
import { Output, plainText, safeJson } from "../../src/cli/output.ts";
import { FakeContext } from "../support/fake_context.ts";

/** Every character that a terminal would obey, or that turns a line around. */
const UNSAFE = [
  ...range(0x00, 0x1f),
  ...range(0x7f, 0x9f),
  0x061c,
  0x200e,
  0x200f,
  ...range(0x202a, 0x202e),
  ...range(0x2066, 0x2069),
];

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

function name(code: number): string {
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

const TOKEN = "nano_0123456789abcdefghij0123456789abcdefghij";

describe("plainText", () => {
  const BREAKS = [0x09, 0x0a, 0x0d];

  it("leaves nothing of any control character, but a space for a break or a tab", () => {
    for (const code of UNSAFE) {
      const shown = BREAKS.includes(code) ? "a b" : "ab";
      const text = `a${String.fromCharCode(code)}b`;
      assertEquals(plainText(text), shown, name(code));
    }
  });

  const texts: [text: string, plain: string][] = [
    ["", ""],
    ["plain text", "plain text"],
    ["Ünï çødé – 日本語 🎉", "Ünï çødé – 日本語 🎉"],
    ["two\r\nlines", "two lines"],
    ["two\n\nbreaks", "two  breaks"],
    ["\u001b[31mred\u001b[0m", "[31mred[0m"],
    ["\u001b]0;title\u0007", "]0;title"],
    ["\u009b2J", "2J"],
    ["user\u202egnp.exe", "usergnp.exe"],
  ];
  for (const [text, plain] of texts) {
    it(`shows ${JSON.stringify(text)} as ${JSON.stringify(plain)}`, () => {
      assertEquals(plainText(text), plain);
    });
  }
});

describe("safeJson", () => {
  it("escapes every control character and loses none", () => {
    for (const code of UNSAFE) {
      const value = { a: `x${String.fromCharCode(code)}y` };
      const text = safeJson(value);
      assertEquals(plainText(text), text, name(code));
      assertEquals(JSON.parse(text), value, name(code));
    }
  });

  it("escapes them in keys too", () => {
    assertEquals(safeJson({ "a\u202eb": 1 }), '{"a\\u202eb":1}');
  });

  it("leaves other characters as they are", () => {
    assertEquals(safeJson(["ü日🎉"]), '["ü日🎉"]');
  });
});

describe("data", () => {
  it("goes to stdout with a line break, exactly as given, even with --quiet", async () => {
    const context = new FakeContext();
    await new Output(context, { quiet: true }).data("a\u0000b");
    assertEquals([context.stdout.text, context.stderr.text], [
      "a\u0000b\n",
      "",
    ]);
  });

  it("is one line of JSON", async () => {
    const context = new FakeContext();
    await new Output(context).dataJson({ a: ["b\nc", null] });
    assertEquals(context.stdout.text, '{"a":["b\\nc",null]}\n');
  });

  it("fails as the stream does", async () => {
    const context = new FakeContext();
    context.stdout.failure = new Deno.errors.BrokenPipe("gone");
    await assertRejects(
      () => new Output(context).data("x"),
      Deno.errors.BrokenPipe,
    );
  });
});

describe("what is said to a person", () => {
  const all = async (
    options: { quiet?: boolean; verbose?: boolean; json?: boolean },
  ): Promise<string[]> => {
    const context = new FakeContext();
    const output = new Output(context, options);
    await output.say("said");
    await output.warn("careful");
    await output.detail("detail");
    assertEquals(context.stdout.text, "");
    return context.stderr.lines;
  };

  it("has every detail on stderr before the data that follows, waited for or not", async () => {
    const order: string[] = [];
    const open = Promise.withResolvers<void>();
    const context = {
      stdout: {
        isTerminal: false,
        write: (text: string | Uint8Array): Promise<void> => {
          order.push(String(text));
          return Promise.resolve();
        },
      },
      stderr: {
        isTerminal: false,
        write: async (text: string | Uint8Array): Promise<void> => {
          await open.promise;
          order.push(String(text));
        },
      },
    };
    const output = new Output(context, { verbose: true });
    void output.detail("first");
    void output.detail("second");
    const done = Promise.all([
      output.data("data"),
      output.bytes(new Uint8Array([49])),
    ]);
    open.resolve();
    await done;
    assertEquals(order.slice(0, 2), ["first\n", "second\n"]);
    assertEquals(order.slice(2).toSorted(), ["49", "data\n"]);
  });

  it("is not kept back by a detail that could not be written", async () => {
    const context = new FakeContext();
    context.stderr.failure = new Deno.errors.BrokenPipe();
    const output = new Output(context, { verbose: true });
    await assertRejects(() => output.detail("first"), Deno.errors.BrokenPipe);
    await output.data("data");
    assertEquals(context.stdout.text, "data\n");
  });

  it("goes to stderr, and details only with --verbose", async () => {
    assertEquals(await all({}), ["said", "warning: careful"]);
    assertEquals(await all({ verbose: true }), [
      "said",
      "warning: careful",
      "detail",
    ]);
  });

  it("is left out with --quiet", async () => {
    assertEquals(await all({ quiet: true }), []);
  });

  it("is left to --verbose alone where both are given", async () => {
    assertEquals(await all({ quiet: true, verbose: true }), ["detail"]);
  });

  it("goes to stderr with --json too, so that stdout stays JSON", async () => {
    assertEquals(await all({ json: true }), ["said", "warning: careful"]);
  });

  it("is one line without control characters", async () => {
    const context = new FakeContext();
    const output = new Output(context, { verbose: true });
    await output.say("a\u001b[2J\nerror: b");
    await output.warn("c\rd");
    await output.detail("e\u202ef");
    assertEquals(context.stderr.text, "a[2J error: b\nwarning: c d\nef\n");
  });

  it("holds no secret, but for the tokens that the embedded service makes", async () => {
    const context = new FakeContext();
    const output = new Output(context, { verbose: true });
    await output.say(`a ${TOKEN}`);
    await output.warn(TOKEN.replace("_", "\u001b_"));
    await output.detail(`${TOKEN}.`);
    await output.sayWithToken(TOKEN);
    await new Output(context, { quiet: true }).sayWithToken(TOKEN);
    assertEquals(
      context.stderr.text,
      `a [secret]\nwarning: [secret]\n[secret].\n${TOKEN}\n`,
    );
  });
});

describe("an error", () => {
  const said = async (
    error: NanoctlError,
    options: { quiet?: boolean; json?: boolean } = {},
  ): Promise<string> => {
    const context = new FakeContext();
    await new Output(context, options).error(error);
    assertEquals(context.stdout.text, "");
    return context.stderr.text;
  };

  it("is a line, and a second one with its hint", async () => {
    assertEquals(
      await said(new NanoctlError("usage", "wrong", "do this")),
      "error: wrong\nhint: do this\n",
    );
  });

  it("is one line without a hint", async () => {
    assertEquals(
      await said(new NanoctlError("usage", "wrong")),
      "error: wrong\n",
    );
  });

  it("is said with --quiet too", async () => {
    assertEquals(
      await said(new NanoctlError("usage", "wrong"), { quiet: true }),
      "error: wrong\n",
    );
  });

  it("can't break out of its line, whatever a server put into it", async () => {
    assertEquals(
      await said(new NanoctlError("usage", "a\nhint: b\u001b[1A", "c\r\nd")),
      "error: a hint: b[1A\nhint: c d\n",
    );
  });

  it("holds no secret, as text and in JSON", async () => {
    const error = new NanoctlError("usage", `no ${TOKEN}`, `use ${TOKEN}`);
    assertEquals(await said(error), "error: no [secret]\nhint: use [secret]\n");
    assertEquals(
      await said(error, { json: true }),
      '{"error":{"code":"usage","message":"no [secret]","hint":"use [secret]"}}\n',
    );
  });

  it("is an object with code, message and hint with --json", async () => {
    assertEquals(
      await said(new NanoctlError("usage", "a\u202eb", "c"), { json: true }),
      '{"error":{"code":"usage","message":"a\\u202eb","hint":"c"}}\n',
    );
  });

  it("has no hint in JSON where there is none", async () => {
    assertEquals(
      await said(new NanoctlError("failed", "a"), { json: true }),
      '{"error":{"code":"failed","message":"a"}}\n',
    );
  });
});
