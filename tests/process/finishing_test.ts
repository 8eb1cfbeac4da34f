import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { runLine } from "../../src/cli/run.ts";
import { finished, finishing } from "../../src/process/finishing.ts";
import { FakeContext } from "../support/fake_context.ts";

describe("work that has to be finished", () => {
  it("gives its result, or its error", async () => {
    assertEquals(await finishing(() => Promise.resolve(1)), 1);
    await assertRejects(
      () => finishing(() => Promise.reject(new Error("it failed"))),
      Error,
      "it failed",
    );
    await finished();
  });

  it("is waited for after Ctrl-C, whatever comes of it", async () => {
    const steps: string[] = [];
    const context = new FakeContext();
    const saved = Promise.withResolvers<void>();
    const ended = runLine(
      {
        wants: "run",
        name: "whoami",
        command: {
          examples: [],
          run: async () => {
            await finishing(async () => {
              await saved.promise;
              steps.push("saved");
              throw new Error("and then it failed");
            });
          },
        },
        options: {},
        args: [],
      },
      ["whoami"],
      context,
    ).then((code) => steps.push(`ended with ${code}`));
    context.interrupt();
    // Everything that waits for nothing else has happened after a turn of the event loop.
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals(steps, []);
    saved.resolve();
    await ended;
    assertEquals(steps, ["saved", "ended with 130"]);
  });
});
