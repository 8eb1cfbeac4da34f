import { NanoctlError } from "../errors.ts";
import { GROUP_COMMANDS, GROUPS } from "./options.ts";
import { suggestion } from "./suggestions.ts";

/** What Cliffy found wrong with a command line, as one of our errors; `commands` are those that there are. */
export function usageError(
  message: string,
  args: string[],
  commands: readonly string[],
): NanoctlError {
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
  const meant = unknown !== undefined && PLAIN_NAME.test(unknown)
    ? meantBy(unknown, args, commands)
    : undefined;
  return new NanoctlError(
    "usage",
    withoutValues(message),
    meant === undefined
      ? `see '${help}'`
      : `did you mean 'nanoctl ${meant}'? See '${help}'`,
  );
}

/** The command line that was meant by one with an unknown command in it. */
function meantBy(
  unknown: string,
  args: string[],
  commands: readonly string[],
): string | undefined {
  const words = args.filter((arg) => !arg.startsWith("-"));
  const at = words.indexOf(unknown);
  const group = words[at - 1] ?? "";
  const inGroup = GROUP_COMMANDS[group];
  const meant = suggestion(words.slice(at, at + 2), inGroup ?? commands);
  return inGroup && meant ? `${group} ${meant}` : meant;
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
  // Cliffy proposes whatever is nearest, however far off.
  const own = message.replace(/ Did you mean command .*$/s, "");
  return lowerFirst(own).replace(/,? but got ".*"/s, "").replace(/\.$/, "");
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
