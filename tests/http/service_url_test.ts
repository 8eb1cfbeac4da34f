import { assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { isLoopback, parseServiceUrl } from "../../src/http/service_url.ts";
import { thrownBy } from "../support/fake_context.ts";

const NORMAL_FORMS: [what: string, given: string, normal: string][] = [
  ["an https URL", "https://api.example.com", "https://api.example.com"],
  ["a plain http URL", "http://api.example.com", "http://api.example.com"],
  ["a host, as https", "api.example.com", "https://api.example.com"],
  ["a host and port", "api.example.com:8443", "https://api.example.com:8443"],
  ["a single label", "intranet", "https://intranet"],
  ["localhost, as http", "localhost", "http://localhost"],
  ["localhost and port", "localhost:7080", "http://localhost:7080"],
  [
    "a name below localhost, as https",
    "a.localhost:1",
    "https://a.localhost:1",
  ],
  ["a loopback address", "127.0.0.1:7080", "http://127.0.0.1:7080"],
  ["another loopback address", "127.8.9.1", "http://127.8.9.1"],
  ["a short loopback address", "127.1", "http://127.0.0.1"],
  ["IPv6 loopback", "[::1]:7080", "http://[::1]:7080"],
  ["https on loopback, as said", "https://localhost", "https://localhost"],
  ["an IPv6 address", "[2001:DB8:0::1]", "https://[2001:db8::1]"],
  ["a trailing slash", "https://host.example/", "https://host.example"],
  ["many of them", "https://host.example///", "https://host.example"],
  ["a path prefix", "https://host.example/a/b", "https://host.example/a/b"],
  ["a prefix and a slash", "host.example/a/", "https://host.example/a"],
  ["a prefix with dots", "host.example/a/../b", "https://host.example/b"],
  ["capitals", "HTTPS://API.Example.COM/Path", "https://api.example.com/Path"],
  ["the default port of https", "https://a.example:443", "https://a.example"],
  ["the default port of http", "http://a.example:80/", "http://a.example"],
  ["the other one's port", "https://a.example:80", "https://a.example:80"],
  ["white space around it", "  https://a.example \n", "https://a.example"],
  ["letters beyond ASCII", "bücher.example", "https://xn--bcher-kva.example"],
  ["a percent sign", "a.example/a%20b", "https://a.example/a%20b"],
  ["a slash too few", "http:/a.example/a", "http://a.example/a"],
  ["no slash at all", "https:a.example", "https://a.example"],
  ["the slashes of Windows", "https:\\\\a.example", "https://a.example"],
  ["a lone question mark", "https://a.example/?", "https://a.example"],
];

const REFUSED: [what: string, given: string, reason: string][] = [
  ["an empty text", "", "does not parse"],
  ["white space", "  \t", "does not parse"],
  ["a scheme alone", "https://", "does not parse"],
  ["a space in the host", "https://a b.example", "does not parse"],
  ["a port out of range", "https://a.example:65536", "does not parse"],
  ["a port that is none", "a.example:http", "does not parse"],
  ["another scheme", "ftp://a.example", "ftp: is not http: or https:"],
  ["a file", "file:///etc/passwd", "file: is not http: or https:"],
  ["a mail address as a URL", "mailto:ada@a.example", "a password"],
  ["a query", "https://a.example/?a=b", "a query or a fragment"],
  ["a fragment", "https://a.example/#top", "a query or a fragment"],
  ["a user name", "https://ada@a.example", "a user name or a password"],
  ["a password alone", "https://:pw@a.example", "a user name or a password"],
];

const WITH_PASSWORD = [
  "https://ada:hunter2@a.example",
  "ada:hunter2@a.example",
  "http://ada:hunter2@localhost:7080/x",
  "https://ada:hunter2@a.example?a=b",
  "ada:hunter2@",
  "https://ada:hunter2@a b.example",
  "ftp://ada:hunter2@a.example",
  "ssh://ada:hunter2@a.example/repository",
  "ftp://a.example/?token=hunter2",
  "https://a b.example/?token=hunter2",
  "https://#hunter2",
];

describe("parseServiceUrl", () => {
  for (const [what, given, normal] of NORMAL_FORMS) {
    it(`normalizes ${what}`, () => {
      assertEquals(parseServiceUrl(given), normal);
    });

    it(`leaves ${what} as it is once it is normal`, () => {
      assertEquals(parseServiceUrl(normal), normal);
    });
  }

  for (const [what, given, reason] of REFUSED) {
    it(`refuses ${what}`, () => {
      const error = thrownBy(() => parseServiceUrl(given));
      assertEquals(error.code, "usage");
      assertEquals(error.message.endsWith(reason), true, error.message);
    });
  }

  it("names the text that it refuses", () => {
    const error = thrownBy(() => parseServiceUrl("ftp://a.example"));
    assertEquals(
      error.message,
      "ftp://a.example is not a service's URL: ftp: is not http: or https:",
    );
  });

  it("has words for an empty text", () => {
    const error = thrownBy(() => parseServiceUrl(""));
    assertEquals(
      error.message,
      "an empty text is not a service's URL: it does not parse",
    );
  });

  for (const given of WITH_PASSWORD) {
    it(`does not repeat the password of ${given}`, () => {
      const { code, message, hint } = thrownBy(() => parseServiceUrl(given));
      assertEquals(code, "usage");
      assertFalse(`${message} ${hint}`.includes("hunter2"), message);
    });
  }
});

describe("isLoopback", () => {
  const names: [hostname: string, loopback: boolean][] = [
    ["localhost", true],
    ["LOCALHOST", true],
    ["127.0.0.1", true],
    ["127.255.255.254", true],
    ["[::1]", true],
    ["::1", true],
    ["api.localhost", false],
    ["127.0.0.256", false],
    ["localhost.example", false],
    ["notlocalhost", false],
    ["127.0.0.1.example", false],
    ["127.example", false],
    ["128.0.0.1", false],
    ["0.0.0.0", false],
    ["10.127.0.1", false],
    ["[::]", false],
    ["[::2]", false],
    ["[2001:db8::1]", false],
    ["", false],
  ];
  for (const [hostname, loopback] of names) {
    it(`says ${loopback ? "yes" : "no"} to ${hostname || "nothing"}`, () => {
      assertEquals(isLoopback(hostname), loopback);
    });
  }
});
