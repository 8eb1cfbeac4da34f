import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "@std/path";
import { systemdCreds } from "../support/key_services.ts";
import { assertFailure, Home, KEY, run } from "../support/nanoctl.ts";
import { describeNeeding } from "../support/needs.ts";
import { Service } from "../support/service.ts";
import {
  PATH,
  programs,
  readStored,
  runScript,
  succeed,
  tokenOf,
} from "../support/store_files.ts";
import { TransitServer } from "../support/transit_server.ts";

const PAGE = Deno.readTextFileSync(
  new URL("../../docs/key_sources.md", import.meta.url),
);

/** A script of docs/key_sources.md, by the name that it gives itself. */
function scriptOf(name: string): string {
  const scripts = [...PAGE.matchAll(/```sh\n(#!\/bin\/sh\n[\s\S]*?)```/g)]
    .map(([, script = ""]) => script);
  const found = scripts.find((script) =>
    script.split("\n")[1]?.startsWith(`# ${name}: `)
  );
  assert(found, `docs/key_sources.md has the script ${name}`);
  return found;
}

/** A folder of PATH with one of the scripts. */
class Recipe implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "nanoctl-recipe-" });
  readonly source: string;

  constructor(name: string) {
    this.source = `command:${name}`;
    Deno.writeTextFileSync(join(this.folder, name), scriptOf(name), {
      mode: 0o755,
    });
  }

  get path(): string {
    return `${this.folder}:${PATH}`;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

describe("a script of docs/key_sources.md", () => {
  it("is a shell's, whoever keeps the key", async () => {
    const names = [...PAGE.matchAll(/^# (nanoctl-[a-z]+): /gm)]
      .map(([, name = ""]) => name);
    assertEquals(names, [
      "nanoctl-age",
      "nanoctl-systemd",
      "nanoctl-vault",
      "nanoctl-transit",
      "nanoctl-aws",
      "nanoctl-gcloud",
      "nanoctl-azure",
    ]);
    for (const name of names) {
      using recipe = new Recipe(name);
      const script = join(recipe.folder, name);
      assertEquals(
        await runScript(`sh -n ${script} && sh ${script} other </dev/null`),
        { code: 2, stdout: "", stderr: "" },
        name,
      );
    }
  });
});

/** What holds for every program that keeps a key well. */
function keepsTheKey(
  name: string,
  prepare: (home: Home) => Promise<Record<string, string>>,
  breakIt: (env: Record<string, string>) => Record<string, string>,
  says: RegExp,
): void {
  let service: Service;
  let recipe: Recipe;
  beforeAll(async () => {
    service = await Service.start();
    recipe = new Recipe(name);
  });
  afterAll(async () => {
    await service.stop();
    recipe[Symbol.dispose]();
  });

  async function prepared(home: Home): Promise<Record<string, string>> {
    return { PATH: recipe.path, ...await prepare(home) };
  }

  it("opens a new file alone, and no file of ours holds the key", async () => {
    using home = new Home();
    const env = await prepared(home);
    const login = await service.save(home, env, "--key-source", recipe.source);
    assertEquals(login.code, 0, login.stderr);
    assertEquals(readStored(home).version, 2);
    assertEquals(home.entries().includes(KEY), false);
    assertEquals(home.holds(service.token), false);
    assertEquals(await tokenOf(home, env), service.token);
  });

  it("is one key of several, takes part in a rekey, and opens the file alone", async () => {
    using home = await service.homeWith();
    const env = await prepared(home);
    await succeed(["store", "key", "add", "--key-source", recipe.source], {
      home,
      env,
    });
    await succeed(["store", "key", "remove", "keyfile"], { home, env });
    await succeed(["store", "rekey"], { home, env });
    Deno.removeSync(home.at(KEY));
    assertEquals(await tokenOf(home, env), service.token);
    const { stdout } = await succeed(
      ["store", "key", "list", "--check", "--json"],
      { home, env },
    );
    assertMatch(stdout, /"source":"command".*"opens":true/);
  });

  it("says so where it can't be had, and a recovery passphrase helps", async () => {
    using home = new Home();
    const env = await prepared(home);
    const login = await service.save(home, env, "--key-source", recipe.source);
    assertEquals(login.code, 0, login.stderr);
    const passphrase = { NANOCTL_NEW_PASSPHRASE: "for a bad day" };
    await succeed(
      ["store", "key", "add", "--name", "recovery"].concat(
        "--key-source",
        "passphrase",
      ),
      { home, env: { ...env, ...passphrase } },
    );
    const broken = breakIt(env);
    const failed = await run(["token"], { home, env: broken });
    assertEquals([failed.code, failed.stdout], [7, ""]);
    assertMatch(failed.stderr, says);
    assertMatch(
      failed.stderr,
      /^error: no key opens the credential file here: command: the key command nanoctl-\w+: unwrap .*; recovery: /m,
    );
    // What docs/key_sources.md says to do on another machine.
    const recovering = {
      home,
      env: { ...broken, NANOCTL_PASSPHRASE: "for a bad day" },
    };
    await succeed(
      ["store", "key", "add", "--name", "here", "--key-source", "keyfile"],
      recovering,
    );
    await succeed(["store", "key", "remove", "command"], recovering);
    await succeed(["store", "rekey"], recovering);
    assertEquals(await tokenOf(home, broken), service.token);
  });
}

describeNeeding(programs("age", "age-keygen")(), "age", () => {
  keepsTheKey(
    "nanoctl-age",
    async (home) => {
      const identity = home.at("identity.txt");
      const made = await runScript(`age-keygen -o '${identity}'`);
      assertEquals(made.code, 0, made.stderr);
      return { NANO_AGE_IDENTITY: identity };
    },
    (env) => ({ ...env, NANO_AGE_IDENTITY: "/nonexistent" }),
    /age: error: /,
  );

  it("needs the identity that it was wrapped for", async () => {
    const service = await Service.start();
    using recipe = new Recipe("nanoctl-age");
    using home = new Home();
    const identity = home.at("identity.txt");
    await runScript(`age-keygen -o '${identity}'`);
    const env = { PATH: recipe.path, NANO_AGE_IDENTITY: identity };
    await service.save(home, env, "--key-source", recipe.source);
    Deno.removeSync(identity);
    await runScript(`age-keygen -o '${identity}'`);
    const { code, stdout, stderr } = await run(["token"], { home, env });
    assertEquals([code, stdout], [7, ""]);
    assertMatch(stderr, /: unwrap failed with exit code 1\n/);
    await service.stop();
  });
});

describeNeeding(systemdCreds(), "systemd-creds", () => {
  keepsTheKey(
    "nanoctl-systemd",
    // A host key of the test's own, in the place of the machine's.
    (home) =>
      Promise.resolve({ SYSTEMD_CREDENTIAL_SECRET: home.at("host.secret") }),
    (env) => ({
      ...env,
      SYSTEMD_CREDENTIAL_SECRET: "/nonexistent/host.secret",
    }),
    /host\.secret|credential/i,
  );
});

describeNeeding(programs("curl")(), "the transit engine", () => {
  let server: TransitServer;
  beforeAll(() => {
    server = new TransitServer("nanoctl");
  });
  afterAll(() => server[Symbol.asyncDispose]());

  keepsTheKey(
    "nanoctl-transit",
    (home) => {
      Deno.writeTextFileSync(home.at(".vault-token"), server.token);
      return Promise.resolve({ VAULT_ADDR: server.url });
    },
    (env) => ({ ...env, VAULT_TOKEN: "hvs.revoked" }),
    /curl: \(22\) .*403/,
  );

  it("hears of its own key alone, and of no token of ours", () => {
    const kinds = new Set(server.seen);
    assertEquals([...kinds].sort(), [
      "200 POST /v1/transit/decrypt/nanoctl",
      "200 POST /v1/transit/encrypt/nanoctl",
      "403 POST /v1/transit/decrypt/nanoctl",
    ]);
  });

  it("that refuses to wrap leaves nothing stored", async () => {
    const service = await Service.start();
    using recipe = new Recipe("nanoctl-transit");
    using home = new Home();
    const env = {
      PATH: recipe.path,
      VAULT_ADDR: server.url,
      VAULT_TOKEN: "hvs.wrong",
    };
    const result = await service.save(
      home,
      env,
      "--key-source",
      recipe.source,
    );
    const said = result.stderr.split("\n").filter((line) =>
      !line.startsWith("curl: ")
    ).join("\n");
    assertFailure({ ...result, stderr: said }, {
      exit: 7,
      code: "file_key",
      message: /^the key command nanoctl-transit: wrap printed nothing$/,
      hint: /docs\/key_sources\.md/,
      secret: service.token,
    });
    assertEquals(
      home.entries().filter((path) => path.endsWith(".json")),
      [],
    );
    await service.stop();
  });
});
