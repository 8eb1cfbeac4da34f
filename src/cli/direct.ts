import type { Context } from "../context.ts";
import { plainOptions } from "./plain_options.ts";
import { runToken } from "./token_run.ts";

/**
 * What runs without the command tree, which takes twice as long to load as all
 * the rest: `token`, which scripts call often. Undefined for anything but the
 * plainest command line; the tree says what is wrong with one.
 */
export function directRun(
  context: Context,
  [command, ...rest]: string[],
): (() => Promise<void>) | undefined {
  const options = command === "token" ? plainOptions(rest) : undefined;
  return options && (() => runToken(context, options));
}
