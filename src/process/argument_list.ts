import { NanoctlError } from "../errors.ts";
import { ownOs, systemOf } from "./system/systems.ts";

/** Between arguments (POSIX, XCU 2.3: the blanks and the newline). */
const BLANK = /[ \t\r\n]/;
/** What a backslash takes its meaning from between double quotes (POSIX, XCU 2.2.3). */
const ESCAPED_IN_QUOTES = '$`"\\\n';

/**
 * Splits a command line into a program and its arguments, by the quoting of a
 * POSIX shell (XCU 2.2): quotes and the backslash, and nothing else. No shell
 * runs, so a variable, a pattern or a pipe is plain text. On Windows backslashes
 * are for paths: there they only mean something before a double quote, as for
 * CommandLineToArgvW. What begins with `[` is a JSON list of strings instead.
 * `what` names the text in errors, which never quote it.
 *
 * Throws `usage` for an unfinished quote, a list that names no program, a NUL,
 * and JSON that is no list of strings.
 */
export function argumentList(
  text: string,
  what: string,
  os: string = ownOs,
): string[] {
  const { escapesByBackslash } = systemOf(os);
  const list = text.trimStart().startsWith("[")
    ? jsonList(text, what)
    : splitLine(escapesByBackslash ? text : withEscapes(text), what);
  if (list.some((argument) => argument.includes("\0"))) {
    throw refused(`${what} has a NUL character in it`);
  }
  if (!list[0]) {
    throw new NanoctlError(
      "usage",
      `${what} names no program`,
      "give a program and its arguments, such as 'pass show nano'",
    );
  }
  return list;
}

function jsonList(text: string, what: string): string[] {
  const list = parsed(text);
  const isList = Array.isArray(list) &&
    list.every((argument) => typeof argument === "string");
  if (isList) return list;
  throw refused(`${what} begins with [, but is no JSON list of strings`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function splitLine(text: string, what: string): string[] {
  const list: string[] = [];
  // Undefined between arguments: '' is one that is empty.
  let argument: string | undefined;
  for (let at = 0; at < text.length;) {
    const char = text.charAt(at);
    if (BLANK.test(char)) {
      if (argument !== undefined) list.push(argument);
      argument = undefined;
      at++;
      continue;
    }
    const part = partAt(text, at, what);
    argument = (argument ?? "") + part.value;
    // A line that goes on is no argument by itself.
    if (part.isNothing && argument === "") argument = undefined;
    at = part.end;
  }
  return argument === undefined ? list : [...list, argument];
}

/** What a line of Windows is made of, as far as backslashes and quotes go. */
const WINDOWS_PIECE =
  /'[^']*'?|("(?:\\.|[^"\\])*"?)|(?:\\\\)*\\"|(?:\\\\)+(?=")|(\\+)/gs;

/** A line of Windows as a shell has it: there a backslash is one, unless a double quote follows. */
function withEscapes(line: string): string {
  return line.replace(
    WINDOWS_PIECE,
    (piece, quoted?: string, backslashes?: string) =>
      quoted?.replace(/\\+(?!["\\])/g, "$&$&") ??
        (backslashes ? backslashes + backslashes : piece),
  );
}

/** A piece of an argument: a character, an escaped one, or what is between quotes. */
interface Part {
  value: string;
  /** The index behind it. */
  end: number;
  /** Whether it is a backslash and a line break, which a shell leaves out. */
  isNothing?: boolean;
}

function partAt(text: string, at: number, what: string): Part {
  const char = text.charAt(at);
  if (char === "'") return singleQuoted(text, at, what);
  if (char === '"') return doubleQuoted(text, at, what);
  if (char !== "\\") return { value: char, end: at + 1 };
  if (at + 1 === text.length) throw refused(`${what} ends in a backslash`);
  const next = text.charAt(at + 1);
  return next === "\n"
    ? { value: "", end: at + 2, isNothing: true }
    : { value: next, end: at + 2 };
}

function singleQuoted(text: string, at: number, what: string): Part {
  const end = text.indexOf("'", at + 1);
  if (end < 0) throw unfinished(what);
  return { value: text.slice(at + 1, end), end: end + 1 };
}

function doubleQuoted(text: string, start: number, what: string): Part {
  let value = "";
  for (let at = start + 1; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === '"') return { value, end: at + 1 };
    const next = text.charAt(at + 1);
    const isEscape = char === "\\" && next !== "" &&
      ESCAPED_IN_QUOTES.includes(next);
    if (!isEscape) {
      value += char;
      continue;
    }
    at++;
    if (next !== "\n") value += next;
  }
  throw unfinished(what);
}

function unfinished(what: string): NanoctlError {
  return refused(`${what} has a quotation mark without its partner`);
}

function refused(message: string): NanoctlError {
  return new NanoctlError(
    "usage",
    message,
    'quote as for a shell, or give a JSON list: ["pass", "show", "nano"]',
  );
}
