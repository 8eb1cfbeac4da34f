import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { isObject } from "../../../src/json.ts";
import {
  type RunningServer,
  startDevServerAs,
} from "../../../src/dev_server/server.ts";
import { type Answer, ask, Clock, mint } from "../helpers.ts";

/** A service to test, and the clock that it goes by. */
export type VendorTest = (
  server: RunningServer,
  clock: Clock,
) => Promise<void>;

/** Runs a test against the embedded service as the one of this name, and stops it afterwards. */
export async function withVendor(
  name: string,
  test: VendorTest,
): Promise<void> {
  const clock = new Clock();
  const options = { hostname: "127.0.0.1", port: 0, now: clock.now };
  const server = await startDevServerAs(name, options);
  try {
    await test(server, clock);
  } finally {
    await server.shutdown();
  }
}

/** Asks with these headers. */
export function get(
  server: RunningServer,
  path: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return ask(server, path, { headers });
}

/** Asks with a new token of these fields, at this path unless another is given. */
export type AskMinted = (
  server: RunningServer,
  fields: Record<string, unknown>,
  path?: string,
) => Promise<Answer>;

/** What asks with new tokens, presented in this way. */
export function minter(
  usual: string,
  present: (token: string) => Record<string, string>,
): AskMinted {
  return async (server, fields, path = usual) => {
    const { token } = await mint(server, fields);
    return await get(server, path, present(token));
  };
}

/** A token in an `Authorization` header with the scheme Bearer (RFC 6750, section 2.1). */
export function bearer(token: string): Record<string, string> {
  return { Authorization: `Bearer ${token}` };
}

/** The value of an `Authorization` header with the scheme Basic (RFC 7617, section 2). */
export function basic(username: string, password: string): string {
  return `Basic ${btoa(`${username}:${password}`)}`;
}

/** An answer of the real service, with invented values. */
export interface Fixture {
  name: string;
  request: { method: string; path: string };
  status: number;
  headers: Record<string, string>;
  body: unknown;
}

/** The fixtures of this service, all of `tests/services/fixtures/<service>.json`. */
export async function fixturesOf(service: string): Promise<Fixture[]> {
  const url = new URL(
    `../../services/fixtures/${service}.json`,
    import.meta.url,
  );
  return JSON.parse(await Deno.readTextFile(url));
}

/** How the embedded service is brought to give the answer of a fixture. */
export type Play = (server: RunningServer, clock: Clock) => Promise<Answer>;

/** Tests that the embedded service's answers look like the fixtures, each of which must be played. */
export async function itAnswersLikeFixtures(
  service: string,
  plays: Record<string, Play>,
): Promise<void> {
  const fixtures = await fixturesOf(service);
  describe(`the answers of dev-server --as ${service}`, () => {
    it("are compared with each fixture", () => {
      const names = fixtures.map(({ name }) => name);
      assertEquals(Object.keys(plays).sort(), names.sort());
    });
    for (const fixture of fixtures) {
      const play = plays[fixture.name];
      if (play === undefined) continue;
      it(`look like the fixture ${fixture.name}`, () =>
        withVendor(service, async (server, clock) => {
          assertLooksLike(await play(server, clock), fixture);
        }));
    }
  });
}

/** Asserts that an answer has the status, the header names, and the fields with their types of a fixture. */
export function assertLooksLike(answer: Answer, fixture: Fixture): void {
  assertEquals(answer.status, fixture.status, answer.text);
  for (const [name, value] of Object.entries(fixture.headers)) {
    const given = answer.headers.get(name);
    assert(given !== null, `there is no header ${name}`);
    const isMedia = name.toLowerCase() === "content-type";
    const look = isMedia ? mediaType : formOf;
    assertEquals(look(given), look(value), name);
  }
  if (typeof fixture.body !== "object" || fixture.body === null) {
    assertEquals(answer.text === "", (fixture.body ?? "") === "", answer.text);
    return;
  }
  assertEquals(differences(answer.json, fixture.body), []);
}

function mediaType(value: string): string {
  return (value.split(";")[0] ?? "").trim().toLowerCase();
}

/** What a text is made of: digits, a date with its format, or anything. */
function formOf(text: string): string {
  if (/^\d+$/.test(text)) return "digits";
  if (!/\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d/.test(text)) return "text";
  return text.replace(/\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b/, "Day")
    .replace(/\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b/, "Month")
    .replace(/\d/g, "0");
}

/**
 * Where a value has other fields or types than another, dates of another format
 * or another `error`. Of lists the first elements count. Null goes with anything.
 */
function differences(given: unknown, wanted: unknown, at = ""): string[] {
  if (given === null || wanted === null) return [];
  if (Array.isArray(given) && Array.isArray(wanted)) {
    if (given.length === 0 || wanted.length === 0) return [];
    return differences(given[0], wanted[0], `${at}[0]`);
  }
  if (isObject(given) && isObject(wanted)) {
    const names = new Set([...Object.keys(given), ...Object.keys(wanted)]);
    return [...names].flatMap((name) => {
      const path = `${at}.${name}`;
      if (!Object.hasOwn(given, name)) return [`${path} is missing`];
      if (!Object.hasOwn(wanted, name)) return [`${path} is too much`];
      return differences(given[name], wanted[name], path);
    });
  }
  const isCode = at === ".error";
  const [is, should] = [given, wanted].map((value) =>
    typeof value !== "string" ? typeOf(value) : isCode ? value : formOf(value)
  );
  return is === should ? [] : [`${at}: ${is} instead of ${should}`];
}

function typeOf(value: unknown): string {
  return Array.isArray(value) ? "list" : typeof value;
}
