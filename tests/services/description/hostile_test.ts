import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BUILT_IN } from "../../../src/services/builtin/index.ts";
import { parseDescription } from "../../../src/services/description/parse.ts";
import {
  described,
  descriptionBytes,
  LEAST,
} from "../../support/descriptions.ts";
import { thrownBy } from "../../support/fake_context.ts";

const account = (fields: Record<string, unknown>): unknown => ({
  account: [{ path: "/me", username: [{ field: "a" }], ...fields }],
});

/** A header that presents the token, or one that all requests carry. */
const presented = (header: string, value = "{token}"): unknown => ({
  present: [{ header, value }],
});

/** What no description may say: where a token would go elsewhere than it seems. */
const REFUSED: Record<string, unknown[]> = {
  url: [
    "https://good.example@evil.example",
    "https://user:word@evil.example",
    "https://evil.example/..",
    "https://evil.example/a/../b",
    "https://evil.example//x",
    "https://evil.example\\x",
    "https://evil.example/",
    "https://evil.example?x",
    "https://evil.example#x",
    "https://evil.example:443",
    "https://evil.example:99999",
    "https://evil.example:port",
    "https://[",
    "https://[::1",
    "https://0x7f.1",
    "https://1.2.3",
    "https://EVIL.example",
    "https://g\u043e\u043ed.example",
    "https://good.example\u2044.evil.example",
    "https://good.example\u3002evil.example",
    "https://xn--\u00e4",
    "https://evil.example\r\n",
    "https://evil.example\n",
    "http://evil.example",
    "http://127.0.0.1.evil.example",
    "http://127.0.0.1:80.evil.example",
    "http://127.0.0.1:80@evil.example",
    "http://localhost.evil.example",
    "ftp://evil.example",
    "https:evil.example",
    "https:///evil.example",
    "//evil.example",
    "{url}",
  ],
  api: [
    "{url}.evil.example",
    "{url}@evil.example",
    "{url}:8443",
    "{url}evil",
    "{url}/..",
    "{url}/a/../b",
    "{url}//evil.example",
    "{url}/\\evil.example",
    "{url}/a?b",
    "{api}/x",
    "x{url}",
    "https://{url}",
    "https://evil.example/{url}",
    "https://a@evil.example",
    "https://evil.example:x",
    "{url}{url}",
    "{url}/\r\nx: y",
  ],
  api_of_url: ["{url}", "https://a@evil.example", "http://evil.example"],
  token_page: [
    "{url}.evil.example",
    "{url}/../x",
    "{url}/%2e%2e/x",
    "https://evil.example:x/",
    "javascript:alert(1)",
  ],
  device: [
    { device_authorization_endpoint: "{url}/x", token_endpoint: "{url}.evil" },
    { device_authorization_endpoint: "{url}@evil", token_endpoint: "{url}/x" },
    {
      device_authorization_endpoint: "{url}/x",
      token_endpoint: "{url}/x",
      revocation_endpoint: "http://evil.example",
    },
  ],
};

/** The same, as several fields. */
const REFUSED_FIELDS: Record<string, unknown[]> = {
  "a base": [
    "{url}.evil.example",
    "{api}@evil.example",
    "{url}/..",
    "https://evil.example:x",
    "https://evil.example?",
    "https://evil.example?x=",
    "http://evil.example",
  ].map((base) => account({ base })),
  "a path": [
    "me",
    "",
    "/",
    "//evil.example",
    "/a//b",
    "/../x",
    "/a/..",
    "/./a",
    "/%2e%2e/x",
    "/%2E./x",
    "\\evil.example",
    "/\\evil.example",
    "/{url}",
    "/{api}/x",
    "/a\r\nx: y",
    "/a b",
    "/a#b",
    "@evil.example",
    ".evil.example",
    ":8443/x",
    "/x?token={token}",
  ].map((path) => account({ path })),
  "a header of the token": [
    ...[
      "host",
      "Host",
      "Authorization",
      "cookie",
      "content-length",
      "content-type",
      "transfer-encoding",
      "connection",
      "proxy-authorization",
      "user-agent",
      "accept-encoding",
      "te",
      "upgrade",
      "expect",
      "x y",
      "x\r\ny",
      "x:",
      ":authority",
      "",
    ].map((name) => presented(name)),
    ...[
      "Bearer",
      "{token} x",
      "{token}{token}",
      "a\r\nb: {token}",
      "a\n{token}",
      "\u00e4 {token}",
      `${"x".repeat(61)}{token}`,
    ].map((value) => presented("x-key", value)),
  ],
  "a header of every request": [
    { headers: { host: "evil.example" } },
    { headers: { authorization: "Basic x" } },
    { headers: { "X-Upper": "a" } },
    { headers: { "x-a": "b\r\nc: d" } },
    { headers: { "x-a": "" } },
    {
      headers: Object.fromEntries(
        Array.from({ length: 17 }, (_, index) => [`x-${index}`, "a"]),
      ),
    },
  ],
  "a way to present it": [
    { present: [] },
    { present: [{ header: "x-a", value: "{token}", token_contains: "a" }] },
    {
      present: [
        { header: "x-a", value: "{token}" },
        { header: "x-b", value: "{token}" },
      ],
    },
    { present: [{ basic: { username: "a:b" } }] },
    { present: [{ basic: { username: "a\r\nb" } }] },
  ],
  "a place": ["a..b", ".a", "a b", "", "a[0]", "a.".repeat(11), "*"]
    .map((field) => account({ email: [{ field }] })),
  "a name": ["", "Garden", "../garden", "a/b", "a@b", "a".repeat(33), "-a"]
    .map((name) => ({ name })),
  "a title": ["", "a\u001b[2J", "a\nb", "\u202ea", "x".repeat(201)]
    .map((title) => ({ title })),
};

const json = (text: string): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(text);

describe("a description", () => {
  it("is read, if it says no more than it has to", () => {
    assertEquals(described(), LEAST as ReturnType<typeof described>);
  });

  for (const [name, load] of Object.entries(BUILT_IN)) {
    it(`such as that of ${name} is one`, async () => {
      const bytes = json(JSON.stringify(await load()));
      assertEquals(parseDescription(bytes, "it"), await load());
    });
  }

  for (const [field, values] of Object.entries(REFUSED)) {
    for (const value of values) {
      it(`can't have the ${field} ${JSON.stringify(value)}`, () => {
        const { code, message } = thrownBy(() => described({ [field]: value }));
        assertEquals(code, "usage");
        assertMatch(message, new RegExp(`: ${field}[\\w.]*: [^:]`));
      });
    }
  }

  for (const [what, all] of Object.entries(REFUSED_FIELDS)) {
    for (const fields of all) {
      it(`can't have ${what} such as ${JSON.stringify(fields)}`, () => {
        const error = thrownBy(() =>
          described(fields as Record<string, unknown>)
        );
        assertEquals(error.code, "usage");
      });
    }
  }

  const LOOPBACK = [
    "http://127.0.0.1",
    "http://127.0.0.1:8200/v1",
    "http://localhost:3000",
    "http://[::1]:3000",
    "https://[::1]:3000",
    "https://xn--bcher-kva.example",
  ];
  for (const url of LOOPBACK) {
    it(`can have the url ${url}`, () =>
      assertEquals(described({ url }).url, url));
  }

  it("is no list, no text, and nothing that is not JSON in UTF-8", () => {
    for (const text of ["[]", '"a"', "null", "", "{", "{}{}"]) {
      assertEquals(
        thrownBy(() => parseDescription(json(text), "it")).code,
        "usage",
      );
    }
    const latin1 = new Uint8Array([...descriptionBytes(), 0xe4]);
    assertMatch(
      thrownBy(() => parseDescription(latin1, "it")).message,
      /^it is no description of a service: it is not JSON in UTF-8$/,
    );
  });

  it("is not longer than 64 KiB, and may be nested in vain", () => {
    const room = 64 * 1024 - descriptionBytes({ $schema: "" }).length;
    described({ $schema: "x".repeat(room) });
    assertMatch(
      thrownBy(() => described({ $schema: "x".repeat(room + 1) })).message,
      /longer than 65536 bytes$/,
    );
    const nested = "[".repeat(30_000) + "]".repeat(30_000);
    for (const text of [nested, `{"name":${nested}}`]) {
      assertEquals(
        thrownBy(() => parseDescription(json(text), "it")).code,
        "usage",
      );
    }
  });

  it("says which field is wrong, and not what was there", () => {
    const secret = "nano_a-token-in-the-wrong-file";
    const cases: [Record<string, unknown>, RegExp][] = [
      [{ tokens: secret }, /: tokens: there is no such field$/],
      [{ title: undefined }, /: title: it is missing$/],
      [{ name: secret }, /: name: not a name such as my-service$/],
      [
        account({ path: secret }) as Record<string, unknown>,
        /: account\.0\.path: /,
      ],
    ];
    for (const [fields, message] of cases) {
      const error = thrownBy(() => described(fields));
      assertMatch(error.message, message);
      assertEquals(error.message.includes(secret), false);
    }
  });

  it("has no members with the names of the language's own", () => {
    for (const name of ["__proto__", "constructor", "toString"]) {
      const text = JSON.stringify({ ...LEAST, title: 0 }).replace(
        '"title":0',
        `"title":"Garden","${name}":{"url":"https://evil.example"}`,
      );
      assertEquals(
        thrownBy(() => parseDescription(json(text), "it")).message,
        `it is no description of a service: ${name}: there is no such field`,
      );
    }
  });
});
