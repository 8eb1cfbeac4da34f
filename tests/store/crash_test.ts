import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { dirname, join } from "@std/path";
import fc from "fast-check";
import type { FileSystem } from "../../src/store/file_system.ts";
import { observed } from "./observed_file_system.ts";
import { credential, StoreFixture } from "./store_fixture.ts";

/** What a person can tell of a store: who is logged in with which token, and who is active. */
type State = string;

type Operation =
  | { kind: "save"; profile: string; token: string }
  | { kind: "remove"; profiles: string[] }
  | { kind: "use"; profile: string }
  | { kind: "rekey" };

const profile = fc.constantFrom("default", "a", "b");
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({
    kind: fc.constant("save" as const),
    profile,
    token: fc.stringMatching(/^[a-z]{1,40}$/),
  }),
  fc.record({
    kind: fc.constant("remove" as const),
    profiles: fc.array(profile, { maxLength: 3 }),
  }),
  fc.record({ kind: fc.constant("use" as const), profile }),
  fc.record({ kind: fc.constant("rekey" as const) }),
);

async function apply(
  fixture: StoreFixture,
  wanted: Operation,
  fs: FileSystem,
): Promise<void> {
  const store = fixture.store(fs);
  switch (wanted.kind) {
    case "save":
      return await store.save(credential(wanted.profile, wanted.token));
    case "remove":
      await store.remove(wanted.profiles);
      return;
    case "use":
      return await store.use(wanted.profile);
    case "rekey":
      await store.rekey();
  }
}

async function stateOf(fixture: StoreFixture): Promise<State> {
  const snapshot = await fixture.store().read();
  const tokens: [string, string | undefined][] = [];
  for (const name of snapshot.names) {
    tokens.push([name, (await snapshot.openToken(name))?.reveal()]);
  }
  return JSON.stringify({ active: snapshot.active, tokens });
}

function copyFolder(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true, mode: 0o700 });
  for (const entry of Deno.readDirSync(from)) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory) copyFolder(source, target);
    else Deno.copyFileSync(source, target);
  }
}

/** A home as a crash at some instant would leave it. */
function crashed(home: string): StoreFixture {
  const copy = new StoreFixture();
  copyFolder(home, copy.home);
  return copy;
}

describe("a crash at any write", () => {
  it("leaves the state before the operation or the one after it", async () => {
    let crashes = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(operation, { minLength: 1, maxLength: 6 }),
        async (operations) => {
          const fixture = new StoreFixture();
          try {
            for (const wanted of operations) {
              const before = await stateOf(fixture);
              const left: StoreFixture[] = [];
              const snapshot = (): void =>
                void left.push(crashed(fixture.home));
              const fs = observed({ before: snapshot, after: snapshot });
              // An operation may well be refused: that is one way to end, too.
              await apply(fixture, wanted, fs).catch(() => {});
              const after = await stateOf(fixture);
              crashes += left.length;
              for (const crash of left) {
                const found = await stateOf(crash);
                assert(
                  found === before || found === after,
                  `${JSON.stringify(wanted)} left ${found}`,
                );
                await worksOn(crash);
                crash.remove();
              }
            }
          } finally {
            fixture.remove();
          }
        },
      ),
      { numRuns: 40, seed: 20261121 },
    );
    assert(crashes > 500, `only ${crashes} crashes were tried`);
  });
});

/** The next change works, and removes what the crash left. */
async function worksOn(crash: StoreFixture): Promise<void> {
  await crash.store().save(credential("after-the-crash"));
  assertEquals(
    [...Deno.readDirSync(dirname(crash.path))].map(({ name }) => name)
      .filter((name) => name.endsWith(".tmp")),
    [],
  );
}
