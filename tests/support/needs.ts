import { describe, it } from "@std/testing/bdd";

/** A suite of what is there on Linux alone. */
export const onLinux = Deno.build.os === "linux" ? describe : describe.skip;

/**
 * A suite that needs something of the machine. Where that is `missing` it is skipped,
 * and says so in its name; in CI it fails, but on Linux alone, where .ci/run
 * installs what there is.
 */
export function describeNeeding(
  missing: string | undefined,
  name: string,
  fn: () => void,
): void {
  if (isToRun(missing)) describe(name, fn);
  else describe.skip(`${name} (skipped: ${missing})`, fn);
}

/** The same for a test. */
export function itNeeding(
  missing: string | undefined,
  name: string,
  fn: () => void | Promise<void>,
): void {
  if (isToRun(missing)) it(name, fn);
  else it.skip(`${name} (skipped: ${missing})`, fn);
}

function isToRun(missing: string | undefined): boolean {
  return missing === undefined ||
    Deno.build.os === "linux" && Boolean(Deno.env.get("CI"));
}
