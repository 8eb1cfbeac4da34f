import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { VERSION } from "../../src/version.ts";
import {
  BINARY,
  Child,
  CREDENTIALS,
  Home,
  type Result,
  run,
  STORED_ENTRIES,
} from "../support/nanoctl.ts";
import { deadUrl } from "../support/servers.ts";
import { Service } from "../support/service.ts";
import { eachOf, PATH, readCredentials } from "../support/store_files.ts";

const NAME = "docker-credential-nanoctl";
const NOT_FOUND = "credentials not found in native keychain\n";
const HUB = "https://index.docker.io/v1/";
const SECRET = "a-password-for-a-registry";

/** What docker writes to have a login stored. */
function loginText(server: string, secret = SECRET, username = "ada"): string {
  const login = { ServerURL: server, Username: username, Secret: secret };
  return `${JSON.stringify(login)}\n`;
}

describe("called by docker, the compiled program", () => {
  let service: Service;
  const folder = Deno.makeTempDirSync({ prefix: "nanoctl-docker-" });
  const helper = `${folder}/${NAME}`;
  beforeAll(async () => {
    Deno.symlinkSync(BINARY, helper);
    service = await Service.start();
  });
  afterAll(async () => {
    await service.stop();
    Deno.removeSync(folder, { recursive: true });
  });

  /** Calls the helper as docker does. */
  function ask(
    home: Home,
    action: string,
    stdin = "",
    env: Record<string, string> = {},
  ): Promise<Result> {
    return run([action], { binary: helper, home, stdin, env });
  }

  async function store(home: Home, server: string): Promise<void> {
    assertEquals(await ask(home, "store", loginText(server)), {
      code: 0,
      stdout: "",
      stderr: "",
    });
  }

  /** Connects the provider github, and has it serve these URLs. */
  async function connect(match: string, connected = true): Promise<void> {
    const answer = await fetch(`${service.url}/dev/external-auth/github`, {
      method: "PATCH",
      body: JSON.stringify({
        match,
        connected,
        ...connected ? { access_token: "ghp_1" } : {},
      }),
    });
    assertEquals(answer.status, 200, await answer.text());
  }

  it("keeps a login encrypted, gives it back, lists it and forgets it", async () => {
    using home = new Home();
    await store(home, HUB);
    await store(home, "ghcr.io");
    assertEquals(home.entries(), STORED_ENTRIES);
    assertEquals(home.mode(CREDENTIALS), "0600");
    assertEquals(home.holds(SECRET), false);
    assertEquals(await ask(home, "get", `${HUB}\n`), {
      code: 0,
      stdout: loginText(HUB),
      stderr: "",
    });
    assertEquals(await ask(home, "list", "unused"), {
      code: 0,
      stdout: `{"ghcr.io":"ada","${HUB}":"ada"}\n`,
      stderr: "",
    });
    const done = { code: 0, stdout: "", stderr: "" };
    assertEquals(await ask(home, "erase", HUB), done);
    assertEquals(await ask(home, "erase", HUB), done);
    assertEquals((await ask(home, "list")).stdout, '{"ghcr.io":"ada"}\n');
    assertEquals((await ask(home, "get", "ghcr.io")).code, 0);
  });

  it("says in docker's words, on stdout, what it doesn't have or wasn't given", async () => {
    using home = new Home();
    const cases: [action: string, stdin: string, said: string][] = [
      ["get", HUB, NOT_FOUND],
      ["get", "not a host", NOT_FOUND],
      ["get", "http://far.example", NOT_FOUND],
      ["get", "", "no credentials server URL\n"],
      ["erase", " \n", "no credentials server URL\n"],
      ["store", loginText(""), "no credentials server URL\n"],
      ["store", loginText(HUB, SECRET, ""), "no credentials username\n"],
    ];
    for (const [action, stdin, stdout] of cases) {
      const result = await ask(home, action, stdin);
      assertEquals(result, { code: 1, stdout, stderr: "" }, action + stdin);
    }
    assertEquals(
      await run(["credential", "docker", "login"], { home }),
      { code: 1, stdout: `${NAME}: unknown action: login\n`, stderr: "" },
    );
    assertEquals(home.entries(), []);
  });

  it("says its name and version", async () => {
    using home = new Home();
    assertEquals(await ask(home, "version"), {
      code: 0,
      stdout: `${NAME} (nanoctl) ${VERSION}\n`,
      stderr: "",
    });
  });

  it("is found in PATH, as a link and as a copy; under its own name it is itself", async () => {
    using home = new Home();
    await store(home, "ghcr.io");
    const copies = home.at("copies");
    Deno.mkdirSync(copies);
    Deno.copyFileSync(BINARY, `${copies}/${NAME}`);
    for (const bin of [folder, copies]) {
      const shell = new Child("/bin/sh", ["-c", `${NAME} list`], {
        home,
        env: { PATH: `${bin}:${PATH}` },
      });
      assertEquals((await shell.end()).stdout, '{"ghcr.io":"ada"}\n');
    }
    for (const action of ["get", "list", "store"]) {
      const { code, stdout } = await run([action], { home, stdin: "ghcr.io" });
      assertEquals([code === 0, stdout.includes(SECRET)], [
        action === "store",
        false,
      ]);
    }
    const own = await run(["credential", "docker", "get"], {
      home,
      stdin: "ghcr.io",
    });
    assertEquals(own.stdout, loginText("ghcr.io"));
    // More than an action is a command line of ours.
    const whole = await run(["store", "info", "--json"], {
      binary: helper,
      home,
    });
    assertEquals(JSON.parse(whole.stdout).exists, true);
  });

  it("keeps no secret where it would not be encrypted", async () => {
    using home = new Home();
    for (
      const text of [
        loginText("ghcr.io", SECRET, SECRET),
        loginText(`https://ada:${SECRET}@ghcr.io`),
        `{"ServerURL":"ghcr.io","Username":"ada","Secret":"${SECRET}`,
      ]
    ) {
      const { code, stdout, stderr } = await ask(home, "store", text);
      assertEquals(code, 2);
      assertMatch(stderr, /^error: .+\nhint: .+\n$/);
      assertEquals(`error: ${stdout}`, stderr.split("hint")[0]);
      assertEquals(stderr.includes(SECRET), false);
    }
    assertEquals(home.entries(), []);
  });

  it("lets login, logout and a change of the key leave the logins to registries", async () => {
    using home = await service.homeWith();
    await store(home, "ghcr.io");
    await service.logIn(home, service.token, "--profile", "work");
    for (
      const args of [
        ["use", "default"],
        ["store", "rekey"],
        ["logout", "--all"],
        ["store", "rekey"],
      ]
    ) {
      const before = readCredentials(home);
      const { code, stderr } = await service.run(args, home);
      assertEquals(code, 0, stderr);
      assert(readCredentials(home) !== before, args.join(" "));
      assertEquals(
        (await ask(home, "get", "ghcr.io")).stdout,
        loginText("ghcr.io"),
        args.join(" "),
      );
    }
  });

  it("loses none of the logins that are stored at once, and while the key changes", async () => {
    using home = new Home();
    await store(home, "ghcr.io");
    const servers = Array.from({ length: 8 }, (_, at) => `r${at}.example`);
    const rekey = run(["store", "rekey"], { home });
    await eachOf(servers, (server) => store(home, server));
    assertEquals((await rekey).code, 0);
    await eachOf(["ghcr.io", ...servers], async (server) => {
      const { stdout } = await ask(home, "get", server);
      assertEquals(stdout, loginText(server));
    });
  });

  it("says on stdout and on stderr that the credential file can't be used, and leaves it", async () => {
    using home = await service.homeWith();
    await store(home, "ghcr.io");
    const good = readCredentials(home);
    // deno-lint-ignore no-explicit-any
    const changed = (change: (file: any) => void): string => {
      const file = JSON.parse(good);
      change(file);
      return JSON.stringify(file, null, 2);
    };
    const damages: [what: string, text: string, server: string][] = [
      ["cut off", good.slice(0, -20), "ghcr.io"],
      ["moved", good.replace('"ghcr.io"', '"evil.example"'), "evil.example"],
      [
        "for another user",
        changed(({ registries }) => registries["ghcr.io"].username = "eve"),
        "ghcr.io",
      ],
      ["no registries", changed((file) => file.registries = 1), "ghcr.io"],
    ];
    for (const [what, text, server] of damages) {
      assert(text !== good, what);
      Deno.writeTextFileSync(home.at(CREDENTIALS), text);
      const { code, stdout, stderr } = await ask(
        home,
        "get",
        server,
        service.env,
      );
      assertEquals(code, 7, what);
      assertMatch(stdout, /^the credential file .+ can't be used: .+\n$/);
      assertEquals(stderr.split("hint")[0], `error: ${stdout}`);
      assertEquals(readCredentials(home), text, what);
    }
  });

  it("asks the service for the registry of an external provider", async () => {
    using home = await service.homeWith();
    await connect("^https://ghcr\\.io/");
    const login = loginText("ghcr.io", "ghp_1", "oauth2");
    assertEquals(
      (await ask(home, "get", "ghcr.io", service.env)).stdout,
      login,
    );
    for (const server of ["https://ghcr.io", "https://ghcr.io/v2/"]) {
      const { stdout } = await ask(home, "get", server, service.env);
      assertEquals(stdout, loginText(server, "ghp_1", "oauth2"));
    }
    for (const server of ["ghcr.io.example", "http://ghcr.io", HUB]) {
      const { code, stdout } = await ask(home, "get", server, service.env);
      assertEquals([code, stdout], [1, NOT_FOUND], server);
    }
    // What was stored comes first.
    await store(home, "ghcr.io");
    assertEquals(
      (await ask(home, "get", "ghcr.io", service.env)).stdout,
      loginText("ghcr.io"),
    );
    await ask(home, "erase", "ghcr.io");
    assertEquals(
      (await ask(home, "get", "ghcr.io", service.env)).stdout,
      login,
    );
  });

  it("gives the service's own token for its own host, to an agent too", async () => {
    using home = await service.homeWith();
    assertEquals(
      (await ask(home, "get", service.url, service.env)).stdout,
      loginText(service.url, service.token, "ada"),
    );
    using empty = new Home();
    const agent = {
      NANOSERVICES_AGENT_URL: service.url,
      NANOSERVICES_AGENT_TOKEN: service.agentToken,
    };
    assertEquals(
      (await ask(empty, "get", service.url, agent)).stdout,
      loginText(service.url, service.agentToken, "oauth2"),
    );
    assertEquals(empty.entries(), []);
  });

  it("goes on without a login if nobody is logged in, and not if the service can't be asked", async () => {
    using empty = new Home();
    assertEquals(await ask(empty, "get", "ghcr.io", service.env), {
      code: 1,
      stdout: NOT_FOUND,
      stderr: "",
    });
    await connect("^https://ghcr\\.io/", false);
    using home = await service.homeWith();
    const first = await ask(home, "get", "ghcr.io", service.env);
    assertEquals(first.code, 1);
    assertMatch(first.stdout, /^not authenticated with the provider of ghcr/);
    assertMatch(first.stderr, /^error: not auth.+\nhint: open http.+\n$/);

    const NANOSERVICES_URL = deadUrl();
    const NANOSERVICES_TOKEN = service.token;
    const { code, stdout, stderr } = await ask(home, "get", "ghcr.io", {
      NANOSERVICES_URL,
      NANOSERVICES_TOKEN,
    });
    assertEquals(code, 5);
    assertEquals(stderr.split("hint")[0], `error: ${stdout}`);
    assertEquals(`${stdout}${stderr}`.includes(service.token), false);
  });

  it("does not ask itself for the key that it needs", async () => {
    using home = new Home();
    const env = { PATH: `${folder}:${PATH}` };
    const { code, stderr } = await run(
      ["credential", "docker", "store", "--key-source", `helper:nanoctl`],
      { home, env, stdin: loginText("ghcr.io") },
    );
    assertEquals(code, 7);
    assertMatch(stderr, /can't keep the key that it needs itself/);
    assertEquals((await ask(home, "list", "", env)).stdout, "{}\n");
  });
});
