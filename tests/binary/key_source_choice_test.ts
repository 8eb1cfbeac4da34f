import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { assertFailure, CREDENTIALS, Home, KEY } from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";
import {
  FakeHelper,
  readCredentials,
  readStored,
  someKey,
  succeed,
  tokenOf,
  writePrivate,
} from "../support/store_files.ts";

const KEY_VARIABLE = "NANOCTL_ENCRYPTION_KEY";
const PASSPHRASE_VARIABLE = "NANOCTL_PASSPHRASE";

describe("where the key comes from", () => {
  let service: Service;
  let helper: FakeHelper;

  beforeAll(async () => {
    service = await Service.start();
    helper = new FakeHelper();
  });
  afterAll(async () => {
    helper[Symbol.dispose]();
    await service.stop();
  });

  describe("is, for a new file,", () => {
    it("a key file, when nothing says otherwise", async () => {
      using home = await service.homeWith({});
      assertEquals(readStored(home).key.source, "keyfile");
      assert(home.entries().includes(KEY));
    });

    it("what --key-source says, whatever variable is set", async () => {
      const key = { [KEY_VARIABLE]: someKey() };
      const passphrase = { [PASSPHRASE_VARIABLE]: "a passphrase" };
      const both = { ...key, ...passphrase };
      for (
        const [choice, env] of [
          ["keyfile", both],
          ["environment", both],
          ["passphrase", both],
          ["helper:fake", { ...both, ...helper.env }],
        ] as const
      ) {
        using home = await service.homeWith(env, "--key-source", choice);
        const [source] = choice.split(":");
        assertEquals(readStored(home).key.source, source);
        assertEquals(await tokenOf(home, env), service.token);
        assertEquals(home.entries().includes(KEY), source === "keyfile");
        assertEquals(home.holds(service.token), false);
      }
    });

    it("the one whose variable is set, as a value or as a file", async () => {
      using files = new Home();
      writePrivate(files.at("key"), someKey());
      writePrivate(files.at("passphrase"), "a passphrase");
      for (
        const [source, env] of [
          ["environment", { [KEY_VARIABLE]: someKey() }],
          ["environment", { [`${KEY_VARIABLE}_FILE`]: files.at("key") }],
          ["passphrase", { [PASSPHRASE_VARIABLE]: "a passphrase" }],
          ["passphrase", {
            [`${PASSPHRASE_VARIABLE}_FILE`]: files.at("passphrase"),
          }],
          ["keyfile", { [KEY_VARIABLE]: "", [PASSPHRASE_VARIABLE]: "" }],
        ] as [string, Record<string, string>][]
      ) {
        using home = await service.homeWith(env);
        assertEquals(readStored(home).key.source, source);
        assertEquals(await tokenOf(home, env), service.token);
      }
    });

    it("not to be told when variables of two sources are set: exit 2, and nothing is made", async () => {
      for (const suffix of ["", "_FILE"]) {
        using home = new Home();
        const env = {
          [`${KEY_VARIABLE}${suffix}`]: someKey(),
          [PASSPHRASE_VARIABLE]: "a passphrase",
        };
        assertFailure(await service.save(home, env), {
          exit: 2,
          code: "usage",
          message: /^both a key and a passphrase are set in the environment$/,
          hint: /^unset one of them, or choose with --key-source$/,
        });
        assertEquals(home.entries().includes(CREDENTIALS), false);
      }
    });

    for (
      const name of [
        "moon",
        "",
        "helper:",
        "helper:../x",
        "helper:a b",
        "KEYFILE",
      ]
    ) {
      it(`not ${JSON.stringify(name)}: exit 2`, async () => {
        using home = new Home();
        assertFailure(await service.save(home, {}, `--key-source=${name}`), {
          exit: 2,
          code: "usage",
          message: /key source|key-source/,
          hint: /./,
        });
        assertEquals(home.entries(), []);
      });
    }
  });

  describe("is, for a file that is there, its own", () => {
    const sources: {
      source: string;
      choice: string;
      env: () => Record<string, string>;
    }[] = [
      { source: "keyfile", choice: "keyfile", env: () => ({}) },
      {
        source: "environment",
        choice: "environment",
        env: () => ({ [KEY_VARIABLE]: someKey() }),
      },
      {
        source: "passphrase",
        choice: "passphrase",
        env: () => ({ [PASSPHRASE_VARIABLE]: "a passphrase" }),
      },
      { source: "helper", choice: "helper:fake", env: () => helper.env },
    ];
    for (const { source, choice, env: make } of sources) {
      it(`${source}: other variables change nothing, --key-source for another is exit 2 and names rekey`, async () => {
        const env = make();
        using home = await service.homeWith(env, "--key-source", choice);
        const { id } = readStored(home).key;
        const all = {
          [KEY_VARIABLE]: someKey(),
          [PASSPHRASE_VARIABLE]: "another",
          ...env,
        };
        const more = await service.save(home, all, "--profile", "more");
        assertEquals(more.code, 0, more.stderr);
        const same = await service.save(home, env, "--key-source", choice);
        assertEquals(same.code, 0, same.stderr);
        assertEquals(readStored(home).key.id, id);
        const before = readCredentials(home);
        const entries = home.entries();
        for (const other of sources) {
          if (other.source === source) continue;
          const args = ["--key-source", other.choice];
          assertFailure(
            await service.save(home, { ...all, ...helper.env }, ...args),
            {
              exit: 2,
              code: "usage",
              message:
                /^the credential file is encrypted with another key source: /,
              hint: new RegExp(
                `nanoctl store rekey --key-source ${other.choice}'`,
              ),
            },
          );
        }
        assertEquals(readCredentials(home), before);
        assertEquals(home.entries(), entries);
      });

      it(`${source}: status and store info say so, as text and as JSON, without the key`, async () => {
        using home = await service.homeWith(make(), "--key-source", choice);
        const { id } = readStored(home).key;
        const text = {
          keyfile: "key file",
          environment: "key from the environment",
          passphrase: "passphrase (scrypt)",
          helper: "docker-credential-fake",
        }[source] ?? "";
        const { stdout: status } = await succeed(["status"], { home });
        assert(
          status.includes(`AES-256-GCM, ${text}, key ${id}\n`),
          status,
        );
        const { stdout: info } = await succeed(["store", "info"], { home });
        assertMatch(info, /^File: +\S+credentials\.json\n/);
        assertMatch(info, /\nEncryption: +AES-256-GCM\n/);
        assert(info.includes(` ${text}\n`), info);
        assert(info.includes(` ${id}\n`), info);
        const expected = {
          cipher: "AES-256-GCM",
          key_source: source,
          key_id: id,
          ...(source === "helper" ? { helper: "fake" } : {}),
          ...(source === "passphrase" ? { kdf: readStored(home).key.kdf } : {}),
        };
        for (const args of [["status"], ["store", "info"]]) {
          const { stdout } = await succeed([...args, "--json"], { home });
          assertEquals(JSON.parse(stdout).encryption, expected);
        }
        const { stdout } = await succeed(["store", "info", "--json"], { home });
        assertEquals(JSON.parse(stdout), {
          file: home.at(CREDENTIALS),
          exists: true,
          version: 1,
          encryption: expected,
          active: "default",
          profiles: 1,
          registries: 0,
        });
      });
    }
  });

  it("is nowhere yet: status and store info say that too, and make nothing", async () => {
    using home = new Home();
    const { stdout: info } = await succeed(["store", "info", "--json"], {
      home,
    });
    assertEquals(JSON.parse(info), {
      file: home.at(CREDENTIALS),
      exists: false,
      version: 1,
      encryption: null,
      active: "default",
      profiles: 0,
      registries: 0,
    });
    const { stdout } = await succeed(["status", "--json"], { home });
    assertEquals(JSON.parse(stdout).encryption, null);
    assertMatch(
      (await succeed(["store", "info"], { home })).stdout,
      /not there yet/,
    );
    assertEquals(home.entries(), []);
  });
});
