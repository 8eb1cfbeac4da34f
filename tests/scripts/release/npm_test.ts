import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe } from "@std/testing/bdd";
import { npmPackages } from "../../../scripts/release/npm.ts";
import { publisherOf } from "../../../scripts/release/publisher.ts";
import { VERSION } from "../../../src/version.ts";
import {
  BINARY,
  Child,
  Home,
  type Result,
  run,
  type RunOptions,
} from "../../support/nanoctl.ts";
import { itNeeding } from "../../support/needs.ts";
import { Service } from "../../support/service.ts";
import { PATH, programs } from "../../support/store_files.ts";
import { KEYS, Terminal } from "../../support/terminal.ts";

const TARGET = `${Deno.build.os === "darwin" ? "macos" : "linux"}-${
  Deno.build.arch === "aarch64" ? "arm64" : "x64"
}`;

const missing = programs("node", "npm", "npx", "tar")();
// There npm is a script, and Ctrl-C no signal.
const onPosix = Deno.build.os === "windows" ? describe.skip : describe;

/** A registry on loopback with these packages, as npm asks for them. */
class Registry implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly url: string;

  private constructor(
    manifests: Record<string, unknown>[],
    files: Map<string, Uint8Array<ArrayBuffer>>,
  ) {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => {
        const path = decodeURIComponent(new URL(request.url).pathname.slice(1));
        const file = files.get(path);
        if (file) return new Response(file);
        const manifest = manifests.find(({ name }) => name === path);
        return manifest
          ? Response.json(this.#document(path, manifest, files))
          : new Response(null, { status: 404 });
      },
    );
    this.url = `http://127.0.0.1:${this.#server.addr.port}`;
  }

  static async of(
    files: Map<string, Uint8Array<ArrayBuffer>>,
  ): Promise<Registry> {
    const manifests = await Promise.all([...files.values()].map(manifestIn));
    return new Registry(manifests, files);
  }

  #document(
    name: string,
    manifest: Record<string, unknown>,
    files: Map<string, Uint8Array<ArrayBuffer>>,
  ): Record<string, unknown> {
    const file = `${name.replace("@", "").replace("/", "-")}-${VERSION}.tgz`;
    const integrity = createHash("sha512").update(files.get(file) ?? "")
      .digest("base64");
    const dist = {
      tarball: `${this.url}/${file}`,
      integrity: `sha512-${integrity}`,
    };
    return {
      name,
      "dist-tags": { latest: VERSION },
      versions: { [VERSION]: { ...manifest, dist } },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

async function manifestIn(
  tarball: Uint8Array<ArrayBuffer>,
): Promise<Record<string, unknown>> {
  const tar = new Deno.Command("tar", {
    args: ["-xzOf", "-", "package/package.json"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const [{ stdout }] = await Promise.all([
    tar.output(),
    new Blob([tarball]).stream().pipeTo(tar.stdin).catch(() => {}),
  ]);
  return JSON.parse(new TextDecoder().decode(stdout));
}

onPosix("the npm packages", () => {
  let project = "";
  let service: Service;
  let files: Map<string, Uint8Array<ArrayBuffer>>;

  beforeAll(async () => {
    if (missing !== undefined) return;
    project = await Deno.makeTempDir({ prefix: "nanoctl-npm-" });
    await Deno.writeTextFile(`${project}/package.json`, '{"private":true}\n');
    service = await Service.start();
    files = await npmPackages({
      programs: [{ target: TARGET, bytes: await Deno.readFile(BINARY) }],
      version: VERSION,
      texts: [],
      publisher: publisherOf(() => undefined, VERSION, true),
      date: 1_700_000_000,
    });
    await using registry = await Registry.of(files);
    const { code, stderr } = await npm(registry, "install", "nanoctl");
    assertEquals(code, 0, stderr);
  });
  afterAll(async () => {
    await service?.stop();
    if (project) await Deno.remove(project, { recursive: true });
  });

  const env = (): Record<string, string> => ({
    PATH,
    HOME: project,
    NPM_CONFIG_CACHE: `${project}/.cache`,
    NPM_CONFIG_UPDATE_NOTIFIER: "false",
  });

  function npm(registry: Registry, ...args: string[]): Promise<Result> {
    const quiet = ["--ignore-scripts", "--no-audit", "--no-fund"];
    return new Child("npm", [
      ...args,
      `--registry=${registry.url}`,
      ...quiet,
    ], { cwd: project, env: env() }).end();
  }

  /** The launcher itself: where two packages have a program of one name, npm chooses. */
  const launcher = (): string =>
    `${project}/node_modules/nanoctl/bin/nanoctl.cjs`;

  function launch(args: string[], options: RunOptions = {}): Child {
    return new Child("node", [launcher(), ...args], {
      ...options,
      env: { PATH, ...options.env },
    });
  }

  function it(name: string, fn: () => Promise<void>): void {
    itNeeding(missing, name, fn);
  }

  it("are installed without a script, and npx runs the program", async () => {
    const { code, stdout, stderr } = await new Child(
      "npx",
      ["--no-install", "nanoctl", "--version"],
      { cwd: project, env: env() },
    ).end();
    assertEquals([code, stderr], [0, ""]);
    assertEquals(stdout, (await run(["--version"])).stdout);
  });

  it("hand on stdin, stdout, the environment and the folder", async () => {
    using home = new Home();
    const options = { home, env: service.env, cwd: home.path };
    const login = ["login", "--token-stdin", "--save", "--json"];
    const saved = await launch(login, { ...options, stdin: service.token })
      .end();
    assertEquals(saved.code, 0, saved.stderr);
    assertStringIncludes(saved.stdout, '"username":"ada"');
    const token = await launch(["token"], options).end();
    assertEquals([token.code, token.stdout], [0, `${service.token}\n`]);
    const exec = ["exec", "--", "sh", "-c", 'echo "$PWD|$1"', "-", "a  b*"];
    const inside = await launch(exec, options).end();
    assertEquals(inside.stdout, `${await Deno.realPath(home.path)}|a  b*\n`);
  });

  it("hand on the exit code, and what is said", async () => {
    using home = new Home();
    for (const args of [["whoami"], ["nonsense"], ["token"]]) {
      const [theirs, ours] = await Promise.all([
        launch(args, { home }).end(),
        run(args, { home, env: { PATH } }),
      ]);
      assertEquals(theirs, ours);
      assert(ours.code > 0);
    }
  });

  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    it(`hand on ${signal}`, async () => {
      using home = new Home();
      const script = 'trap "echo got it; exit 7" INT TERM HUP; echo ready; ' +
        "while :; do sleep 1; done";
      const args = ["exec", "--token", service.token, "--", "sh", "-c", script];
      const [theirs, ours] = await Promise.all([
        launch(args, { home, env: service.env }),
        new Child(BINARY, args, { home, env: { PATH, ...service.env } }),
      ].map(async (child) => {
        assertEquals(await child.firstLine, "ready");
        child.kill(signal);
        return await child.end();
      }));
      assertEquals(theirs, ours);
      assertEquals(ours?.code, 7);
    });
  }

  it("end as the program does after Ctrl-C at its prompt", async () => {
    using home = new Home();
    const terminal = new Terminal([], {
      home,
      env: service.env,
      shell: `node ${launcher()} login`,
    });
    await terminal.waitFor("Token", "make a token at");
    await terminal.type(KEYS.ctrlC);
    const { code, before, after } = await terminal.end();
    assertEquals([code, after], [130, before]);
  });

  it("die of a signal that the program dies of", async () => {
    using home = new Home();
    const args = ["exec", "--token", service.token, "--", "sh", "-c"];
    const child = launch([...args, "kill -KILL $PPID"], {
      home,
      env: service.env,
    });
    assertEquals((await child.end()).code, 137);
  });

  it("say what is missing where there is no program", async () => {
    using home = new Home();
    await Deno.copyFile(launcher(), home.at("nanoctl.cjs"));
    const args = [home.at("nanoctl.cjs"), "--version"];
    const { code, stdout, stderr } = await new Child("node", args, {
      env: { PATH },
    }).end();
    assertEquals([code, stdout], [1, ""]);
    assertMatch(
      stderr,
      /^error: the package @nanoctl\/\S+ is not installed\nhint: .*\n$/,
    );
    assertStringIncludes(stderr, `@nanoctl/${TARGET} is`);
  });

  it("are, without Node in front, the program itself", async () => {
    const platform = `${project}/node_modules/@nanoctl/${TARGET}`;
    const manifest = JSON.parse(
      await Deno.readTextFile(`${platform}/package.json`),
    );
    assertEquals(manifest.bin, { nanoctl: "nanoctl" });
    assertEquals(
      await Deno.readFile(`${platform}/nanoctl`),
      await Deno.readFile(BINARY),
    );
    const { mode } = await Deno.stat(`${platform}/nanoctl`);
    assertEquals((mode ?? 0) & 0o111, 0o111);
  });
});
