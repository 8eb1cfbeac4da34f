import { assert } from "@std/assert";
import { readHelp } from "./help.ts";
import { type Home, latin1 } from "./nanoctl.ts";

/** How many consecutive characters of a secret count as a leak. */
const PIECE = 12;

/** A secret in some encoding, and the length of a leaked piece in it. */
interface Form {
  text: string;
  piece: number;
}

/** All encodings in which to look for a secret. */
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
  // Three alignments in a longer text, such as user:password.
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

/** Secrets that a test can recognise, whole or in pieces, in plain text or encoded. */
export class Markers {
  /** By piece length: each piece, and the name of its secret. */
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

  /** Registers a token that a service created, and returns it. */
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

  /** The names of the secrets with a piece in the text. */
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

  /** The files in a home that contain a secret, as `path: name`, except the given ones. */
  inFiles(home: Home, except: readonly string[]): string[] {
    return home.entries()
      .filter((path) => !path.endsWith("/") && !except.includes(path))
      .flatMap((path) => {
        const text = `${path}\n${latin1(Deno.readFileSync(home.at(path)))}`;
        return [...this.in(text)].map((name) => `${path}: ${name}`);
      });
  }

  /** Replaces secrets with their names, for a test's own messages. */
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

/** A command, according to its help. */
export interface HelpedCommand {
  /** The command's words: `["store", "info"]`. */
  words: string[];
  /** Its options that take a value, such as `--url`. */
  valueOptions: string[];
}

/** Every command without subcommands, as listed in the program's help. */
export async function commandTree(): Promise<HelpedCommand[]> {
  const helps = await readHelp();
  return helps.filter(({ commands }) => commands.length === 0)
    .map(({ path, valueOptions }) => ({ words: path, valueOptions }));
}
