/** xz, which Deno has not: by the program of that name. */

import { reason, SetupError } from "../process.ts";

/** One thread: more would cut the data into blocks, and compress less. */
const THREADS = "--threads=1";

/**
 * Compresses with xz; a trial build takes the fastest preset. The version of xz may
 * change the bytes. Throws a SetupError if there is no xz.
 */
export async function xz(
  data: Blob,
  trial: boolean,
): Promise<Uint8Array<ArrayBuffer>> {
  const child = started([trial ? "-0" : "-9", "--stdout", THREADS]);
  const [{ success, stdout, stderr }] = await Promise.all([
    child.output(),
    // If it ends early, its exit code says so.
    data.stream().pipeTo(child.stdin).catch(() => {}),
  ]);
  if (success) return stdout;
  throw new SetupError(`xz: ${reason(new TextDecoder().decode(stderr))}`);
}

function started(args: string[]): Deno.ChildProcess {
  try {
    return new Deno.Command("xz", {
      args,
      // Defaults of the machine would change the bytes.
      env: { XZ_DEFAULTS: "", XZ_OPT: "" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new SetupError("xz is not on the PATH; a release is packed with it");
  }
}
