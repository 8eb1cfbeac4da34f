import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BODY_LIMIT, readText } from "../../src/http/body.ts";
import { rejectionOf } from "../support/fake_context.ts";

/** A body that comes in these pieces and notes when nobody wants more. */
function inPieces(...pieces: Uint8Array<ArrayBuffer>[]): {
  response: Response;
  stopped: () => boolean;
} {
  let cancelled = false;
  const rest = [...pieces];
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller): void {
      const piece = rest.shift();
      if (piece) controller.enqueue(piece);
      else controller.close();
    },
    cancel(): void {
      cancelled = true;
    },
  }, { highWaterMark: 0 });
  return { response: new Response(stream), stopped: () => cancelled };
}

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

describe("readText", () => {
  it("gives an empty text for an answer without a body", async () => {
    assertEquals(await readText(new Response(null, { status: 204 })), "");
  });

  it("puts together what comes in pieces", async () => {
    const { response } = inPieces(bytes("one "), bytes(""), bytes("two"));
    assertEquals(await readText(response), "one two");
  });

  it("keeps characters whole that pieces cut through", async () => {
    const text = "a€😀é";
    const all = bytes(text);
    const singles = [...all].map((byte) => new Uint8Array([byte]));
    assertEquals(await readText(inPieces(...singles).response), text);
  });

  it("marks a character that the end cuts off", async () => {
    const { response } = inPieces(bytes("€").slice(0, 2));
    assertEquals(await readText(response), "\ufffd");
  });

  it("takes a body of exactly the limit", async () => {
    const { response } = inPieces(bytes("12345"), bytes("67890"));
    assertEquals(await readText(response, 10), "1234567890");
  });

  it("counts bytes, not characters", async () => {
    const error = await rejectionOf(
      readText(inPieces(bytes("€€€€")).response, 10),
    );
    assertEquals(error.code, "service_response");
  });

  it("refuses one byte more than the limit and asks for nothing further", async () => {
    const { response, stopped } = inPieces(
      bytes("12345"),
      bytes("678901"),
      bytes("never read"),
    );
    const error = await rejectionOf(readText(response, 10));
    assertEquals([error.code, error.exitCode], ["service_response", 6]);
    assert(stopped());
  });

  it("has a limit of 10 MiB and names it", async () => {
    assertEquals(BODY_LIMIT, 10_485_760);
    const { response } = inPieces(new Uint8Array(BODY_LIMIT), bytes("x"));
    assertEquals(
      (await rejectionOf(readText(response))).message,
      "the service answered with more than 10 MiB",
    );
  });
});
