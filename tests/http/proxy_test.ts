import { assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { proxyFor } from "../../src/http/proxy/proxy_server.ts";
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
      const found = proxyFor(new FakeContext({ env }), new URL(url));
      assertEquals(found?.host, proxy);
    });
  }
  for (const [NO_PROXY, direct] of exceptions) {
    it(`is ${direct ? "none" : "the proxy"} with NO_PROXY=${NO_PROXY}`, () => {
      const env = { HTTPS_PROXY: "http://p.example:3128", NO_PROXY };
      const proxy = proxyFor(
        new FakeContext({ env }),
        new URL("https://a.example"),
      );
      assertEquals(proxy?.host, direct ? undefined : "p.example:3128");
    });
  }

  const addressExceptions: [string, boolean][] = [
    ["10.0.0.0/8", true],
    ["10.1.2.3/32", true],
    ["10.1.2.3", true],
    ["0.0.0.0/0", true],
    ["10.1.2.4", false],
    ["10.2.0.0/16", false],
    ["10.0.0.0/", false],
    ["10.0.0.0/x", false],
    ["10.0.0.0/-8", false],
    ["10.0.0.0/1e0", false],
    ["10.1.2.3/33", false],
    ["10.1.2.010/8", false],
    ["::/0", false],
  ];
  for (const [NO_PROXY, direct] of addressExceptions) {
    it(`is ${direct ? "none" : "the proxy"} for an address with NO_PROXY=${NO_PROXY}`, () => {
      const env = { HTTPS_PROXY: "http://p.example:3128", NO_PROXY };
      const at = new URL("https://10.1.2.3");
      const proxy = proxyFor(new FakeContext({ env }), at);
      assertEquals(proxy?.host, direct ? undefined : "p.example:3128");
    });
  }

  it("takes nothing but an address for one of IPv6 in NO_PROXY", () => {
    for (const [NO_PROXY, direct] of [["::2", true], ["::1]@[::2", false]]) {
      const env = {
        HTTPS_PROXY: "http://p.example:3128",
        NO_PROXY: String(NO_PROXY),
      };
      const at = new URL("https://[::2]");
      const proxy = proxyFor(new FakeContext({ env }), at);
      assertEquals(proxy === undefined, direct, env.NO_PROXY);
    }
  });

  const urls: [given: string, url: string, credentials?: [string, string]][] = [
    ["http://p.example:3128", "http://p.example:3128"],
    ["p.example", "http://p.example"],
    ["http://p.example:80/a@b?c@d", "http://p.example"],
    ["http://u:pw@p.example:3128/x", "http://p.example:3128", ["u", "pw"]],
    ["u:pw@p.example:3128", "http://p.example:3128", ["u", "pw"]],
    ["http://u@p.example:3128", "http://p.example:3128", ["u", ""]],
    ["http://u:@p.example:3128", "http://p.example:3128", ["u", ""]],
    ["http://:pw@p.example:3128", "http://p.example:3128", ["", "pw"]],
    ["http://@p.example:3128", "http://p.example:3128", ["", ""]],
    ["http://u:p@w@p.example:1", "http://p.example:1", ["u", "p@w"]],
    ["http://u:a:b@p.example:1", "http://p.example:1", ["u", "a:b"]],
    [
      "http://a%40b:%2F%3a%25%C3%BC@p.example:1",
      "http://p.example:1",
      ["a@b", "/:%ü"],
    ],
    ["http://u:100%@p.example:1", "http://p.example:1", ["u", "100%"]],
    ["http://u:%zz%4@p.example:1", "http://p.example:1", ["u", "%zz%4"]],
    ["http://ü:a b@p.example:1", "http://p.example:1", ["ü", "a b"]],
    ["http://u:pw@[::1]:3128", "http://[::1]:3128", ["u", "pw"]],
    ["https://u:pw@p.example", "https://p.example", ["u", "pw"]],
    ["socks5://u:pw@p.example:1", "socks5://p.example:1", ["u", "pw"]],
    ["socks5h://p.example:1", "socks5h://p.example:1"],
  ];
  for (const [given, url, credentials] of urls) {
    it(`reads ${given}`, () => {
      const env = { HTTPS_PROXY: given };
      const at = new URL("https://a.example");
      const proxy = proxyFor(new FakeContext({ env }), at);
      assertEquals(proxy?.url, url);
      const { username, password } = proxy?.credentials ?? {};
      assertEquals(
        [username, password?.reveal()],
        credentials ?? [
          undefined,
          undefined,
        ],
      );
      assertFalse(Deno.inspect(proxy).includes("pw"));
      assertFalse(JSON.stringify(proxy).includes("pw"));
    });
  }
});
