import { join } from "@std/path";
import { tarGz } from "../../scripts/release/archive.ts";
import {
  Child,
  type Home,
  killHard,
  type Result,
  type RunOptions,
  until,
} from "./nanoctl.ts";
import { describeNeeding } from "./needs.ts";
import { isFile } from "../../scripts/process.ts";
import { deadUrl } from "./servers.ts";
import { PATH } from "./store_files.ts";

/** The paths in Debian's packages docker-registry and skopeo. */
const REGISTRY = "/usr/bin/docker-registry";
const SKOPEO = "/usr/bin/skopeo";

/**
 * A suite that needs a registry and skopeo. Without them it is skipped, and says
 * so in its name; in CI it fails.
 */
export function describeWithRegistry(name: string, fn: () => void): void {
  const missing = [REGISTRY, SKOPEO].filter((path) => !isFile(path));
  describeNeeding(
    missing.length === 0 ? undefined : `there is no ${missing}`,
    name,
    fn,
  );
}

/** A user of the registry's, and the password. */
export interface RegistryUser {
  username: string;
  password: string;
  /** The line of htpasswd(1), with bcrypt: the registry takes no other. */
  line: string;
}

/** Made once by crypt(3), as nothing here has bcrypt. */
export const USERS = {
  ada: {
    username: "ada",
    password: "Zq7vKx2mPn4wRt9bYc3h",
    line: "ada:$2b$04$6f7E9H.v9qoQChG3QfFIhOEIr1C3SU19fBwAfLRJNnDJJ07iFuLke",
  },
  /** As a provider's token goes to a registry. */
  oauth2: {
    username: "oauth2",
    password: "ghp_Lw8sDf5kJh2gMb6nVx",
    line: "oauth2:$2b$04$CvuCTSVAlfAbLB2hw0068eQpofYtXN1Mb3TpVmvb0HiEkDjfM7bK6",
  },
} as const satisfies Record<string, RegistryUser>;

/** How the registry asks for a login: with a password, with the token of another server, or not at all. */
export type RegistryAuth =
  | "basic"
  | "none"
  | { realm: string; service: string; issuer: string; rootPem: string };

/** Debian's docker-registry on 127.0.0.1, with its files in a temporary folder. */
export class Registry implements AsyncDisposable {
  /** As docker names it: `127.0.0.1:5000`. */
  readonly host: string;
  readonly #folder: string;
  readonly #process: Deno.ChildProcess;

  private constructor(
    host: string,
    folder: string,
    process: Deno.ChildProcess,
  ) {
    this.host = host;
    this.#folder = folder;
    this.#process = process;
  }

  /** Starts it, and waits for its API. */
  static async start(auth: RegistryAuth = "basic"): Promise<Registry> {
    const folder = await Deno.makeTempDir({ prefix: "nanoctl-registry-" });
    const { host } = new URL(deadUrl());
    const users = Object.values(USERS).map(({ line }) => line).join("\n");
    await Deno.writeTextFile(join(folder, "htpasswd"), `${users}\n`);
    if (typeof auth === "object") {
      await Deno.writeTextFile(join(folder, "root.pem"), auth.rootPem);
    }
    const settings = join(folder, "config.json");
    // JSON is YAML.
    await Deno.writeTextFile(
      settings,
      JSON.stringify(settingsFor(folder, host, auth)),
    );
    const process = new Deno.Command(REGISTRY, {
      args: ["serve", settings],
      env: { HOME: folder },
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const registry = new Registry(host, folder, process);
    let ended = false;
    void process.status.then(() => ended = true);
    const status = auth === "none" ? 200 : 401;
    try {
      await until(() => {
        if (ended) throw new Error("the registry exited");
        return answers(`http://${host}/v2/`, status);
      }, "the registry answers");
      return registry;
    } catch (error) {
      await registry[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    killHard(this.#process);
    await this.#process.status;
    await Deno.remove(this.#folder, { recursive: true });
  }
}

function settingsFor(
  folder: string,
  addr: string,
  auth: RegistryAuth,
): unknown {
  return {
    version: 0.1,
    log: { level: "error", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, "images") } },
    http: { addr, secret: "of no worth" },
    ...auth === "none" ? {} : { auth: authFor(folder, auth) },
  };
}

function authFor(
  folder: string,
  auth: Exclude<RegistryAuth, "none">,
): unknown {
  if (auth === "basic") {
    return { htpasswd: { realm: "test", path: join(folder, "htpasswd") } };
  }
  const { realm, service, issuer } = auth;
  const rootcertbundle = join(folder, "root.pem");
  return { token: { realm, service, issuer, rootcertbundle } };
}

async function answers(url: string, status: number): Promise<boolean> {
  try {
    const answer = await fetch(url);
    await answer.body?.cancel();
    return answer.status === status;
  } catch {
    return false;
  }
}

/** Writes an image of one small file, in the layout of skopeo's `dir:`, and gives the digest of its layer. */
export async function writeImage(folder: string): Promise<string> {
  const layer = await tarGz({
    files: [{
      path: "hello",
      bytes: new TextEncoder().encode("hello\n"),
      executable: false,
    }],
    mtime: 0,
  });
  const tar = await new Response(
    new Blob([layer]).stream().pipeThrough(new DecompressionStream("gzip")),
  ).bytes();
  const config = jsonBytes({
    architecture: "amd64",
    os: "linux",
    config: {},
    rootfs: { type: "layers", diff_ids: [`sha256:${await sha256(tar)}`] },
  });
  const type = "application/vnd.oci.image";
  const part = async (mediaType: string, bytes: Bytes): Promise<unknown> => {
    const digest = await sha256(bytes);
    await Deno.writeFile(join(folder, digest), bytes);
    return { mediaType, size: bytes.length, digest: `sha256:${digest}` };
  };
  await Deno.mkdir(folder, { recursive: true });
  const manifest = {
    schemaVersion: 2,
    mediaType: `${type}.manifest.v1+json`,
    config: await part(`${type}.config.v1+json`, config),
    layers: [await part(`${type}.layer.v1.tar+gzip`, layer)],
  };
  await Deno.writeFile(join(folder, "manifest.json"), jsonBytes(manifest));
  await Deno.writeTextFile(
    join(folder, "version"),
    "Directory Transport Version: 1.1\n",
  );
  return await sha256(layer);
}

type Bytes = Uint8Array<ArrayBuffer>;

function jsonBytes(value: unknown): Bytes {
  return new TextEncoder().encode(JSON.stringify(value));
}

async function sha256(bytes: Bytes): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** The variables with which skopeo finds our helper, and has this auth file; skopeo leaves nothing outside of the home. */
export function skopeoEnv(home: Home, binary: string): Record<string, string> {
  const bin = join(home.path, "../bin");
  const link = join(bin, "docker-credential-nanoctl");
  if (!isFile(link)) {
    Deno.mkdirSync(bin, { recursive: true });
    Deno.symlinkSync(binary, link);
  }
  const none = home.at("none");
  Deno.mkdirSync(none, { recursive: true });
  const registries = home.at("registries.conf");
  if (!isFile(registries)) Deno.writeTextFileSync(registries, "");
  return {
    PATH: `${bin}:${PATH}`,
    TMPDIR: none,
    XDG_RUNTIME_DIR: none,
    REGISTRY_AUTH_FILE: home.at("auth.json"),
    CONTAINERS_REGISTRIES_CONF: registries,
  };
}

/** Runs skopeo, which trusts every image. */
export async function skopeo(
  home: Home,
  args: string[],
  options: RunOptions,
): Promise<Result> {
  return await new Child(SKOPEO, ["--insecure-policy", ...args], {
    ...options,
    home,
    cwd: home.path,
  }).end();
}
