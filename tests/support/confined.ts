import { fromFileUrl } from "@std/path";
import { DOCKER_CALLS } from "./docker_calls.ts";
import { Child, NO_METADATA, type Result } from "./nanoctl.ts";
import { type Need, PATH } from "./store_files.ts";

/** The system's Python, which has Debian's modules. */
const PYTHON = "/usr/bin/python3";
const LAUNCHER = fromFileUrl(import.meta.resolve("./confined.py"));

/** A folder of this machine, and where it is in the root. */
export type Mount = readonly [
  source: string,
  target: string,
  writable: boolean,
];

/** How a program is confined: by default as strictly as an engine can. */
export interface Confinement {
  /** The folder that is its root, and read-only. */
  root: string;
  uid: number;
  gid: number;
  mounts: readonly Mount[];
  env: Record<string, string>;
  /** Whether /proc is mounted, as an engine does; by default it is not. */
  proc?: boolean;
  /** Whether Docker's default profile filters its system calls, as by default. */
  filtered?: boolean;
  /** The `cgroup.procs` files of the control groups that it joins. */
  groups?: string[];
  /** The number of a system call to make in the place of the command, and say how it ended. */
  probe?: number;
}

/** Requires what the launcher filters system calls with. */
export const seccompModule: Need = () => {
  const { success } = new Deno.Command(PYTHON, {
    args: ["-c", "import seccomp"],
    stdout: "null",
    stderr: "null",
  }).outputSync();
  return success ? undefined : "Python has no module seccomp";
};

/**
 * Runs a command in a root of its own, in namespaces of its own but for the network,
 * with no capability and no way to get one.
 */
export function runConfined(
  confinement: Confinement,
  command: string[],
): Promise<Result> {
  const {
    filtered = true,
    proc = false,
    groups = [],
    probe = 0,
    env,
    ...rest
  } = confinement;
  const spec = {
    ...rest,
    proc,
    groups,
    probe,
    env: { ...NO_METADATA, ...env },
    calls: filtered ? DOCKER_CALLS : [],
  };
  return new Child(PYTHON, [LAUNCHER, JSON.stringify(spec), ...command], {
    env: { PATH },
  }).end();
}
