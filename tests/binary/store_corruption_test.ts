import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import {
  assertFails,
  assertFailure,
  CREDENTIALS,
  type Failure,
  Home,
  KEY,
  type Result,
  run,
} from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";
import {
  leftovers,
  readStored,
  tokenOf,
  writeCredentials,
  writePrivate,
} from "../support/store_files.ts";

type Json = Record<string, unknown>;

/** One way in which a credential file can be broken. */
interface Damage {
  name: string;
  damage: (text: string) => string | Uint8Array;
  says: RegExp;
  hint?: RegExp;
}

/** Changes the file as JSON. */
const change = (edit: (file: Json) => void) => (text: string): string => {
  const file: Json = JSON.parse(text);
  edit(file);
  return JSON.stringify(file);
};

/** Changes an object within the file. */
const inside = (path: string[], edit: (part: Json) => void) =>
  change((file) => {
    let part: unknown = file;
    for (const name of path) part = isJson(part) ? part[name] : undefined;
    assert(isJson(part), `there is no ${path.join(".")}`);
    edit(part);
  });

function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null;
}

const field = (name: string): RegExp =>
  new RegExp(`: ${name.replaceAll(".", "\\.")} is missing or wrong;`);

const WHOLE: Damage[] = [
  { name: "is empty", damage: () => "", says: /: it is empty;/ },
  { name: "is blank", damage: () => " \n\n", says: /: it is empty;/ },
  {
    name: "is cut in half",
    damage: (text) => text.slice(0, text.length / 2),
    says: /: it is not JSON, or only a part of it;/,
  },
  {
    name: "lacks its last brace",
    damage: (text) => text.trimEnd().slice(0, -1),
    says: /only a part of it;/,
  },
  { name: "is no JSON", damage: () => "[core]\n", says: /: it is not JSON,/ },
  {
    name: "is nothing but zeros, as a crashed file system leaves it",
    damage: (text) => new Uint8Array(text.length),
    says: /: it is not JSON,/,
  },
  {
    name: "is random bytes",
    damage: () => crypto.getRandomValues(new Uint8Array(500)),
    says: /: it is not JSON,/,
  },
  { name: "is a list", damage: () => "[]", says: /missing or wrong;/ },
  { name: "is null", damage: () => "null", says: /missing or wrong;/ },
  { name: "is an empty object", damage: () => "{}", says: /missing or wrong;/ },
  {
    name: "has a newer version",
    damage: change((file) => file.version = 3),
    says: /has version 3; this nanoctl knows versions 1 to 2$/,
    hint: /^update nanoctl, or name another folder with NANOCTL_CONFIG_DIR$/,
  },
  {
    name: "has a newer version, and nothing else that we know",
    damage: () => '{"version": 17, "vault": []}',
    says: /has version 17; this nanoctl knows versions 1 to 2$/,
    hint: /^update nanoctl/,
  },
  ...[0, -1, "1", null, 1.5].map((version) => ({
    name: `has the version ${JSON.stringify(version)}`,
    damage: change((file) => file.version = version),
    says: version === 1.5 ? /version/ : field("version"),
    ...(version === 1.5 ? { hint: /./ } : {}),
  })),
  ...["version", "key", "active", "profiles"].map((name) => ({
    name: `lacks ${name}`,
    damage: change((file) => delete file[name]),
    says: field(name),
  })),
  {
    name: "has an unknown key source",
    damage: inside(["key"], (key) => key.source = "moon"),
    says: field("key.source"),
  },
  {
    name: "has no key id",
    damage: inside(["key"], (key) => delete key.id),
    says: field("key.id"),
  },
  {
    name: "has a key id that is none",
    damage: inside(["key"], (key) => key.id = "AB"),
    says: field("key.id"),
  },
  {
    name: "has a passphrase's key without its parameters",
    damage: inside(["key"], (key) => key.source = "passphrase"),
    says: field("key.kdf"),
  },
  {
    name: "has a passphrase's key of another cost",
    damage: inside(["key"], (key) => {
      key.source = "passphrase";
      const salt = new Uint8Array(16).toBase64();
      key.kdf = { name: "scrypt", n: 2 ** 30, r: 8, p: 1, salt };
    }),
    says: field("key.kdf.n"),
  },
  {
    name: "names a credential helper by a path",
    damage: inside(["key"], (key) => {
      key.source = "helper";
      key.helper = "../../evil";
    }),
    says: field("key.helper"),
  },
  {
    name: "has an active profile that it does not have",
    damage: change((file) => file.active = "nobody"),
    says: /: its active profile nobody is not in it;/,
  },
  ...[[], null, "x", 3].map((profiles) => ({
    name: `has ${JSON.stringify(profiles)} for profiles`,
    damage: change((file) => file.profiles = profiles),
    says: field("profiles"),
  })),
];

const ENTRY: Damage[] = [
  ...["service", "url", "account", "expires_at", "stored_at", "sealed"].map((
    name,
  ) => ({
    name: `lacks its ${name}`,
    damage: inside(["profiles", "default"], (entry) => delete entry[name]),
    says: field(`profiles.default.${name}`),
  })),
  {
    name: "lacks its user name",
    damage: inside(
      ["profiles", "default", "account"],
      (account) => delete account.username,
    ),
    says: field("profiles.default.account.username"),
  },
  ...([
    ["sealed", "!!!", "wrong base64"],
    ["sealed", "AAA", "base64 of a wrong length"],
    ["sealed", 7, "a number for what is sealed"],
    ["url", "ftp://127.0.0.1", "a URL that is neither http nor https"],
    ["url", "nowhere", "a URL that is none"],
    ["expires_at", "soon", "a date that is none"],
    ["stored_at", "2026-13-45", "a month that there is none of"],
  ] as const).map(([name, value, what]) => ({
    name: `has ${what}`,
    damage: inside(["profiles", "default"], (entry) => entry[name] = value),
    says: field(`profiles.default.${name}`),
  })),
  ...[null, 1, "x", []].map((value) => ({
    name: `is ${JSON.stringify(value)}`,
    damage: inside(["profiles"], (profiles) => profiles.default = value),
    says: /: profiles\.default\S* is missing or wrong;/,
  })),
  ...["", "AAAA"].map((sealed) => ({
    name: `has ${sealed.length} characters of what was sealed`,
    damage: inside(["profiles", "default"], (entry) => entry.sealed = sealed),
    says: /sealed/,
  })),
];

describe("a credential file that", () => {
  let service: Service;
  let text: string;
  let key: Uint8Array;

  beforeAll(async () => {
    service = await Service.start();
    using home = new Home();
    await service.logIn(home, service.token);
    text = Deno.readTextFileSync(home.at(CREDENTIALS));
    key = Deno.readFileSync(home.at(KEY));
  });
  afterAll(() => service.stop());

  function homeWith(content: string | Uint8Array): Home {
    const home = new Home();
    writeCredentials(home, content);
    Deno.mkdirSync(home.at(".local/share/nanoctl"), {
      recursive: true,
      mode: 0o700,
    });
    writePrivate(home.at(KEY), key);
    return home;
  }

  const save = ["login", "--token-stdin", "--save"];

  function logIn(home: Home, ...args: string[]): Promise<Result> {
    return service.run([...save, ...args], home, {}, service.token);
  }

  /** The files that were moved aside. */
  function asideIn(home: Home): string[] {
    return home.entries().filter((path) => path.startsWith(`${CREDENTIALS}.`));
  }

  const commands = [["token"], ["whoami"], ["status"]];

  function expected({ says, hint }: Damage): Failure {
    return {
      exit: 7,
      code: "file_corrupt",
      message: says,
      hint: hint ??
        /^restore it from a backup, or start anew with 'nanoctl login --force', which moves the credential file aside$/,
    };
  }

  for (const damage of WHOLE) {
    it(`${damage.name} is named with the reason, left as it is, and moved aside only with --force`, async () => {
      const broken = damage.damage(text);
      using home = homeWith(broken);
      const path = home.at(CREDENTIALS);
      const before = Deno.readFileSync(path);
      const failure = expected(damage);
      for (
        const args of [
          ...commands,
          ["use", "default"],
          ["logout"],
          ["logout", "--all"],
          ["store", "info"],
          ["store", "rekey"],
        ]
      ) {
        const result = await run(args, { home });
        assertFailure(result, failure);
        assertStringIncludes(result.stderr, path);
      }
      await assertFails(["token"], { home }, failure);
      assertFailure(await logIn(home), failure);
      assertEquals(Deno.readFileSync(path), before);
      assertEquals([leftovers(home), asideIn(home)], [[], []]);

      const { code, stderr } = await logIn(home, "--force");
      assertEquals(code, 0, stderr);
      const [aside = ""] = asideIn(home);
      assertEquals(asideIn(home).length, 1);
      assertEquals(Deno.readFileSync(home.at(aside)), before);
      assertEquals(home.mode(aside), "0600");
      assertStringIncludes(stderr, `is now ${home.at(aside)}\n`);
      assertEquals(await tokenOf(home), service.token);
    });
  }

  for (const damage of ENTRY) {
    it(`holds a profile that ${damage.name} says which field, and is left as it is`, async () => {
      const broken = damage.damage(text);
      using home = homeWith(broken);
      const path = home.at(CREDENTIALS);
      const before = Deno.readFileSync(path);
      const failure = expected(damage);
      const opened = /sealed token/.test(
        (await run(["token"], { home })).stderr,
      );
      for (const args of [["token"], ["whoami"], ["store", "rekey"]]) {
        await assertFails(args, { home }, failure);
      }
      // A profile of the right form whose token does not open can be replaced.
      if (!opened) assertFailure(await logIn(home), failure);
      assertEquals(Deno.readFileSync(path), before);
      assertEquals([leftovers(home), asideIn(home)], [[], []]);
    });
  }

  it("holds a broken profile leaves the others usable, and keeps the broken one", async () => {
    using home = homeWith(text);
    await service.logIn(home, service.token, "--profile", "good");
    writeCredentials(
      home,
      inside(["profiles"], (all) => all.default = { broken: true })(
        Deno.readTextFileSync(home.at(CREDENTIALS)),
      ),
    );
    assertEquals(
      await tokenOf(home, {}, "--profile", "good"),
      service.token,
    );
    await service.logIn(home, service.token, "--profile", "more");
    const { profiles } = readStored(home);
    assertEquals(Object.keys(profiles).sort(), ["default", "good", "more"]);
    assertEquals({ ...profiles.default }, { broken: true });
  });

  it("is broken can be moved aside by logout --force, and there is nothing left to log out of", async () => {
    using home = homeWith("{");
    const { code, stderr } = await run(["logout", "--force"], { home });
    assertEquals(code, 0, stderr);
    const [aside = ""] = asideIn(home);
    assertStringIncludes(stderr, `is now ${home.at(aside)}\n`);
    assertMatch(stderr, /nothing to log out of/i);
    assertEquals(Deno.readTextFileSync(home.at(aside)), "{");
    assertEquals(home.entries().includes(CREDENTIALS), false);
  });

  it("is broken again within the same second is moved aside again, beside the first", async () => {
    using home = homeWith("");
    const contents = ["{1", "{2", "{3", "{4", "{5", "{6"];
    for (const content of contents) {
      writeCredentials(home, content);
      const { code, stderr } = await run(["logout", "--force"], { home });
      assertEquals(code, 0, stderr);
    }
    const aside = asideIn(home)
      .map((path) => Deno.readTextFileSync(home.at(path)));
    assertEquals(aside.sort(), contents);
  });

  it("can be used is not moved by --force", async () => {
    using home = homeWith(text);
    assertEquals((await logIn(home, "--force", "--profile", "b")).code, 0);
    const logout = ["logout", "--force", "--profile", "b"];
    assertEquals((await run(logout, { home })).code, 0);
    assertEquals(asideIn(home), []);
    assertEquals(await tokenOf(home), service.token);
  });

  it("can be used, but whose key is lost, is moved aside by login --force and not by login", async () => {
    using home = homeWith(text);
    Deno.removeSync(home.at(KEY));
    assertFailure(await logIn(home), {
      exit: 7,
      code: "file_key",
      message: /the key file \S+ is missing, and only it opens/,
      hint: /login --force/,
    });
    assertEquals(home.entries().includes(KEY), false, "a new key was made");
    const { code, stderr } = await logIn(home, "--force");
    assertEquals(code, 0, stderr);
    const [aside = ""] = asideIn(home);
    assertEquals(Deno.readTextFileSync(home.at(aside)), text);
    assertEquals(await tokenOf(home), service.token);
  });

  it("is broken is not moved for a command line that is wrong", async () => {
    using home = homeWith("{");
    const args = [...save, "--force", "--key-source", "moon"];
    const { code } = await service.run(args, home, {}, service.token);
    assertEquals(code, 2);
    assertEquals(Deno.readTextFileSync(home.at(CREDENTIALS)), "{");
    assertEquals(asideIn(home), []);
  });
});
