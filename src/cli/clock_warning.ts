import type { Output } from "./output.ts";
import type { Account } from "../services/service.ts";

/** Warns if the service accepts a token that has expired by this machine's clock: `token` would refuse to print it. */
export async function warnOfClock(
  output: Output,
  { clockFault }: Account,
): Promise<void> {
  if (clockFault === undefined) return;
  await output.warn(
    `the service accepts the token, but by this machine's clock it has expired: ${clockFault}`,
  );
}
