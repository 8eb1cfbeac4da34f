import { assert } from "@std/assert";
import { type Home, latin1, run } from "./nanoctl.ts";

/** So many characters of a secret, one behind the other, are a leak. */
const PIECE = 12;

/** A text that holds a secret in some form, and how many of its characters a piece takes. */
interface Form {
  text: string;
  piece: number;
}

/** All ways in which a secret is looked for. */
function formsOf(value: string): Form[] {
  const bytes = new TextEncoder().encode(value);
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0"));
  const each = (write: (hex: string) => string): Form => ({
    text: hex.map(write).join(""),
    piece: PIECE * write("00").length,
  });
  const forms: Form[] = [
    value,
    value.toLowerCase(),
    value.toUpperCase(),
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value),
    latin1(bytes),
  ].map((text) => ({ text, piece: PIECE }));
  forms.push(
    each((byte) => byte),
    each((byte) => byte.toUpperCase()),
    each((byte) => `%${byte}`),
    each((byte) => `%${byte.toUpperCase()}`),
    each((byte) => `\\u00${byte}`),
    each((byte) => `\\x${byte}`),
    { text: [...value].join("\0"), piece: 2 * PIECE - 1 },
  );
  // Three places in which it can stand in a longer text, such as user:password.
  for (const before of ["", "x", "xx"]) {
    const text = new Uint8Array([
      ...new TextEncoder().encode(before),
      ...bytes,
    ]);
    const whole = text.toBase64().slice(before === "" ? 0 : 4)
      .replace(/.?=+$/, "");
    for (
      const base64 of [
        whole,
        whole.replaceAll("+", "-").replaceAll("/", "_"),
        encodeURIComponent(whole),
      ]
    ) forms.push({ text: base64, piece: 4 * PIECE / 3 });
  }
  return forms;
}

/** Secrets by which a test knows them again, whole or in pieces, in plain or encoded. */
export class Markers {
  /** By the length of the pieces: each piece, and whose it is. */
  readonly #pieces = new Map<number, Map<string, string>>();
  readonly #names = new Map<string, string>();

  /** Makes a token that no service knows. */
  token(name: string): string {
    return this.add(name, `nano_${randomText(40)}`);
  }

  /** Makes a secret with characters that every encoding has to escape. */
  password(name: string): string {
    return this.add(name, `p@ss:"${randomText(16)}/+ %${randomText(16)}`);
  }

  /** Makes a token known that a service made. Gives it back. */
  add(name: string, value: string): string {
    assert(value.length >= PIECE, `${name} is too short`);
    this.#names.set(value, name);
    for (const { text, piece } of formsOf(value)) {
      const pieces = this.#pieces.get(piece) ?? new Map<string, string>();
      this.#pieces.set(piece, pieces);
      for (let at = 0; at + piece <= text.length; at++) {
        pieces.set(text.slice(at, at + piece), name);
      }
    }
    return value;
  }

  /** The names of the secrets of which there is a piece in a text. */
  in(text: string): Set<string> {
    const found = new Set<string>();
    for (const [length, pieces] of this.#pieces) {
      for (let at = 0; at + length <= text.length; at++) {
        const name = pieces.get(text.slice(at, at + length));
        if (name !== undefined) found.add(name);
      }
    }
    return found;
  }

  /** What files below a home hold a secret, as `path: name`; but for those that are given. */
  inFiles(home: Home, except: readonly string[]): string[] {
    return home.entries()
      .filter((path) => !path.endsWith("/") && !except.includes(path))
      .flatMap((path) => {
        const text = `${path}\n${latin1(Deno.readFileSync(home.at(path)))}`;
        return [...this.in(text)].map((name) => `${path}: ${name}`);
      });
  }

  /** A text with names in the place of secrets, for a test's own messages. */
  hide(text: string): string {
    let hidden = text;
    for (const [value, name] of this.#names) {
      hidden = hidden.replaceAll(value, `<${name}>`);
    }
    return hidden;
  }
}

function randomText(length: number): string {
  const letters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  return Array.from(
    crypto.getRandomValues(new Uint8Array(length)),
    (byte) => letters[byte % letters.length],
  ).join("");
}

/** A command as its help describes it. */
export interface HelpedCommand {
  /** The command and what it is below: `["store", "info"]`. */
  words: string[];
  /** Its options that take a value, such as `--url`. */
  valueOptions: string[];
}

/** Every command of the program that does something, as its own help lists them. */
export async function commandTree(
  words: string[] = [],
): Promise<HelpedCommand[]> {
  const { code, stdout } = await run([...words, "--help"]);
  assert(code === 0, `no help for ${words.join(" ")}`);
  const section = (name: string): string =>
    new RegExp(`^${name}:\\n\\n((?:  .*\\n|\\n)*)`, "m").exec(stdout)?.[1] ??
      "";
  const below = [...section("Commands").matchAll(/^ {2}([a-z][a-z-]*) /gm)]
    .map(([, name = ""]) => name);
  if (below.length > 0) {
    const trees = below.map((name) => commandTree([...words, name]));
    return (await Promise.all(trees)).flat();
  }
  const options = [
    ...section("Options").matchAll(/^ {2}(?:-\w, )?(--[a-z-]+) +</gm),
  ];
  return [{ words, valueOptions: options.map(([, name = ""]) => name) }];
}
