import { NanoctlError } from "../errors.ts";

/** What Cliffy found wrong with a command line, as one of our errors. */
export function usageError(message: string, args: string[]): NanoctlError {
  const [, unknown] = message.match(/^Unknown command "(.*?)"/s) ?? [];
  const command = args[0] ?? "";
  const help = command !== unknown && PLAIN_NAME.test(command)
    ? `nanoctl ${command} --help`
    : "nanoctl --help";
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
