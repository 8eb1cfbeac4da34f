import { NanoctlError } from "../errors.ts";
import type { KeyChoice } from "./key_source.ts";
import { parseCommand } from "./keys/command_line.ts";
import { KEY_SOURCES } from "./keys/key_info.ts";

/** Reads `--key-source`: a source's name, `helper:<name>` or `command:<command line>`. Throws `usage`. */
export function parseKeyChoice(text: string): KeyChoice {
  const helper = text.match(/^helper:([A-Za-z0-9._-]{1,64})$/)?.[1];
  if (helper !== undefined) return { source: "helper", helper };
  const [, line] = text.match(/^command(?::(.*))?$/s) ?? [];
  if (line !== undefined || text === "command") {
    return {
      source: "command",
      command: parseCommand(line ?? "", "--key-source"),
    };
  }
  const source = KEY_SOURCES.find((name) => name === text);
  if (source) return { source };
  throw new NanoctlError(
    "usage",
    /^[a-z-]{1,20}$/.test(text)
      ? `there is no key source ${text}`
      : "there is no such key source",
    `the key sources are: ${
      KEY_SOURCES.join(", ")
    }, helper:<name>, command:<command line>`,
  );
}
