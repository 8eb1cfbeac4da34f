import { assertEquals } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { expiryText } from "../../src/cli/expiry.ts";

const NOW = new Date("2026-01-15T12:00:00Z");
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe("expiryText", () => {
  // Deleting the variable would not bring the machine's own zone back.
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  beforeEach(() => Deno.env.set("TZ", "UTC"));
  afterEach(() => Deno.env.set("TZ", timeZone));

  it("says so when a token does not expire", () => {
    assertEquals(expiryText(undefined, NOW), "does not expire");
  });

  const distances: [milliseconds: number, text: string][] = [
    [30 * DAY, "expires on 2026-02-14 (in 30 days)"],
    [2 * DAY, "expires on 2026-01-17 (in 2 days)"],
    [DAY, "expires on 2026-01-16 (in 1 day)"],
    [23 * HOUR, "expires on 2026-01-16 (in 23 hours)"],
    [HOUR, "expires on 2026-01-15 (in 1 hour)"],
    [59 * MINUTE, "expires on 2026-01-15 (in 59 minutes)"],
    [90_000, "expires on 2026-01-15 (in 2 minutes)"],
    [1, "expires on 2026-01-15 (in 1 minute)"],
    [0, "expired on 2026-01-15 (0 minutes ago)"],
    [-1, "expired on 2026-01-15 (1 minute ago)"],
    [-HOUR, "expired on 2026-01-15 (1 hour ago)"],
    [-13 * HOUR, "expired on 2026-01-14 (13 hours ago)"],
    [-DAY, "expired on 2026-01-14 (1 day ago)"],
    [-400 * DAY, "expired on 2024-12-11 (400 days ago)"],
  ];
  for (const [milliseconds, text] of distances) {
    it(`says "${text}" for ${milliseconds} ms from now`, () => {
      const expiresAt = new Date(NOW.getTime() + milliseconds);
      assertEquals(expiryText(expiresAt, NOW), text);
    });
  }

  for (
    const [zone, date] of [
      ["UTC", "2026-01-21"],
      ["America/New_York", "2026-01-20"],
      ["Pacific/Auckland", "2026-01-21"],
    ] as const
  ) {
    it(`gives the date of ${zone} where that is the machine's time zone`, () => {
      Deno.env.set("TZ", zone);
      const text = expiryText(new Date("2026-01-21T04:30:00Z"), NOW);
      assertEquals(text, `expires on ${date} (in 6 days)`);
    });
  }
});
