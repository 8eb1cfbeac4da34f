import { assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import {
  assertFails,
  assertFailure,
  CREDENTIALS,
  Home,
} from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";
import {
  readCredentials,
  readStored,
  someKey,
  tokenOf,
  writePrivate,
} from "../support/store_files.ts";

const VARIABLE = "NANOCTL_ENCRYPTION_KEY";

describe("a key from the environment", () => {
  let service: Service;

  beforeAll(async () => {
    service = await Service.start();
  });
  afterAll(() => service.stop());

  function loggedIn(key: string): Promise<Home> {
    return service.homeWith({ [VARIABLE]: key });
  }

  it("encrypts a new file, and no key is written anywhere", async () => {
    const key = someKey();
    using home = await loggedIn(key);
    assertEquals(readStored(home).key.source, "environment");
    assertEquals(await tokenOf(home, { [VARIABLE]: key }), service.token);
    assertEquals(
      home.entries().filter((path) => !path.endsWith("/")).sort(),
      [CREDENTIALS, CREDENTIALS.replace(".json", ".lock")].sort(),
    );
    assertEquals(home.holds(key), false);
    assertEquals(home.holds(service.token), false);
  });

  it("may come from a file, with a line break at its end or without, and the file goes first", async () => {
    const key = someKey();
    using home = await loggedIn(key);
    for (const text of [key, `${key}\n`, `${key}\r\n`]) {
      writePrivate(home.at("key"), text);
      const env = { [`${VARIABLE}_FILE`]: home.at("key") };
      assertEquals(await tokenOf(home, env), service.token);
      const both = { ...env, [VARIABLE]: someKey() };
      assertEquals(await tokenOf(home, both), service.token);
    }
  });

  it("may stand in a file that others can read, as mounted secrets do", async () => {
    const key = someKey();
    using home = await loggedIn(key);
    writePrivate(home.at("key"), key);
    Deno.chmodSync(home.at("key"), 0o444);
    const env = { [`${VARIABLE}_FILE`]: home.at("key") };
    assertEquals(await tokenOf(home, env), service.token);
  });

  const bytes = (length: number): string =>
    crypto.getRandomValues(new Uint8Array(length)).toBase64();
  const malformed: {
    name: string;
    value?: string;
    file?: string | Uint8Array | undefined;
    says: RegExp;
    hint?: RegExp | undefined;
  }[] = [
    {
      name: "is not base64",
      value: "%%%",
      says: /does not hold a key in base64$/,
    },
    {
      name: "is hexadecimal",
      value: "ab".repeat(32),
      says: /holds 48 bytes, not 32$/,
    },
    { name: "has 31 bytes", value: bytes(31), says: /holds 31 bytes, not 32$/ },
    { name: "has 33 bytes", value: bytes(33), says: /holds 33 bytes, not 32$/ },
    { name: "has 16 bytes", value: bytes(16), says: /holds 16 bytes, not 32$/ },
    { name: "is blank", value: "  ", says: /holds 0 bytes, not 32$/ },
    {
      name: "has a second key behind it",
      value: `${bytes(32)} ${bytes(32)}`,
      says: /does not hold a key in base64$/,
    },
    { name: "is in an empty file", file: "", says: /holds 0 bytes, not 32$/ },
    {
      name: "is in a file of raw bytes",
      file: new Uint8Array(32).fill(200),
      says: /does not hold a key in base64$/,
    },
    {
      name: "is in a file of 31 bytes",
      file: bytes(31),
      says: /holds 31 bytes, not 32$/,
    },
    {
      name: "is in a huge file",
      file: "A".repeat(1_000_000),
      says: /is too large$/,
      hint: undefined,
    },
    {
      name: "is in a file that is not there",
      says: /can't be read: there is no such file$/,
      hint: undefined,
    },
  ];
  for (const wrong of malformed) {
    const { name, value, file, says } = wrong;
    it(`that ${name} is refused with what is wrong, to write and to read`, async () => {
      using home = new Home();
      if (file !== undefined) writePrivate(home.at("key"), file);
      const env: Record<string, string> = value === undefined
        ? { [`${VARIABLE}_FILE`]: home.at("key") }
        : { [VARIABLE]: value };
      const expected = {
        exit: 7,
        code: "file_key",
        message: says,
        hint: "hint" in wrong
          ? wrong.hint
          : /^a key is 32 bytes in base64, as 'head -c 32 \/dev\/urandom \| base64' makes one$/,
      };
      const failed = await service.save(home, env);
      assertFailure(failed, expected);
      const named = value === undefined ? home.at("key") : VARIABLE;
      assertMatch(failed.stderr, new RegExp(`^error: (the file )?${named} `));
      assertEquals(
        home.entries().filter((path) => path.endsWith(".json")),
        [],
      );
      if (value) {
        assertEquals(failed.stderr.includes(value.trim() || "?"), false);
      }

      using other = await loggedIn(someKey());
      const before = readCredentials(other);
      await assertFails(["token"], { home: other, env }, expected);
      assertFailure(await service.save(other, env), expected);
      assertEquals(readCredentials(other), before);
    });
  }

  it("that never ends is refused, and not read to the end", async () => {
    using home = await loggedIn(someKey());
    const env = { [`${VARIABLE}_FILE`]: "/dev/zero" };
    await assertFails(["token"], { home, env }, {
      exit: 7,
      code: "file_key",
      message: /^the file \/dev\/zero (is too large|can't be read: .*)$/,
    });
  });

  it("that is a folder's path is refused", async () => {
    using home = await loggedIn(someKey());
    const env = { [`${VARIABLE}_FILE`]: home.path };
    await assertFails(["token"], { home, env }, {
      exit: 7,
      code: "file_key",
      message: /can't be read: permission denied, or it is not a file$/,
    });
  });

  it("that is missing is said, with the names of the variables", async () => {
    using home = await loggedIn(someKey());
    const before = readCredentials(home);
    const expected = {
      exit: 7,
      code: "file_key",
      message:
        /^no key: NANOCTL_ENCRYPTION_KEY and NANOCTL_ENCRYPTION_KEY_FILE are not set$/,
      hint: /^set one of them to 32 bytes in base64/,
    };
    await assertFails(["token"], { home }, expected);
    assertFailure(await service.save(home, {}), expected);
    assertEquals(readCredentials(home), before);
  });

  it("that is another one is said, with the ids of both", async () => {
    const key = someKey();
    using home = await loggedIn(key);
    const before = readCredentials(home);
    const { id } = readStored(home).key;
    const env = { [VARIABLE]: someKey() };
    const expected = {
      exit: 7,
      code: "file_key",
      message: new RegExp(
        `^the key in ${VARIABLE} is another one: it has the id [0-9a-f]{32}, the credential file needs ${id}$`,
      ),
      hint: /^give the key that the file was encrypted with$/,
    };
    await assertFails(["token"], { home, env }, expected);
    assertFailure(await service.save(home, env), expected);
    assertFailure(await service.save(home, env, "--profile", "b"), expected);
    assertEquals(readCredentials(home), before);
  });
});
