import type { Context } from "../context.ts";
import { versionText } from "../version.ts";
import type { GlobalOptions } from "./options.ts";
import { runToken } from "./token_run.ts";

/** A command, ready to run. */
type Run = () => Promise<void>;

/** The options that a plain command line may have: each once, with a value of its own. */
const WITH_VALUE = new Map<string, "profile" | "url" | "service">([
  ["--profile", "profile"],
  ["--url", "url"],
  ["--service", "service"],
]);

/**
 * What runs without the command tree, which takes twice as long to load as all
 * the rest: `token`, which scripts call often, and `--version`. Undefined for
 * anything but the plainest command line; the tree says what is wrong with one.
 */
export function directRun(context: Context, args: string[]): Run | undefined {
  const [command, ...rest] = args;
  if (command === "--version" || command === "-V") {
    return rest.length > 0
      ? undefined
      : () => context.stdout.write(`${versionText()}\n`);
  }
  const options = command === "token" ? plainOptions(rest) : undefined;
  return options && (() => runToken(context, options));
}

/** The options of a plain command line; undefined where anything else is in it. */
export function plainOptions(args: string[]): GlobalOptions | undefined {
  const options: GlobalOptions = {};
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? "";
    const name = arg === "--json" ? "json" : WITH_VALUE.get(arg);
    if (name === undefined || name in options) return undefined;
    if (name === "json") {
      options.json = true;
      continue;
    }
    const value = args[++index] ?? "";
    if (value === "" || value.startsWith("-")) return undefined;
    options[name] = value;
  }
  return options;
}
