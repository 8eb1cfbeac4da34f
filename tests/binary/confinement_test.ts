import { assert, assertEquals } from "@std/assert";
import { dirname, fromFileUrl, join } from "@std/path";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { bundle } from "../../scripts/bundle.ts";
import { compileArgs } from "../../scripts/compile.ts";
import { runDeno } from "../../scripts/process.ts";
import { descriptionBytes } from "../support/descriptions.ts";
import { denortOfSetUp } from "../support/denort.ts";
import { readHelp } from "../support/help.ts";
import { Child, CREDENTIALS, Home, KEY } from "../support/nanoctl.ts";
import { Service } from "../support/service.ts";

const ROOT = fromFileUrl(import.meta.resolve("../../"));

/**
 * What a dependency that means harm would do as soon as it is loaded. It says
 * on stderr what it could do: of what lies in HOME, and of the system.
 */
const HARM = `
{
  const home = Deno.env.get("HOME") ?? "/nonexistent";
  const own = home + "/.config/nanoctl";
  const tries: Record<string, () => unknown> = {
    "write a file": () => Deno.writeTextFileSync(home + "/.profile", "harm"),
    "write to a folder like ours": () =>
      Deno.writeTextFileSync(own + "-other/file", "harm"),
    "climb out": () => Deno.writeTextFileSync(own + "/../climbed", "harm"),
    "make a folder": () => Deno.mkdirSync(home + "/harm"),
    "make a temporary file": () => Deno.makeTempFileSync(),
    "make a link": () => Deno.symlinkSync(home, own + "/link"),
    "rename a file": () =>
      Deno.renameSync(home + "/.profile", home + "/.harmed"),
    "take a file in": () =>
      Deno.renameSync(home + "/.profile", own + "/.profile"),
    "put a file out": () =>
      Deno.renameSync(own + "/credentials.json", home + "/out"),
    "remove a file": () => Deno.removeSync(home + "/.profile"),
    "change a mode": () => Deno.chmodSync(home + "/.profile", 0o777),
    "ask for more": () => {
      const { state } = Deno.permissions.requestSync({ name: "write" });
      if (state !== "granted") throw new Deno.errors.NotCapable();
    },
    "load a library": () => Deno.dlopen("/lib/none.so", {}),
    "run a program": () => new Deno.Command("true").outputSync(),
    "write to our folder": () =>
      Deno.writeTextFileSync(own + "/harm", "harm"),
  };
  const done = Object.keys(tries).filter((name) => {
    try {
      tries[name]?.();
      return true;
    } catch (error) {
      return !(error instanceof Deno.errors.NotCapable);
    }
  });
  const thread = "postMessage" in globalThis ? "worker" : "process";
  Deno.stderr.writeSync(
    new TextEncoder().encode("HARM " + JSON.stringify({ thread, done }) + "\\n"),
  );
}
`;

/** Modules of which every command loads one, as it would a dependency; the fast path has the first. */
const HARMED = [
  "src/version.ts",
  "src/store/credential_store.ts",
  "src/cli/command_line/cliffy_tree.ts",
  "src/cli/command_line/help.ts",
  "src/cli/command_line/usage_error.ts",
  "src/dev_server/server.ts",
  "src/cli/completion/bash.ts",
  "src/cli/completion/complete.ts",
  "src/cli/explanations.ts",
  "src/cli/known_services.ts",
];

interface Report {
  thread: "process" | "worker";
  done: string[];
}

describe("with a module in it that means harm, the compiled program", () => {
  let folder = "";
  let service: Service;
  beforeAll(async () => {
    folder = await Deno.makeTempDir({ prefix: "nanoctl_harm_" });
    for (const path of ["deno.json", "main.ts", ...below("src")]) {
      await copy(path);
    }
    for (const path of ["scripts/eager.ts"]) await copy(path);
    for (const name of ["vendor", "node_modules"]) {
      await Deno.symlink(join(ROOT, name), join(folder, name));
    }
    for (const name of HARMED) {
      const path = join(folder, name);
      await Deno.writeTextFile(path, HARM + await Deno.readTextFile(path));
    }
    await bundle(folder, join(folder, "bundle"));
    const { success, stderr } = await runDeno(
      compileArgs("bundle/main.js", join(folder, "harmed"), {
        worker: "bundle/worker.js",
      }),
      { cwd: folder, env: await denortOfSetUp() },
    );
    assert(success, stderr);
    service = await Service.start();
  });
  afterAll(async () => {
    await service?.stop();
    await Deno.remove(folder, { recursive: true });
  });

  function below(path: string): string[] {
    return [...Deno.readDirSync(join(ROOT, path))].flatMap((entry) =>
      entry.isDirectory
        ? below(`${path}/${entry.name}`)
        : [`${path}/${entry.name}`]
    );
  }

  async function copy(path: string): Promise<void> {
    await Deno.mkdir(dirname(join(folder, path)), { recursive: true });
    await Deno.copyFile(join(ROOT, path), join(folder, path));
  }

  /** Runs a command in a home with a login, and says what the harm came to in each thread. */
  async function harmDone(
    home: Home,
    args: string[],
    stdin?: string,
    env: Record<string, string> = {},
  ): Promise<{ reports: Report[]; code: number; stdout: string }> {
    const { code, stdout, stderr } = await new Child(
      join(folder, "harmed"),
      args,
      {
        home,
        env: {
          PATH: Deno.env.get("PATH") ?? "",
          ...(stdin === undefined ? {} : service.env),
          ...env,
        },
        ...(stdin === undefined ? {} : { stdin }),
        cwd: home.path,
      },
    ).end();
    const reports = [...stderr.matchAll(/^HARM (.*)$/gm)]
      .map(([, json = ""]): Report => JSON.parse(json));
    assert(reports.length > 0, stderr);
    return { reports, code, stdout };
  }

  async function loggedIn(): Promise<Home> {
    const home = new Home();
    await service.logIn(home, (await service.mint()).token);
    Deno.writeTextFileSync(home.at(".profile"), "mine");
    Deno.mkdirSync(home.at(".config/nanoctl-other"));
    Deno.writeFileSync(home.at("garden.json"), descriptionBytes());
    const kept = home.at(".config/nanoctl/services/garden.json");
    Deno.mkdirSync(dirname(kept), { mode: 0o700 });
    Deno.writeFileSync(kept, descriptionBytes(), { mode: 0o600 });
    return home;
  }

  function assertUnharmed(home: Home): void {
    assertEquals(Deno.readTextFileSync(home.at(".profile")), "mine");
    assertEquals(Deno.lstatSync(home.at(".profile")).mode! & 0o777, 0o644);
    assertEquals(
      [...Deno.readDirSync(home.at(".config"))].map(({ name }) => name).sort(),
      ["nanoctl", "nanoctl-other"],
    );
    assertEquals([...Deno.readDirSync(home.at(".config/nanoctl-other"))], []);
    const kept = [CREDENTIALS, KEY].map((path) => home.at(path));
    for (const path of kept) assert(Deno.lstatSync(path).isFile);
  }

  const reading: { args: string[]; fails?: boolean; quick?: boolean }[] = [
    { args: ["token"], quick: true },
    { args: ["token", "--json"] },
    { args: ["credential", "kubernetes"] },
    { args: ["whoami"] },
    { args: ["status", "--check"] },
    { args: ["doctor"] },
    { args: ["store", "info"] },
    { args: ["store", "key", "list", "--check"] },
    { args: ["api", "/v1/me"] },
    { args: ["external-auth", "list"] },
    { args: ["external-auth", "access-token", "github"], fails: true },
    { args: ["credential", "git", "get"] },
    { args: ["credential", "docker", "list"] },
    { args: ["credential", "docker", "get"], fails: true },
    { args: ["service", "list"] },
    { args: ["service", "show", "npm"] },
    { args: ["service", "test", "npm"], fails: true },
    { args: ["dev-server", "--host", "192.0.2.1"], fails: true },
    { args: ["whoami", "--profile", "use"], fails: true },
    { args: ["login", "--help"] },
    { args: ["help", "login"] },
    { args: ["completions", "bash"] },
    { args: ["explain", "file_key"] },
    { args: ["__complete"] },
    { args: ["--version"], quick: true },
    { args: ["none-such"], fails: true },
  ];
  for (const { args, fails, quick = false } of reading) {
    it(`can't write anywhere nor run anything in ${args.join(" ")}`, async () => {
      using home = await loggedIn();
      const { reports, code } = await harmDone(home, args);
      for (const report of reports) {
        assertEquals(report, { thread: "process", done: [] });
      }
      if (quick) assertEquals(reports.length, 1);
      assertEquals(code !== 0, fails ?? false);
      assertUnharmed(home);
    });
  }

  const key = { NANOCTL_ENCRYPTION_KEY: new Uint8Array(32).toBase64() };
  const addKey = ["store", "key", "add", "--key-source", "environment"];
  const changing: {
    args: string[];
    stdin?: true | string;
    env?: Record<string, string>;
    before?: string[];
  }[] = [
    { args: ["login", "--token-stdin"], stdin: true },
    { args: ["login", "--token-stdin", "--save"], stdin: true },
    {
      args: ["credential", "docker", "store"],
      stdin: '{"ServerURL":"ghcr.io","Username":"ada","Secret":"x"}',
    },
    { args: ["use", "default"] },
    { args: ["store", "rekey"] },
    { args: addKey, env: key },
    {
      args: ["store", "key", "remove", "environment"],
      env: key,
      before: addKey,
    },
    { args: ["logout", "--url", "http://127.0.0.1:1"] },
    { args: ["service", "add", "garden.json"] },
    { args: ["service", "remove", "garden"] },
  ];
  for (const { args, stdin, env, before } of changing) {
    it(`can write to our folders alone, and run nothing, in ${args.join(" ")}`, async () => {
      using home = await loggedIn();
      if (before) await service.run(before, home, env);
      const input = stdin === true ? (await service.mint()).token : stdin;
      const { reports, code } = await harmDone(home, args, input, env);
      for (const report of reports) {
        assertEquals(report, {
          thread: "worker",
          done: ["write to our folder"],
        });
      }
      assertEquals(code, 0);
      assertUnharmed(home);
    });
  }

  it("can write to our folders, and run nothing, where a token has to be renewed", async () => {
    using home = await loggedIn();
    const path = home.at(CREDENTIALS);
    const file = JSON.parse(Deno.readTextFileSync(path));
    file.profiles.default.renewable = true;
    const { version, key, ...others } = file;
    for (
      const [expiry, args, thread] of [
        [null, "whoami", "worker"],
        [null, "token", "process"],
        [null, "token --json", "process"],
        [null, "credential kubernetes", "process"],
        ["2026-01-01T00:00:00.000Z", "token", "worker"],
      ] as const
    ) {
      const text = { version, key, next_expiry: expiry, ...others };
      Deno.writeTextFileSync(path, JSON.stringify(text, null, 2));
      const { reports, code } = await harmDone(home, args.split(" "));
      const done = thread === "worker" ? ["write to our folder"] : [];
      for (const report of reports) assertEquals(report, { thread, done });
      assertEquals(code, 0, args);
    }
    assertUnharmed(home);
  });

  const running = [["exec"], ["exec", "--profile", "use"]];
  for (const args of running) {
    it(`can run programs in ${args.join(" ")}, which is there for that, and write nowhere`, async () => {
      using home = await loggedIn();
      const { token } = await service.mint();
      await service.logIn(home, token, "--profile", "use");
      const { reports, code, stdout } = await harmDone(home, [
        ...[...args, "--", "echo", "hello"],
      ]);
      for (const report of reports) {
        assertEquals(report, { thread: "process", done: ["run a program"] });
      }
      assertEquals([code, stdout], [0, "hello\n"]);
      assertUnharmed(home);
    });
  }

  it("can run programs where one prints the token, and write nowhere", async () => {
    using home = await loggedIn();
    const { token } = await service.mint();
    const line = `echo ${token}`;
    const variable = { NANOSERVICES_TOKEN_COMMAND: line };
    const cases: [args: string[], env: Record<string, string>, may: boolean][] =
      [
        [["whoami", "--token-command", line], {}, true],
        [["token", `--token-command=${line}`], {}, true],
        [["token"], variable, true],
        [["doctor"], variable, true],
        [["store", "info"], variable, false],
        [["--version"], variable, false],
      ];
    for (const [args, env, may] of cases) {
      const { reports, code } = await harmDone(home, args, undefined, env);
      const done = may ? ["run a program"] : [];
      for (const report of reports) {
        assertEquals(report, { thread: "process", done }, args.join(" "));
      }
      assertEquals(code, 0, args.join(" "));
    }
    assertUnharmed(home);
  });

  it("can run programs where one renews a stored login, and only to renew it", async () => {
    using home = await loggedIn();
    const { token } = await service.mint();
    const save = async (expires_at: string): Promise<void> => {
      const json = JSON.stringify({ token, expires_at });
      const line = JSON.stringify(["/bin/echo", json]);
      const args = ["login", "--save", "--token-command", line];
      const { code, stderr } = await service.run(args, home);
      assertEquals(code, 0, stderr);
    };
    const inWorker = {
      thread: "worker" as const,
      done: ["run a program", "write to our folder"],
    };
    const inProcess = { thread: "process" as const, done: [] };
    await save("2100-01-15T12:00:00Z");
    for (
      const [args, expected] of [
        ["whoami", inWorker],
        ["token", inProcess],
        ["token --json", inProcess],
        ["store info", inProcess],
      ] as const
    ) {
      const { reports, code } = await harmDone(home, args.split(" "));
      for (const report of reports) assertEquals(report, expected, args);
      assertEquals(code, 0, args);
    }
    await save("2026-01-15T12:00:00Z");
    const { reports } = await harmDone(home, ["token"]);
    for (const report of reports) assertEquals(report, inWorker);
    assertUnharmed(home);
  });

  it("was tried in every command there is", async () => {
    const tried = [...reading, ...changing].map(({ args }) => args)
      .concat(running)
      .map((args) => args.join(" "));
    for (const { path, commands } of await readHelp()) {
      const name = path.join(" ");
      if (name === "" || commands.length > 0) continue;
      assert(
        tried.some((line) => `${line} `.startsWith(`${name} `)),
        name,
      );
    }
  });
});
