import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { mayRunPrograms, writableFolders } from "../src/rights.ts";
import type { Place } from "../src/store/paths.ts";
import { credential, StoreFixture } from "./store/store_fixture.ts";
import { readHelp } from "./support/help.ts";

const PLACE: Place = {
  env: { get: (name) => name === "HOME" ? "/home/ada" : undefined },
  os: "linux",
};
const FOLDERS = [
  "/home/ada/.config/nanoctl",
  "/home/ada/.local/share/nanoctl",
];

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
    "login -- --help",
  ];
  for (const line of changing) {
    it(`is below the two folders for ${line}`, () => {
      assertEquals(writableFolders(line.split(" "), PLACE), FOLDERS);
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
  ];
  for (const line of reading) {
    it(`is nowhere for ${line || "no command"}`, () => {
      assertEquals(writableFolders(line.split(" "), PLACE), []);
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
      const value = taking.includes(flag) ? ["use"] : [];
      const login = [flag, ...value, "login"];
      assertEquals(writableFolders(login, PLACE), FOLDERS, flag);
      const whoami = [flag, ...value, "whoami"];
      assertEquals(writableFolders(whoami, PLACE), [], flag);
    }
  });

  it("follows the variables that move the folders", () => {
    const variables: Record<string, string> = {
      NANOCTL_CONFIG_DIR: "here",
      XDG_DATA_HOME: "/data",
    };
    const env = { get: (name: string) => variables[name] };
    assertEquals(writableFolders(["login"], { env, os: "linux" }), [
      "here",
      "/data/nanoctl",
    ]);
    assertEquals(
      writableFolders(["login"], {
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

  function may(line: string): boolean {
    return mayRunPrograms(line.split(" "), fixture.context);
  }

  it("is exec alone, where the key is in a key file", () => {
    for (
      const line of [
        ...["token", "whoami", "login --save", "store rekey", ""],
        ...["api exec", "api -- exec", "use exec", "help exec", "exec --help"],
      ]
    ) assertEquals(may(line), false, line);
    assertEquals(may("exec -- true"), true);
    assertEquals(may("--profile default exec true"), true);
  });

  it("is whoever chooses a helper", () => {
    assertEquals(may("login --save --key-source helper"), true);
    assertEquals(may("store rekey --key-source=helper:pass"), true);
    assertEquals(may("login --url https://helper.example.com"), false);
  });

  it("is everybody where a helper keeps the key, or the file does not say who does", () => {
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
      assertEquals(may("token"), expected, text);
    }
    // The same to whoever reads it as JSON.
    const escaped = JSON.stringify(
      { ...file, key: { source: "helper", id: "x", helper: "pass" } },
      null,
      2,
    ).replace("helper", "h\\u0065lper");
    Deno.writeTextFileSync(fixture.path, escaped);
    assertEquals(may("token"), true);
    // Not as nanoctl writes it.
    Deno.writeTextFileSync(fixture.path, JSON.stringify(file));
    assertEquals(may("token"), true);
    Deno.writeTextFileSync(fixture.path, "");
    assertEquals(may("token"), true);
  });

  it("is never asked of what is no file: opening a named pipe would wait for ever", () => {
    Deno.removeSync(fixture.path);
    assert(new Deno.Command("mkfifo", { args: [fixture.path] }).outputSync());
    assertEquals(may("whoami"), false);
  });

  it("is nobody where there is no file, or no place for one", () => {
    Deno.removeSync(fixture.path);
    assertEquals(may("token"), false);
    Deno.removeSync(join(fixture.home, ".config"), { recursive: true });
    assertEquals(may("token"), false);
    fixture.context.variables.clear();
    assertEquals(may("token"), false);
  });
});
