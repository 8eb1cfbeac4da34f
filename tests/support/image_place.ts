import { fromFileUrl, join } from "@std/path";
import { tarGz } from "../../scripts/release/archive.ts";
import { sha256 } from "../../scripts/process.ts";
import { rootArchive } from "../../scripts/release/root_archive.ts";
import { VERSION } from "../../src/version.ts";
import { layBase } from "./base_images.ts";
import { type Confinement, type Mount, runConfined } from "./confined.ts";
import { buildImage, type Image } from "./dockerfile.ts";
import { BINARY, type Result } from "./nanoctl.ts";

const ROOT = new URL("../../", import.meta.url);
/** Where the Dockerfiles are, each in a folder of its own. */
const FOLDER = new URL("docs/containers/", ROOT);
/** A user that no image has, as OpenShift and others choose one. */
export const UID = 1_000_790_000;

/** The names of the images that there are Dockerfiles for. */
export function imageNames(): string[] {
  return [...Deno.readDirSync(FOLDER)].filter((entry) => entry.isDirectory)
    .map(({ name }) => name).sort();
}

/** The path of an image's Dockerfile. */
export function dockerfilePath(name: string): string {
  return fromFileUrl(new URL(`${name}/Dockerfile`, FOLDER));
}

/** The text of an image's Dockerfile. */
export function dockerfileOf(name: string): string {
  return Deno.readTextFileSync(dockerfilePath(name));
}

/** A folder with the archives of the program under test and their sums, as a release has them. */
export async function makeRelease(folder: string): Promise<void> {
  const program = await Deno.readFile(BINARY);
  const texts = ["LICENSE", "THIRD_PARTY_LICENSES"].map((path) => ({
    path,
    bytes: new TextEncoder().encode(`${path}\n`),
    executable: false,
  }));
  const top = `nanoctl-${VERSION}-linux-x64`;
  const files = [
    { path: "nanoctl", bytes: program, executable: true },
    ...texts,
  ]
    .map((file) => ({ ...file, path: `${top}/${file.path}` }));
  const made = await rootArchive(program, texts, 1_700_000_000);
  if (typeof made === "string") throw new Error(made);
  const archives = {
    [`${top}.tar.gz`]: await tarGz({ files, mtime: 1_700_000_000 }),
    [`${top}-root.tar.gz`]: made.archive,
  };
  let sums = "";
  for (const [name, bytes] of Object.entries(archives)) {
    await Deno.writeFile(join(folder, name), bytes);
    sums += `${await sha256(bytes)}  ${name}\n`;
  }
  await Deno.writeTextFile(join(folder, "SHA256SUMS"), sums);
}

/** An image that was built, and what an engine mounts in it. */
export class ImagePlace {
  readonly #folder: string;
  readonly image: Image;

  private constructor(folder: string, image: Image) {
    this.#folder = folder;
    this.image = image;
  }

  /** Builds an image of a release on the stand-in for its base, and takes away what may be missing. */
  static async build(name: string, release: string): Promise<ImagePlace> {
    const folder = await Deno.makeTempDir({ prefix: "nanoctl-image-" });
    const image = await buildImage(dockerfileOf(name), {
      context: release,
      args: {},
      base: layBase,
      folder,
    });
    for (const path of ["tmp", "etc/passwd"]) {
      await Deno.remove(join(image.root, path), { recursive: true })
        .catch(() => {});
    }
    const place = new ImagePlace(folder, image);
    for (const path of ["run/secrets", "proc/self"]) {
      await Deno.mkdir(join(image.root, path), { recursive: true });
    }
    // What docs/containers.md says of a root without /proc.
    const [program = ""] = image.entrypoint;
    await Deno.symlink(program, join(image.root, "proc/self/exe"));
    await Deno.mkdir(place.secrets);
    await Deno.mkdir(place.volume, { mode: 0o700 });
    await Deno.chown(place.volume, UID, UID);
    return place;
  }

  /** What is mounted at /run/secrets. */
  get secrets(): string {
    return join(this.#folder, "secrets");
  }

  /** The only folder that can be written to. */
  get volume(): string {
    return join(this.#folder, "volume");
  }

  /** The secrets and the volume, where they are mounted. */
  get mounts(): readonly [Mount, Mount] {
    return [
      [this.secrets, "/run/secrets", false],
      [this.volume, "/var/lib/nanoctl", true],
    ];
  }

  /** Runs the program as strictly as an engine can. */
  run(
    args: string[],
    env: Record<string, string> = {},
    changes: Partial<Confinement> = {},
  ): Promise<Result> {
    return this.runOther([...this.image.entrypoint, ...args], env, changes);
  }

  /** Runs another program of the image. */
  runOther(
    command: string[],
    env: Record<string, string> = {},
    changes: Partial<Confinement> = {},
  ): Promise<Result> {
    return runConfined({
      root: this.image.root,
      uid: UID,
      gid: UID,
      mounts: this.mounts,
      env: { ...this.image.env, ...env },
      ...changes,
    }, command);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}
