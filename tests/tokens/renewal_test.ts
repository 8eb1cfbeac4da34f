import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { NanoctlError } from "../../src/errors.ts";
import type { Grant, GrantedTokens } from "../../src/grant.ts";
import { Secret } from "../../src/secret.ts";
import {
  renew,
  type RenewableTokens,
  type RenewalContext,
} from "../../src/tokens/renewal.ts";

const GRANT: Grant = {
  issuer: "https://id.example",
  clientId: "nanoctl",
  tokenEndpoint: "https://id.example/token",
};

/** Tokens of this generation, due at the start. */
function generation(number: number): RenewableTokens {
  return {
    grant: GRANT,
    token: new Secret(`access token ${number}`),
    refreshToken: new Secret(`refresh token ${number}`),
    renewAt: new Date(0),
    expiresAt: new Date(1),
  };
}

/**
 * Every order in which processes can take their steps, each of which can be
 * their last: a process that is killed takes no more, and frees the lock. The
 * code is the real one; the lock, the file and the server are small.
 */
class World {
  /** The generation in the file. */
  stored = 1;
  /** The newest refresh token that the server has not seen spent. */
  fresh = 1;
  /** Refresh tokens that were presented when they were spent already. */
  reuses = 0;
  #holder: number | undefined;
  #waiting: (() => void)[] = [];
  readonly #turns: (() => void)[] = [];
  readonly ended = new Set<number>();
  readonly results: (string | undefined)[] = [];

  context(process: number): RenewalContext {
    const step = (): Promise<void> => this.#step(process);
    return {
      store: {
        alone: async (action) => {
          await step();
          while (this.#holder !== undefined) {
            await new Promise<void>((resolve) => this.#waiting.push(resolve));
          }
          this.#holder = process;
          try {
            return await action();
          } finally {
            this.#free(process);
          }
        },
        read: async () => {
          await step();
          const tokens = generation(this.stored);
          return this.stored > 1
            ? { ...tokens, renewAt: new Date(9), expiresAt: new Date(10) }
            : tokens;
        },
        save: async (replaced, tokens) => {
          await step();
          if (replaced.reveal() !== `access token ${this.stored}`) return false;
          this.stored = Number(tokens.token.reveal().split(" ").at(-1));
          await step();
          return true;
        },
      },
      refresh: async ({ refreshToken }) => {
        await step();
        if (refreshToken?.reveal() !== `refresh token ${this.fresh}`) {
          this.reuses++;
          throw new NanoctlError("login_ended", "it was spent already");
        }
        this.fresh++;
        const { grant: _grant, ...tokens } = generation(this.fresh);
        // The answer is on its way.
        await step();
        return tokens;
      },
      now: () => new Date(1),
      random: () => 0,
      warn: () => Promise.resolve(),
      login: () => "nanoctl login",
    };
  }

  /** How many processes could go on. */
  get ready(): number {
    return this.#turns.length;
  }

  /** Lets one of them take its step. */
  go(choice: number): void {
    this.#turns.splice(choice, 1)[0]?.();
  }

  /** Kills a process: its next step never comes, and the system frees its lock. */
  kill(process: number): void {
    this.ended.add(process);
    this.#free(process);
  }

  #step(process: number): Promise<void> {
    return new Promise((resolve) => {
      this.#turns.push(() => {
        if (!this.ended.has(process)) resolve();
      });
    });
  }

  #free(process: number): void {
    if (this.#holder !== process) return;
    this.#holder = undefined;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** Lets everything happen that waits for no step. */
async function settle(): Promise<void> {
  for (let round = 0; round < 20; round++) await Promise.resolve();
}

/**
 * Runs one order of steps. At each point, `choose` picks one of so many
 * possibilities: which process goes on, or, after those, which one is killed.
 */
async function run(
  processes: number,
  kills: number,
  choose: (possibilities: number) => number,
): Promise<World> {
  const world = new World();
  let killsLeft = kills;
  for (let process = 0; process < processes; process++) {
    void renew(world.context(process), generation(1).token).then(
      (tokens) => {
        world.ended.add(process);
        world.results[process] = tokens?.token.reveal();
      },
      () => world.ended.add(process),
    );
  }
  await settle();
  while (world.ready > 0) {
    const alive = Array.from({ length: processes }, (_, process) => process)
      .filter((process) => !world.ended.has(process));
    const killable = killsLeft > 0 ? alive : [];
    const choice = choose(world.ready + killable.length);
    const victim = killable[choice - world.ready];
    if (victim === undefined) world.go(choice);
    else {
      killsLeft--;
      world.kill(victim);
    }
    await settle();
  }
  return world;
}

/** Explores every order, depth first, and gives how many there are. */
async function explore(
  processes: number,
  kills: number,
  check: (world: World) => void,
): Promise<number> {
  let path: { choice: number; of: number }[] = [];
  for (let count = 1;; count++) {
    let at = 0;
    const world = await run(processes, kills, (of) => {
      const known = path[at];
      if (known === undefined) path.push({ choice: 0, of });
      return path[at++]?.choice ?? 0;
    });
    check(world);
    while (path.length > 0) {
      const last = path.at(-1);
      if (last && last.choice + 1 < last.of) break;
      path.pop();
    }
    const last = path.at(-1);
    if (!last) return count;
    path = [...path.slice(0, -1), { ...last, choice: last.choice + 1 }];
  }
}

describe("the protocol of renewal, in every order of its steps", () => {
  for (const processes of [1, 2, 3]) {
    it(`spends each refresh token once, with ${processes} processes`, async () => {
      const orders = await explore(processes, 0, (world) => {
        assertEquals(world.reuses, 0);
        assertEquals(world.fresh, 2);
        assertEquals(world.stored, 2);
        assertEquals(
          world.results,
          Array(processes).fill("access token 2"),
        );
      });
      assert(orders >= processes);
    });
  }

  it("never stores an older token than the newest one spent but for one that was lost on its way, with a process killed anywhere", async () => {
    let lost = 0;
    await explore(2, 1, (world) => {
      assert(world.stored === world.fresh || world.stored === world.fresh - 1);
      if (world.stored !== world.fresh) lost++;
      // Only the answer that a killed process never stored makes the next one fail.
      assert(world.reuses <= 1);
      if (world.reuses > 0) assert(world.stored < world.fresh);
    });
    assert(lost > 0, "no kill fell between the answer and the save");
  });
});

describe("renewing", () => {
  function contextOf(
    change: Partial<RenewalContext> & {
      save?: RenewalContext["store"]["save"];
    } = {},
  ): RenewalContext & { warnings: string[] } {
    const warnings: string[] = [];
    const renewed: GrantedTokens = { token: new Secret("the renewed token") };
    return {
      warnings,
      store: {
        alone: (action) => action(),
        read: () => Promise.resolve(generation(1)),
        save: change.save ?? (() => Promise.resolve(true)),
      },
      refresh: () => Promise.resolve(renewed),
      now: () => new Date(1),
      random: () => 0,
      warn: (line) => {
        warnings.push(line);
        return Promise.resolve();
      },
      login: () => "nanoctl login --profile work",
      ...change,
    };
  }

  it("says how to log in again where the server does not renew any more", async () => {
    const context = contextOf({
      refresh: () => Promise.reject(new NanoctlError("login_ended", "over")),
    });
    const error = await assertRejects(
      () => renew(context, generation(1).token),
      NanoctlError,
    );
    assertEquals([error.code, error.exitCode], ["login_ended", 4]);
    assertEquals(
      error.hint,
      "log in again with 'nanoctl login --profile work'",
    );
  });

  const HOUR = 3_600_000;
  const spread: [random: number, renewed: number][] = [
    [0, 2 * HOUR / 3],
    [0.5, HOUR / 2],
    [0.999999, HOUR / 3],
  ];
  for (const [random, renewed] of spread) {
    it(
      `has a token of an hour renewed after ${
        Math.round(renewed / 1000)
      } s where the random number is ${random}`,
      async () => {
        const context = contextOf({
          refresh: () =>
            Promise.resolve({
              token: new Secret("the renewed token"),
              expiresAt: new Date(1 + HOUR),
              renewAt: new Date(1 + HOUR - 60_000),
            }),
          random: () => random,
        });
        const tokens = await renew(context, generation(1).token);
        const after = Number(tokens?.renewAt) - 1;
        assert(Math.abs(after - renewed) < 10, `${after}`);
      },
    );
  }

  /** A renewal that fails while the token is valid for so long, and what it stores. */
  async function failed(
    code: "network" | "interrupted" | "login_ended",
    { left, isRefused, random = 0.5 }: {
      left: number;
      isRefused: boolean;
      random?: number;
    },
  ): Promise<(GrantedTokens | undefined)[]> {
    const saved: GrantedTokens[] = [];
    const tokens = { ...generation(1), expiresAt: new Date(1 + left) };
    const context = contextOf({
      refresh: () => Promise.reject(new NanoctlError(code, "no")),
      random: () => random,
    });
    context.store.read = () => Promise.resolve(tokens);
    context.store.save = (_, changed) => {
      saved.push(changed);
      return Promise.resolve(true);
    };
    await assertRejects(
      () => renew(context, tokens.token, isRefused),
      NanoctlError,
    );
    return saved;
  }

  it("that fails ahead of its time is tried again at a random moment of the second half of what is left", async () => {
    for (
      const [random, wait] of [[0, 120_000], [0.5, 180_000], [0.9, 228_000]]
    ) {
      const given = { left: 300_000, isRefused: false, random: random ?? 0 };
      const [tokens, ...others] = await failed("network", given);
      assertEquals(others, []);
      assertEquals(Number(tokens?.renewAt) - 1, wait);
      assertEquals(tokens?.token.reveal(), "access token 1");
      assertEquals(tokens?.refreshToken?.reveal(), "refresh token 1");
      assertEquals(tokens?.expiresAt, new Date(300_001));
    }
  });

  for (
    const [why, code, left, isRefused] of [
      ["the service has refused the token", "network", 300_000, true],
      ["the token has expired", "network", 0, false],
      ["the login has ended", "login_ended", 300_000, false],
      ["it was interrupted", "interrupted", 300_000, false],
    ] as const
  ) {
    it(`that fails is tried by the next command where ${why}`, async () => {
      assertEquals(await failed(code, { left, isRefused }), []);
    });
  }

  it("that fails says why, though its next moment can't be stored", async () => {
    const context = contextOf({
      refresh: () => Promise.reject(new NanoctlError("network", "down")),
    });
    context.store.read = () =>
      Promise.resolve({ ...generation(1), expiresAt: new Date(HOUR) });
    context.store.save = () =>
      Promise.reject(new NanoctlError("file_unwritable", "full"));
    const error = await assertRejects(
      () => renew(context, generation(1).token, false),
      NanoctlError,
    );
    assertEquals(error.code, "network");
    assertEquals(context.warnings, []);
  });

  it("serves the command where the new token can't be stored, and warns", async () => {
    const context = contextOf({
      save: () => Promise.reject(new NanoctlError("file_unwritable", "full")),
    });
    const tokens = await renew(context, generation(1).token);
    assertEquals(tokens?.token.reveal(), "the renewed token");
    assertEquals(context.warnings, [
      "the renewed token could not be stored, so the next command may have to log in again ('nanoctl login --profile work'): full",
    ]);
  });
});
