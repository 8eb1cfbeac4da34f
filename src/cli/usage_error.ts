import { NanoctlError } from "../errors.ts";
import { GROUPS } from "./options.ts";

/** What Cliffy found wrong with a command line, as one of our errors. */
export function usageError(message: string, args: string[]): NanoctlError {
  const [first = "", second = ""] = args.filter((arg) => arg !== "--json");
  if (first === "exec" && message.startsWith("No arguments allowed")) {
    return new NanoctlError(
      "usage",
      "the command to run is not behind two hyphens",
      "put it there: nanoctl exec -- <command>",
    );
  }
  const [, unknown] = message.match(/^Unknown command "(.*?)"/s) ?? [];
  const isName = (word: string): boolean =>
    word !== unknown && PLAIN_NAME.test(word);
  const words = isName(first) ? [first] : [];
  if (GROUPS.includes(first) && isName(second)) words.push(second);
  const help = ["nanoctl", ...words, "--help"].join(" ");
  return new NanoctlError("usage", withoutValues(message), `see '${help}'`);
}

const PLAIN_NAME = /^[a-z][a-z-]{0,30}$/;

/** What Cliffy says, without anything that may be a token in the wrong place. */
function withoutValues(message: string): string {
  if (message.startsWith("Too many arguments")) {
    return "there are more arguments than the command takes";
  }
  const [, kind, name] = message.match(/^Unknown (\w+) "(?:--?)?(.*?)"/s) ?? [];
  if (kind && name !== undefined && !PLAIN_NAME.test(name)) {
    return `there is no such ${kind}`;
  }
  return lowerFirst(message).replace(/,? but got ".*"/s, "").replace(/\.$/, "");
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
