import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { parse } from "../../src/cli/command_line/parse.ts";
import {
  type Permissions,
  permissionsFor,
} from "../../src/process/permissions.ts";
import { readTop } from "../../src/store/file_top.ts";
import { Secret } from "../../src/secret.ts";
import { foldersOf, type Place } from "../../src/store/paths.ts";
import { credential, StoreFixture } from "../store/store_fixture.ts";
import { readHelp } from "../support/help.ts";

const PLACE: Place = {
  env: { get: (name) => name === "HOME" ? "/home/ada" : undefined },
  os: "linux",
};
const FOLDERS = [
  "/home/ada/.config/nanoctl",
  "/home/ada/.local/share/nanoctl",
];

/** The permissions of a command line, as the program finds them. */
async function neededBy(
  args: string[],
  place: Place,
  tokenCommand?: string,
): Promise<Permissions> {
  const line = await parse(args);
  const folders = foldersOf(place);
  return permissionsFor(
    line.wants === "run" ? line : undefined,
    folders,
    readTop(folders.credentials, new Date()),
    tokenCommand,
  );
}

async function writableFolders(
  args: string[],
  place: Place,
): Promise<string[]> {
  return (await neededBy(args, place)).write;
}

describe("where a command may write", () => {
  const changing = [
    "login",
    "login --token-stdin --save",
    "--profile work login",
    "-q logout --all",
    "use work",
    "store rekey --key-source passphrase",
    "store key add --key-source passphrase",
    "--json store -v key --quiet remove old",
    "credential docker store",
    "credential docker --json erase",
    "--json store -v rekey",
    "--timeout 5 -t nano_x --url=https://nano.example.com login",
    "-qt nano_x login",
    "-tnano_x login",
    "-tnanot login",
  ];
  for (const line of changing) {
    it(`is below the two folders for ${line}`, async () => {
      assertEquals(await writableFolders(line.split(" "), PLACE), FOLDERS);
    });
  }

  const reading = [
    "",
    "token",
    "whoami",
    "status --check",
    "store info",
    "api /v1/me",
    "exec -- nanoctl login",
    "exec -- use",
    "exec --profile use -- true",
    "--profile login whoami",
    "-qt login whoami",
    "api use",
    "use-it",
    "store info rekey",
    "store key list --check",
    "store key",
    "store key add --help",
    "help login",
    "external-auth access-token github",
    "credential docker get",
    "credential docker list",
    "credential docker version",
    "credential docker storey",
    "credential docker get store",
    "dev-server",
    "login --help",
    "logout -h",
    "store",
    "relogin",
    "--profile=login token",
    // Not run at all.
    "login -- --help",
    "login --frobnicate",
    "use",
  ];
  for (const line of reading) {
    it(`is nowhere for ${line || "no command"}`, async () => {
      const args = line === "" ? [] : line.split(" ");
      assertEquals(await writableFolders(args, PLACE), []);
    });
  }

  it("knows every option whose value may stand before the command", async () => {
    const [{ globalOptions = [], text = "" } = {}] = await readHelp();
    const flags = globalOptions.flat();
    const taking = flags.filter((flag) =>
      new RegExp(`^ +(-\\w, )?${flag}(, --\\S+)? +<`, "m").test(text)
    );
    assertEquals(taking.length, 10, `${taking}`);
    for (const flag of flags) {
      const text = flag === "--timeout" ? "5" : "use";
      const value = taking.includes(flag) ? [text] : [];
      const login = [flag, ...value, "login"];
      assertEquals(await writableFolders(login, PLACE), FOLDERS, flag);
      const whoami = [flag, ...value, "whoami"];
      assertEquals(await writableFolders(whoami, PLACE), [], flag);
    }
  });

  it("follows the variables that move the folders", async () => {
    const variables: Record<string, string> = {
      NANOCTL_CONFIG_DIR: "here",
      XDG_DATA_HOME: "/data",
    };
    const env = { get: (name: string) => variables[name] };
    assertEquals(await writableFolders(["login"], { env, os: "linux" }), [
      "here",
      "/data/nanoctl",
    ]);
    assertEquals(
      await writableFolders(["login"], {
        env: { get: () => undefined },
        os: "linux",
      }),
      [],
    );
  });
});

describe("where a stored login renews itself, the config folder can be written to", () => {
  let fixture: StoreFixture;
  beforeEach(() => {
    fixture = new StoreFixture();
  });
  afterEach(() => fixture.remove());

  const SENDING = ["whoami", "api /v1/me", "status --check"];
  const OTHERS = ["token", "token --json", "exec -- true"];

  async function mayWrite(line: string): Promise<boolean> {
    const { write } = await neededBy(line.split(" "), fixture.context);
    if (write.length === 0) return false;
    assertEquals(write, [join(fixture.home, ".config/nanoctl")]);
    return true;
  }

  /** Stores a login that ends in so many seconds; undefined if nobody knows. */
  async function store(
    profile: string,
    seconds: number | undefined,
    refreshToken?: Secret,
    renewal?: number,
  ): Promise<void> {
    await fixture.store().save({
      ...credential(profile),
      renewAt: renewal === undefined
        ? undefined
        : new Date(Date.now() + renewal * 1000),
      expiresAt: seconds === undefined
        ? undefined
        : new Date(Date.now() + seconds * 1000),
      refreshToken,
    });
  }

  const refresh = new Secret("a refresh token");
  const cases: [string, () => Promise<void>, string[]][] = [
    ["by nothing that reads, if none does", () => store("a", 1), []],
    [
      "by what sends the token, which may be refused",
      () => store("a", 3600, refresh),
      SENDING,
    ],
    [
      "by what sends the token, if nobody knows when it ends",
      () => store("a", undefined, refresh),
      SENDING,
    ],
    [
      "by everything that uses a token, if it is due",
      () => store("a", 60, refresh),
      [...SENDING, ...OTHERS],
    ],
    [
      "by everything that uses a token, if it is due long before it ends",
      () => store("a", 3600, refresh, 0),
      [...SENDING, ...OTHERS],
    ],
    [
      "by what sends the token, if it is to be renewed later",
      () => store("a", 3600, refresh, 1800),
      SENDING,
    ],
    ["by everything that uses a token, if any is due", async () => {
      await store("a", 3600, refresh);
      await store("b", undefined, refresh);
      await store("c", 60, refresh);
      await store("d", 7200, refresh);
    }, [...SENDING, ...OTHERS]],
    ["by what sends the token, if it is another that ends now", async () => {
      await store("a", 3600, refresh);
      await store("b", 60);
    }, SENDING],
  ];
  for (const [what, prepare, expected] of cases) {
    it(what, async () => {
      await prepare();
      const found: string[] = [];
      for (const line of [...SENDING, ...OTHERS]) {
        if (await mayWrite(line)) found.push(line);
      }
      assertEquals(found, expected);
      assertEquals(await mayWrite("store info"), false);
    });
  }

  it("no more after the last of them was deleted", async () => {
    await store("a", 3600, refresh, 1800);
    assert("next_renewal" in fixture.json());
    await store("b", 3600);
    await fixture.store().remove(["a"]);
    assertEquals(await mayWrite("whoami"), false);
    const { next_expiry, next_renewal } = fixture.json();
    assertEquals([next_expiry, next_renewal], [undefined, undefined]);
  });

  it("by everything that uses a token, if the file is laid out otherwise", async () => {
    await store("a", 3600, refresh);
    Deno.writeTextFileSync(fixture.path, JSON.stringify(fixture.json()));
    for (const line of [...SENDING, ...OTHERS]) {
      assertEquals(await mayWrite(line), true, line);
    }
  });
});

describe("who may run programs", () => {
  let fixture: StoreFixture;
  beforeEach(async () => {
    fixture = new StoreFixture();
    await fixture.store().save(credential("default"));
  });
  afterEach(() => fixture.remove());

  async function may(line: string): Promise<boolean> {
    return (await neededBy(line.split(" "), fixture.context)).run;
  }

  it("is exec alone, where the key is in a key file", async () => {
    for (
      const line of [
        ...["token", "whoami", "login --save", "store rekey", "exec true"],
        ...["api exec", "api -- exec", "use exec", "help exec", "exec --help"],
      ]
    ) assertEquals(await may(line), false, line);
    assertEquals(await may("exec -- true"), true);
    assertEquals(await may("--profile default exec -- true"), true);
  });

  const WITH_TOKEN = [
    ...["login", "whoami", "status", "doctor", "token", "api /v1/me"],
    ...["external-auth list", "external-auth access-token github"],
    ...["credential git get", "credential kubernetes"],
    "credential docker get",
  ];
  const WITHOUT_TOKEN = [
    ...["logout --revoke", "use default", "store info", "store rekey"],
    ...[
      "completions bash",
      "explain 7",
      "dev-server",
      "whoami --help",
      "relogin",
    ],
  ];

  it("is whoever gets a token, where a command is given that prints it", async () => {
    const run = async (line: string, variable?: string): Promise<boolean> =>
      (await neededBy(line.split(" "), fixture.context, variable)).run;
    for (const line of WITH_TOKEN) {
      assertEquals(await run(line), false, line);
      assertEquals(await run(line, ""), false, line);
      assertEquals(await run(line, "pass show nano"), true, line);
      assertEquals(await run(`${line} --token-command x`), true, line);
      assertEquals(await run(`--token-command=x ${line}`), true, line);
    }
    for (const line of WITHOUT_TOKEN) {
      assertEquals(await run(line, "pass show nano"), false, line);
    }
  });

  it("is whoever may renew a stored login whose token a program prints", async () => {
    const sending = ["whoami", "api /v1/me", "status --check"];
    const others = ["token", "exec -- true"];
    const rest = ["login", "doctor", "logout --revoke", "use default"];
    const found = async (): Promise<string[]> => {
      const lines = [...sending, ...others, ...rest];
      const allowed = await Promise.all(lines.map(may));
      return lines.filter((_, at) => allowed[at]);
    };
    const save = (seconds: number): Promise<void> =>
      fixture.store().save({
        ...credential("printed"),
        expiresAt: new Date(Date.now() + seconds * 1000),
        grant: { machine: { way: "command", command: ["op", "read"] } },
      });
    assertEquals(await found(), ["exec -- true"]);
    await save(3600);
    assertEquals(await found(), [...sending, "exec -- true"]);
    await save(60);
    assertEquals(await found(), [...sending, ...others]);
    // Laid out otherwise, a helper may keep the key too.
    Deno.writeTextFileSync(fixture.path, JSON.stringify(fixture.json()));
    assertEquals(await may("use default"), true);
    await fixture.store().remove(["printed"]);
    assertEquals(await found(), ["exec -- true"]);
  });

  it("is nobody else where another login renews itself", async () => {
    await fixture.store().save({
      ...credential("refreshed"),
      expiresAt: new Date(),
      refreshToken: new Secret("a refresh token"),
    });
    for (const line of ["whoami", "token"]) {
      assertEquals(await may(line), false);
    }
  });

  it("is whoever chooses a helper", async () => {
    assertEquals(await may("login --save --key-source helper"), true);
    assertEquals(await may("store rekey --key-source=helper:pass"), true);
    assertEquals(await may("login --url https://helper.example.com"), false);
  });

  it("is whoever chooses a command", async () => {
    assertEquals(await may("login --save --key-source command:age"), true);
    assertEquals(await may("store key add --key-source=command:age"), true);
    assertEquals(await may("store key add --key-source keyfile"), false);
    assertEquals(await may("store key remove command"), false);
  });

  it("is everybody where a helper or a command keeps one of several keys, or that is not certain", async () => {
    const { variables } = fixture.context;
    variables.set("NANOCTL_ENCRYPTION_KEY", new Uint8Array(32).toBase64());
    await (await fixture.store().keys()).add({ source: "environment" });
    assertEquals(await may("token"), false);
    const good = Deno.readTextFileSync(fixture.path);
    // deno-lint-ignore no-explicit-any
    const edited = (change: (slots: any[]) => void): string => {
      const file = JSON.parse(good);
      change(file.key.slots);
      return JSON.stringify(file, null, 2);
    };
    const wrapped = "A".repeat(80_000);
    const texts: [text: string, may: boolean][] = [
      [good, false],
      [edited((slots) => slots[1].wrapped = wrapped), false],
      [edited((slots) => slots[1].source = "helper"), true],
      [edited((slots) => slots[0].source = "command"), true],
      [
        edited((slots) => {
          slots[0].wrapped = wrapped;
          slots[1].source = "command";
        }),
        true,
      ],
      [good.replace('"environment"', '"h\\u0065lper"'), true],
      [good.replace('"source": "env', '"\\u0073ource": "env'), true],
      [good.replace('"source": "env', '"source":"env'), true],
      [edited((slots) => slots[1] = { kdf: {}, ...slots[1] }), false],
      [JSON.stringify(JSON.parse(good)), true],
      [good.replace('"version": 2', '"version": 3'), true],
    ];
    for (const [text, expected] of texts) {
      Deno.writeTextFileSync(fixture.path, text);
      assertEquals(await may("token"), expected, text.slice(0, 600));
    }
  });

  it("is everybody where a helper keeps the key, or the file does not say who does", async () => {
    const others: [key: unknown, may: boolean][] = [
      [{ source: "helper", id: "x", helper: "pass" }, true],
      [{ id: "x", helper: "pass", source: "helper" }, true],
      [{ source: "passphrase", id: "x", kdf: { salt: "helper" } }, false],
      [{ kdf: {}, source: "helper" }, true],
      [{ source: "environment", id: "x" }, false],
      [{ source: "keyfiles", id: "x" }, true],
      [{ source: 1 }, true],
      [undefined, true],
    ];
    const file = fixture.json();
    for (const [key, expected] of others) {
      const text = JSON.stringify({ ...file, key }, null, 2);
      Deno.writeTextFileSync(fixture.path, text);
      assertEquals(await may("token"), expected, text);
    }
    // The same to whoever reads it as JSON.
    const escaped = JSON.stringify(
      { ...file, key: { source: "helper", id: "x", helper: "pass" } },
      null,
      2,
    ).replace("helper", "h\\u0065lper");
    Deno.writeTextFileSync(fixture.path, escaped);
    assertEquals(await may("token"), true);
    // Not as nanoctl writes it.
    Deno.writeTextFileSync(fixture.path, JSON.stringify(file));
    assertEquals(await may("token"), true);
    Deno.writeTextFileSync(fixture.path, "");
    assertEquals(await may("token"), true);
  });

  it("is never asked of what is no file: opening a named pipe would wait for ever", async () => {
    Deno.removeSync(fixture.path);
    assert(new Deno.Command("mkfifo", { args: [fixture.path] }).outputSync());
    assertEquals(await may("whoami"), false);
  });

  it("is nobody where there is no file, or no place for one", async () => {
    Deno.removeSync(fixture.path);
    assertEquals(await may("token"), false);
    Deno.removeSync(join(fixture.home, ".config"), { recursive: true });
    assertEquals(await may("token"), false);
    fixture.context.variables.clear();
    assertEquals(await may("token"), false);
  });
});
