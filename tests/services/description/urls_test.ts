import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  apiOf,
  originsOf,
  siteOf,
  urlOf,
} from "../../../src/services/description/urls.ts";
import { described } from "../../support/descriptions.ts";

const ODD = "https://git.example/a$&b$'c";

describe("the API of a service", () => {
  const CASES: [
    fields: Record<string, unknown>,
    url: string,
    api: string,
    site?: string,
  ][] = [
    [{}, "https://a.example/x", "https://a.example/x"],
    [{ api: "{url}/api/v3" }, "https://a.example", "https://a.example/api/v3"],
    [{ api: "{url}/api" }, ODD, `${ODD}/api`],
    [
      { url: "https://a.example", api_of_url: "https://api.a.example" },
      "https://a.example",
      "https://api.a.example",
    ],
    [
      { url: "https://a.example", api_of_url: "https://api.a.example" },
      "https://other.example",
      "https://other.example",
    ],
    [
      { api: "https://api.a.example/v1" },
      "https://a.example",
      "https://api.a.example/v1",
      "https://api.a.example/v1",
    ],
  ];
  for (const [fields, url, api, site = url] of CASES) {
    it(`at ${url} is ${api}, for ${JSON.stringify(fields)}`, () => {
      const description = described(fields);
      assertEquals(apiOf(description, url), api);
      assertEquals(siteOf(description, api), site);
    });
  }

  it("fills templates with the URL as it is", () => {
    const description = described({ api: "{url}/api" });
    assertEquals(urlOf(description, "{url}/x", ODD), `${ODD}/x`);
    assertEquals(urlOf(description, "{api}/x", ODD), `${ODD}/api/x`);
    assertEquals(
      urlOf(description, "https://b.example/x", ODD),
      "https://b.example/x",
    );
  });
});

describe("the origins that a description names", () => {
  it("are none, if all is at the URL that a person gives", () =>
    assertEquals(originsOf(described()), []));

  it("are those of everything that is sent a token, each once", () => {
    const at = (name: string): string => `https://${name}.example`;
    const path = "/x";
    const username = [{ field: "a" }];
    assertEquals(
      originsOf(described({
        url: at("url"),
        api: `${at("api")}/v1`,
        api_of_url: at("api-of-url"),
        account: [
          { base: at("account"), path, username },
          { base: `${at("account")}/v2`, path },
        ],
        revoke: { base: `${at("revoke")}:8443`, path },
        renew: {
          base: at("renew"),
          path,
          if: { field: "a" },
          expires_at: [{ field: "b", format: "unix" }],
        },
        device: {
          device_authorization_endpoint: `${at("device")}/x`,
          token_endpoint: `${at("token")}/x`,
          revocation_endpoint: `${at("revocation")}/x`,
        },
      })).sort(),
      [
        ...["account", "api-of-url", "api", "device", "renew"].map(at),
        `${at("revoke")}:8443`,
        ...["revocation", "token", "url"].map(at),
      ].sort(),
    );
  });
});
