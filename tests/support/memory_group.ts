import { join } from "@std/path";
import { until } from "./nanoctl.ts";
import type { Need } from "./store_files.ts";

/** Where the two versions of control groups are, and their files for memory. */
const VERSIONS = [
  {
    folder: "/sys/fs/cgroup/memory",
    limit: "memory.limit_in_bytes",
    peak: "memory.max_usage_in_bytes",
  },
  { folder: "/sys/fs/cgroup", limit: "memory.max", peak: "memory.peak" },
];

const NAME = `nanoctl-test-${Deno.pid}`;

/** A control group of its own, in which processes share a limit of memory. */
export class MemoryGroup implements AsyncDisposable {
  readonly #folder: string;
  readonly #peak: string;
  /** What a process writes "0" to in order to join. */
  readonly procs: string;

  /** The limit is in MiB. Throws where no such group can be made. */
  constructor(limit: number) {
    const found = VERSIONS.find(({ folder, limit }) =>
      makeGroup(folder, limit) !== undefined
    );
    if (!found) throw new Error("no control group can be made");
    this.#folder = join(found.folder, NAME);
    this.#peak = join(this.#folder, found.peak);
    this.procs = join(this.#folder, "cgroup.procs");
    const bytes = String(limit * 2 ** 20);
    Deno.writeTextFileSync(join(this.#folder, found.limit), bytes);
  }

  /** The most that was used so far, in MiB. */
  get peak(): number {
    return Number(Deno.readTextFileSync(this.#peak)) / 2 ** 20;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A process that has ended may be in it for a moment.
    await until(() => isRemoved(this.#folder), "the control group is empty");
  }
}

/** Requires control groups that root may make here. */
export const memoryGroups: Need = () => {
  const made = VERSIONS.map(({ folder, limit }) => makeGroup(folder, limit))
    .filter((folder) => folder !== undefined);
  made.forEach(isRemoved);
  return made.length > 0 ? undefined : "no control group can be made";
};

/** Makes the group, if it is not there; undefined where it can't have a limit. */
function makeGroup(parent: string, limit: string): string | undefined {
  const folder = join(parent, NAME);
  try {
    Deno.mkdirSync(folder, { recursive: true });
    if (Deno.statSync(join(folder, limit)).isFile) return folder;
  } catch {
    isRemoved(folder);
  }
  return undefined;
}

function isRemoved(folder: string): boolean {
  try {
    Deno.removeSync(folder);
    return true;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}
