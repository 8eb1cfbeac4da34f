import { assert, assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  ATTEMPTS,
  isPassingStatus,
  isRepeatable,
  parseRetryAfter,
  WAIT_BUDGET_SECONDS,
  waitSeconds,
} from "../../src/http/retry.ts";

const NOW = new Date("2026-01-15T12:00:00Z");

describe("the limits", () => {
  it("are three tries and thirty seconds of waiting", () => {
    assertEquals([ATTEMPTS, WAIT_BUDGET_SECONDS], [3, 30]);
  });
});

describe("isRepeatable", () => {
  for (const method of ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]) {
    it(`says yes to ${method}`, () => assert(isRepeatable(method)));
  }
  for (const method of ["POST", "PATCH", "CONNECT", "get", ""]) {
    it(`says no to ${method || "nothing"}`, () => {
      assertFalse(isRepeatable(method));
    });
  }
});

describe("isPassingStatus", () => {
  for (const status of [429, 502, 503, 504]) {
    it(`says yes to ${status}`, () => assert(isPassingStatus(status)));
  }
  for (const status of [200, 301, 400, 401, 403, 404, 408, 500, 501, 505]) {
    it(`says no to ${status}`, () => assertFalse(isPassingStatus(status)));
  }
});

describe("parseRetryAfter", () => {
  const values: [value: string | null, seconds: number | undefined][] = [
    [null, undefined],
    ["", undefined],
    ["0", 0],
    ["7", 7],
    [" 12 ", 12],
    ["86400", 86400],
    ["2147483649", 2147483648],
    ["9".repeat(400), 2147483648],
    ["Thu, 15 Jan 2026 12:00:05 GMT", 5],
    ["Thu, 15 Jan 2026 13:00:00 GMT", 3600],
    ["Thu, 15 Jan 2026 12:00:00 GMT", 0],
    ["Thu, 15 Jan 2026 11:00:00 GMT", 0],
    ["soon", undefined],
    ["-5", undefined],
    ["5.5", undefined],
    ["5 seconds", undefined],
    ["in 3", undefined],
    ["1e3", undefined],
    ["0x10", undefined],
    ["NaN", undefined],
    ["Infinity", undefined],
  ];
  for (const [value, seconds] of values) {
    it(`takes ${value === null ? "no header" : `"${value}"`} as ${seconds ?? "no answer"}`, () => {
      assertEquals(parseRetryAfter(value, NOW), seconds);
    });
  }
});

describe("waitSeconds", () => {
  const ALMOST_ONE = 1 - 2 ** -53;

  it("waits as long as Retry-After says, without jitter", () => {
    assertEquals(waitSeconds(1, "7", NOW, 0.9), 7);
    assertEquals(waitSeconds(2, "7", NOW, 0), 7);
  });

  it("does not wait when Retry-After says zero", () => {
    assertEquals(waitSeconds(1, "0", NOW, 0.9), 0);
  });

  it("spreads the waits from nothing up to a bound that doubles", () => {
    for (const [attempt, bound] of [[1, 0.5], [2, 1]] as const) {
      assertEquals(waitSeconds(attempt, null, NOW, 0), 0);
      assertEquals(waitSeconds(attempt, null, NOW, 0.5), bound / 2);
      const longest = waitSeconds(attempt, null, NOW, ALMOST_ONE);
      assert(longest < bound && longest > bound * 0.999, String(longest));
    }
  });

  it("falls back to jitter when Retry-After is garbage", () => {
    assertEquals(waitSeconds(1, "soon", NOW, 0.5), 0.25);
  });
});
