import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { whileWaiting } from "../../src/cli/spinner.ts";
import { NanoctlError } from "../../src/errors.ts";
import {
  FakeContext,
  type FakeContextOptions,
} from "../support/fake_context.ts";

const TEXT = "Waiting for your approval";
const CLEAR = "\r\x1b[K";
const TERMINAL: FakeContextOptions = { terminals: ["stderr"] };

/** Work that ends when so many frames were shown. */
function until(context: FakeContext, frames: number): Promise<string> {
  const done = Promise.withResolvers<string>();
  context.onSleep = () => {
    if (context.sleeps.length >= frames) done.resolve("done");
  };
  return done.promise;
}

describe("waiting for a person", () => {
  const silent: [what: string, options: FakeContextOptions, quiet: boolean][] =
    [
      ["in a pipe", {}, false],
      ["in a pipe, on a dumb terminal", { env: { TERM: "dumb" } }, false],
      ["where only stdout is a terminal", { terminals: ["stdout"] }, false],
      ["with --quiet", TERMINAL, true],
      [
        "with --quiet on a dumb terminal",
        { ...TERMINAL, env: { TERM: "dumb" } },
        true,
      ],
    ];
  for (const [what, options, quiet] of silent) {
    it(`shows nothing ${what}`, async () => {
      const context = new FakeContext(options);
      const result = await whileWaiting(
        context,
        { quiet },
        TEXT,
        () => Promise.resolve("done"),
      );
      assertEquals([result, context.stderr.text, context.sleeps], [
        "done",
        "",
        [],
      ]);
    });
  }

  it("says so once on a dumb terminal", async () => {
    const context = new FakeContext({ ...TERMINAL, env: { TERM: "dumb" } });
    await whileWaiting(context, {}, TEXT, () => Promise.resolve());
    assertEquals([context.stderr.text, context.sleeps], [`${TEXT} …\n`, []]);
  });

  it("turns on a terminal, ten times a second, and leaves nothing behind", async () => {
    const context = new FakeContext(TERMINAL);
    const work = until(context, 12);
    assertEquals(await whileWaiting(context, {}, TEXT, () => work), "done");
    assertEquals(new Set(context.sleeps), new Set([100]));
    const { text } = context.stderr;
    assert(text.endsWith(CLEAR), JSON.stringify(text));
    const frames = text.split(CLEAR).slice(1, -1);
    assert(frames.length >= 12);
    assert(frames.every((frame) => frame.endsWith(` ${TEXT} `)));
    const signs = frames.map((frame) => frame[0]);
    assertEquals(new Set(signs).size, 10);
    assertEquals([signs[10], signs[11]], [signs[0], signs[1]]);
    // On the one line that it is cleared from.
    assert(!text.includes("\n"));
  });

  it("writes to no other stream", async () => {
    const context = new FakeContext({ terminals: true });
    const work = until(context, 3);
    await whileWaiting(context, {}, TEXT, () => work);
    assertEquals(context.stdout.text, "");
  });

  for (const options of [{}, TERMINAL]) {
    it(`hands on Ctrl-C and the error of the work (${JSON.stringify(options)})`, async () => {
      const context = new FakeContext(options);
      const error = await assertRejects(
        () =>
          whileWaiting(context, {}, TEXT, () => {
            context.interrupt();
            return Promise.reject(context.signal.reason);
          }),
        NanoctlError,
      );
      assertEquals(error.code, "interrupted");
      assert(context.stderr.text === "" || context.stderr.text.endsWith(CLEAR));
    });
  }

  it("goes on where nothing can be shown any more", async () => {
    const context = new FakeContext(TERMINAL);
    const done = Promise.withResolvers<string>();
    const waiting = whileWaiting(context, {}, TEXT, () => done.promise);
    context.stderr.failure = new Error("the terminal is gone");
    // A failure that nobody hears ends the process at the next turn of its event loop.
    await new Promise((resolve) => setTimeout(resolve));
    done.resolve("done");
    assertEquals(await waiting, "done");
  });
});
