import * as v from "valibot";
import type { Context } from "../../context.ts";
import type { FileSystem } from "../file_system.ts";

/** The cost of deriving a key from a passphrase: scrypt (RFC 7914) with these numbers and no others. */
export const SCRYPT = { name: "scrypt", n: 131_072, r: 8, p: 1 } as const;

const id = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/, "not a key id"));

/** What the credential file says of its key: where it comes from, and which one it is. */
export const keyInfoSchema = v.variant("source", [
  v.object({ source: v.literal("keyfile"), id }),
  v.object({
    source: v.literal("passphrase"),
    id,
    kdf: v.object({
      name: v.literal(SCRYPT.name),
      n: v.literal(SCRYPT.n),
      r: v.literal(SCRYPT.r),
      p: v.literal(SCRYPT.p),
      /** 16 bytes in base64. */
      salt: v.pipe(v.string(), v.base64(), v.length(24)),
    }),
  }),
  v.object({ source: v.literal("environment"), id }),
  v.object({
    source: v.literal("helper"),
    id,
    helper: v.pipe(v.string(), v.regex(/^[A-Za-z0-9._-]{1,64}$/, "not a name")),
  }),
]);

/** See {@linkcode keyInfoSchema}. */
export type KeyInfo = v.InferOutput<typeof keyInfoSchema>;

/** Where a key can come from. */
export type KeySourceName = KeyInfo["source"];

/** A key that is ready for use, with what the file is to say of it. */
export interface OpenKey {
  key: CryptoKey;
  info: KeyInfo;
}

/** What the key sources need of the outside. */
export type KeyContext =
  & Pick<Context, "env" | "os" | "stdin" | "stderr" | "prompts">
  & { fs: FileSystem };

/** The end of every hint about a key that is lost. */
export const OR_START_ANEW =
  "or start anew with 'nanoctl login --force', which moves the credential file aside";
