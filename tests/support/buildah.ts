import { join } from "@std/path";
import { Child } from "./nanoctl.ts";
import { PATH } from "./store_files.ts";

/** What an image says of how it is run. */
export interface ImageConfig {
  env: string[];
  user: string;
  entrypoint: string[];
}

/** Debian's buildah with a storage of its own; it fetches nothing. */
export class Buildah implements AsyncDisposable {
  readonly #storage = Deno.makeTempDirSync({ prefix: "nanoctl-buildah-" });

  /** Makes an image of a folder, for a Dockerfile's FROM. */
  async addBase(reference: string, folder: string): Promise<void> {
    if (reference === "scratch") return;
    const container = await this.#run("from", "scratch");
    await this.#run("add", "--quiet", container, folder, "/");
    // A short name is completed with that of Docker's own registry.
    const whole = reference.includes("/")
      ? reference
      : `docker.io/library/${reference}`;
    await this.#run("commit", "--quiet", container, whole);
    await this.#run("rm", container);
  }

  /** Builds an image, and returns its id. */
  async build(dockerfile: string, context: string): Promise<string> {
    const options = ["--isolation", "chroot", "--pull-never", "--quiet"];
    return await this.#run("bud", ...options, "--file", dockerfile, context);
  }

  /** The folder with the files of an image. */
  async mount(image: string): Promise<string> {
    const container = await this.#run("from", "--pull-never", image);
    return await this.#run("mount", container);
  }

  /** How an image is run. */
  async config(image: string): Promise<ImageConfig> {
    const { OCIv1 } = JSON.parse(
      await this.#run("inspect", "--type", "image", image),
    );
    const { Env = [], User = "", Entrypoint = [] } = OCIv1.config;
    return { env: Env, user: User, entrypoint: Entrypoint };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#run("umount", "--all");
    await this.#run("rm", "--all");
    await Deno.remove(this.#storage, { recursive: true });
  }

  async #run(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await new Child("buildah", [
      "--root",
      join(this.#storage, "root"),
      "--runroot",
      join(this.#storage, "run"),
      "--storage-driver",
      "vfs",
      ...args,
    ], { env: { PATH, HOME: this.#storage, TMPDIR: this.#storage } }).end();
    if (code !== 0) throw new Error(`buildah ${args[0]}: ${stderr}`);
    return stdout.trim();
  }
}
