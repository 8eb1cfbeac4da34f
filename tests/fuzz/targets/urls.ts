import { assert, assertEquals, assertFalse } from "@std/assert";
import fc from "fast-check";
import { proxyFor } from "../../../src/http/proxy/proxy_server.ts";
import { nextHop } from "../../../src/http/redirect.ts";
import { parseRetryAfter } from "../../../src/http/retry.ts";
import { parseServiceUrl } from "../../../src/http/service_url.ts";
import { metadataUrl } from "../../../src/tokens/instance_identity/metadata.ts";
import { anyText, editedText, textEdits } from "../inputs.ts";
import { assertPlain, MARK, valueOf } from "../properties.ts";
import { target } from "../target.ts";

const HOSTS = [
  "api.example",
  "localhost",
  "LOCALHOST.",
  "127.0.0.1",
  "127.1",
  "0x7f.1",
  "2130706433",
  "[::1]",
  "[::ffff:127.0.0.1]",
  "10.1.2.3",
  "xn--nxasmq6b",
  "größe.example",
  "a b",
  "",
];

/** What looks as a URL does, more or less, at times with a secret in it. */
const urlText: fc.Arbitrary<string> = fc.oneof(
  anyText,
  fc.tuple(
    fc.constantFrom(
      "https://",
      "http://",
      "HTTPS://",
      "https:/",
      "https:",
      "//",
      "",
      "ftp://",
      "file:///",
      "javascript:",
      "socks5://",
    ),
    fc.constantFrom("", "", "", `ada:${MARK}@`, `${MARK}@`, ":@", "@"),
    fc.oneof(fc.constantFrom(...HOSTS), anyText),
    fc.constantFrom("", "", ":443", ":0", ":65536", ":x", ":"),
    fc.constantFrom("", "/", "/a/../b", "//", "/%2e%2e/", "/a b", "\\"),
    fc.constantFrom("", "", `?token=${MARK}`, `#${MARK}`, "?", "#"),
  ).map((parts) => parts.join("")),
);

/** Changed, only what holds no secret: cut out of its place it would be a name, which errors repeat. */
const url: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: urlText },
  {
    weight: 1,
    arbitrary: fc.tuple(urlText, textEdits(30))
      .map(([text, edits]) =>
        text.includes(MARK) ? text : editedText(text, edits)
      ),
  },
);

/** The URL of a service: a normal form that stays as it is, or `usage`; a password in it is never said. */
export const serviceUrls = target<string>({
  name: "service-urls",
  inputs: url,
  open: () =>
    Promise.resolve({
      check: (text) => {
        const metadata = valueOf(
          () =>
            metadataUrl(
              { get: () => text, toObject: () => ({}) },
              { name: "it", cloud: "a cloud", variable: "V" },
              "http://127.0.0.1",
            ),
          "usage",
        );
        if (metadata !== undefined) assert(URL.canParse(metadata));
        const normal = valueOf(() => parseServiceUrl(text), "usage");
        if (normal === undefined) return;
        assertEquals(parseServiceUrl(normal), normal);
        const { protocol, username, password, search, hash } = new URL(normal);
        assert(["http:", "https:"].includes(protocol));
        assertEquals(username + password + search + hash, "");
        assertPlain(normal);
      },
    }),
});

type ProxyInput = {
  url: string;
  variables: [name: string, value: string][];
  exceptions: string[];
};

const exception: fc.Arbitrary<string> = fc.oneof(
  anyText,
  fc.constantFrom(...HOSTS),
  fc.tuple(
    fc.constantFrom("10.0.0.0", "10.1.2.3", "010.1.2.3", "::1", "fc00::", "x"),
    fc.constantFrom("/8", "/", "/0", "/32", "/33", "/-8", "/x", "/8/8", "/1e1"),
  ).map((parts) => parts.join("")),
  fc.constantFrom("*", ".example", "*.example", "example", "[::1]", "..", "."),
);

/** Proxies and exceptions from them: a proxy, none, or an error that does not show its password. */
export const proxies = target<ProxyInput>({
  name: "proxies",
  inputs: fc.record({
    url: fc.oneof(
      fc.constantFrom(
        "https://api.example",
        "http://api.example",
        "https://10.1.2.3",
        "http://[fc00::1]:8080",
      ),
      url,
    ),
    variables: fc.array(
      fc.tuple(
        fc.constantFrom(
          "HTTPS_PROXY",
          "https_proxy",
          "HTTP_PROXY",
          "http_proxy",
          "ALL_PROXY",
          "all_proxy",
          "REQUEST_METHOD",
        ),
        url,
      ),
      { maxLength: 3 },
    ),
    exceptions: fc.array(exception, { maxLength: 3 }),
  }),
  open: () =>
    Promise.resolve({
      check: ({ url: text, variables, exceptions }) => {
        const url = URL.parse(text);
        if (!url || !["http:", "https:"].includes(url.protocol)) return;
        const env = new Map([
          ...variables,
          ["NO_PROXY", exceptions.join(",")],
        ] as [string, string][]);
        const context = {
          env: { get: (name: string) => env.get(name), toObject: () => ({}) },
        };
        const proxy = valueOf(() => proxyFor(context, url), "network_proxy");
        if (proxy) {
          assert(proxy.host !== "");
          assert(URL.canParse(proxy.url));
          assertFalse(
            JSON.stringify([proxy.host, proxy.url]).includes(`:${MARK}`),
            "a password beside the Secret",
          );
          assertFalse(Deno.inspect(proxy.credentials?.password).includes(MARK));
        }
        checkExceptions(url);
      },
    }),
});

/** What is no range of addresses excepts no address. */
function checkExceptions(url: URL): void {
  if (url.hostname !== "10.1.2.3") return;
  for (
    const range of ["10.0.0.0/", "10.0.0.0/x", "10.0.0.0/-8", "1.1.1.1/1e0"]
  ) {
    const env = new Map([["ALL_PROXY", "proxy.example"], ["NO_PROXY", range]]);
    const context = {
      env: { get: (name: string) => env.get(name), toObject: () => ({}) },
    };
    assert(proxyFor(context, url), `${range} excepts ${url.hostname}`);
  }
}

type RedirectInput = {
  from: string;
  method: string;
  status: number;
  location: string;
  body: boolean;
  trusted: boolean;
};

/** Where a redirect leads: never with the credentials to another origin, never from https to http. */
export const redirects = target<RedirectInput>({
  name: "redirects",
  inputs: fc.record({
    from: fc.constantFrom(
      "https://api.example/a",
      "http://localhost:7080",
      "https://api.example:8443/",
    ),
    method: fc.constantFrom("GET", "HEAD", "POST", "PUT", "DELETE"),
    status: fc.constantFrom(301, 302, 303, 307, 308),
    location: fc.oneof(
      url,
      fc.constantFrom(
        "//api.example/b",
        "/\\elsewhere.example",
        "https:b",
        "https://api.example.elsewhere.example/",
        "https://API.example:443/b",
        "\thttps://elsewhere.example",
      ),
    ),
    body: fc.boolean(),
    trusted: fc.boolean(),
  }),
  open: () =>
    Promise.resolve({
      check: ({ from, method, status, location, body, trusted }) => {
        const hop = {
          url: new URL(from),
          method,
          body: body ? "{}" : undefined,
          trusted,
        };
        const response = redirect(status, location);
        if (!response) return;
        const next = valueOf(() => nextHop(hop, response), "redirect_refused");
        if (!next) return;
        const same = next.url.origin === hop.url.origin;
        assertEquals(next.trusted, trusted && same);
        if (hop.url.protocol === "https:") {
          assertEquals(next.url.protocol, "https:");
        }
        assert(same || next.body === undefined);
        assertEquals(next.url.username + next.url.password, "");
      },
    }),
});

function redirect(status: number, location: string): Response | undefined {
  try {
    return new Response(null, { status, headers: { location } });
  } catch {
    // No server can send it either.
    return undefined;
  }
}

/** `Retry-After`: seconds that there can be, or nothing. */
export const retryAfter = target<string>({
  name: "retry-after",
  inputs: fc.oneof(
    anyText,
    fc.bigInt().map(String),
    fc.string({ unit: fc.constantFrom(..."0123456789") }),
    fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
    fc.tuple(
      fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
      textEdits(30),
    ).map(([text, edits]) => editedText(text, edits)),
  ),
  open: () =>
    Promise.resolve({
      check: (text) => {
        const seconds = parseRetryAfter(text, new Date("2026-01-15T12:00:00Z"));
        if (seconds === undefined) return;
        assert(Number.isFinite(seconds) && seconds >= 0, `${seconds} seconds`);
      },
    }),
});
