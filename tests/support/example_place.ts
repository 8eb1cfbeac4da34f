import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { sha256 } from "../../scripts/process.ts";
import { tarGz } from "../../scripts/release/archive.ts";
import { VERSION } from "../../src/version.ts";
import type { DocumentedHosts } from "./documented_hosts.ts";
import type { Answer, Way } from "./example_ways.ts";
import { descriptionBytes } from "./descriptions.ts";
import { GARDEN, GARDEN_TOKEN } from "./garden.ts";
import { installKeyServices } from "./key_services.ts";
import { BINARY, Child, Home, shellQuote } from "./nanoctl.ts";
import {
  changeOAuth,
  decide,
  NO_INTERVAL,
  registerClient,
  workloadToken,
} from "./oauth_service.ts";
import { installSecretManagers, SECRET_MANAGERS } from "./secret_managers.ts";
import { deadUrl } from "./servers.ts";
import { makeStore, PATH, writePrivate } from "./store_files.ts";
import { KEYS, Terminal } from "./terminal.ts";

/** What an example said. */
export interface Said {
  code: number;
  stdout: string;
  /** All of it; on a terminal both are the same. */
  output: string;
}

/** A passphrase for whoever is asked for one. */
const PASSPHRASE = "a passphrase of some length";
/** A device's user code, alone on its line. */
const CODE = /^ {4}([B-Z]{4}-[B-Z]{4})\r?$/gm;

/** Programs that can't be here, or would do too much. */
const STAND_INS = {
  // pass(1) wants a key of GnuPG's.
  pass: 'test "$1, $#" = "show, 2" && printf "%s\\n" "$SECRET"',
  // A key command of somebody's own; it turns letters.
  "age-key":
    "case $1 in wrap | unwrap) exec tr A-Za-z N-ZA-Mn-za-m ;; esac; exit 2",
  // Compiling took place: the program is what these tests run.
  deno: 'test "$*" = "task compile" && test -f dist/nanoctl',
  make: 'echo "make $* with ${API_TOKEN:+a token}"',
};

/** A home, a working folder and a PATH as a reader of the documents has them. */
export class ExamplePlace implements Disposable {
  readonly home: Home = new Home();
  readonly #hosts: DocumentedHosts;
  readonly #token: string;
  readonly #env: Record<string, string>;
  readonly #bin: string;

  private constructor(hosts: DocumentedHosts, token: string) {
    this.#hosts = hosts;
    this.#token = token;
    const authority = join(this.home.path, "../authority.pem");
    Deno.writeTextFileSync(authority, hosts.authority);
    const bin = join(this.home.path, "../bin");
    this.#bin = bin;
    this.#env = {
      ...hosts.variables(authority),
      PATH: `${bin}:${this.home.at(".local/bin")}:${PATH}`,
      NANOSERVICES_URL: "https://nano.example.com",
      SECRET: token,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_TERMINAL_PROMPT: "0",
      NO_COLOR: "1",
      npm_config_loglevel: "error",
      npm_config_fetch_retries: "0",
      // A host key of this place's own, in the place of the machine's.
      SYSTEMD_CREDENTIAL_SECRET: this.home.at("host.secret"),
    };
    Deno.mkdirSync(bin);
    Deno.symlinkSync(BINARY, join(bin, "nanoctl"));
    for (const [name, script] of Object.entries(STAND_INS)) {
      writeProgram(join(bin, name), `#!/bin/sh\n${script}\n`);
    }
  }

  /** A place where nobody is logged in. */
  static async make(hosts: DocumentedHosts): Promise<ExamplePlace> {
    const { token } = await hosts.service.mint();
    const place = new ExamplePlace(hosts, token);
    await place.#furnish();
    return place;
  }

  /** Stores two logins for the documents' service: `default`, which is active, and `work`. */
  async logIn(): Promise<void> {
    const { token } = await this.#hosts.service.mint({ username: "grace" });
    const url = "https://nano.example.com";
    const profiles = new Map([
      ["default", { token: this.#token, url }],
      ["work", { token, url, username: "grace" }],
    ]);
    await makeStore(this.home, profiles, "default");
  }

  /** The files that examples name, in the working folder, which is the home. */
  async #furnish(): Promise<void> {
    const at = (name: string): string => this.home.at(name);
    const { service } = this.#hosts;
    await changeOAuth(service, { interval: NO_INTERVAL });
    writePrivate(at("token.txt"), `${this.#token}\n`);
    writePrivate(at("nanoservices"), `${this.#token}\n`);
    writePrivate(at("nanoctl"), await workloadToken(service));
    Deno.writeTextFileSync(at("thing.json"), '{"name":"thing"}');
    writeProgram(
      at("deploy.sh"),
      '#!/bin/sh\necho "to $NANOSERVICES_URL with ${NANOSERVICES_TOKEN:+a token}"\n',
    );
  }

  /** Adds the secret of a client that its service knows. */
  async addClient(): Promise<void> {
    const secret = await registerClient(this.#hosts.service, "build");
    writePrivate(this.home.at("secret.txt"), secret);
  }

  /** Adds a compiled program and a release. */
  async addRelease(): Promise<void> {
    Deno.mkdirSync(this.home.at("dist"));
    Deno.symlinkSync(BINARY, this.home.at("dist/nanoctl"));
    const script = import.meta.resolve("../../scripts/install.sh");
    Deno.copyFileSync(fromFileUrl(script), this.home.at("install.sh"));
    const { downloads } = this.#hosts;
    const sums: string[] = [];
    for (const target of ["linux-x64", "linux-arm64", "macos-arm64"]) {
      const archive = await releaseOf(target);
      const name = `nanoctl-${VERSION}-${target}.tar.gz`;
      downloads.set(name, archive);
      sums.push(`${await sha256(archive)}  ${name}\n`);
    }
    downloads.set("SHA256SUMS", new TextEncoder().encode(sums.join("")));
    for (const [name, bytes] of downloads) {
      Deno.writeFileSync(this.home.at(name), bytes);
    }
  }

  /** Adds the managers that keep the token, each logged in. */
  addSecretManagers(): void {
    installSecretManagers(this.#bin);
    writePrivate(join(this.#bin, "secret"), this.#token);
    for (const { session } of SECRET_MANAGERS) this.#env[session] = "its own";
  }

  /** Adds a description of the garden, its SHA-256, and a token of it. */
  async addGarden(): Promise<void> {
    const url = "https://garden.example";
    const bytes = descriptionBytes({ ...GARDEN, url });
    for (const name of ["garden.json", "described/garden.json"]) {
      Deno.mkdirSync(join(this.home.at(name), ".."), { recursive: true });
      Deno.writeFileSync(this.home.at(name), bytes);
    }
    writePrivate(this.home.at("token"), GARDEN_TOKEN);
    this.#hosts.garden.files.set("/nanoctl.json", () => new Response(bytes));
    this.#env.SHA256 = await sha256(bytes);
  }

  /** Adds the services that keep a key, and lets their programs use them. */
  addKeyServices(): void {
    const { transit } = this.#hosts;
    installKeyServices(this.#bin);
    this.#env.VAULT_ADDR = transit.url;
    this.#env.VAULT_TOKEN = transit.token;
  }

  /** Runs an example, and checks what comes of it. Gives what it said. */
  async run(text: string, way: Way = {}): Promise<Said> {
    if (way.lines) return await this.#runLines(text, way.lines);
    const before = this.#hosts.requests.length;
    const said = await this.#said(this.#scriptOf(text, way), way);
    assertEquals(said.code, way.code ?? 0, said.output);
    if (way.shows) assertMatch(said.output, way.shows);
    const requests = this.#hosts.requests.slice(before);
    for (const pattern of way.sends ?? []) {
      assert(
        requests.some((one) => pattern.test(one)),
        `${pattern} is not among ${requests.join("\n")}`,
      );
    }
    return said;
  }

  async #runLines(text: string, ways: readonly Way[]): Promise<Said> {
    const lines = text.trimEnd().split("\n");
    assertEquals(lines.length, ways.length, text);
    const all: Said = { code: 0, stdout: "", output: "" };
    for (const [index, way] of ways.entries()) {
      const { stdout, output } = await this.run(lines[index] ?? "", way);
      all.stdout += stdout;
      all.output += output;
    }
    return all;
  }

  #scriptOf(text: string, { saves, before = "", after = "" }: Way): string {
    const isProgram = text.startsWith("#!");
    if (saves !== undefined) {
      if (isProgram) writeProgram(this.#filled(saves), text);
      else writePrivate(this.home.at(saves), text);
      return this.#filled(`${before}\n${after}`);
    }
    if (isProgram) writeProgram(this.home.at("script"), text);
    return this.#filled(
      `${before}\n${isProgram ? "./script" : text}\n${after}\n`,
    );
  }

  /** The text with this place's own in the place of what no machine has. */
  #filled(text: string): string {
    const { url, agentToken } = this.#hosts.service;
    const port = /\bnanoctl dev-server\b/.test(text)
      ? new URL(deadUrl()).port
      : new URL(url).port;
    const things = "https://nano.example.com/v1/things";
    return text
      .replace(/nanoctl dev-server(?!.*--port)/, "$& --port 0")
      .replaceAll("7080", port)
      .replaceAll("7081", new URL(deadUrl()).port)
      .replaceAll("BDFG-HJKL", `'"$USER_CODE"'`)
      .replaceAll("/usr/local/bin", this.#bin)
      .replace(/^AGENT_TOKEN=…/m, `AGENT_TOKEN=${agentToken}`)
      .replace(/\bTOKEN=…/, `TOKEN=${this.#token}`)
      .replace(/^NANOSERVICES_TOKEN=…/m, `NANOSERVICES_TOKEN=${this.#token}`)
      .replace(/(?<=curl -H @- )…/, things)
      .replace(/<the folder .*>/, "https://releases.example.com")
      .replace(/(\/var)?\/run\/secrets\/(tokens\/)?/, `${this.home.path}/`);
  }

  async #said(script: string, way: Way): Promise<Said> {
    if (way.answers) return await this.#onTerminal(script, way.answers);
    const isEndless = /^nanoctl dev-server[^&\n]*$/m.test(script);
    assert(!isEndless, "it runs until somebody on a terminal types Ctrl-C");
    const stop = "trap 'kill $(jobs -p) 2>/dev/null || :' EXIT\n";
    const [command, args] = way.shell === "zsh"
      ? ["zsh", ["-f", "-e", "-c", script]] as const
      : way.shell === "fish"
      ? ["fish", ["--no-config", "-c", script]] as const
      : ["bash", ["-euo", "pipefail", "-c", stop + script]] as const;
    const { code, stdout, stderr } = await new Child(command, [...args], {
      home: this.home,
      cwd: this.home.path,
      env: this.#env,
    }).end();
    return { code, stdout, output: stdout + stderr };
  }

  async #onTerminal(script: string, answers: readonly Answer[]): Promise<Said> {
    const file = join(this.home.path, "../on_terminal");
    const cd = `cd ${shellQuote(this.home.path)}\n`;
    Deno.writeTextFileSync(file, `set -euo pipefail\n${cd}${script}`);
    const terminal = new Terminal([], {
      home: this.home,
      env: this.#env,
      shell: `bash ${shellQuote(file)}`,
    });
    for (const [prompt, deed, behind] of answers) {
      await terminal.waitFor(prompt, behind);
      if (deed === "approve") await this.#approve(terminal.transcript);
      else await terminal.type(this.#keysFor(deed));
    }
    const { code, screen } = await terminal.end();
    const output = screen.replaceAll("\r", "");
    return { code, stdout: output, output };
  }

  async #approve(transcript: string): Promise<void> {
    const [, code = ""] = [...transcript.matchAll(CODE)].at(-1) ?? [];
    await decide(this.#hosts.service, code);
  }

  #keysFor(deed: Exclude<Answer[1], "approve">): string {
    if (deed === "Ctrl-C") return KEYS.ctrlC;
    if (deed === "Enter") return KEYS.enter;
    const texts = {
      "token": this.#token,
      "garden token": GARDEN_TOKEN,
      "coder token": this.#hosts.service.coderToken,
      "passphrase": PASSPHRASE,
    };
    return texts[deed] + KEYS.enter;
  }

  [Symbol.dispose](): void {
    this.home[Symbol.dispose]();
  }
}

/** An archive as a release has it, with a small program in the place of the real one. */
async function releaseOf(target: string): Promise<Uint8Array<ArrayBuffer>> {
  const program = `#!/bin/sh\necho "nanoctl ${VERSION}"\n`;
  return await tarGz({
    files: [{
      path: `nanoctl-${VERSION}-${target}/nanoctl`,
      bytes: new TextEncoder().encode(program),
      executable: true,
    }],
    mtime: 1_700_000_000,
  });
}

function writeProgram(path: string, script: string): void {
  Deno.writeTextFileSync(path, script, { mode: 0o755 });
}
