import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import {
  assertFails,
  CREDENTIALS,
  Home,
  KEY,
  run,
} from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";
import {
  assertClean,
  eachOf,
  edit,
  entryIn,
  makeStore,
  readCredentials,
  report,
  seeded,
  someToken,
  type StoredEntry,
  type StoredFile,
  tokenOf,
  writePrivate,
} from "../support/store_files.ts";

const CHANGES = 2000;

/** Other bytes than before at one place of a file. */
interface Change {
  at: number;
  to: number;
}

describe("a credential file with one byte changed", () => {
  it(`gives the right token or exits 7, whichever byte it is: ${CHANGES} of them`, () =>
    seeded(async (random) => {
      using home = new Home();
      const token = someToken();
      // Names that no single byte turns into each other.
      const profiles = new Map([
        ["default", { token }],
        ["other-one", { token: someToken() }],
      ]);
      await makeStore(home, profiles, "default");
      const original = Deno.readFileSync(home.at(CREDENTIALS));
      const changes: Change[] = [];
      while (changes.length < CHANGES) {
        const at = random.below(original.length);
        const to = random.below(256);
        if (to !== original[at]) changes.push({ at, to });
      }
      const outcomes = new Map<number, number>();
      await eachOf(changes, async ({ at, to }, worker) => {
        const folder = home.at(`config-${worker}`);
        Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
        const bytes = original.slice();
        bytes[at] = to;
        writePrivate(`${folder}/credentials.json`, bytes);
        const result = await run(["token"], {
          home,
          env: { NANOCTL_CONFIG_DIR: folder },
        });
        const where = `byte ${at} made ${to}: ${result.stderr}`;
        assertClean(result);
        assert(result.code === 0 || result.code === 7, where);
        if (result.code === 0) assertEquals(result.stdout, `${token}\n`, where);
        else assertEquals(result.stdout, "", where);
        assertEquals(
          Deno.readFileSync(`${folder}/credentials.json`),
          bytes,
          where,
        );
        outcomes.set(result.code, (outcomes.get(result.code) ?? 0) + 1);
      });
      const opened = outcomes.get(0) ?? 0;
      report(`bytes changed: ${CHANGES}, opened all the same: ${opened}`);
      // White space, the other profile, the date of storing: a part of the file.
      assert(opened > 0 && opened < CHANGES * 0.7, `${opened} opened`);
    }));
});

describe("a sealed token is bound to", () => {
  let service: Service;
  let home: Home;
  let text: string;

  beforeAll(async () => {
    service = await Service.start();
    home = new Home();
    for (const name of ["work", "play"]) {
      const { token } = await service.mint({ username: name });
      await service.logIn(home, token, "--profile", name);
    }
    text = readCredentials(home);
  });
  afterAll(async () => {
    home[Symbol.dispose]();
    await service.stop();
  });

  const work = (file: StoredFile): StoredEntry => entryIn(file, "work");
  const bound =
    /sealed token of profile \S+ does not match its name, service, URL, user name and expiry date: one of them was changed/;
  const cases: {
    to: string;
    change: (file: StoredFile) => void;
    says?: RegExp;
    hint?: RegExp;
    profile?: string;
    code?: string;
  }[] = [
    {
      to: "its profile: two that are swapped do not open",
      change: (file) => {
        const play = entryIn(file, "play");
        [work(file).sealed, play.sealed] = [play.sealed, work(file).sealed];
      },
    },
    {
      to: "its profile: whole entries that are swapped do not open",
      change: (file) =>
        file.profiles = { work: entryIn(file, "play"), play: work(file) },
    },
    {
      to: "its profile's name: a renamed one does not open",
      change: (file) => {
        file.profiles.renamed = work(file);
        delete file.profiles.work;
        file.active = "renamed";
      },
      profile: "renamed",
    },
    {
      to: "its profile's name: a copy under another name does not open",
      change: (file) => file.profiles.copy = work(file),
      profile: "copy",
    },
    {
      to: "its URL's host",
      change: (file) => work(file).url = "http://127.0.0.2:1",
    },
    {
      to: "its URL's port",
      change: (file) => work(file).url = work(file).url.replace(/\d+$/, "1"),
    },
    {
      to: "its URL's path",
      change: (file) => work(file).url += "/path",
    },
    {
      to: "its URL's scheme: https does not stand for http",
      change: (file) =>
        work(file).url = work(file).url.replace("http:", "https:"),
    },
    {
      to: "its service",
      change: (file) => work(file).service = "coder",
      // Refused even before it is opened where this nanoctl knows no such service.
      says: new RegExp(`${bound.source}|stored for the service coder`),
      hint: /./,
    },
    {
      to: "its user name",
      change: (file) => work(file).account.username = "eve",
    },
    {
      to: "its expiry date: none instead of one",
      change: (file) => work(file).expires_at = null,
    },
    {
      to: "its expiry date: a later one",
      change: (file) => work(file).expires_at = "2099-01-01T00:00:00.000Z",
    },
    {
      to: "its expiry date: the same instant, written otherwise",
      change: (file) =>
        work(file).expires_at = String(work(file).expires_at)
          .replace("Z", "+00:00"),
    },
    {
      to: "its nonce",
      change: (file) => flip(work(file), 0),
    },
    {
      to: "its ciphertext",
      change: (file) => flip(work(file), 20),
    },
    {
      to: "its tag",
      change: (file) => flip(work(file), -1),
    },
    {
      to: "the id of its key",
      change: (file) =>
        file.key.id = file.key.id.replace(
          /^./,
          (digit) => digit === "0" ? "1" : "0",
        ),
      code: "file_key",
      says:
        /^the key in \S+ is another one: it has the id [0-9a-f]{32}, the credential file needs [0-9a-f]{32}$/,
      hint: /right key file back/,
    },
    {
      to: "the version of its file: a newer one is left to a newer nanoctl",
      change: (file) => file.version = 3,
      says: /has version 3; this nanoctl knows versions 1 to 2$/,
      hint: /^update nanoctl/,
    },
    {
      to: "the version of its file: there is none before 1",
      change: (file) => file.version = 0,
      says: /version is missing or wrong/,
    },
  ];
  for (const { to, change, says, hint, profile = "work", code } of cases) {
    it(to, async () => {
      using copy = copyOf(home);
      edit(copy, change);
      const edited = readCredentials(copy);
      assertNotEquals(edited, text, "nothing was changed");
      const expected = {
        exit: 7,
        code: code ?? "file_corrupt",
        message: says ?? bound,
        hint: hint ?? /^restore it from a backup/,
      };
      for (const command of ["token", "whoami"]) {
        const args = [command, "--profile", profile];
        await assertFails(args, { home: copy }, expected);
      }
      // What changes the key opens every profile, and stops at this one.
      await assertFails(["store", "rekey"], { home: copy }, {
        ...expected,
        message: code || to.includes("version") ? expected.message : bound,
        hint: code || to.includes("version")
          ? expected.hint
          : /^restore it from a backup/,
      });
      assertEquals(readCredentials(copy), edited);
    });
  }

  it("all that its documentation lists, and opens with exactly that: also the key's id and the file's version", async () => {
    const file: StoredFile = JSON.parse(text);
    const { service, url, account, expires_at, sealed } = entryIn(file, "work");
    const [base64 = ""] = Deno.readTextFileSync(home.at(KEY)).split("\n");
    const key = await crypto.subtle.importKey(
      "raw",
      Uint8Array.fromBase64(base64),
      "AES-GCM",
      false,
      ["decrypt"],
    );
    const bytes = Uint8Array.fromBase64(sealed);
    const open = async (binding: unknown[]): Promise<string | undefined> => {
      const additionalData = new TextEncoder().encode(JSON.stringify(binding));
      const iv = bytes.subarray(0, 12);
      const plain = await crypto.subtle.decrypt(
        { name: "AES-GCM", iv, additionalData },
        key,
        bytes.subarray(12),
      ).catch(() => undefined);
      return plain && JSON.parse(new TextDecoder().decode(plain)).token;
    };
    const binding = [
      ...["nanoctl", file.version, file.key.id, "work"],
      ...[service, url, account.username, expires_at],
    ];
    assertEquals(
      await open(binding),
      await tokenOf(home, {}, "--profile", "work"),
    );
    for (let at = 0; at < binding.length; at++) {
      const without = binding.filter((_, index) => index !== at);
      const other = binding.with(at, "another");
      assertEquals(await open(without), undefined, `without ${binding[at]}`);
      assertEquals(await open(other), undefined, `another ${binding[at]}`);
    }
  });

  it("nothing else: the date of storing, the order and unknown fields may change", async () => {
    using copy = copyOf(home);
    const before = await tokenOf(copy, {}, "--profile", "work");
    edit(copy, (file) => {
      const { work, play } = file.profiles;
      assert(work && play);
      file.profiles = {
        play,
        work: { ...work, stored_at: "2020-01-01T00:00:00Z" },
      };
      Object.assign(file, { note: "from the future" });
    });
    assertEquals(await tokenOf(copy, {}, "--profile", "work"), before);
    const { code } = await run(["use", "work"], { home: copy });
    assertEquals(code, 0);
    assertStringIncludes(readCredentials(copy), '"note": "from the future"');
  });

  it("its key: with another one in the key file it does not open, and the line names both", async () => {
    using copy = copyOf(home);
    using other = new Home();
    await makeStore(other, new Map([["a", { token: "t" }]]), "a");
    writePrivate(copy.at(KEY), Deno.readFileSync(other.at(KEY)));
    await assertFails(["token"], { home: copy }, {
      exit: 7,
      code: "file_key",
      message: /is another one: it has the id \w+, the credential file needs/,
      hint: /put the right key file back/,
    });
  });
});

/** Changes one bit of what is sealed. */
function flip(entry: StoredEntry, at: number): void {
  const bytes = Uint8Array.fromBase64(entry.sealed);
  const index = at < 0 ? bytes.length + at : at;
  bytes[index] = (bytes[index] ?? 0) ^ 1;
  entry.sealed = bytes.toBase64();
}

/** The same credential file and key in another home. */
function copyOf(home: Home): Home {
  const copy = new Home();
  for (const path of [CREDENTIALS, KEY]) {
    const folder = path.slice(0, path.lastIndexOf("/"));
    Deno.mkdirSync(copy.at(folder), { recursive: true, mode: 0o700 });
    writePrivate(copy.at(path), Deno.readFileSync(home.at(path)));
  }
  return copy;
}
