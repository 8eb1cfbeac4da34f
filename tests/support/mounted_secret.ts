import { dirname, join } from "@std/path";
import {
  BINARY,
  Child,
  CREDENTIALS,
  Home,
  KEY,
  type Result,
} from "./nanoctl.ts";
import { commandLine, NOBODY, PATH } from "./store_files.ts";

/** The modes of a mounted secret's files and of its folder. */
export interface Modes {
  file: number;
  folder: number;
}

/** Those of the kubelet, unless a manifest says otherwise. */
export const KUBELET_MODES: Modes = { file: 0o644, folder: 0o1777 };

/**
 * A credential file and its key as the kubelet mounts secrets: each in a folder of
 * its own, as a symbolic link to a file below `..data`, which is a link that is
 * replaced as a whole.
 */
export class MountedSecret implements Disposable {
  readonly #folder = Deno.makeTempDirSync({ prefix: "nanoctl-secret-" });
  readonly #modes: Modes;
  #version = 0;
  readonly env: Record<string, string>;

  constructor(home: Home, modes = KUBELET_MODES) {
    this.#modes = modes;
    Deno.chmodSync(this.#folder, 0o755);
    Deno.mkdirSync(this.keyMount, { recursive: true });
    Deno.mkdirSync(this.mount);
    for (const folder of [this.mount, this.keyMount]) {
      Deno.chmodSync(folder, modes.folder);
    }
    this.publish(home);
    this.env = {
      NANOCTL_CONFIG_DIR: this.mount,
      XDG_DATA_HOME: dirname(this.keyMount),
      NANOCTL_READ_ONLY: "1",
    };
  }

  /** Where the credential file is mounted. */
  get mount(): string {
    return join(this.#folder, "credentials");
  }

  /** Where its key is mounted. */
  get keyMount(): string {
    return join(this.#folder, "data/nanoctl");
  }

  /** The folder of the files themselves, and one of them by its name. */
  target(name = ""): string {
    return join(this.mount, `..version_${this.#version}`, name);
  }

  /** Puts what is stored in a home in the place of what is there, as the kubelet does. */
  publish(home: Home): void {
    this.#version++;
    this.#swap(this.mount, "credentials.json", home.at(CREDENTIALS));
    this.#swap(this.keyMount, "key", home.at(KEY));
  }

  /** Runs the program where both are mounted read-only; as root also as another user. */
  async run(args: string[], asNobody = false): Promise<Result> {
    return await this.start(commandLine("nanoctl", ...args), asNobody).end();
  }

  /** Starts a shell script there, to which `nanoctl` is the program. */
  start(script: string, asNobody = false): Child {
    const mounted = [this.mount, this.keyMount].map((folder) =>
      `mount --bind ${folder} ${folder}
       mount -o remount,bind,ro ${folder}`
    );
    const user = asNobody
      ? `setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups`
      : "";
    // Another user may not reach the folder of the program.
    const program = join(this.#folder, "nanoctl");
    Deno.writeTextFileSync(program, "");
    return new Child("unshare", [
      asNobody ? "-m" : "-rm",
      "sh",
      "-c",
      `set -e
       ${mounted.join("\n")}
       mount --bind ${commandLine(BINARY)} ${program}
       cd /
       exec ${user} sh -c ${commandLine(script)}`,
    ], { env: { ...this.env, PATH: `${this.#folder}:${PATH}` } });
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#folder, { recursive: true });
  }

  #swap(mount: string, name: string, from: string): void {
    const version = `..version_${this.#version}`;
    Deno.mkdirSync(join(mount, version), { mode: 0o755 });
    Deno.copyFileSync(from, join(mount, version, name));
    Deno.chmodSync(join(mount, version, name), this.#modes.file);
    Deno.symlinkSync(version, join(mount, "..data_tmp"));
    Deno.renameSync(join(mount, "..data_tmp"), join(mount, "..data"));
    if (this.#version > 1) return;
    Deno.symlinkSync(join("..data", name), join(mount, name));
  }
}
