import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { dirname, join } from "@std/path";
import {
  assertFailure,
  BINARY,
  CREDENTIALS,
  type Failure,
  Home,
  KEY,
  type Result,
  run,
} from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";
import {
  commandLine,
  CONFIG_FOLDER,
  DATA_FOLDER,
  IS_ROOT,
  itWith,
  makeFolder,
  makeStore,
  NOBODY,
  ownMounts,
  programs,
  readCredentials,
  root,
  runScript,
  someToken,
  succeed,
  tokenOf,
  writePrivate,
} from "../support/store_files.ts";

let service: Service;

beforeAll(async () => {
  service = await Service.start();
});
afterAll(() => service.stop());

/** A home with the profiles `default` and `other`, the first one active. */
async function loggedIn(): Promise<Home> {
  const home = new Home();
  for (const name of ["other", "default"]) {
    await service.logIn(home, service.token, "--profile", name);
  }
  return home;
}

/** The commands that change the credential file. */
function writers(): string[][] {
  return [
    ["use", "other"],
    ["logout"],
    ["logout", "--all"],
    ["login", "--save", "--token", service.token],
    ["store", "rekey"],
  ];
}

/** Every file below a home with its bytes: equal when nothing was changed. */
function contents(home: Home): Record<string, string> {
  return Object.fromEntries(
    home.entries().map((path) => {
      const at = home.at(path.replace(/\/$/, ""));
      const info = Deno.lstatSync(at);
      if (info.isSymlink) return [path, `-> ${Deno.readLinkSync(at)}`];
      return [path, info.isFile ? Deno.readFileSync(at).toBase64() : "folder"];
    }),
  );
}

describe("a full disk", () => {
  /**
   * Runs a command where a folder below HOME is a file system of its own, which
   * has room for so many bytes and no more. What is in it afterwards is copied
   * to HOME/after, with a listing.
   */
  async function onFullDisk(
    home: Home,
    folder: string,
    room: number,
    args: string[],
  ): Promise<Result> {
    const script = `
      set -e
      folder="$HOME/${folder}"
      cp -a "$folder" "$HOME/before"
      mount -t tmpfs -o size=256k,mode=700 none "$folder"
      cp -a "$HOME/before/." "$folder/"
      head -c 1000000 /dev/zero > "$folder/filler" 2>/dev/null || true
      truncate -s -${room} "$folder/filler"
      code=0
      ${commandLine(BINARY, ...args)} || code=$?
      rm "$folder/filler"
      cp -a "$folder" "$HOME/after"
      exit $code`;
    return await runScript(
      `exec unshare -rm sh -c ${commandLine(script)}`,
      { home, env: service.env },
    );
  }

  function listing(home: Home, folder: string): Record<string, string> {
    return Object.fromEntries(
      [...Deno.readDirSync(home.at(folder))].map(({ name }) => [
        name,
        Deno.readFileSync(join(home.at(folder), name)).toBase64(),
      ]),
    );
  }

  for (const room of [0, 4096]) {
    for (
      const name of ["use", "logout", "logout --all", "login", "store rekey"]
    ) {
      itWith(
        [ownMounts],
        `is said by ${name} where there is room for ${room} bytes, and the old file stays, without a temporary one`,
        async () => {
          using home = new Home();
          // More than the room there is.
          const profiles = Array.from(
            { length: 40 },
            (_, i) => [`profile-${i}`, { token: someToken() }] as const,
          );
          await makeStore(home, new Map(profiles), "profile-0");
          await succeed(["use", "profile-1"], { home });
          const args = {
            use: ["use", "profile-2"],
            logout: ["logout"],
            "logout --all": ["logout", "--all"],
            login: ["login", "--save", "--token", service.token],
            "store rekey": ["store", "rekey"],
          }[name] ?? [];
          const result = await onFullDisk(home, CONFIG_FOLDER, room, args);
          // An empty file has room enough.
          if (name === "logout --all" && room > 0) {
            return assertEquals(result.code, 0, result.stderr);
          }
          assertFailure(result, {
            exit: 7,
            code: "file_unwritable",
            message: new RegExp(
              `^${
                home.at(CREDENTIALS)
              } can't be written: no space left on device; nothing was changed$`,
            ),
            hint: /free space/,
          });
          assertEquals(listing(home, "after"), listing(home, "before"));
        },
      );
    }
  }

  itWith(
    [ownMounts],
    "where the key is to be made is said, and no credential file is made without it",
    async () => {
      using home = new Home();
      makeFolder(home, DATA_FOLDER);
      const args = ["login", "--save", "--token", service.token];
      assertFailure(await onFullDisk(home, DATA_FOLDER, 0, args), {
        exit: 7,
        code: "file_unwritable",
        message: new RegExp(
          `^${home.at(KEY)} can't be written: no space left on device`,
        ),
        hint: /free space/,
      });
      const { "key.lock": _, ...after } = listing(home, "after");
      assertEquals(after, {});
      assertEquals(home.entries().includes(CREDENTIALS), false);
    },
  );

  itWith(
    [ownMounts],
    "where the key is kept stops a change of keys, and the old key stays",
    async () => {
      using home = await loggedIn();
      const before = readCredentials(home);
      const args = ["store", "rekey"];
      assertFailure(await onFullDisk(home, DATA_FOLDER, 0, args), {
        exit: 7,
        code: "file_unwritable",
        message: /can't be written: no space left on device/,
        hint: /free space/,
      });
      assertEquals(listing(home, "after"), listing(home, "before"));
      assertEquals(readCredentials(home), before);
      assertEquals(await tokenOf(home), service.token);
    },
  );
});

describe("without permission", () => {
  let folder: string;
  let binary: string;

  beforeAll(() => {
    folder = Deno.makeTempDirSync({ prefix: "nanoctl-" });
    Deno.chmodSync(folder, 0o755);
    binary = join(folder, "nanoctl");
    // Where it is it may be out of reach for anyone but root.
    if (IS_ROOT) Deno.copyFileSync(BINARY, binary);
    else Deno.symlinkSync(BINARY, binary);
  });
  afterAll(() => Deno.removeSync(folder, { recursive: true }));

  /** Gives a home and all that is in it to who has no rights. */
  function give(home: Home): void {
    if (!IS_ROOT) return;
    Deno.chownSync(dirname(home.path), NOBODY, NOBODY);
    Deno.chownSync(home.path, NOBODY, NOBODY);
    for (const path of home.entries()) {
      Deno.chownSync(home.at(path), NOBODY, NOBODY);
    }
  }

  /** Runs the program as who is not root. */
  function asNobody(home: Home, args: string[]): Promise<Result> {
    const command = [binary, ...args];
    const nobody = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`];
    const line = commandLine(
      ...(IS_ROOT ? [...nobody, "--clear-groups", ...command] : command),
    );
    return runScript(`exec ${line}`, { home, env: service.env });
  }

  const needs = IS_ROOT ? [programs("setpriv")] : [];
  const cases: {
    name: string;
    close: string;
    mode: number;
    expected: Omit<Failure, "exit">;
    reads?: boolean;
  }[] = [
    {
      name: "to write in the folder",
      close: CONFIG_FOLDER,
      mode: 0o500,
      expected: {
        code: "file_unwritable",
        message:
          /credentials\.json can't be written: permission denied; nothing was changed$/,
        hint: /owner/,
      },
      reads: true,
    },
    {
      name: "to look into the folder",
      close: CONFIG_FOLDER,
      mode: 0o000,
      expected: {
        code: "file_permissions",
        message: /can't be looked at: permission denied$/,
        hint: /who owns/,
      },
    },
    {
      name: "to read the file",
      close: CREDENTIALS,
      mode: 0o000,
      expected: {
        code: "file_permissions",
        message: /^the credential file \S+ can't be read: permission denied$/,
        hint: /who owns it/,
      },
    },
  ];
  for (const { name, close, mode, expected, reads } of cases) {
    itWith(
      needs,
      `${name}, each command says so and changes nothing`,
      async () => {
        using home = await loggedIn();
        give(home);
        const before = contents(home);
        Deno.chmodSync(home.at(close), mode);
        const commands = writers().filter(([name]) => name !== "store");
        if (!reads) commands.push(["token"], ["status"], ["store", "rekey"]);
        for (const args of commands) {
          const result = await asNobody(home, args);
          assertFailure(result, { exit: 7, ...expected });
        }
        const token = await asNobody(home, ["token"]);
        assertEquals(token.stdout, reads ? `${service.token}\n` : "");
        Deno.chmodSync(home.at(close), 0o700);
        assertEquals(contents(home), before);
      },
    );
  }

  itWith(needs, "to read the key, token says so", async () => {
    using home = await loggedIn();
    give(home);
    Deno.chmodSync(home.at(KEY), 0);
    assertFailure(await asNobody(home, ["token"]), {
      exit: 7,
      code: "file_key",
      message: /^the key file \S+ can't be read/,
      hint: /who owns it/,
    });
  });

  itWith(
    needs,
    "to make the folder, a login says so and leaves no key",
    async () => {
      using home = new Home();
      give(home);
      makeFolder(home, ".config");
      Deno.chmodSync(home.at(".config"), 0o555);
      const args = ["login", "--save", "--token", service.token];
      assertFailure(await asNobody(home, args), {
        exit: 7,
        code: "file_unwritable",
        message: /^the folder \S+ can't be made; nothing was changed$/,
        hint: /NANOCTL_CONFIG_DIR/,
      });
    },
  );

  itWith(
    [root],
    "to replace it: a file that belongs to another user is not taken from them, even by root",
    async () => {
      using home = await loggedIn();
      Deno.chownSync(home.at(CREDENTIALS), NOBODY, NOBODY);
      const before = contents(home);
      const commands = writers().filter(([name]) => name !== "store");
      for (const args of commands) {
        assertFailure(await run(args, { home, env: service.env }), {
          exit: 7,
          code: "file_permissions",
          message: new RegExp(
            `belongs to another user \\(uid ${NOBODY}\\); nothing was changed$`,
          ),
          hint: /as that user/,
        });
      }
      assertEquals(contents(home), before);
      assertEquals(Deno.statSync(home.at(CREDENTIALS)).uid, NOBODY);
    },
  );

  for (const path of [CONFIG_FOLDER, DATA_FOLDER, KEY]) {
    itWith(
      [root],
      `to start in what another user can open: ${path}`,
      async () => {
        using home = await loggedIn();
        Deno.removeSync(home.at(CREDENTIALS));
        Deno.chownSync(home.at(path), NOBODY, NOBODY);
        const before = contents(home);
        const args = ["login", "--token", service.token, "--save"];
        assertFailure(await run(args, { home, env: service.env }), {
          exit: 7,
          code: "file_permissions",
          message: /belongs to another user/,
          hint: /as that user/,
        });
        assertEquals(contents(home), before);
      },
    );
  }
});

describe("in the place of the credential file", () => {
  const cases: {
    name: string;
    put: (home: Home, path: string) => void;
    message: RegExp;
  }[] = [
    {
      name: "a symbolic link to a good file",
      put: (home, path) => {
        Deno.renameSync(path, home.at("elsewhere"));
        Deno.symlinkSync(home.at("elsewhere"), path);
      },
      message: /credentials\.json is a symbolic link$/,
    },
    {
      name: "a symbolic link to nothing",
      put: (home, path) => {
        Deno.removeSync(path);
        Deno.symlinkSync(home.at("nowhere"), path);
      },
      message: /credentials\.json is a symbolic link$/,
    },
    {
      name: "a folder",
      put: (_, path) => {
        Deno.removeSync(path);
        Deno.mkdirSync(path, { mode: 0o700 });
      },
      message: /credentials\.json is not a file$/,
    },
  ];
  for (const { name, put, message } of cases) {
    it(`${name} is refused by every command, and stays`, async () => {
      using home = await loggedIn();
      put(home, home.at(CREDENTIALS));
      const before = contents(home);
      const reads = [["token"], ["whoami"], ["status"], ["store", "info"]];
      const login = ["login", "--save", "--token", service.token];
      for (const args of [...reads, ...writers(), [...login, "--force"]]) {
        const result = await run(args, { home, env: service.env });
        assertFailure(result, {
          exit: 7,
          code: "file_permissions",
          message,
          hint: /move it away/,
        });
      }
      assertEquals(contents(home), before);
    });
  }
});

describe("in the place of the key file", () => {
  for (
    const { name, put } of [
      {
        name: "a symbolic link",
        put: (home: Home, path: string) => {
          Deno.renameSync(path, home.at("elsewhere"));
          Deno.symlinkSync(home.at("elsewhere"), path);
        },
      },
      {
        name: "a folder",
        put: (_: Home, path: string) => {
          Deno.removeSync(path);
          Deno.mkdirSync(path, { mode: 0o700 });
        },
      },
    ]
  ) {
    it(`${name} is refused, and stays`, async () => {
      using home = await loggedIn();
      put(home, home.at(KEY));
      const before = contents(home);
      const login = ["login", "--save", "--token", service.token];
      for (const args of [["token"], login, ["store", "rekey"]]) {
        assertFailure(await run(args, { home, env: service.env }), {
          exit: 7,
          code: "file_permissions",
          message: /nanoctl\/key is (a symbolic link|not a file)$/,
          hint: /move it away/,
        });
      }
      assertEquals(contents(home), before);
    });
  }
});

describe("as the config folder", () => {
  const login = (): string[] => ["login", "--save", "--token", service.token];

  function inFolder(home: Home, args: string[]): Promise<Result> {
    return run(args, {
      home,
      env: { ...service.env, NANOCTL_CONFIG_DIR: home.at("folder") },
    });
  }

  const cases: [string, (home: Home) => void][] = [
    ["a file", (home) => writePrivate(home.at("folder"), "text")],
    [
      "a symbolic link to nothing",
      (home) => Deno.symlinkSync(home.at("nowhere"), home.at("folder")),
    ],
    [
      "a symbolic link to itself",
      (home) => Deno.symlinkSync("folder", home.at("folder")),
    ],
  ];
  for (const [name, put] of cases) {
    it(`${name} is refused with exit 7, and stays`, async () => {
      using home = new Home();
      put(home);
      const before = contents(home);
      for (const args of [login(), ["token"], ["status"], ["use", "a"]]) {
        const { code, stdout, stderr } = await inFolder(home, args);
        assertMatch(stderr, /^error: [^\n]*folder[^\n]*\n(hint: [^\n]+\n)?$/);
        assertEquals([code, stdout], [7, ""], `${args[0]}: ${stderr}`);
      }
      assertEquals(contents(home), before);
    });
  }

  it("a symbolic link to a folder will do", async () => {
    using home = new Home();
    makeFolder(home, "real");
    Deno.symlinkSync(home.at("real"), home.at("folder"));
    assertEquals((await inFolder(home, login())).code, 0);
    const { stdout } = await inFolder(home, ["token"]);
    assertEquals(stdout, `${service.token}\n`);
    assertEquals(home.entries().includes("real/credentials.json"), true);
  });

  it("none at all is made by what writes, and by nothing else", async () => {
    using home = new Home();
    for (const args of [["status"], ["logout"], ["store", "info"]]) {
      assertEquals((await inFolder(home, args)).code, 0);
    }
    for (const args of [["token"], ["use", "a"], ["store", "rekey"]]) {
      assertEquals((await inFolder(home, args)).code, 3);
    }
    assertEquals(home.entries(), []);
    assertEquals((await inFolder(home, login())).code, 0);
    assertEquals(home.mode("folder"), "0700");
  });
});

describe("whoever has the credential file open", () => {
  it("keeps the old one, whole: the new one is another file", async () => {
    using home = await loggedIn();
    const before = readCredentials(home);
    Deno.linkSync(home.at(CREDENTIALS), home.at("link"));
    for (const args of writers()) {
      await succeed(args, { home, env: service.env });
      assertEquals(Deno.readTextFileSync(home.at("link")), before);
    }
    assert(readCredentials(home) !== before);
  });
});
