import { assertEquals } from "@std/assert";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { findSigner, shownCertificate } from "../../src/http/tls/issuer.ts";
import { type Made, makeCertificate } from "../support/certificate_maker.ts";
import { ByteServer, deadUrl, me, StrangeServer } from "../support/servers.ts";

const NEVER = new AbortController().signal;

describe("what a server's certificate says", () => {
  let root: Made;
  let below: Made;
  let leaf: Made;

  beforeAll(async () => {
    const authority = { names: [], authority: true };
    root = await makeCertificate({ ...authority, subject: "Root" });
    below = await makeCertificate({
      ...authority,
      subject: "Below",
      issuer: root,
    });
    leaf = await makeCertificate({ subject: "a service", issuer: below });
  });

  it("is its issuer, its end, and who signed that of its issuer", async () => {
    const cert = `${leaf.cert}\n${below.cert}`;
    await using server = new StrangeServer(() => me(), { cert, key: leaf.key });
    const shown = await shownCertificate(new URL(server.url), NEVER);
    assertEquals(shown?.issuer, "Below");
    assertEquals(shown?.expiresAt, leaf.certificate.notAfter);
    assertEquals(shown?.signers, ["CN=Below", "CN=Root"]);
    assertEquals(server.caught.length, 0);
  });

  it("is nothing where nobody shows one", async () => {
    await using server = new ByteServer("hello\n");
    for (const url of [server.url, deadUrl()]) {
      const https = new URL(url.replace("http:", "https:"));
      assertEquals(await shownCertificate(https, NEVER), undefined);
    }
  });

  it("is nothing any more when nobody wants it", async () => {
    await using server = new ByteServer(undefined);
    const ended = new AbortController();
    const shown = shownCertificate(
      new URL(server.url.replace("http:", "https:")),
      ended.signal,
    );
    ended.abort();
    assertEquals(await shown, undefined);
  });

  it("is of the first authority that has a signer's whole name", () => {
    const all = ["-----BEGIN CERTIFICATE-----", below.cert, root.cert];
    assertEquals(findSigner(all, ["CN=Root"]), "Root");
    assertEquals(findSigner(all, ["CN=Roo", "CN=Other"]), undefined);
    assertEquals(findSigner([], ["CN=Root"]), undefined);
  });
});
