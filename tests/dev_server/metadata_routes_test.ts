import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { DevServer } from "../../src/dev_server/server.ts";
import { type Answer, ask, withServer } from "./helpers.ts";
import { signedDataOf } from "./instances.ts";

const TTL = "X-aws-ec2-metadata-token-ttl-seconds";
const AWS_TOKEN = "X-aws-ec2-metadata-token";
const DOCUMENT = "/latest/dynamic/instance-identity/document";
const SIGNATURE = "/latest/dynamic/instance-identity/signature";
const IDENTITY =
  "/computeMetadata/v1/instance/service-accounts/default/identity";
const ATTESTED = "/metadata/attested/document";

/** What an attested document says. */
function contentOf(signature: string): string {
  const content = signedDataOf(signature).encapContentInfo.eContent?.single
    ?.buffer;
  return new TextDecoder().decode(content);
}

function awsToken(
  server: DevServer,
  headers: Record<string, string>,
): Promise<Answer> {
  return ask(server, "/latest/api/token", { method: "PUT", headers });
}

describe("the metadata service of AWS", () => {
  const options = { metadata: ["aws"] } as const;

  it("tells the document and its signature for a session token", () =>
    withServer(async (server) => {
      const session = await awsToken(server, { [TTL]: "60" });
      assertEquals(session.status, 200);
      assertEquals(session.headers.get(TTL), "60");
      assertMatch(session.headers.get("content-type") ?? "", /^text\/plain/);
      const headers = { [AWS_TOKEN]: session.text };
      const document = await ask(server, DOCUMENT, { headers });
      assertMatch(document.headers.get("content-type") ?? "", /^text\/plain/);
      assertEquals(JSON.parse(document.text), {
        accountId: "123456789012",
        architecture: "x86_64",
        availabilityZone: "eu-central-1a",
        billingProducts: null,
        devpayProductCodes: null,
        marketplaceProductCodes: null,
        imageId: "ami-0a1b2c3d4e5f60718",
        instanceId: "i-0f1e2d3c4b5a69788",
        instanceType: "t3.micro",
        kernelId: null,
        pendingTime: "2030-01-01T00:00:00Z",
        privateIp: "10.0.0.7",
        ramdiskId: null,
        region: "eu-central-1",
        version: "2017-09-30",
      });
      assert(document.text.startsWith('{\n  "accountId" : "123456789012",\n'));
      const signature = await ask(server, SIGNATURE, { headers });
      const lines = signature.text.split("\n");
      // 256 bytes make 344 characters.
      assertEquals(lines.map((line) => line.length), [76, 76, 76, 76, 40]);
    }, options));

  for (const ttl of ["", "0", "21601", "-1", "1.5", "60s", "1e3", "0x10"]) {
    it(`gives no session token for ${JSON.stringify(ttl)} seconds`, () =>
      withServer(async (server) => {
        const { status } = await awsToken(server, { [TTL]: ttl });
        assertEquals(status, 400);
      }, options));
  }

  it("gives no session token where nothing says for how long", () =>
    withServer(async (server) => {
      assertEquals((await awsToken(server, {})).status, 400);
    }, options));

  for (const ttl of ["1", "21600"]) {
    it(`gives a session token for ${ttl} seconds, and no longer`, () =>
      withServer(async (server, clock) => {
        const { text, status } = await awsToken(server, { [TTL]: ttl });
        assertEquals(status, 200);
        const headers = { [AWS_TOKEN]: text };
        clock.pass(Number(ttl) - 0.001);
        assertEquals((await ask(server, DOCUMENT, { headers })).status, 200);
        clock.pass(0.001);
        for (const path of [DOCUMENT, SIGNATURE]) {
          assertEquals((await ask(server, path, { headers })).status, 401);
        }
      }, options));
  }

  it("gives no session token through a proxy", () =>
    withServer(async (server) => {
      const headers = { [TTL]: "60", "X-Forwarded-For": "10.0.0.1" };
      assertEquals((await awsToken(server, headers)).status, 403);
    }, options));

  it("gives no session token to a GET", () =>
    withServer(async (server) => {
      const headers = { [TTL]: "60" };
      const answer = await ask(server, "/latest/api/token", { headers });
      assertEquals(answer.status, 405);
      assertMatch(answer.headers.get("allow") ?? "", /PUT/);
    }, options));

  it("tells nothing without a session token, or with another's", () =>
    withServer(async (server) => {
      const cases = [{}, { [AWS_TOKEN]: "" }, { [AWS_TOKEN]: "AQAEALo=" }];
      for (const path of [DOCUMENT, SIGNATURE]) {
        for (const headers of cases) {
          const answer = await ask(server, path, { headers });
          assertEquals(answer.status, 401);
          assert(!answer.text.includes("instanceId"));
        }
      }
    }, options));
});

describe("the metadata service of Google", () => {
  const options = { metadata: ["google"] } as const;
  const headers = { "Metadata-Flavor": "Google" };
  const payloadOf = (jwt: string): Record<string, unknown> => {
    const [, payload = ""] = jwt.split(".");
    const bytes = Uint8Array.fromBase64(payload, { alphabet: "base64url" });
    return JSON.parse(new TextDecoder().decode(bytes));
  };

  it("gives a token to the audience that is asked for, for an hour", () =>
    withServer(async (server) => {
      const path = `${IDENTITY}?audience=https%3A%2F%2Fa.example&format=full`;
      const answer = await ask(server, path, { headers });
      assertEquals(answer.status, 200);
      assertEquals(answer.headers.get("metadata-flavor"), "Google");
      const now = Date.parse("2030-01-01T00:00:00Z") / 1000;
      assertEquals(payloadOf(answer.text), {
        aud: "https://a.example",
        azp: "112179062720391305885",
        email: "123456789012-compute@developer.gserviceaccount.com",
        email_verified: true,
        exp: now + 3600,
        google: {
          compute_engine: {
            instance_creation_timestamp: now,
            instance_id: "4570452845155348778",
            instance_name: "nanoctl-dev",
            project_id: "nanoctl-dev",
            project_number: 123456789012,
            zone: "europe-west3-a",
          },
        },
        iat: now,
        iss: "https://accounts.google.com",
        sub: "112179062720391305885",
      });
    }, options));

  it("leaves the instance out unless the format is full", () =>
    withServer(async (server) => {
      for (const format of ["", "&format=standard"]) {
        const path = `${IDENTITY}?audience=coder${format}`;
        const { text } = await ask(server, path, { headers });
        assertEquals(Object.keys(payloadOf(text)).sort(), [
          "aud",
          "azp",
          "exp",
          "iat",
          "iss",
          "sub",
        ]);
      }
    }, options));

  it("wants an audience", () =>
    withServer(async (server) => {
      for (const query of ["", "?audience=", "?format=full"]) {
        const answer = await ask(server, IDENTITY + query, { headers });
        assertEquals(answer.status, 400);
        assertEquals(answer.headers.get("metadata-flavor"), "Google");
      }
    }, options));

  const refused: [string, Record<string, string>][] = [
    ["its header", {}],
    ["its name in that header", { "Metadata-Flavor": "google" }],
    ["a way without a proxy", { ...headers, "X-Forwarded-For": "10.0.0.1" }],
  ];
  for (const [wanted, headers] of refused) {
    it(`wants ${wanted}`, () =>
      withServer(async (server) => {
        const path = `${IDENTITY}?audience=coder&format=full`;
        const answer = await ask(server, path, { headers });
        assertEquals(answer.status, 403);
        assert(!answer.text.includes("eyJ"));
      }, options));
  }
});

describe("the metadata service of Azure", () => {
  const options = { metadata: ["azure"] } as const;
  const headers = { Metadata: "true" };
  const path = `${ATTESTED}?api-version=2020-09-01`;

  it("gives an attested document", () =>
    withServer(async (server) => {
      const answer = await ask(server, path, { headers });
      assertEquals(answer.status, 200);
      assertEquals(Object.keys(answer.json), ["encoding", "signature"]);
      assertEquals(answer.json.encoding, "pkcs7");
      const text = contentOf(answer.json.signature);
      assertEquals(JSON.parse(text).nonce, "20300101-000000");
    }, options));

  it("puts the nonce that is asked for into it", () =>
    withServer(async (server) => {
      const answer = await ask(server, `${path}&nonce=0123456789`, { headers });
      const text = contentOf(answer.json.signature);
      assertEquals(JSON.parse(text).nonce, "0123456789");
    }, options));

  it("wants a version, and says the newest", () =>
    withServer(async (server) => {
      for (const query of ["", "?api-version=", "?api-version=2018-09-31"]) {
        const answer = await ask(server, ATTESTED + query, { headers });
        assertEquals(answer.status, 400);
        assertMatch(answer.json.error, /^Bad request\. api-version /);
        assertEquals(answer.json["newest-versions"].length, 3);
      }
    }, options));

  const refused: [string, Record<string, string>, string][] = [
    ["its header", {}, path],
    ["that header to be true", { Metadata: "false" }, path],
    [
      "a way without a proxy",
      { ...headers, "X-Forwarded-For": "10.0.0.1" },
      path,
    ],
    ["a nonce of digits", headers, `${path}&nonce=abc`],
    ["a nonce of ten digits at most", headers, `${path}&nonce=01234567890`],
  ];
  for (const [wanted, headers, path] of refused) {
    it(`wants ${wanted}`, () =>
      withServer(async (server) => {
        const { status, json } = await ask(server, path, { headers });
        assertEquals(status, 400);
        assertEquals(Object.keys(json), ["error"]);
      }, options));
  }
});

describe("a metadata service that was not asked for", () => {
  it("is not there", () =>
    withServer(async (server) => {
      assertEquals(server.metadata, {});
      const headers = { "Metadata-Flavor": "Google", Metadata: "true" };
      assertEquals((await awsToken(server, { [TTL]: "60" })).status, 404);
      for (const path of [DOCUMENT, `${IDENTITY}?audience=a`, ATTESTED]) {
        assertEquals((await ask(server, path, { headers })).status, 404);
      }
    }));

  it("does not come with another", () =>
    withServer(async (server) => {
      const { host } = new URL(server.url);
      assertEquals(server.metadata, { google: host });
      assertEquals((await awsToken(server, { [TTL]: "60" })).status, 404);
    }, { metadata: ["google"] }));
});
