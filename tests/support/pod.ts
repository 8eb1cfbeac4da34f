import { assert } from "@std/assert";
import { join } from "@std/path";
import * as v from "valibot";
import { BINARY, Child, latin1, type Result } from "./nanoctl.ts";
import { commandLine } from "./store_files.ts";

const MOUNT = v.strictObject({
  name: v.string(),
  mountPath: v.string(),
  readOnly: v.optional(v.boolean(), false),
});

const CONTAINER = v.looseObject({
  name: v.string(),
  command: v.array(v.string()),
  args: v.optional(v.array(v.string()), []),
  env: v.optional(
    v.array(v.strictObject({ name: v.string(), value: v.string() })),
    [],
  ),
  volumeMounts: v.array(MOUNT),
  // The place that is made here has all of this, and can do without none of it.
  securityContext: v.strictObject({
    allowPrivilegeEscalation: v.literal(false),
    readOnlyRootFilesystem: v.literal(true),
    capabilities: v.strictObject({ drop: v.tuple([v.literal("ALL")]) }),
  }),
});

const ITEMS = v.array(v.strictObject({ key: v.string(), path: v.string() }));
const SOURCE = v.union([
  v.strictObject({
    serviceAccountToken: v.strictObject({
      path: v.string(),
      audience: v.string(),
      expirationSeconds: v.pipe(v.number(), v.minValue(600)),
    }),
  }),
  v.strictObject({
    secret: v.strictObject({ name: v.string(), items: ITEMS }),
  }),
]);

const VOLUME = v.union([
  v.strictObject({
    name: v.string(),
    emptyDir: v.strictObject({
      medium: v.optional(v.literal("Memory")),
      sizeLimit: v.string(),
    }),
  }),
  v.strictObject({
    name: v.string(),
    secret: v.strictObject({ secretName: v.string(), defaultMode: v.number() }),
  }),
  v.strictObject({
    name: v.string(),
    projected: v.strictObject({
      defaultMode: v.number(),
      sources: v.array(SOURCE),
    }),
  }),
]);

const ID = v.pipe(v.number(), v.minValue(1));

/** What a pod's spec has to say to be run here: as one user, who is not root and can't become it. */
export const POD_SPEC = v.looseObject({
  automountServiceAccountToken: v.literal(false),
  securityContext: v.strictObject({
    runAsNonRoot: v.literal(true),
    runAsUser: ID,
    runAsGroup: ID,
    fsGroup: ID,
    seccompProfile: v.strictObject({ type: v.literal("RuntimeDefault") }),
  }),
  initContainers: v.optional(v.array(CONTAINER), []),
  containers: v.array(CONTAINER),
  volumes: v.array(VOLUME),
});

/** The spec of a pod. */
export type PodSpec = v.InferOutput<typeof POD_SPEC>;
type Container = v.InferOutput<typeof CONTAINER>;
type Volume = v.InferOutput<typeof VOLUME>;

/** What a cluster has for its pods. */
export interface Cluster {
  /** The secrets by name: the texts of their keys. */
  secrets: Record<string, Record<string, string>>;
  /** The token of the service account, by its audience. */
  tokens: Record<string, string>;
  /** Variables that every image sets. */
  env: Record<string, string>;
  /** More programs of the images: shell scripts, by name. */
  programs: Record<string, string>;
  /** Certificate authorities of the images, in PEM, at {@linkcode AUTHORITY}. */
  authority: string;
}

/** Where the images have their certificate authorities. */
export const AUTHORITY = "/etc/ssl/cluster.pem";

/**
 * A pod without Kubernetes: volumes as the kubelet makes them, and containers with a
 * read-only root of their own, run by the pod's user with neither capabilities nor a
 * way to get some. There is no seccomp profile and no network of its own. It takes
 * root, unshare(1) and setpriv(1).
 */
export class Pod implements Disposable {
  readonly #folder = Deno.makeTempDirSync({ prefix: "nanoctl-pod-" });
  readonly #spec: PodSpec;
  readonly #cluster: Cluster;

  constructor(spec: PodSpec, cluster: Cluster) {
    this.#spec = spec;
    this.#cluster = cluster;
    Deno.chmodSync(this.#folder, 0o755);
    const bin = join(this.#folder, "bin");
    Deno.mkdirSync(bin);
    Deno.writeTextFileSync(join(bin, "nanoctl"), "");
    for (const [name, script] of Object.entries(cluster.programs)) {
      Deno.writeTextFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
      Deno.chmodSync(join(bin, name), 0o755);
    }
    Deno.writeTextFileSync(join(this.#folder, "ca.pem"), cluster.authority);
    for (const volume of spec.volumes) this.#fill(volume);
  }

  /** The folder of a volume, or the path of something in it. */
  at(volume: string, path = ""): string {
    return join(this.#folder, "volumes", volume, path);
  }

  /** The permission bits of what is in a volume, in octal. */
  mode(volume: string, path: string): string {
    const { mode } = Deno.lstatSync(this.at(volume, path));
    return ((mode ?? 0) & 0o777).toString(8).padStart(4, "0");
  }

  /** The names of the volumes with a file that has this text, or either half of it. */
  holding(secret: string): string[] {
    const middle = Math.floor(secret.length / 2);
    const halves = [secret.slice(0, middle), secret.slice(middle)];
    return this.#spec.volumes.map(({ name }) => name).filter((name) =>
      textsIn(this.at(name)).some((text) =>
        halves.some((half) => text.includes(half))
      )
    );
  }

  /** Runs the containers in their order, until one fails. Gives what each one said. */
  async run(): Promise<Result[]> {
    const results: Result[] = [];
    for (
      const container of [
        ...this.#spec.initContainers,
        ...this.#spec.containers,
      ]
    ) {
      const result = await this.runIn(container);
      results.push(result);
      if (result.code !== 0) break;
    }
    return results;
  }

  /** Runs a container, or another command in its place. */
  async runIn(
    container: Container,
    command = [...container.command, ...container.args],
  ): Promise<Result> {
    const own = container.env.map(({ name, value }) => [name, value]);
    return await new Child("unshare", [
      "--mount",
      "--pid",
      "--fork",
      "--kill-child",
      "sh",
      "-euc",
      this.#script(container, command),
    ], {
      env: {
        PATH: "/opt/bin:/usr/bin:/bin",
        ...this.#cluster.env,
        ...Object.fromEntries(own),
      },
    }).end();
  }

  /** Makes the container's root, and what runs in it. */
  #script(container: Container, command: string[]): string {
    const root = join(this.#folder, "root");
    Deno.mkdirSync(root, { recursive: true });
    const at = (path: string): string => commandLine(root + path);
    const mounts = container.volumeMounts.toSorted((one, other) =>
      one.mountPath.length - other.mountPath.length
    );
    const { runAsUser, runAsGroup, fsGroup } = this.#spec.securityContext;
    return `
      export PATH=/usr/sbin:/usr/bin:/sbin:/bin
      mount -t tmpfs -o mode=755 root ${at("")}
      cd ${at("")}
      mkdir -p dev etc/ssl opt/bin proc usr
      for name in bin lib lib64 sbin; do ln -s "usr/$name" "$name"; done
      mount --bind /usr usr
      mount -o remount,bind,ro usr
      mount -t proc proc proc
      for name in null random urandom zero; do
        touch "dev/$name"
        mount --bind "/dev/$name" "dev/$name"
      done
      cp ${this.#own("ca.pem")} ${at(AUTHORITY)}
      cp -p ${this.#own("bin")}/* opt/bin/
      mount --bind ${commandLine(BINARY)} opt/bin/nanoctl
      ${mounts.map((mount) => this.#mount(mount, at(mount.mountPath))).join("")}
      mount -o remount,ro ${at("")}
      export PATH=${commandLine("/opt/bin:/usr/bin:/bin")}
      exec /usr/sbin/chroot . /usr/bin/setpriv --reuid ${runAsUser} \\
        --regid ${runAsGroup} --groups ${fsGroup} --no-new-privs \\
        --inh-caps=-all --bounding-set=-all ${commandLine(...command)}`;
  }

  #own(name: string): string {
    return commandLine(join(this.#folder, name));
  }

  #mount({ name, readOnly }: v.InferOutput<typeof MOUNT>, at: string): string {
    const remount = readOnly ? `mount -o remount,bind,ro ${at}\n` : "";
    return `
      mkdir -p ${at}
      mount --bind ${commandLine(this.at(name))} ${at}
      ${remount}`;
  }

  #fill(volume: Volume): void {
    const { fsGroup } = this.#spec.securityContext;
    const folder = this.at(volume.name);
    Deno.mkdirSync(folder, { recursive: true });
    Deno.chownSync(folder, 0, fsGroup);
    // Only what is a tmpfs has the sticky bit.
    const isDisk = "emptyDir" in volume && volume.emptyDir.medium === undefined;
    Deno.chmodSync(folder, isDisk ? 0o2777 : 0o3777);
    if ("emptyDir" in volume) return;
    const { defaultMode } = "secret" in volume
      ? volume.secret
      : volume.projected;
    Deno.mkdirSync(join(folder, "..version"), { mode: 0o755 });
    Deno.symlinkSync("..version", join(folder, "..data"));
    for (const [name, text] of Object.entries(this.#filesOf(volume))) {
      const path = join(folder, "..version", name);
      Deno.writeTextFileSync(path, text);
      // The group may read, whatever the manifest says.
      Deno.chmodSync(path, defaultMode | 0o440);
      Deno.chownSync(path, 0, fsGroup);
      Deno.symlinkSync(join("..data", name), join(folder, name));
    }
  }

  #filesOf(volume: Exclude<Volume, { emptyDir: unknown }>): Record<
    string,
    string
  > {
    const { secrets, tokens } = this.#cluster;
    if ("secret" in volume) return known(secrets, volume.secret.secretName);
    return Object.fromEntries(volume.projected.sources.flatMap((source) => {
      if ("serviceAccountToken" in source) {
        const { path, audience } = source.serviceAccountToken;
        return [[path, known(tokens, audience)]];
      }
      const texts = known(secrets, source.secret.name);
      return source.secret.items.map(({ key, path }) =>
        [path, known(texts, key)] as const
      );
    }));
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

function known<T>(table: Record<string, T>, name: string): T {
  const found = table[name];
  assert(found !== undefined, `the cluster has no ${name}`);
  return found;
}

function textsIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = join(folder, name);
    if (isDirectory) return textsIn(path);
    return Deno.statSync(path).isFile ? [latin1(Deno.readFileSync(path))] : [];
  });
}
