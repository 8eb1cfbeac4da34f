import { fromFileUrl } from "@std/path";
import { sha256 } from "../../scripts/process.ts";
import { type ArchivedFile, tarGz } from "../../scripts/release/archive.ts";
import type { Identity } from "./certificates.ts";

/** The script under test. */
export const SCRIPT = fromFileUrl(
  import.meta.resolve("../../scripts/install.sh"),
);
/** This machine's target. */
export const TARGET = `${Deno.build.os === "darwin" ? "macos" : "linux"}-${
  Deno.build.arch === "aarch64" ? "arm64" : "x64"
}`;
/** The archive of version 0.2.0 for this machine. */
export const ARCHIVE = `nanoctl-0.2.0-${TARGET}.tar.gz`;

/** What the script takes from the system, apart from the shell and a downloader. */
export const TOOLS =
  "cat chmod cp dirname grep gzip mkdir mktemp mv rm rmdir tar uname".split(
    " ",
  );

/** What stands in for the program. */
export function program(says: string, exitCode = 0): Uint8Array<ArrayBuffer> {
  return bytes(`#!/bin/sh\necho "${says}"\nexit ${exitCode}\n`);
}

/** A text in UTF-8. */
export function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** An archive as a release has it. */
export function archiveOf(
  version: string,
  content = program(`nanoctl ${version}`),
): Promise<Uint8Array<ArrayBuffer>> {
  const folder = `nanoctl-${version}-${TARGET}`;
  const files: ArchivedFile[] = [
    { path: `${folder}/nanoctl`, bytes: content, executable: true },
    { path: `${folder}/LICENSE`, bytes: bytes("MIT\n"), executable: false },
  ];
  return tarGz({ files, mtime: 1_700_000_000 });
}

/** What a server sends. */
export type Answer = string | Uint8Array<ArrayBuffer> | (() => Response);

/** A folder of downloads, on 127.0.0.1 unless told; what it has not got is 404. */
export class Downloads {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly url: string;
  readonly asked: string[] = [];

  constructor(
    files: Record<string, Answer>,
    identity?: Identity,
    hostname = "127.0.0.1",
  ) {
    this.#server = Deno.serve(
      { hostname, port: 0, onListen: () => {}, ...identity },
      (request) => {
        const path = new URL(request.url).pathname.slice(1);
        this.asked.push(path);
        const answer = files[path];
        if (typeof answer === "function") return answer();
        if (answer === undefined) return new Response(null, { status: 404 });
        return new Response(answer);
      },
    );
    const scheme = identity ? "https" : "http";
    this.url = `${scheme}://${hostname}:${this.#server.addr.port}`;
  }

  /** A release as `deno task release` lays it out. */
  static async of(
    version: string,
    archive?: Uint8Array<ArrayBuffer>,
  ): Promise<Downloads> {
    return new Downloads(await release(version, archive));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** The files of a release for this machine, and a line for another in its sums. */
export async function release(
  version: string,
  archive?: Uint8Array<ArrayBuffer>,
): Promise<Record<string, Uint8Array<ArrayBuffer> | string>> {
  const content = archive ?? await archiveOf(version);
  const name = `nanoctl-${version}-${TARGET}.tar.gz`;
  return {
    [name]: content,
    SHA256SUMS: `${"0".repeat(64)}  nanoctl-${version}-plan9-x64.tar.gz\n` +
      `${await sha256(content)}  ${name}\n`,
  };
}

/** How a shell and the tools that the script finds are put together. */
export interface Machine {
  shell: string[];
  tools: Record<string, string>;
}

/** A home, a folder for temporary files, and a PATH with a few tools. */
export class Place {
  readonly path = Deno.makeTempDirSync({ prefix: "nanoctl-install-test-" });
  readonly #before: string[];

  constructor(readonly machine: Machine) {
    for (const folder of ["home", "tmp", "tools"]) {
      Deno.mkdirSync(`${this.path}/${folder}`);
    }
    for (const [name, target] of Object.entries(machine.tools)) {
      Deno.symlinkSync(target, `${this.path}/tools/${name}`);
    }
    this.#before = this.entries();
  }

  /** Everything below it, folders too. */
  entries(): string[] {
    return [...below(this.path)].sort();
  }

  /** What is there and was not there at first. */
  news(): string[] {
    return this.entries().filter((path) => !this.#before.includes(path));
  }

  start(
    url: string,
    args: string[] = [],
    env: Record<string, string> = {},
    prefix: string[] = [],
  ): Deno.ChildProcess {
    const [command = "", ...rest] = [...prefix, ...this.machine.shell];
    return new Deno.Command(command, {
      args: [...rest, SCRIPT, ...args],
      clearEnv: true,
      cwd: this.path,
      env: {
        PATH: `${this.path}/tools`,
        HOME: `${this.path}/home`,
        TMPDIR: `${this.path}/tmp`,
        NANOCTL_DOWNLOAD_URL: url,
        ...env,
      },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  async run(
    url: string,
    args: string[] = [],
    env: Record<string, string> = {},
    prefix: string[] = [],
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    const { code, stdout, stderr } = await this.start(url, args, env, prefix)
      .output();
    const text = new TextDecoder();
    return {
      code,
      stdout: text.decode(stdout),
      stderr: text.decode(stderr),
    };
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

function* below(folder: string): Generator<string> {
  for (const entry of Deno.readDirSync(folder)) {
    yield `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* below(`${folder}/${entry.name}`);
  }
}

/** The path of a program on the PATH of the tests. */
export function which(name: string): string | undefined {
  return (Deno.env.get("PATH") ?? "").split(":").map((folder) =>
    `${folder}/${name}`
  ).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** These tools and all that the script needs anyway, by name. */
export function toolsOf(...names: string[]): Record<string, string> {
  return Object.fromEntries(
    [...TOOLS, ...names].map((name) => [name, which(name) ?? "/nonexistent"]),
  );
}

const BUSYBOX = which("busybox");

/** As in a small container: one program is the shell, the downloader and every tool. */
function busyboxMachine(path: string): Machine {
  const names = [...TOOLS, "wget", "sha256sum"];
  return {
    shell: [path, "sh"],
    tools: Object.fromEntries(names.map((name) => [name, path])),
  };
}

/** The plainest shell. */
export const SHELL = which("dash") ?? "/bin/sh";
/** The program for sums that is here. */
export const SUMMER = which("sha256sum") ? "sha256sum" : "shasum";
/** A plain machine with curl. */
export const CURL: Machine = { shell: [SHELL], tools: toolsOf("curl", SUMMER) };

/** Every machine that can be put together of what is here. */
export const MACHINES: Record<string, Machine> = {
  "curl": CURL,
  ...(which("wget")
    ? { "wget": { shell: [SHELL], tools: toolsOf("wget", SUMMER) } }
    : {}),
  ...(which("bash")
    ? { "bash": { ...CURL, shell: [which("bash") ?? "", "--posix"] } }
    : {}),
  ...(BUSYBOX ? { "busybox": busyboxMachine(BUSYBOX) } : {}),
};
