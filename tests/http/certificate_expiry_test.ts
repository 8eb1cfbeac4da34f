import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  asCertificateTime,
  hasExpired as isOver,
} from "../../src/http/tls/certificate_expiry.ts";
import { makeCertificate } from "../support/certificate_maker.ts";

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
