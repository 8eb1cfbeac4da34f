import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { proxyFor } from "../../src/http/proxy.ts";
import { FakeContext } from "../support/fake_context.ts";

const cases: [string, Record<string, string>, string | undefined][] = [
  ["https://a.example", {}, undefined],
  [
    "https://a.example",
    { HTTPS_PROXY: "http://p.example:3128" },
    "p.example:3128",
  ],
  [
    "https://a.example",
    { https_proxy: "http://p.example:3128" },
    "p.example:3128",
  ],
  ["https://a.example", { HTTP_PROXY: "http://p.example:3128" }, undefined],
  [
    "http://a.example",
    { HTTP_PROXY: "http://p.example:3128" },
    "p.example:3128",
  ],
  ["https://a.example", { ALL_PROXY: "p.example:3128" }, "p.example:3128"],
  [
    "https://a.example",
    { HTTPS_PROXY: "http://u:pw@p.example:3128" },
    "p.example:3128",
  ],
  ["https://a.example", { HTTPS_PROXY: "" }, undefined],
  ["https://127.0.0.1", { HTTPS_PROXY: "http://p.example:3128" }, undefined],
  ["https://localhost", { HTTPS_PROXY: "http://p.example:3128" }, undefined],
];
const exceptions: [string, boolean][] = [
  ["*", true],
  ["a.example", true],
  ["example", true],
  [".example", true],
  ["*.example", true],
  ["b.example, a.example", true],
  ["xample", false],
  ["b.example", false],
  ["", false],
];

describe("proxyFor", () => {
  for (const [url, env, proxy] of cases) {
    it(`is ${proxy} for ${url} with ${JSON.stringify(env)}`, () => {
      assertEquals(proxyFor(new FakeContext({ env }), new URL(url)), proxy);
    });
  }
  for (const [NO_PROXY, direct] of exceptions) {
    it(`is ${direct ? "none" : "the proxy"} with NO_PROXY=${NO_PROXY}`, () => {
      const env = { HTTPS_PROXY: "http://p.example:3128", NO_PROXY };
      const proxy = proxyFor(
        new FakeContext({ env }),
        new URL("https://a.example"),
      );
      assertEquals(proxy, direct ? undefined : "p.example:3128");
    });
  }
});
