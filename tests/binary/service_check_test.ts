import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { GARDEN_TOKEN } from "../support/garden.ts";
import { FILE, GardenHome, other } from "../support/garden_home.ts";

const ACCOUNT = { path: "/me", username: [{ field: "who.name" }] };

describe("service test", () => {
  let home: GardenHome;
  beforeEach(() => {
    home = new GardenHome();
  });
  afterEach(() => home[Symbol.asyncDispose]());

  /** The result of each check, and the exit code. */
  async function tested(
    ...args: string[]
  ): Promise<[results: string, code: number, text: string]> {
    const { stdout, stderr, code } = await home.nanoctl([
      ...["service", "test", FILE, "--url", home.garden.url, "--json", ...args],
    ]);
    type Check = { name: string; result: string };
    const { checks }: { checks: Check[] } = JSON.parse(stdout);
    const results = checks.map(({ name, result }) => `${name} ${result}`);
    return [results.join(", "), code, stdout + stderr];
  }

  const WELL = "description ok, service ok, refusal ok";

  it("finds that all is well, and whose the token is", async () => {
    const [results, code, text] = await tested("--token", GARDEN_TOKEN);
    assertEquals([results, code], [`${WELL}, token ok, values ok`, 0], text);
    for (const said of ["you are ada", "sow, reap", "2100-01-01"]) {
      assert(text.includes(said), text);
    }
    assert(!text.includes(GARDEN_TOKEN));
    assertEquals(home.entries(), [FILE]);
  });

  it("finds it with the stored login of a service that was added", async () => {
    await home.logIn();
    const { stdout } = await home.done(["service", "test", "garden"]);
    assertMatch(stdout, /^ok +token .* you are ada; /m);
    assertMatch(stdout, /^ok +values /m);
  });

  it("goes without a token as far as it can", async () => {
    const [results, code] = await tested();
    assertEquals(
      [results, code],
      [`${WELL}, token skipped, values skipped`, 0],
    );
  });

  it("says which values no place has", async () => {
    Deno.writeFileSync(
      home.at(FILE),
      other({ account: [{ ...ACCOUNT, scopes: [{ field: "nowhere" }] }] }),
    );
    const [results, code, text] = await tested("--token", GARDEN_TOKEN);
    assertEquals([results, code], [`${WELL}, token ok, values warning`, 0]);
    assertMatch(text, /no place gave a value for: scopes"/);
  });

  const FAULTS: [
    what: string,
    fields: Record<string, unknown>,
    results: string,
    code: number,
  ][] = [
    [
      "a wrong field",
      { api: "{url}.evil.example" },
      "description failed",
      2,
    ],
    [
      "a path that is not there",
      { account: [{ ...ACCOUNT, path: "/you" }], api: "{url}/nowhere" },
      `${WELL}, token failed, values skipped`,
      6,
    ],
    [
      "a refusal that is taken for something else",
      { refusals: [{ status: [401], means: "rate_limited" }] },
      "description ok, service ok, refusal failed, token ok, values ok",
      6,
    ],
    [
      "a refusal that is taken for a scope",
      { refusals: [{ status: [401], means: "insufficient_scope" }] },
      "description ok, service ok, refusal failed, token ok, values ok",
      6,
    ],
    [
      "a user name that is nowhere",
      { account: [{ ...ACCOUNT, username: [{ field: "nowhere" }] }] },
      `${WELL}, token failed, values skipped`,
      6,
    ],
  ];
  for (const [what, fields, results, code] of FAULTS) {
    it(`finds ${what}`, async () => {
      home.write(other(fields));
      const found = await tested("--token", GARDEN_TOKEN);
      assertEquals(found.slice(0, 2), [results, code], found[2]);
    });
  }

  it("finds a service that takes any token", async () => {
    home.garden.files.set(
      "/api/me",
      () => Response.json({ who: { name: "anybody", mail: null } }),
    );
    home.garden.files.set("/api/key", () => Response.json({}));
    const [results, code, text] = await tested();
    assertEquals(
      [results, code],
      [
        "description ok, service ok, refusal failed, token skipped, values skipped",
        6,
      ],
    );
    assertMatch(text, /a token that can't be valid was accepted, as anybody's/);
  });

  it("finds a service that is a web page, one that fails, and none", async () => {
    const away = "refusal skipped, token skipped, values skipped";
    const page = (): Response =>
      new Response("<html>", { headers: { "content-type": "text/html" } });
    home.garden.files.set("/api/me", page);
    const expected = `description ok, service failed, ${away}`;
    assertEquals((await tested()).slice(0, 2), [expected, 6]);
    home.garden.files.set("/api/me", () => new Response(null, { status: 500 }));
    assertEquals((await tested()).slice(0, 2), [expected, 6]);
  });
});
