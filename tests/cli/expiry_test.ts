import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { expiryText } from "../../src/cli/expiry.ts";

const NOW = new Date("2026-01-15T12:00:00Z");
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe("expiryText", () => {
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

  it("gives the date in UTC, whatever the machine's time zone", () => {
    assertEquals(
      expiryText(new Date("2026-01-20T23:30:00-05:00"), NOW).slice(0, 21),
      "expires on 2026-01-21",
    );
  });
});
