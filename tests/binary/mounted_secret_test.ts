import { assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { type Modes, MountedSecret } from "../support/mounted_secret.ts";
import { assertFailure, Home, KEY, run } from "../support/nanoctl.ts";
import {
  changeOAuth,
  registerClient,
  untilDue,
} from "../support/oauth_service.ts";
import { Service } from "../support/service.ts";
import {
  DATA_FOLDER,
  itWith,
  NOBODY,
  ownMounts,
  programs,
  root,
} from "../support/store_files.ts";

const CHILD = ["sh", "-c", 'echo "$NANOSERVICES_TOKEN"'];

/** What is in a folder, and when it was last changed. */
function entriesOf(folder: string): string {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  return `${names} ${Deno.statSync(folder).mtime?.getTime()}`;
}

/** A home with a machine's login that is due; what it gets next lives for an hour. */
async function dueMachine(service: Service): Promise<Home> {
  const home = new Home();
  const secret = await registerClient(service, "ci");
  await changeOAuth(service, { access_expires_in: 1 });
  const login = ["login", "--client-credentials", "--client-id", "ci"];
  const { code, stderr } = await service.run([...login, "--save"], home, {
    NANOCTL_CLIENT_SECRET: secret,
  });
  assertEquals(code, 0, stderr);
  await changeOAuth(service, { access_expires_in: 3600 });
  await untilDue(home);
  return home;
}

describe("a credential file that is mounted as a secret", () => {
  let service: Service;
  let home: Home;
  let secret: MountedSecret;

  beforeAll(async () => {
    service = await Service.start();
    home = await service.homeWith();
    secret = new MountedSecret(home);
  });
  afterAll(async () => {
    secret[Symbol.dispose]();
    home[Symbol.dispose]();
    await service.stop();
  });

  const modes: Modes[] = [
    { file: 0o644, folder: 0o1777 },
    { file: 0o440, folder: 0o3777 },
    { file: 0o400, folder: 0o755 },
  ];
  for (const { file, folder } of modes) {
    itWith(
      [ownMounts],
      `is read with mode ${file.toString(8)} in a folder of mode ${
        folder.toString(8)
      }`,
      async () => {
        using own = new MountedSecret(home, { file, folder });
        const { code, stdout, stderr } = await own.run(["token"]);
        assertEquals([code, stdout, stderr], [0, `${service.token}\n`, ""]);
      },
    );
  }

  const reading: [args: string[], output: RegExp][] = [
    [["token"], /^nano_\w+\n$/],
    [["whoami"], /^ada\n$/],
    [["api", "/v1/me"], /"ada"/],
    [["exec", "--", ...CHILD], /^nano_\w+\n$/],
    [["credential", "kubernetes"], /"token":"nano_/],
    [["credential", "docker", "list"], /^\{\}\n$/],
    [["status"], /credentials\.json/],
    [["store", "info"], /credentials\.json/],
    [["store", "key", "list"], /keyfile/],
    [["doctor"], /nobody but their owner can change/],
  ];
  for (const [args, output] of reading) {
    itWith(
      [root, ownMounts, programs("setpriv")],
      `serves another user than its owner with ${args.join(" ")}`,
      async () => {
        const { code, stdout, stderr } = await secret.run(args, true);
        assertEquals(code, 0, stdout + stderr);
        assertMatch(stdout, output);
      },
    );
  }

  it("is opened by a key that is in another secret, without a home", async () => {
    const key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    using source = await service.homeWith({ NANOCTL_ENCRYPTION_KEY: key });
    Deno.mkdirSync(source.at(DATA_FOLDER), { recursive: true });
    Deno.writeTextFileSync(source.at(KEY), `${key}\n`);
    using own = new MountedSecret(source);
    const { XDG_DATA_HOME: _, ...env } = own.env;
    const { code, stdout, stderr } = await run(["token"], {
      env: { ...env, NANOCTL_ENCRYPTION_KEY_FILE: `${own.keyMount}/key` },
    });
    assertEquals([code, stdout, stderr], [0, `${service.token}\n`, ""]);
  });

  it("is refused without the variable that allows it", async () => {
    const { NANOCTL_READ_ONLY: _, ...env } = secret.env;
    assertFailure(await run(["token"], { env }), {
      exit: 7,
      code: "file_permissions",
      message: /is open to others: its mode is 0777/,
      hint: /^chmod 0700/,
    });
  });

  for (const value of ["yes", "2", " 1"]) {
    it(`is refused with that variable set to ${JSON.stringify(value)}`, async () => {
      const env = { ...secret.env, NANOCTL_READ_ONLY: value };
      assertFailure(await run(["token"], { env }), {
        exit: 2,
        code: "usage",
        message: /^NANOCTL_READ_ONLY is neither 0 nor 1$/,
        hint: /NANOCTL_READ_ONLY=1/,
      });
    });
  }

  const writing: string[][] = [
    ["login", "--token-stdin", "--save"],
    ["logout"],
    ["logout", "--revoke"],
    ["use", "default"],
    ["store", "rekey"],
    ["store", "key", "add", "--key-source", "keyfile"],
    ["store", "key", "remove", "keyfile"],
  ];
  for (const args of writing) {
    it(`is left as it is by ${args.join(" ")}, which asks nobody anything`, async () => {
      const before = entriesOf(secret.mount);
      const requests = await service.requestsDuring(async () => {
        assertFailure(
          await run(args, {
            env: { ...service.env, ...secret.env },
            stdin: service.token,
          }),
          {
            exit: 7,
            code: "file_unwritable",
            message:
              /credentials\.json is read-only, as NANOCTL_READ_ONLY says/,
            hint: /unset NANOCTL_READ_ONLY$/,
          },
        );
      });
      assertEquals(requests, []);
      assertEquals(entriesOf(secret.mount), before);
    });
  }

  const changeable: [what: string, change: (own: MountedSecret) => void][] = [
    [
      "the file",
      (own) => Deno.chmodSync(own.target("credentials.json"), 0o664),
    ],
    ["the folder of the file", (own) => Deno.chmodSync(own.target(), 0o777)],
    ["the mounted folder", (own) => Deno.chmodSync(own.mount, 0o777)],
    ["the folder of the key", (own) => Deno.chmodSync(own.keyMount, 0o775)],
  ];
  for (const [what, change] of changeable) {
    it(`is refused where others can change ${what}`, async () => {
      using own = new MountedSecret(home);
      change(own);
      assertFailure(await run(["token"], { env: own.env }), {
        exit: 7,
        code: "file_permissions",
        message: /can be changed by others: its mode is \d{4}$/,
        hint: /only root and you/,
      });
    });
  }

  itWith([root], "is refused where it belongs to another user", async () => {
    using own = new MountedSecret(home);
    Deno.chownSync(own.target("credentials.json"), NOBODY, NOBODY);
    assertFailure(await run(["token"], { env: own.env }), {
      exit: 7,
      code: "file_permissions",
      message: /belongs to another user \(uid 65534\)$/,
      hint: /only root and you/,
    });
  });

  const loops = { token: ["token"], exec: ["exec", "--", ...CHILD] };
  for (const [name, args] of Object.entries(loops)) {
    itWith(
      [ownMounts],
      `is read anew by a loop of ${name} once it is replaced`,
      async () => {
        using source = await service.homeWith();
        using own = new MountedSecret(source);
        const { token } = await service.mint();
        await service.logIn(source, token);
        const words = args.map((word) => `'${word}'`).join(" ");
        const loop = own.start(
          `until [ "$now" = ${token} ]
           do now=$(nanoctl ${words}) && echo "$now" || exit
           done`,
        );
        assertEquals(await loop.firstLine, service.token);
        own.publish(source);
        const { code, stdout, stderr } = await loop.end();
        assertEquals([code, stderr], [0, ""]);
        const seen = new Set(stdout.trim().split("\n"));
        assertEquals([...seen], [service.token, token]);
      },
    );
  }

  itWith(
    [ownMounts],
    "serves a command with a renewed token that it can't keep, and says so",
    async () => {
      using machine = await dueMachine(service);
      using own = new MountedSecret(machine);
      const { code, stdout, stderr } = await own.run(["token"]);
      assertEquals(code, 0, stderr);
      assertMatch(stdout, /^\S+\n$/);
      assertMatch(
        stderr,
        /^warning: the renewed token could not be stored, .*is read-only, as NANOCTL_READ_ONLY says/,
      );
    },
  );
});
