import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { AnswerHead } from "../../src/http/messages.ts";
import { clockDifference, clockFault } from "../../src/http/clock.ts";

const NOW = new Date("2026-01-15T12:00:00.000Z");
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function head(date: string | undefined, change = {}): AnswerHead {
  return {
    status: 401,
    url: new URL("https://api.example/"),
    headers: new Headers(date === undefined ? {} : { date }),
    receivedAt: NOW,
    leftOrigin: false,
    ...change,
  };
}

/** The `Date` of a service whose clock is so many seconds behind ours. */
function behind(seconds: number): string {
  return new Date(NOW.getTime() - 1000 * seconds).toUTCString();
}

describe("the difference of two clocks", () => {
  const differences: [seconds: number, says: string | undefined][] = [
    [0, undefined],
    [MINUTE, undefined],
    [-MINUTE, undefined],
    [MINUTE + 1, "1 minute ahead of"],
    [-MINUTE - 1, "1 minute behind"],
    [7 * MINUTE, "7 minutes ahead of"],
    [-7 * MINUTE, "7 minutes behind"],
    [90 * MINUTE, "90 minutes ahead of"],
    [2 * HOUR, "2 hours ahead of"],
    [-26 * HOUR, "26 hours behind"],
    [2 * DAY, "2 days ahead of"],
    [-400 * DAY, "400 days behind"],
  ];
  for (const [seconds, says] of differences) {
    it(`of ${seconds} seconds is ${says ?? "not worth a word"}`, () => {
      assertEquals(
        clockDifference(head(behind(seconds))),
        says && `this machine's clock is ${says} the service's`,
      );
    });
  }

  const untold: (string | undefined)[] = [
    undefined,
    "",
    "yesterday",
    "0",
    "-5",
    // The form of C's asctime() has no zone: here it would be the machine's own.
    "Thu Jan 15 09:00:00 2026",
    "Thu, 15 Jan 2026 09:00:00 +0200",
    "Thu, 45 Jan 2026 09:00:00 GMT",
    `${behind(DAY)}, ${behind(DAY)}`,
  ];
  for (const date of untold) {
    it(`is not told by ${JSON.stringify(date)}`, () => {
      assertEquals(clockDifference(head(date)), undefined);
    });
  }

  it("is not told by another origin, nor by what a cache kept", () => {
    const date = behind(DAY);
    assertEquals(clockDifference(head(date, { leftOrigin: true })), undefined);
    const headers = new Headers({ date, age: "86400" });
    assertEquals(clockDifference(head(date, { headers })), undefined);
  });

  it("explains a date that has passed, and none that is to come", () => {
    const answer = head(behind(HOUR));
    const says = "this machine's clock is 60 minutes ahead of the service's";
    assertEquals(clockFault(NOW, answer), says);
    assertEquals(clockFault(new Date(NOW.getTime() + 1), answer), undefined);
    assertEquals(clockFault(null, answer), undefined);
    assertEquals(clockFault(undefined, answer), undefined);
    assertEquals(clockFault(NOW, head(behind(0))), undefined);
  });
});
