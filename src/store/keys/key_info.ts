import type { Context } from "../../process/context.ts";
import { isObject } from "../../json.ts";
import type { FileSystem } from "../file_system.ts";

/** The cost of deriving a key from a passphrase: scrypt (RFC 7914) with these numbers and no others. */
export const SCRYPT = { name: "scrypt", n: 131_072, r: 8, p: 1 } as const;

/** What the credential file says about its key: its source, and its id (32 hex digits). */
export type KeyInfo =
  | { source: "keyfile" | "environment"; id: string }
  | { source: "passphrase"; id: string; kdf: typeof SCRYPT & { salt: string } }
  | { source: "helper"; id: string; helper: string };

/** What is wrong with the `key` of a credential file: the name of the field, empty for all of it. */
export function faultOfKeyInfo(key: unknown): string | undefined {
  if (!isObject(key)) return "";
  if (!matches(key.id, /^[0-9a-f]{32}$/)) return "id";
  switch (key.source) {
    case "keyfile":
    case "environment":
      return undefined;
    case "passphrase":
      return faultOfKdf(key.kdf);
    case "helper":
      return matches(key.helper, /^[A-Za-z0-9._-]{1,64}$/)
        ? undefined
        : "helper";
    default:
      return "source";
  }
}

function faultOfKdf(kdf: unknown): string | undefined {
  if (!isObject(kdf)) return "kdf";
  const wrong = Object.entries(SCRYPT)
    .find(([name, value]) => kdf[name] !== value);
  if (wrong) return `kdf.${wrong[0]}`;
  // 16 bytes in base64.
  return matches(kdf.salt, /^[A-Za-z0-9+/]{22}==$/) ? undefined : "kdf.salt";
}

function matches(value: unknown, form: RegExp): boolean {
  return typeof value === "string" && form.test(value);
}

/** What tells one key from every other. */
export function keyOf({ source, id }: KeyInfo): string {
  return `${source} ${id}`;
}

/** Where a key of our own can come from. */
export type KeySourceName = KeyInfo["source"];

/** The key sources, as `--key-source` names them; a command has its command line too. */
export const KEY_SOURCES: readonly KeySourceName[] = [
  "keyfile",
  "passphrase",
  "environment",
  "helper",
];

/** A key of one of these sources that is ready for use, with what the file says about it. */
export interface OwnKey {
  key: CryptoKey;
  info: KeyInfo;
}

/** What the key sources need of the outside. */
export type KeyContext =
  & Pick<
    Context,
    "env" | "os" | "stdin" | "stderr" | "prompts" | "signal"
  >
  & { fs: FileSystem };

/** The end of every hint about a key that is lost. */
export const OR_START_ANEW =
  "or start anew with 'nanoctl login --force', which moves the credential file aside";
