import { assert, assertEquals } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { KeyCommand } from "../support/key_command.ts";
import { Home, run, start } from "../support/nanoctl.ts";
import {
  eachOf,
  makeStore,
  type Random,
  readCredentials,
  readStored,
  report,
  seeded,
  someKey,
  someToken,
  succeed,
  tokenOf,
} from "../support/store_files.ts";

const PROFILES = 40;
const KILLS = 40;
/** Stores that are worked on at once, so that the kills come at odd times. */
const STORES = 2;

/** A store whose tokens are known, with a key file, and a key in the environment. */
class Store implements Disposable {
  readonly home = new Home();
  readonly env: Record<string, string> = {
    NANOCTL_ENCRYPTION_KEY: someKey(),
  };
  readonly #tokens = new Map<string, string>();

  async make(): Promise<void> {
    for (let i = 0; i < PROFILES; i++) {
      this.#tokens.set(`profile-${i}`, someToken());
    }
    const made = [...this.#tokens].map(([name, token]) =>
      [name, { token }] as const
    );
    await makeStore(this.home, new Map(made), "profile-0");
  }

  /** The names of the keys that open the file. */
  get names(): string[] {
    const { key } = readStored(this.home);
    const slots = key.slots as { name: string }[] | undefined;
    return slots?.map(({ name }) => name) ?? [key.source];
  }

  /** Fails unless every key that is listed opens the file, and gives the right tokens. */
  async assertOpens(random: Random): Promise<void> {
    const one = `profile-${random.below(PROFILES)}`;
    assertEquals(
      await tokenOf(this.home, this.env, "--profile", one),
      this.#tokens.get(one),
    );
    const { stdout } = await succeed(
      ["store", "key", "list", "--check", "--json"],
      { home: this.home, env: this.env },
    );
    const keys: { name: string; opens: boolean }[] = JSON.parse(stdout).keys;
    assert(keys.length > 0);
    for (const { name, opens } of keys) assert(opens, `${name}: ${stdout}`);
  }

  [Symbol.dispose](): void {
    this.home[Symbol.dispose]();
  }
}

describe("a change of the keys that is killed with SIGKILL", () => {
  let command: KeyCommand;
  beforeEach(() => {
    command = new KeyCommand();
  });
  afterEach(() => command[Symbol.dispose]());

  /** The next change of a cycle through all of them, by what is there. */
  function nextChange(names: string[], step: number): string[] {
    const add = ["store", "key", "add", "--key-source"];
    const changes = [
      names.includes("environment")
        ? ["store", "key", "remove", "environment"]
        : [...add, "environment"],
      ["store", "rekey"],
      names.includes("command")
        ? ["store", "key", "remove", "command"]
        : [...add, command.source],
      ["store", "rekey"],
    ];
    return changes[step % changes.length] ?? [];
  }

  it(`at ${KILLS} random instants leaves a file that every listed key opens, and the next change works`, () =>
    seeded(async (random) => {
      let changed = 0;
      let tried = 0;
      const shares = Array.from({ length: STORES }, () => KILLS / STORES);
      await eachOf(shares, async (count) => {
        using store = new Store();
        await store.make();
        const { home, env } = store;
        let duration = 300;
        for (let kill = 0; kill < count; kill++) {
          const change = nextChange(store.names, kill);
          const before = readCredentials(home);
          const child = start(change, { home, env });
          const delay = random.next() * duration * 1.1;
          await new Promise((resolve) => setTimeout(resolve, delay));
          try {
            child.kill("SIGKILL");
          } catch {
            // It has ended already.
          }
          await child.end();
          tried++;
          if (readCredentials(home) !== before) changed++;
          await store.assertOpens(random);
          if (kill % 5 < 4) continue;
          // Left alone, a change succeeds, and tidies up.
          const begin = performance.now();
          const again = await run(nextChange(store.names, kill), { home, env });
          duration = performance.now() - begin;
          assertEquals(again.code, 0, again.stderr);
          await store.assertOpens(random);
          const left = home.entries().filter((path) => path.endsWith(".tmp"));
          assertEquals(left.filter((path) => path.startsWith(".config")), []);
        }
      }, STORES);
      report(`kills: ${tried}, of which ${changed} after the change`);
      assert(changed > 0 && changed < tried, `${changed} of ${tried}`);
    }));
});
