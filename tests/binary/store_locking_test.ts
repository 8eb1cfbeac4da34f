import { assert, assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe } from "@std/testing/bdd";
import {
  assertFailure,
  type Child,
  CREDENTIALS,
  Home,
  start,
} from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";
import {
  commandLine,
  itWith,
  LOCK,
  LockHolder,
  ownMounts,
  programs,
  readCredentials,
  readStored,
  runScript,
  tokenOf,
  untilItWaits,
} from "../support/store_files.ts";
import { BINARY } from "../support/nanoctl.ts";

const NEEDS = [programs("flock")];

describe("while another process holds the lock of the credential file", () => {
  let service: Service;

  beforeAll(async () => {
    service = await Service.start();
  });
  afterAll(() => service.stop());

  async function loggedIn(...names: string[]): Promise<Home> {
    const home = new Home();
    for (const name of names) {
      await service.logIn(home, service.token, "--profile", name);
    }
    return home;
  }

  /** Starts a command; it has not got further than the lock when this resolves. */
  async function waiting(
    args: string[],
    home: Home,
    stdin?: string,
  ): Promise<Child> {
    const child = start(args, {
      home,
      env: service.env,
      ...(stdin === undefined ? {} : { stdin }),
    });
    await untilItWaits(child.pid);
    return child;
  }

  const writers: {
    args: string[];
    stdin?: boolean;
    check: (home: Home) => void;
  }[] = [
    {
      args: ["use", "a"],
      check: (home) => assertEquals(readStored(home).active, "a"),
    },
    {
      args: ["logout", "--profile", "a"],
      check: (home) =>
        assertEquals(Object.keys(readStored(home).profiles), ["b"]),
    },
    {
      args: ["login", "--token-stdin", "--save", "--profile", "c"],
      stdin: true,
      check: (home) =>
        assertEquals(
          Object.keys(readStored(home).profiles).sort(),
          ["a", "b", "c"],
        ),
    },
    { args: ["store", "rekey"], check: () => {} },
  ];
  for (const holder of ["exclusive", "shared"] as const) {
    for (const { args, stdin, check } of writers) {
      itWith(
        NEEDS,
        `for ${holder} use, ${args[0]} ${
          args[1]
        } waits, and goes on when it is killed`,
        async () => {
          using home = await loggedIn("a", "b");
          await using lock = await LockHolder.hold(home.at(LOCK), holder);
          const before = readCredentials(home);
          const child = await waiting(
            args,
            home,
            stdin ? service.token : undefined,
          );
          assertEquals(readCredentials(home), before, "it did not wait");
          await lock.free();
          const { code, stderr } = await child.end();
          assertEquals(code, 0, stderr);
          assert(readCredentials(home) !== before, "nothing was changed");
          check(home);
        },
      );
    }
  }

  for (const args of [["token"], ["status"], ["whoami"], ["store", "info"]]) {
    itWith(
      NEEDS,
      `${args.join(" ")} waits for who writes, and not for who reads`,
      async () => {
        using home = await loggedIn("a");
        {
          await using _ = await LockHolder.hold(home.at(LOCK), "shared");
          const { code, stderr } = await start(args, { home, env: service.env })
            .end();
          assertEquals(code, 0, stderr);
        }
        await using lock = await LockHolder.hold(home.at(LOCK));
        const child = await waiting(args, home);
        await lock.free();
        const { code, stderr } = await child.end();
        assertEquals(code, 0, stderr);
      },
    );
  }

  itWith(
    NEEDS,
    "for 10 seconds, what writes and what reads gives up with an error that names the lock",
    async () => {
      using home = await loggedIn("a", "b");
      await using _ = await LockHolder.hold(home.at(LOCK));
      const before = readCredentials(home);
      await Promise.all(
        [["use", "a"], ["token"], ["logout"], ["store", "rekey"]].map(
          async (args) => {
            const begin = performance.now();
            assertFailure(await start(args, { home }).end(), {
              exit: 7,
              code: "file_locked",
              message: new RegExp(
                `^another process has held ${home.at(LOCK)} for 10 s$`,
              ),
              hint: /^wait for the other nanoctl, or end it, and try again$/,
            });
            const seconds = (performance.now() - begin) / 1000;
            assert(seconds > 9.5 && seconds < 20, `${args}: ${seconds} s`);
          },
        ),
      );
      assertEquals(readCredentials(home), before);
    },
  );

  itWith(
    NEEDS,
    "Ctrl-C ends the wait at once, with 130 and nothing changed",
    async () => {
      using home = await loggedIn("a", "b");
      await using _ = await LockHolder.hold(home.at(LOCK));
      const before = readCredentials(home);
      for (const args of [["use", "a"], ["token"]]) {
        const child = await waiting(args, home);
        child.kill("SIGINT");
        assertFailure(await child.end(), {
          exit: 130,
          code: "interrupted",
          message: /^interrupted$/,
        });
      }
      assertEquals(readCredentials(home), before);
    },
  );

  itWith(
    NEEDS,
    "a nanoctl that is killed while it waits or writes does not keep the lock",
    async () => {
      using home = await loggedIn("a", "b");
      await using lock = await LockHolder.hold(home.at(LOCK));
      const children = [
        await waiting(["use", "a"], home),
        await waiting(["use", "b"], home),
      ];
      for (const child of children) child.kill("SIGKILL");
      for (const child of children) await child.end();
      await lock.free();
      const { code } = await start(["use", "a"], { home }).end();
      assertEquals(code, 0);
    },
  );
});

describe("on a file system that can only be read", () => {
  let service: Service;

  beforeAll(async () => {
    service = await Service.start();
  });
  afterAll(() => service.stop());

  /** Runs a command where all of HOME can only be read. */
  function readOnly(
    home: Home,
    ...args: string[]
  ): ReturnType<typeof runScript> {
    const mount = [
      `mount --bind "$HOME" "$HOME"`,
      `mount -o remount,bind,ro "$HOME"`,
      `if touch "$HOME/x" 2>/dev/null; then echo it can be written >&2; fi`,
      `exec ${commandLine(BINARY, ...args)}`,
    ].join(" && ").replace("; fi &&", "; fi;");
    return runScript(`exec unshare -rm sh -c ${commandLine(mount)}`, {
      home,
      env: service.env,
    });
  }

  const reads: [string[], (service: Service) => RegExp][] = [
    [["token"], ({ token }) => new RegExp(`^${token}\n$`)],
    [["whoami"], () => /^ada\n$/],
    [["status"], () => /\* +a /],
    [["status", "--check"], () => /\* +a /],
    [["store", "info"], () => /AES-256-GCM/],
  ];
  for (const [args, says] of reads) {
    itWith(
      [ownMounts],
      `${args.join(" ")} works, with a lock file and without`,
      async () => {
        using home = new Home();
        await service.logIn(home, service.token, "--profile", "a");
        for (const withLock of [true, false]) {
          if (!withLock) Deno.removeSync(home.at(LOCK));
          const { code, stdout, stderr } = await readOnly(home, ...args);
          assertEquals(code, 0, stderr);
          assert(says(service).test(stdout), stdout);
        }
      },
    );
  }

  const writes = [
    ["use", "b"],
    ["logout"],
    ["logout", "--all"],
    ["store", "rekey"],
    ["login", "--save"],
  ];
  for (const args of writes) {
    itWith(
      [ownMounts],
      `${args.join(" ")} says so, and changes nothing`,
      async () => {
        using home = new Home();
        await service.logIn(home, service.token, "--profile", "b");
        await service.logIn(home, service.token, "--profile", "a");
        const before = readCredentials(home);
        const entries = home.entries();
        const given = args[0] === "login" ? ["--token", service.token] : [];
        assertFailure(await readOnly(home, ...args, ...given), {
          exit: 7,
          code: "file_unwritable",
          message: /can't be (made|written)/,
          hint: /read-only|free space/,
        });
        assertEquals(readCredentials(home), before);
        assertEquals(home.entries(), entries);
        assertEquals(await tokenOf(home), service.token);
        assert(home.entries().includes(CREDENTIALS));
      },
    );
  }
});
