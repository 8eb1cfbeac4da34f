import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Output } from "../../src/cli/output.ts";
import { readSource, type Source } from "../../src/cli/service_source.ts";
import { descriptionBytes } from "../support/descriptions.ts";
import {
  type Answer,
  FakeContext,
  inTurn,
  rejectionOf,
  status,
} from "../support/fake_context.ts";

const URL = "https://garden.example/garden.json?version=2";
const BYTES = descriptionBytes();

const served: Answer = () => new Response(BYTES);

async function read(
  context: FakeContext,
  source: string,
): Promise<Source> {
  return await readSource(context, {}, new Output(context), source);
}

describe("a description from a URL", () => {
  it("is read byte by byte", async () => {
    const context = new FakeContext({ answer: served });
    const { bytes, description, isRemote } = await read(context, URL);
    assertEquals(bytes, BYTES);
    assertEquals([description.name, isRemote], ["garden", true]);
    assertEquals(context.requests.map(({ url }) => url), [URL]);
  });

  it("may be elsewhere, if the way there is https", async () => {
    const to = "https://other.example/garden.json";
    const context = new FakeContext({
      answer: inTurn(status(302, { location: to }), served),
    });
    assertEquals((await read(context, URL)).bytes, BYTES);
  });

  const REFUSED: [from: string, to: string, code: string][] = [
    [URL, "http://garden.example/garden.json", "redirect_refused"],
    ["http://127.0.0.1/garden.json", "http://garden.example/x", "usage"],
    [URL, "https://ada:word@garden.example/x", "redirect_refused"],
  ];
  for (const [from, to, code] of REFUSED) {
    it(`is not taken from ${to} by way of ${from}`, async () => {
      const context = new FakeContext({
        answer: inTurn(status(302, { location: to }), served),
      });
      const error = await rejectionOf(read(context, from));
      assertEquals(error.code, code);
    });
  }

  it("is not asked for where anybody could change it", async () => {
    const urls = [
      "http://garden.example/x",
      "http://127.0.0.1.garden.example/x",
      "https://ada@garden.example/x",
      "https://",
    ];
    for (const url of urls) {
      const context = new FakeContext({ answer: served });
      const error = await rejectionOf(read(context, url));
      assertEquals([error.code, context.requests.length], ["usage", 0], url);
    }
  });

  it("says in no error what a server sent", async () => {
    const context = new FakeContext({
      answer: () => new Response('{"title":"nano_anything"}'),
    });
    const { message } = await rejectionOf(read(context, URL));
    assertMatch(message, /^what is there is no description of a service: /);
    assertEquals(message.includes("nano_anything"), false);
  });
});
