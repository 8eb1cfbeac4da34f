import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { tarGz } from "../../scripts/release/archive.ts";
import { sha256 } from "../../scripts/process.ts";
import { VERSION } from "../../src/version.ts";
import type { DocumentedHosts } from "./documented_hosts.ts";
import { BINARY, Child, Home, type Result, shellQuote } from "./nanoctl.ts";
import { PATH } from "./store_files.ts";

/** A machine on which a pipeline's scripts run: a home with a folder for the job, and a PATH. */
export class Runner implements Disposable {
  readonly home: Home = new Home();
  /** The variables of the job so far. */
  readonly env: Record<string, string>;
  /** What all scripts have printed so far, stdout before stderr for each of them. */
  log = "";

  /** With nanoctl on its PATH, unless the pipeline installs that. */
  constructor(hosts: DocumentedHosts, withNanoctl: boolean) {
    const bin = this.folder("../bin");
    const authority = join(bin, "../authority.pem");
    Deno.writeTextFileSync(authority, hosts.authority);
    const make = 'echo "make $* with a token of ${#API_TOKEN} characters"';
    Deno.writeTextFileSync(join(bin, "make"), `#!/bin/sh\n${make}\n`, {
      mode: 0o755,
    });
    if (withNanoctl) Deno.symlinkSync(BINARY, join(bin, "nanoctl"));
    this.env = {
      ...hosts.variables(authority),
      PATH: `${bin}:${PATH}`,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_TERMINAL_PROMPT: "0",
    };
  }

  /** A folder below the home, which is made if it isn't there. */
  folder(path: string): string {
    const folder = this.home.at(path);
    Deno.mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** Runs a script with a shell's command line, such as `bash -e`, in the job's folder. */
  async run(
    shell: string,
    script: string,
    env: Record<string, string> = {},
  ): Promise<Result> {
    const file = join(this.folder("../scripts"), "script");
    Deno.writeTextFileSync(file, script);
    const [program = "", ...args] = shell.split(" ");
    const result = await new Child(program, [...args, file], {
      home: this.home,
      cwd: this.folder("job"),
      env: { ...this.env, ...env },
    }).end();
    this.log += result.stdout + result.stderr;
    return result;
  }

  [Symbol.dispose](): void {
    this.home[Symbol.dispose]();
  }
}

/** What of GitHub's runner scripts see: the token of a job, and files that set variables. */
export class GitHubRunner extends Runner implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly requestToken = `request-${crypto.randomUUID()}`;
  /** The audiences that a token was asked for. */
  readonly audiences: (string | null)[] = [];

  /** `idToken` is what GitHub says of the job. */
  constructor(hosts: DocumentedHosts, idToken: string) {
    super(hosts, false);
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#answer(request, idToken),
    );
    const { port } = this.#server.addr;
    Object.assign(this.env, {
      CI: "true",
      GITHUB_ACTIONS: "true",
      RUNNER_TEMP: this.folder("temp"),
      GITHUB_ENV: join(this.folder("files"), "env"),
      GITHUB_PATH: join(this.folder("files"), "path"),
      ACTIONS_ID_TOKEN_REQUEST_URL:
        `http://127.0.0.1:${port}/idtoken?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: this.requestToken,
    });
    this.#clearFiles();
  }

  /** Runs a step, and then takes the variables and folders of PATH that it has added. */
  async step(script: string, env: Record<string, string>): Promise<Result> {
    const result = await this.run("bash -e", script, env);
    const lines = (name: string): string[] =>
      Deno.readTextFileSync(this.env[name] ?? "").split("\n").filter(Boolean);
    for (const line of lines("GITHUB_ENV")) {
      const [name = "", ...value] = line.split("=");
      this.env[name] = value.join("=");
    }
    for (const folder of lines("GITHUB_PATH")) {
      this.env.PATH = `${folder}:${this.env.PATH}`;
    }
    this.#clearFiles();
    return result;
  }

  /** The log as people see it: without the values that were masked by then. */
  get shown(): string {
    let shown = "";
    const masks: string[] = [];
    for (const line of this.log.split("\n")) {
      const [, mask] = /^::add-mask::(.+)$/.exec(line) ?? [];
      if (mask === undefined) {
        shown += masks.reduce((text, one) => text.replaceAll(one, "***"), line);
      } else masks.push(mask);
      shown += "\n";
    }
    return shown;
  }

  #clearFiles(): void {
    for (const name of ["GITHUB_ENV", "GITHUB_PATH"]) {
      Deno.writeTextFileSync(this.env[name] ?? "", "");
    }
  }

  #answer(request: Request, value: string): Response {
    const { searchParams } = new URL(request.url);
    const isAllowed = request.headers.get("authorization") ===
      `Bearer ${this.requestToken}`;
    if (!isAllowed || searchParams.get("api-version") !== "2.0") {
      return new Response(null, { status: 401 });
    }
    this.audiences.push(searchParams.get("audience"));
    return Response.json({ count: 1, value });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
    this[Symbol.dispose]();
  }
}

/** Puts a release of the program where pipelines download it, at https://releases.example.com. */
export async function publish({ downloads }: DocumentedHosts): Promise<void> {
  const target = Deno.build.arch === "aarch64" ? "linux-arm64" : "linux-x64";
  const folder = `nanoctl-${VERSION}-${target}`;
  // The program itself would take seconds to pack.
  const program = `#!/bin/sh\nexec ${shellQuote(BINARY)} "$@"\n`;
  const archive = await tarGz({
    files: [{
      path: `${folder}/nanoctl`,
      bytes: new TextEncoder().encode(program),
      executable: true,
    }],
    mtime: 1_700_000_000,
  });
  downloads.set(`${folder}.tar.gz`, archive);
  const sums = `${await sha256(archive)}  ${folder}.tar.gz\n`;
  downloads.set("SHA256SUMS", new TextEncoder().encode(sums));
  const script = new URL("../../scripts/install.sh", import.meta.url);
  downloads.set("install.sh", Deno.readFileSync(script));
}

/** Checks that a script ended well, and gives what it printed. */
export function succeeded({ code, stdout, stderr }: Result): string {
  assertEquals(code, 0, stdout + stderr);
  return stdout;
}
