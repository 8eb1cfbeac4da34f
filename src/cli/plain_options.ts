import type { GlobalOptions } from "./options.ts";

/** The options that a plain command line may have: each once, with a value of its own. */
const WITH_VALUE = new Map<string, "profile" | "url" | "service">([
  ["--profile", "profile"],
  ["--url", "url"],
  ["--service", "service"],
]);

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
