import { assert, assertEquals } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { dirname } from "@std/path";
import {
  type Child,
  CREDENTIALS,
  Home,
  KEY,
  start,
} from "../support/nanoctl.ts";
import {
  eachOf,
  leftovers,
  makeStore,
  type Random,
  readCredentials,
  readStored,
  report,
  seeded,
  someToken,
  succeed,
  tokenOf,
  WORKERS,
} from "../support/store_files.ts";

/** Where the kills came, as the files tell. */
class Hits {
  /** Nothing had happened yet. */
  before = 0;
  /** A temporary file was there. */
  during = 0;
  /** The new file was in its place. */
  after = 0;

  toString(): string {
    const { before, during, after } = this;
    return `${before} before the write, ${during} in it, ${after} after it`;
  }
}

/** A store whose tokens are known. */
class Store {
  readonly home = new Home();
  readonly #tokens = new Map<string, string>();

  static async make(profiles: number): Promise<Store> {
    const store = new Store();
    for (let i = 0; i < profiles; i++) {
      store.#tokens.set(`profile-${i}`, someToken());
    }
    await makeStore(
      store.home,
      new Map([...store.#tokens].map(([name, token]) => [name, { token }])),
      "profile-0",
    );
    return store;
  }

  /** The profile that `use` is to switch to. */
  get other(): string {
    const { active } = readStored(this.home);
    return active === "profile-1" ? "profile-2" : "profile-1";
  }

  /** Fails unless the file opens, for the active profile and for any other one. */
  async assertOpens(random: Random): Promise<void> {
    const { active } = readStored(this.home);
    assertEquals(await tokenOf(this.home), this.#tokens.get(active));
    const one = `profile-${random.below(this.#tokens.size)}`;
    assertEquals(
      await tokenOf(this.home, {}, "--profile", one),
      this.#tokens.get(one),
    );
  }

  /** Fails unless a write that is left alone tidies up. */
  async assertTidies(command: string[]): Promise<void> {
    await succeed(command, { home: this.home });
    const left = this.home.entries().filter((path) => path.endsWith(".tmp"));
    assertEquals(left, [], `after ${command.join(" ")}`);
  }

  [Symbol.dispose](): void {
    this.home[Symbol.dispose]();
  }
}

/** How long a command takes in the middle, in milliseconds. */
async function durationOf(args: string[], home: Home): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const begin = performance.now();
    await succeed(args, { home });
    times.push(performance.now() - begin);
  }
  return times.sort((a, b) => a - b)[2] ?? 0;
}

/** Kills a process and waits for its end; one that has ended already has ended. */
async function killed(child: Child): Promise<void> {
  try {
    child.kill("SIGKILL");
  } catch (error) {
    const ended = error instanceof TypeError ||
      error instanceof Deno.errors.NotFound;
    if (!ended) throw error;
  }
  await child.end();
}

/** Kills a command and says where that came. */
async function killAndLook(
  { home }: Store,
  args: string[],
  moment: () => Promise<void>,
  hits: Hits,
): Promise<void> {
  const before = readCredentials(home);
  const child = start(args, { home });
  await moment();
  await killed(child);
  const left = leftovers(home).length;
  assert(left <= 1, `${left} temporary files: an earlier one was not tidied`);
  if (left > 0) hits.during++;
  else if (readCredentials(home) === before) hits.before++;
  else hits.after++;
}

/** Waits any part of this time, and a little more. */
function anywhereIn(duration: number, random: Random): () => Promise<void> {
  const delay = random.next() * duration * 1.1;
  return () => new Promise((resolve) => setTimeout(resolve, delay));
}

/**
 * Looks at a file's folder until a temporary file comes up there, and waits any
 * part of a millisecond and a half more: the write takes about as long. Without
 * a pause for anything else, or the moment is over.
 */
function whileWriting(path: string, random: Random): () => Promise<void> {
  const before = Deno.statSync(path).ino;
  const folder = dirname(path);
  const more = random.next() * 1.5;
  return () => {
    const end = performance.now() + 2000;
    while (performance.now() < end) {
      const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
      if (names.some((name) => name.endsWith(".tmp"))) break;
      if (Deno.statSync(path).ino !== before) break;
    }
    const over = performance.now() + more;
    while (performance.now() < over);
    return Promise.resolve();
  };
}

describe("a process that is killed with SIGKILL", () => {
  let store: Store;
  let hits: Hits;

  beforeEach(() => {
    hits = new Hits();
  });
  afterEach(() => report(`kills: ${hits}`));

  it("at 150 random instants of its life leaves a file that opens", () =>
    seeded(async (random) => {
      const shares = Array.from({ length: WORKERS }, () => 150 / WORKERS);
      await eachOf(shares, async (count) => {
        using store = await Store.make(200);
        const duration = await durationOf(["use", "profile-3"], store.home);
        for (let i = 0; i < count; i++) {
          const moment = anywhereIn(duration, random);
          await killAndLook(store, ["use", store.other], moment, hits);
          await store.assertOpens(random);
        }
        await store.assertTidies(["use", "profile-4"]);
      });
      assert(hits.before > 0 && hits.during + hits.after > 0, `${hits}`);
    }));

  it("at 100 random instants of a write leaves a file that opens, and the next write tidies up", () =>
    seeded(async (random) => {
      using store = await Store.make(1000);
      const path = store.home.at(CREDENTIALS);
      for (let i = 0; i < 100; i++) {
        const moment = whileWriting(path, random);
        await killAndLook(store, ["use", store.other], moment, hits);
        await store.assertOpens(random);
        if (i % 10 === 9) await store.assertTidies(["use", "profile-5"]);
      }
      assert(hits.during >= 20, `too few hit the write: ${hits}`);
    }));

  describe("while it changes the key", () => {
    for (
      const { name, count, moment } of [
        {
          name: "25 random instants of its life",
          count: 25,
          moment: (duration: number, random: Random) =>
            anywhereIn(duration, random),
        },
        {
          name: "25 random instants of the writing of the key file",
          count: 25,
          moment: (_: number, random: Random) =>
            whileWriting(store.home.at(KEY), random),
        },
        {
          name: "25 random instants of the writing of the credential file",
          count: 25,
          moment: (_: number, random: Random) =>
            whileWriting(store.home.at(CREDENTIALS), random),
        },
      ]
    ) {
      it(`at ${name} leaves a file that opens, and the next change tidies up`, () =>
        seeded(async (random) => {
          store = await Store.make(40);
          using _ = store;
          const rekey = ["store", "rekey"];
          const duration = await durationOf(rekey, store.home);
          for (let i = 0; i < count; i++) {
            await killAndLook(store, rekey, moment(duration, random), hits);
            await store.assertOpens(random);
          }
          await store.assertTidies(rekey);
          await store.assertOpens(random);
        }));
    }
  });
});
