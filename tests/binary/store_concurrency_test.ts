import { assert, assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import {
  CREDENTIALS,
  Home,
  start,
  STORED_ENTRIES,
} from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";
import {
  eachOf,
  makeStore,
  readStored,
  someToken,
  succeed,
  tokenOf,
  writeCredentials,
} from "../support/store_files.ts";

const PROCESSES = 32;
const ROUNDS = 10;

const numbered = (count: number, prefix: string): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}-${i}`);

describe("many processes at once", () => {
  let service: Service;

  beforeAll(async () => {
    service = await Service.start();
  });
  afterAll(() => service.stop());

  it(`lose no login: ${PROCESSES} of them, ${ROUNDS} times, into one file`, async () => {
    using home = new Home();
    const tokens = new Map<string, string>();
    for (let round = 0; round < ROUNDS; round++) {
      const names = numbered(PROCESSES, `round-${round}`);
      await Promise.all(names.map(async (name) => {
        const { token } = await service.mint();
        tokens.set(name, token);
        await service.logIn(home, token, "--profile", name);
      }));
      assertEquals(
        Object.keys(readStored(home).profiles).sort(),
        [...tokens.keys()].sort(),
        `after round ${round}`,
      );
    }
    assertEquals(tokens.size, PROCESSES * ROUNDS);
    await eachOf(tokens, async ([name, token]) => {
      assertEquals(await tokenOf(home, {}, "--profile", name), token);
    });
    assertEquals(home.entries(), STORED_ENTRIES);
  });

  it("lose nothing of each other when some log in, some log out and some switch", async () => {
    using home = new Home();
    const gone = numbered(8, "gone");
    const kept = numbered(8, "kept");
    const fresh = numbered(8, "fresh");
    for (const name of [...gone, ...kept]) {
      await service.logIn(home, service.token, "--profile", name);
    }
    const log = (...args: string[]): Promise<unknown> =>
      succeed(args, { home, env: service.env });
    await Promise.all([
      ...gone.map((name) => log("logout", "--profile", name)),
      ...kept.map((name) => log("use", name)),
      ...fresh.map((name) =>
        service.logIn(home, service.token, "--profile", name)
      ),
    ]);
    const { profiles, active } = readStored(home);
    assertEquals(Object.keys(profiles).sort(), [...fresh, ...kept].sort());
    assert(active in profiles);
    await eachOf([...kept, ...fresh], async (name) => {
      assertEquals(
        await tokenOf(home, {}, "--profile", name),
        service.token,
      );
    });
  });

  it("make one key when none of them finds one", async () => {
    for (let round = 0; round < 5; round++) {
      using home = new Home();
      const names = numbered(8, "first");
      await Promise.all(
        names.map((name) =>
          service.logIn(home, service.token, "--profile", name)
        ),
      );
      await eachOf(names, async (name) => {
        assertEquals(
          await tokenOf(home, {}, "--profile", name),
          service.token,
        );
      });
      assertEquals(home.entries(), STORED_ENTRIES);
    }
  });

  it("each keep their login when all of them find a broken file and have --force", async () => {
    for (let round = 0; round < 5; round++) {
      using home = new Home();
      writeCredentials(home, "broken");
      const names = numbered(8, "forced");
      await Promise.all(
        names.map((name) =>
          service.logIn(home, service.token, "--profile", name, "--force")
        ),
      );
      assertEquals(Object.keys(readStored(home).profiles).sort(), names);
      const aside = home.entries().filter((path) => path.endsWith(".broken"));
      assertEquals(aside.length, 1, `moved aside: ${aside}`);
    }
  });

  it("rekey and log in at once: every token still opens", async () => {
    using home = new Home();
    const names = numbered(8, "before");
    for (const name of names) {
      await service.logIn(home, service.token, "--profile", name);
    }
    const later = numbered(8, "meanwhile");
    const rekeys = await Promise.all([
      ...later.map((name) =>
        service.logIn(home, service.token, "--profile", name)
      ),
      ...numbered(4, "rekey").map(async () => {
        const { code, stderr } = await service.run(["store", "rekey"], home);
        // Another one was faster; this one says so and has changed nothing.
        assert(
          code === 0 || (code === 7 && stderr.includes("meanwhile")),
          stderr,
        );
        return code;
      }),
    ]);
    assert(rekeys.includes(0), "no rekey came through");
    await eachOf([...names, ...later], async (name) => {
      assertEquals(
        await tokenOf(home, {}, "--profile", name),
        service.token,
      );
    });
  });
});

describe("whoever reads while others write", () => {
  it("finds the old file or the new one, whole, without asking for the lock", async () => {
    using home = new Home();
    const names = numbered(500, "profile");
    await makeStore(
      home,
      new Map(names.map((name) => [name, { token: someToken() }])),
      "profile-0",
    );
    const path = home.at(CREDENTIALS);
    let writing = true;
    let reads = 0;
    const seen = new Set<string>();
    const reader = (async (): Promise<void> => {
      while (writing) {
        const file = JSON.parse(await Deno.readTextFile(path));
        assertEquals(Object.keys(file.profiles).length, names.length);
        seen.add(file.active);
        reads++;
      }
    })();
    const switched = numbered(40, "profile");
    await eachOf(switched, async (name) => {
      assertEquals((await start(["use", name], { home }).end()).code, 0);
    }).finally(() => writing = false);
    await reader;
    assert(reads > 100, `only ${reads} reads`);
    assert(seen.size > 10, `only ${seen.size} states seen`);
  });
});
