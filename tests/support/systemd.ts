import { basename, join } from "@std/path";
import { exists } from "../../scripts/process.ts";
import { BINARY, Child, type Result, until } from "./nanoctl.ts";
import { commandLine, type Need, PATH, programs, root } from "./store_files.ts";

const SYSTEMD = "/usr/lib/systemd/systemd";

/** Requires namespaces in which systemd can be the first process. */
export const ownSystemd: Need = () => {
  const missing = root() ??
    programs("nsenter", "systemctl", "systemd-creds", "unshare")();
  if (missing !== undefined) return missing;
  const { success } = new Deno.Command("unshare", {
    args: [
      ...["--mount", "--pid", "--fork", "--mount-proc", "sh", "-euc"],
      `${OWN_CGROUPS}
       test -e ${SYSTEMD}
       mkdir /sys/fs/cgroup/nanoctl-probe-$$
       rmdir /sys/fs/cgroup/nanoctl-probe-$$`,
    ],
    stdout: "null",
    stderr: "null",
  }).outputSync();
  return success ? undefined : "this system lets nobody run a systemd";
};

const OWN_CGROUPS = `
  mount --make-rprivate /
  umount --recursive --lazy /sys/fs/cgroup || :
  mount -t cgroup2 cgroup2 /sys/fs/cgroup`;

/** What of /etc the programs of a machine need. */
const ETC = "alternatives group hosts ld.so.cache ld.so.conf ld.so.conf.d " +
  "login.defs nsswitch.conf passwd pki ssl";

/** The targets that a unit depends on, without the units that set a real machine up. */
const TARGETS = [
  "basic",
  "multi-user",
  "network-online",
  "shutdown",
  "sysinit",
  "timers",
];

/**
 * A machine whose first process is systemd, in namespaces of its own: it has the
 * network, the programs and the folders of this one, but its own /etc, /run, /tmp,
 * /usr/local/bin and /var/lib. The units are in /etc/systemd/system, and what they
 * say is in /run/log. See {@linkcode ownSystemd} for what it takes.
 */
export class SystemdMachine {
  readonly #child: Child;
  readonly #folder: string;
  readonly #cgroup: string;
  #pid = 0;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#cgroup = basename(folder);
    const files = join(folder, "files");
    this.#child = new Child("unshare", [
      "--mount",
      "sh",
      "-euc",
      `${OWN_CGROUPS}
       mkdir /sys/fs/cgroup/${this.#cgroup}
       echo $$ > /sys/fs/cgroup/${this.#cgroup}/cgroup.procs
       exec unshare --cgroup --ipc --pid --uts --mount-proc --fork \\
         --kill-child sh -euc ${commandLine(bootScript(files))}`,
    ], { env: { PATH, container: "nanoctl-test" } });
    this.#child.keepRunning();
  }

  /**
   * Boots one with these units and other files below /etc, and with these programs in
   * /usr/local/bin: shell scripts, by name.
   */
  static async boot(
    etc: Record<string, string>,
    programs: Record<string, string>,
  ): Promise<SystemdMachine> {
    const folder = await Deno.makeTempDir({ prefix: "nanoctl-systemd-" });
    for (const [path, text] of Object.entries(etc)) {
      await write(join(folder, "files/etc", path), text);
    }
    await Deno.mkdir(join(folder, "files/bin"), { recursive: true });
    for (const [name, script] of Object.entries(programs)) {
      const text = `#!/bin/sh\n${script}\n`;
      await write(join(folder, "files/bin", name), text, 0o755);
    }
    for (const name of TARGETS) {
      const text = "[Unit]\nDefaultDependencies=no\n";
      await write(join(folder, "files/units", `${name}.target`), text);
    }
    const machine = new SystemdMachine(folder);
    await machine.#untilBooted();
    return machine;
  }

  /** Runs a shell script on it, as root. */
  async run(script: string): Promise<Result> {
    const namespaces = ["--mount", "--pid", "--ipc", "--uts", "--cgroup"];
    return await new Child("nsenter", [
      ...["--target", `${this.#pid}`, ...namespaces],
      ...["sh", "-c", script],
    ], { env: { PATH } }).end();
  }

  /** What a unit has said so far. */
  said(unit: string): string {
    const path = this.at(`/run/log/${unit}`);
    return exists(path) ? Deno.readTextFileSync(path) : "";
  }

  /** A path of the machine, as this one reaches it. */
  at(path: string): string {
    return `/proc/${this.#pid}/root${path}`;
  }

  /** Turns it off. */
  async stop(): Promise<void> {
    Deno.kill(this.#pid, "SIGKILL");
    await this.#child.end();
    const folder = `/sys/fs/cgroup/${this.#cgroup}`;
    await new Child("unshare", [
      "--mount",
      "sh",
      "-euc",
      `${OWN_CGROUPS}\nfind ${folder} -depth -type d -exec rmdir {} +`,
    ], { env: { PATH } }).end();
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #untilBooted(): Promise<void> {
    const failed = this.#child.end().then(({ stderr }) => {
      throw new Error(`systemd has not booted: ${stderr}`);
    });
    // It ends one day, when it is turned off.
    failed.catch(() => {});
    const booted = until(() => {
      this.#pid = firstChildOf(this.#child.pid);
      return this.#pid > 0 && exists(this.at("/run/systemd/private"));
    }, "systemd has booted");
    await Promise.race([booted, failed]).catch((error) => {
      this.#child.kill("SIGKILL");
      throw error;
    });
  }
}

/** Makes the machine's own folders out of these files, and becomes systemd. */
function bootScript(files: string): string {
  return `
    umount /sys/fs/cgroup
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    mount -t tmpfs -o mode=755 run /run
    mkdir -p /run/etc/systemd /run/bin /run/log /run/systemd/system
    for name in ${ETC}; do
      if [ -e "/etc/$name" ]; then cp -a "/etc/$name" /run/etc; fi
    done
    cp -a ${commandLine(files)}/etc/. /run/etc
    chown -R root:root /run/etc
    tr -d - < /proc/sys/kernel/random/uuid > /run/etc/machine-id
    cp -a ${commandLine(files)}/bin/. /run/bin
    cp ${commandLine(BINARY)} /run/bin/nanoctl
    mount --bind /run/etc /etc
    mount --bind /run/bin /usr/local/bin
    cp -a ${commandLine(files)}/units /run/units
    mount --bind /run/units /usr/lib/systemd/system
    mount -t tmpfs -o mode=755 lib /var/lib
    mkdir -m 700 /var/lib/private
    mkdir /var/lib/systemd
    mount -t tmpfs -o mode=1777 tmp /tmp
    mount -t tmpfs -o mode=1777 tmp /var/tmp
    # Credentials are mounted by a child, whose mounts have to come here.
    mount --make-rshared /
    exec ${SYSTEMD} --system --unit=basic.target --log-target=null`;
}

function firstChildOf(pid: number): number {
  const path = `/proc/${pid}/task/${pid}/children`;
  return exists(path) ? Number(Deno.readTextFileSync(path).split(" ")[0]) : 0;
}

async function write(path: string, text: string, mode = 0o644): Promise<void> {
  await Deno.mkdir(join(path, ".."), { recursive: true });
  await Deno.writeTextFile(path, text, { mode });
}
