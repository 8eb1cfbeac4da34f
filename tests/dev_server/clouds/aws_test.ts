import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import { createPublicKey, verify } from "node:crypto";
import {
  awsDocument,
  checkAwsIdentity,
  signAwsDocument,
} from "../../../src/dev_server/clouds/aws.ts";
import {
  IdentityRefused,
  makeSigningKey,
} from "../../../src/dev_server/clouds/cloud.ts";

const key = await makeSigningKey();
const document = awsDocument("i-1", new Date("2030-01-01T00:00:00Z"));
const signature = await signAwsDocument(key, document);

const another = await makeSigningKey();
const sign = (text: string): Promise<string> => signAwsDocument(key, text);
const cases: [string, { document?: string; signature?: string }, string][] = [
  [
    "a document with a changed byte",
    { document: document.replace("i-1", "i-2") },
    "signature",
  ],
  [
    "a document laid out anew",
    { document: JSON.stringify(JSON.parse(document)) },
    "signature",
  ],
  ["a document with a line more", { document: `${document}\n` }, "signature"],
  [
    "a signature by another key",
    { signature: await signAwsDocument(another, document) },
    "signature",
  ],
  [
    "a signature with a changed letter",
    {
      signature: signature.replace(/^./, (c) => c === "A" ? "B" : "A"),
    },
    "signature",
  ],
  ["a signature cut off", { signature: signature.slice(0, 76) }, "signature"],
  ["a signature of nothing", { signature: "" }, "signature"],
  ["a signature that is not base64", { signature: "?" }, "not base64"],
  [
    "a signed text that is not JSON",
    { document: "i-1", signature: await sign("i-1") },
    "no instance",
  ],
  [
    "a signed document without an instance",
    { document: "{}", signature: await sign("{}") },
    "no instance",
  ],
  [
    "a signed document whose instance is a number",
    {
      document: '{"instanceId":1}',
      signature: await sign('{"instanceId":1}'),
    },
    "no instance",
  ],
];
describe("an AWS identity", () => {
  it("is signed as another implementation of RSA reads it", async () => {
    const spki = await crypto.subtle.exportKey("spki", key.publicKey);
    const publicKey = createPublicKey({
      key: Buffer.from(spki),
      format: "der",
      type: "spki",
    });
    const signed = Buffer.from(signature, "base64");
    assertEquals(
      verify("sha256", Buffer.from(document), publicKey, signed),
      true,
    );
  });

  it("holds, with its line breaks or with others", async () => {
    for (
      const text of [
        signature,
        signature.replaceAll("\n", ""),
        signature.replaceAll("\n", "\r\n"),
        `${signature}\n`,
      ]
    ) {
      const identity = { document, signature: text };
      assertEquals(await checkAwsIdentity(key, identity), "i-1");
    }
  });

  for (const [name, change, reason] of cases) {
    it(`is refused for ${name}`, async () => {
      const error = await assertRejects(
        () => checkAwsIdentity(key, { document, signature, ...change }),
        IdentityRefused,
      );
      assertStringIncludes(error.message, reason);
    });
  }
});
