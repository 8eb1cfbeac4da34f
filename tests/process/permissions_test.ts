import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { parse } from "../../src/cli/command_line/parse.ts";
import {
  type Permissions,
  permissionsFor,
} from "../../src/process/permissions.ts";
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
async function neededBy(args: string[], place: Place): Promise<Permissions> {
  const line = await parse(args);
  return permissionsFor(
    line.wants === "run" ? line : undefined,
    foldersOf(place),
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
    "help login",
    "external-auth access-token github",
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
    assertEquals(taking.length, 9, `${taking}`);
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

  it("is whoever chooses a helper", async () => {
    assertEquals(await may("login --save --key-source helper"), true);
    assertEquals(await may("store rekey --key-source=helper:pass"), true);
    assertEquals(await may("login --url https://helper.example.com"), false);
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
