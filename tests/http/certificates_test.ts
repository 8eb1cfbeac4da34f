import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { readCaFile } from "../../src/http/tls/certificates.ts";
import { rejectionOf, TemporaryHome } from "../support/fake_context.ts";
import { POWERSHELL, utf16, UTF_16 } from "../support/utf_16.ts";

/** An authority that was made for this test, and whose key is lost. */
const AUTHORITY = `-----BEGIN CERTIFICATE-----
MIIBjzCCATWgAwIBAgIUFsPPzJY9ljf9SKEwX9SeXEoekRIwCgYIKoZIzj0EAwIw
HDEaMBgGA1UEAwwRbmFub2N0bCB1bml0IHRlc3QwIBcNMjYxMTIxMjEyNzA5WhgP
MjEyNjEwMjgyMTI3MDlaMBwxGjAYBgNVBAMMEW5hbm9jdGwgdW5pdCB0ZXN0MFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAESJNQnjtktlsISN9xjSKvtOhPzKL7UGgW
/gkaYgNcOZG18Z5ZPiUyge9YDjRJFToo22cPGdDGM9b/rMzTdImsdqNTMFEwHQYD
VR0OBBYEFM/hRdFd9YeJKceJLY9ghsC+IAAYMB8GA1UdIwQYMBaAFM/hRdFd9YeJ
KceJLY9ghsC+IAAYMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIg
EyQyImDBiarYSjSrUZNlcmf+hckd2ZuQQYOTl2I97FMCIQC1122Ikxn4PJLLEO2J
MN/LAAa6xBI6Sm3eU4gxEuYcCQ==
-----END CERTIFICATE-----`;

const MALFORMED = `-----BEGIN CERTIFICATE-----
bm90IGEgY2VydGlmaWNhdGU=
-----END CERTIFICATE-----`;

const NOW = new Date("2026-11-22T00:00:00Z");

describe("readCaFile", () => {
  it("gives the certificates of a file, one or many", async () => {
    await using home = await TemporaryHome.make();
    const one = await home.write("one.pem", AUTHORITY);
    const two = await home.write(
      "two.pem",
      `first\n${AUTHORITY}\n\nsecond\n${AUTHORITY}\n`,
    );
    assertEquals(await readCaFile(one, NOW), [AUTHORITY]);
    assertEquals(await readCaFile(two, NOW), [AUTHORITY, AUTHORITY]);
  });

  it("takes line breaks as Windows writes them", async () => {
    await using home = await TemporaryHome.make();
    const path = await home.write("a.pem", AUTHORITY.replaceAll("\n", "\r\n"));
    assertEquals((await readCaFile(path, NOW)).length, 1);
  });

  for (const encoding of UTF_16) {
    it(`takes ${encoding.name}`, async () => {
      await using home = await TemporaryHome.make();
      const path = `${home.path}/ca.pem`;
      Deno.writeFileSync(path, utf16(`${AUTHORITY}\r\n`, encoding));
      assertEquals(await readCaFile(path, NOW), [AUTHORITY]);
    });
  }

  it("names damaged UTF-16", async () => {
    await using home = await TemporaryHome.make();
    const path = `${home.path}/ca.pem`;
    Deno.writeFileSync(path, utf16(AUTHORITY, POWERSHELL).subarray(0, -1));
    const error = await rejectionOf(readCaFile(path, NOW));
    assertEquals(error.code, "usage");
    assert(error.message.startsWith(`the file ${path} looks like UTF-16`));
  });

  const refused: [what: string, content: string | undefined, why: string][] = [
    ["that is not there", undefined, "there is no such file"],
    ["that is empty", "", "it holds no PEM certificate"],
    [
      "with a key in it",
      "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
      "it holds no PEM certificate",
    ],
    [
      "that is cut off",
      AUTHORITY.slice(0, 200),
      "it holds no PEM certificate",
    ],
    [
      "with a malformed certificate",
      `${AUTHORITY}\n${MALFORMED}`,
      "a certificate in it is malformed",
    ],
  ];
  for (const [what, content, why] of refused) {
    it(`refuses a file ${what}`, async () => {
      await using home = await TemporaryHome.make();
      const path = content === undefined
        ? `${home.path}/ca.pem`
        : await home.write("ca.pem", content);
      const error = await rejectionOf(readCaFile(path, NOW));
      assertEquals(
        [error.code, error.message],
        ["usage", `the CA file ${path} can't be used: ${why}`],
      );
      assert(error.hint?.includes("--ca-file"));
    });
  }

  it("refuses a folder", async () => {
    await using home = await TemporaryHome.make();
    const error = await rejectionOf(readCaFile(home.path, NOW));
    assertEquals(
      error.message,
      `the CA file ${home.path} can't be used: it can't be read`,
    );
  });
});
