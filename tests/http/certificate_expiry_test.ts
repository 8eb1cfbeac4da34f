import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  asCertificateTime,
  hasExpired as isOver,
  splitByExpiry,
} from "../../src/http/tls/certificate_expiry.ts";
import { makeCertificate, type Wish } from "../support/certificate_maker.ts";

const DAY = 86_400_000;
const now = (): Date => new Date();

function hasExpired(certificate: string, date: Date): boolean {
  return isOver(certificate, asCertificateTime(date));
}

describe("the time of a certificate", () => {
  it("is over when its last day is", async () => {
    const { cert } = await makeCertificate({ sinceDays: 9, forDays: -1 });
    assertEquals(hasExpired(cert, now()), true);
    assertEquals(hasExpired(cert, new Date(Date.now() - 2 * DAY)), false);
  });

  it("is not over before", async () => {
    const { cert } = await makeCertificate({ forDays: 1 });
    assertEquals(hasExpired(cert, now()), false);
    assertEquals(hasExpired(cert, new Date(Date.now() + 2 * DAY)), true);
  });

  it("is written with four digits of the year from 2050 on", async () => {
    const { cert } = await makeCertificate({ forDays: 40_000 });
    assertEquals(hasExpired(cert, now()), false);
    assertEquals(hasExpired(cert, new Date("2200-01-01T00:00:00Z")), true);
  });

  it("is found behind an issuer of a long name", async () => {
    const subject = "x".repeat(2000);
    const { cert } = await makeCertificate({ subject, forDays: -1 });
    assertEquals(hasExpired(cert, now()), true);
  });

  it("may be of the century before", async () => {
    const { cert } = await makeCertificate({
      sinceDays: 20_000,
      forDays: -11_000,
    });
    assertEquals(hasExpired(cert, now()), true);
  });

  for (
    const odd of [
      "",
      "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----",
      "-----BEGIN CERTIFICATE-----\naGVsbG8gd29ybGQ=\n-----END CERTIFICATE-----",
      "-----BEGIN CERTIFICATE-----\nMIQA////MIQA////\n-----END CERTIFICATE-----",
    ]
  ) {
    it(`is for the runtime to tell of ${JSON.stringify(odd)}`, () => {
      assertEquals(hasExpired(odd, now()), false);
    });
  }
});

describe("many certificates", () => {
  const valid = { forDays: 1 };
  const over = { sinceDays: 9, forDays: -1 };
  const wishes: [what: string, wish: Wish, isOver: boolean][] = [
    ["valid", valid, false],
    ["expired", over, true],
    ["valid beyond 2050", { forDays: 40_000 }, false],
    ["expired, of the century before", {
      sinceDays: 20_000,
      forDays: -11_000,
    }, true],
    ["expired, of a long name", { ...over, subject: "x".repeat(2000) }, true],
    ["valid, of a long name", { ...valid, subject: "x".repeat(2000) }, false],
    // What looks like a validity, before the real one.
    ["expired, with another validity in its name", {
      ...over,
      subject: "0\x1e\x17\r491231235959Z\x17\r491231235959Z",
    }, true],
  ];

  it("are told apart as one by one", async () => {
    const made = await Promise.all(
      wishes.map(async ([what, wish, isOver]) => {
        const { cert } = await makeCertificate(wish);
        return { what, isOver, cert: cert.trim() };
      }),
    );
    const windows = made.map((one) => ({
      ...one,
      cert: one.cert.replaceAll("\n", "\r\n"),
    }));
    const all = [...made, ...windows];
    for (const one of all) {
      assertEquals(hasExpired(one.cert, now()), one.isOver, one.what);
    }
    const { certificates, expired } = splitByExpiry(
      all.map(({ cert }) => cert),
      asCertificateTime(now()),
    );
    const certsOf = (isOver: boolean): string[] =>
      all.filter((one) => one.isOver === isOver).map(({ cert }) => cert);
    assertEquals(certificates, certsOf(false));
    assertEquals(expired, certsOf(true));
  });

  it("may be none, or no certificates", () => {
    assertEquals(splitByExpiry([], ""), { certificates: [], expired: [] });
    const odd = ["", `-----BEGIN CERTIFICATE-----\n${"A".repeat(64)}\n`];
    assertEquals(splitByExpiry(odd, asCertificateTime(now())), {
      certificates: odd,
      expired: [],
    });
  });
});
