import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { type FastPathContext, runFastPath } from "../../src/cli/fast_path.ts";
import { run } from "../../src/cli/run.ts";
import type { Context } from "../../src/process/context.ts";
import { LARGE } from "../../src/store/large_file.ts";
import { credential, StoreFixture } from "../store/store_fixture.ts";
import { FakeContext } from "../support/fake_context.ts";

const TOKEN = "nano_of_the_active_profile";

/** A context that takes what is written as fast_path.ts writes it. */
function outside(context: FakeContext): FastPathContext & { text: string } {
  const { env, os } = context;
  return {
    env,
    os,
    now: () => context.now(),
    text: "",
    write(bytes): number {
      this.text += new TextDecoder().decode(bytes);
      return bytes.length;
    },
  };
}

describe("the fast path", () => {
  let fixture: StoreFixture;
  beforeEach(async () => {
    fixture = new StoreFixture();
    const store = fixture.store();
    await store.save(credential("work"));
    await store.save(credential("default", TOKEN));
  });
  afterEach(() => fixture.remove());

  /** What the fast path prints; undefined where it leaves it to the whole program. */
  async function once(
    args: string[],
    context = fixture.context,
  ): Promise<string | undefined> {
    const given = outside(context);
    const done = await runFastPath(args, given);
    if (!done) assertEquals(given.text, "", "it wrote and did not finish");
    return done ? given.text : undefined;
  }

  /** The same with some tries: on a busy machine it may not get the lock in time. */
  async function quick(
    args: string[],
    context = fixture.context,
  ): Promise<string | undefined> {
    for (let tries = 0; tries < 10; tries++) {
      const text = await once(args, context);
      if (text !== undefined) return text;
    }
    return undefined;
  }

  /** What the whole program prints; undefined where it fails or has something to say. */
  async function whole(args: string[]): Promise<string | undefined> {
    const { env, os, time } = fixture.context;
    const context = new FakeContext({ env: env.toObject(), os, now: time });
    const code = await run(args, context);
    return code === 0 && context.stderr.text === ""
      ? context.stdout.text
      : undefined;
  }

  async function isLeft(args = ["token"]): Promise<void> {
    assertEquals(await once(args), undefined);
  }

  const done: [args: string[], variables: Record<string, string>][] = [
    [["token"], {}],
    [["token", "--profile", "work"], {}],
    [["token"], { NANOCTL_PROFILE: "work" }],
    [["token", "--profile", "default"], { NANOCTL_PROFILE: "work" }],
    [["token"], { NANOCTL_PROFILE: "", NANOSERVICES_TOKEN: "" }],
    [["token"], {
      NANOSERVICES_AGENT_TOKEN: "nano_agent",
      CODER_SESSION_TOKEN: "x",
    }],
    [["--version"], {}],
    [["-V"], { NANOSERVICES_TOKEN: "nano_given" }],
  ];
  for (const [args, variables] of done) {
    it(`does ${args.join(" ")} with ${JSON.stringify(variables)} as the whole program does`, async () => {
      for (const [name, value] of Object.entries(variables)) {
        fixture.context.variables.set(name, value);
      }
      const text = await quick(args);
      assert(text !== undefined && text.length > 1);
      assertEquals(text, await whole(args));
    });
  }

  it("prints the token that is stored", async () => {
    assertEquals(await quick(["token"]), `${TOKEN}\n`);
    assertEquals(
      await quick(["token", "--profile", "work"]),
      "token-of-work\n",
    );
  });

  const left: string[][] = [
    [],
    ["whoami"],
    ["token", "--json"],
    ["token", "--url", "https://nano.example.com"],
    ["token", "--service", "nanoservices"],
    ["token", "--profile"],
    ["token", "--profile", "-x"],
    ["token", "--profile", "none"],
    ["token", "--profile", "no name"],
    ["token", "--profile=work"],
    ["token", "--token", "nano_given"],
    ["token", "--help"],
    ["token", "more"],
    ["--profile", "work", "token"],
    ["--version", "more"],
    ["version"],
  ];
  for (const args of left) {
    it(`leaves ${JSON.stringify(args)} to the whole program`, () =>
      isLeft(args));
  }

  it("leaves it to the whole program wherever a variable has a say that it does not know", async () => {
    // Everything that the whole program asks for on the same way.
    const asked = new Set<string>();
    const { env } = fixture.context;
    const watched: Context["env"] = {
      get: (name) => {
        asked.add(name);
        return env.get(name);
      },
      toObject: () => env.toObject(),
    };
    const context = new FakeContext({ env: env.toObject() });
    Object.defineProperty(context, "env", { value: watched });
    assertEquals(await run(["token"], context), 0);
    assertEquals(context.stdout.text, `${TOKEN}\n`);
    assert(asked.has("NANOSERVICES_TOKEN") && asked.has("NANOSERVICES_URL"));
    const places = ["NANOCTL_CONFIG_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME"];
    const understood = [...places, "HOME", "NANOCTL_PROFILE"];
    for (const name of asked) {
      if (understood.includes(name)) continue;
      fixture.context.variables.set(name, "work");
      assertEquals(await quick(["token"]), undefined, name);
      fixture.context.variables.delete(name);
    }
    assert(await quick(["token"]));
  });

  it("finds the folders as the whole program does", async () => {
    const { variables } = fixture.context;
    const config = join(fixture.home, "elsewhere");
    const data = join(fixture.home, "data");
    Deno.renameSync(join(fixture.home, ".config/nanoctl"), config);
    Deno.mkdirSync(data);
    Deno.renameSync(
      join(fixture.home, ".local/share/nanoctl"),
      join(data, "nanoctl"),
    );
    await isLeft();
    variables.set("NANOCTL_CONFIG_DIR", config);
    variables.set("XDG_DATA_HOME", data);
    assertEquals(await quick(["token"]), `${TOKEN}\n`);
    variables.delete("HOME");
    variables.delete("XDG_DATA_HOME");
    await isLeft();
  });

  const lastDay: [left: number, text: string | undefined][] = [
    [24 * 3600, `${TOKEN}\n`],
    [24 * 3600 - 1, undefined],
    [0, undefined],
    [-1, undefined],
  ];
  for (const [seconds, text] of lastDay) {
    it(`${text ? "does" : "leaves"} a token that ends in ${seconds} s`, async () => {
      const end = new Date("2027-01-31T12:00:00.000Z");
      fixture.context.time = new Date(end.getTime() - seconds * 1000);
      assertEquals(await quick(["token"]), text);
      assertEquals(await whole(["token"]), text);
    });
  }

  it("does a token without an end, and one that is not ASCII", async () => {
    const { expiresAt: _, ...rest } = credential("default", "nano_ünïcödé_🔑");
    await fixture.store().save({ ...rest, expiresAt: undefined });
    assertEquals(await quick(["token"]), "nano_ünïcödé_🔑\n");
  });

  describe("of a file with several keys", () => {
    beforeEach(async () => {
      const key = new Uint8Array(32).fill(7).toBase64();
      fixture.context.variables.set("NANOCTL_ENCRYPTION_KEY", key);
      await (await fixture.store().keys()).add({ source: "environment" });
    });

    it("opens it by the key file", async () => {
      assertEquals(fixture.json().version, 2);
      assertEquals(await quick(["token"]), `${TOKEN}\n`);
      assertEquals(
        await quick(["token", "--profile", "work"]),
        await whole(["token", "--profile", "work"]),
      );
    });

    it("leaves it to the whole program where another key opens it", async () => {
      Deno.removeSync(fixture.keyPath);
      assertEquals(await once(["token"]), undefined);
      assertEquals(await whole(["token"]), `${TOKEN}\n`);
    });

    it("leaves it to the whole program where the slot was tampered with", async () => {
      fixture.edit(({ key: { slots } }) => slots[0].name = "other");
      assertEquals(await once(["token"]), undefined);
      assertEquals(await whole(["token"]), `${TOKEN}\n`);
    });
  });

  const odd: Record<string, () => void | Promise<void>> = {
    "the folder is open to others": () =>
      Deno.chmodSync(join(fixture.path, ".."), 0o755),
    "the file is open to others": () => Deno.chmodSync(fixture.path, 0o644),
    "the file is a symbolic link": () => {
      Deno.renameSync(fixture.path, `${fixture.path}.real`);
      Deno.symlinkSync(`${fixture.path}.real`, fixture.path);
    },
    "the key's folder is open to others": () =>
      Deno.chmodSync(join(fixture.keyPath, ".."), 0o711),
    "the key file is open to others": () =>
      Deno.chmodSync(fixture.keyPath, 0o640),
    "the key file is missing": () => Deno.removeSync(fixture.keyPath),
    "the key file is empty": () => Deno.writeTextFileSync(fixture.keyPath, ""),
    "the key file holds more than one key": async () => {
      await fixture.store().rekey();
    },
    "the key is another one": () =>
      Deno.writeTextFileSync(fixture.keyPath, btoa("k".repeat(32))),
    "the file is missing": () => Deno.removeSync(fixture.path),
    "the file is cut off": () => Deno.truncateSync(fixture.path, 100),
    "the lock file is missing": () =>
      Deno.removeSync(join(fixture.path, "../credentials.lock")),
    "the key has another source": () =>
      fixture.edit((file) => file.key.source = "environment"),
    "the service is unknown": () =>
      fixture.edit((file) => file.profiles.default.service = "other"),
    "the URL was changed": () =>
      fixture.edit((file) => file.profiles.default.url = "https://b.example"),
    "the active profile is missing": () =>
      fixture.edit((file) => file.active = "none"),
    "the version is another": () => fixture.edit((file) => file.version = 2),
  };
  for (const [what, change] of Object.entries(odd)) {
    it(`leaves it to the whole program where ${what}`, async () => {
      await change();
      await isLeft();
    });
  }

  it("leaves it to the whole program while another process changes the file, and not while one reads", async () => {
    using lock = Deno.openSync(join(fixture.path, "../credentials.lock"), {
      write: true,
    });
    lock.lockSync(true);
    await isLeft();
    lock.unlockSync();
    lock.lockSync(false);
    assertEquals(await quick(["token"]), `${TOKEN}\n`);
  });

  it("leaves it to the whole program where the file is replaced before the lock is there", async () => {
    const lockPath = join(fixture.path, "../credentials.lock");
    using lock = Deno.openSync(lockPath, { write: true });
    lock.lockSync(true);
    const reading = once(["token"]);
    // It has read by now, as it does that before it first waits.
    const text = Deno.readTextFileSync(fixture.path);
    Deno.writeTextFileSync(`${fixture.path}.new`, text, { mode: 0o600 });
    Deno.renameSync(`${fixture.path}.new`, fixture.path);
    lock.unlockSync();
    assertEquals(await reading, undefined);
    assertEquals(await quick(["token"]), `${TOKEN}\n`);
  });

  describe("with a large file", () => {
    const MANY = 1500;
    /** More than 128 KiB, with `default` at its end and `work` at its start. */
    beforeEach(() =>
      fixture.edit((file) => {
        const { work, default: last } = file.profiles;
        const others = Object.fromEntries(
          Array.from({ length: MANY }, (_, at) => [`n${at}`, work]),
        );
        file.profiles = { work, ...others, default: last };
      })
    );

    it("prints what is stored, wherever it is", async () => {
      assert(Deno.statSync(fixture.path).size > 2 * LARGE);
      assertEquals(await quick(["token"]), `${TOKEN}\n`);
      const ofWork = await quick(["token", "--profile", "work"]);
      assertEquals(ofWork, "token-of-work\n");
    });

    it("finds an entry wherever the chunks end", async () => {
      const text = Deno.readTextFileSync(fixture.path);
      for (let more = 0; more < 600; more += 7) {
        const padding = "é".repeat(more);
        Deno.writeTextFileSync(
          fixture.path,
          text.replace("{", `{\n  "padding": "${padding}",`),
        );
        assertEquals(await quick(["token"]), `${TOKEN}\n`, String(more));
      }
    });

    it("leaves it to the whole program where it has another layout", async () => {
      const file = JSON.parse(Deno.readTextFileSync(fixture.path));
      Deno.writeTextFileSync(fixture.path, JSON.stringify(file));
      await isLeft();
      assertEquals(await whole(["token"]), `${TOKEN}\n`);
    });

    it("leaves it to the whole program where one of the two entries is missing, cut off or of another profile", async () => {
      await isLeft(["token", "--profile", "none"]);
      await isLeft(["token", "--profile", "n7"]);
      fixture.edit((file) => file.active = "none");
      await isLeft(["token", "--profile", "work"]);
      fixture.edit((file) => file.active = "default");
      assert(await quick(["token"]));
      const { size } = Deno.statSync(fixture.path);
      Deno.truncateSync(fixture.path, size - 20);
      await isLeft();
    });
  });

  it("leaves it to the whole program where nothing can be written", async () => {
    const context = outside(fixture.context);
    context.write = () => {
      throw new Deno.errors.BrokenPipe();
    };
    assertEquals(await runFastPath(["token"], context), false);
  });

  it("leaves it to the whole program where a full pipe could take a part of it", async () => {
    const store = fixture.store();
    await store.save(credential("long", "x".repeat(4096)));
    await store.save(credential("fits", "x".repeat(4095)));
    await isLeft(["token", "--profile", "long"]);
    const fits = await quick(["token", "--profile", "fits"]);
    assertEquals(fits?.length, 4096);
  });

  it("writes on where not all was written at once", async () => {
    const context = outside(fixture.context);
    const whole = context.write;
    context.write = (bytes) => whole.call(context, bytes.subarray(0, 5));
    assertEquals(await runFastPath(["token"], context), true);
    assertEquals(context.text, `${TOKEN}\n`);
  });

  it("never prints what the whole program does not, whatever the file holds", async () => {
    const text = Deno.readTextFileSync(fixture.path);
    const key = Deno.readTextFileSync(fixture.keyPath);
    let done = 0;
    const change = fc.record({
      of: fc.constantFrom("file", "key"),
      at: fc.nat(),
      deleted: fc.nat({ max: 3 }),
      inserted: fc.constantFrom("", "x", "A", "0", '"', ",", "}", " ", "\n"),
    });
    await fc.assert(
      fc.asyncProperty(
        change,
        fc.constantFrom<string[]>(["token"], ["token", "--profile", "work"]),
        async ({ of, at, deleted, inserted }, args) => {
          const changed = (whole: string): string => {
            const start = at % whole.length;
            return whole.slice(0, start) + inserted +
              whole.slice(start + deleted);
          };
          const [newText, newKey] = of === "file"
            ? [changed(text), key]
            : [text, changed(key)];
          Deno.writeTextFileSync(fixture.path, newText);
          Deno.writeTextFileSync(fixture.keyPath, newKey);
          const said = await quick(args);
          if (said === undefined) return;
          done++;
          assertEquals(said, await whole(args));
        },
      ),
      { numRuns: 400 },
    );
    assert(done > 10, `only ${done} of the changes left a token`);
  });
});
