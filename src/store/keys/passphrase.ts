import { NanoctlError } from "../../errors.ts";
import { waiting } from "../../process/progress.ts";
import { importKey, KEY_BYTES } from "./key_bytes.ts";
import {
  type KeyContext,
  type KeyInfo,
  OR_START_ANEW,
  type OwnKey,
  SCRYPT,
} from "./key_info.ts";
import { secretVariable } from "./secret_variable.ts";

/** The variable with the passphrase; with `_FILE` at its end, the one with a file's path. */
export const PASSPHRASE_VARIABLE = "NANOCTL_PASSPHRASE";
/** The variable with the passphrase that a rotation changes to. */
export const NEW_PASSPHRASE_VARIABLE = "NANOCTL_NEW_PASSPHRASE";

const SALT_BYTES = 16;
const TRIES = 3;

type PassphraseInfo = Extract<KeyInfo, { source: "passphrase" }>;

/**
 * The key that a passphrase gives: the variable's, else the one that is typed,
 * for which there are three tries. Where several passphrases open a file, any of
 * them will do. `of` is whose passphrase the question asks for.
 *
 * Throws `file_key` when there is none or it is wrong.
 */
export async function openPassphraseKey(
  context: KeyContext,
  wanted: readonly PassphraseInfo[],
  of = "the credential file",
): Promise<OwnKey> {
  const given = await givenPassphrase(context, [PASSPHRASE_VARIABLE]);
  const question = `Passphrase of ${of}`;
  for (let left = given ? 0 : TRIES - 1;; left--) {
    const passphrase = given ??
      await ask(
        context,
        left === TRIES - 1 ? question : `That was not it. ${question}`,
        PASSPHRASE_VARIABLE,
      );
    for (const { id, kdf } of wanted) {
      const open = await derive(passphrase, kdf.salt);
      if (open.info.id === id) return open;
    }
    if (left === 0) throw wrongPassphrase();
  }
}

/** Whether the environment gives a passphrase, so that nobody is asked. */
export function isPassphraseSet({ env }: Pick<KeyContext, "env">): boolean {
  return [PASSPHRASE_VARIABLE, `${PASSPHRASE_VARIABLE}_FILE`]
    .some((name) => env.get(name));
}

/**
 * The key of a new passphrase, with a new salt: of the first of these variables
 * that is set, else one that is typed twice.
 *
 * Throws `file_key` when there is none, or the two are not the same.
 */
export async function createPassphraseKey(
  context: KeyContext,
  variables: string[],
): Promise<OwnKey> {
  const passphrase = await givenPassphrase(context, variables) ??
    await askTwice(context, variables[0] ?? PASSPHRASE_VARIABLE);
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  return await derive(passphrase, salt.toBase64());
}

async function givenPassphrase(
  context: KeyContext,
  variables: string[],
): Promise<string | undefined> {
  for (const name of variables) {
    const given = await secretVariable(context, name);
    if (!given) continue;
    // A file ends with a line break that is not part of what it says.
    const text = given.source === name
      ? given.text
      : given.text.replace(/\r?\n$/, "");
    if (text !== "") return text;
    throw new NanoctlError("file_key", `${given.source} holds no passphrase`);
  }
  return undefined;
}

async function ask(
  context: KeyContext,
  question: string,
  variable: string,
): Promise<string> {
  if (!context.stdin.isTerminal || !context.stderr.isTerminal) {
    throw new NanoctlError(
      "file_key",
      "a passphrase is needed, and there is no terminal to ask for it",
      `set ${variable}_FILE or ${variable}`,
    );
  }
  return await context.prompts.secret(question);
}

async function askTwice(
  context: KeyContext,
  variable: string,
): Promise<string> {
  const first = await ask(context, "New passphrase", variable);
  if (first === "") {
    throw new NanoctlError("file_key", "a passphrase can't be empty");
  }
  if (first === await ask(context, "The same again", variable)) return first;
  throw new NanoctlError("file_key", "the two passphrases are not the same");
}

/** scrypt over the UTF-8 of the passphrase in Unicode's form NFC, which keyboards differ in. */
async function derive(passphrase: string, salt: string): Promise<OwnKey> {
  const { scrypt } = await import("node:crypto");
  const { n, r, p } = SCRYPT;
  const bytes = new TextEncoder().encode(passphrase.normalize("NFC"));
  const derived = await waiting(
    "Deriving the key from the passphrase",
    () =>
      new Promise<Uint8Array>((resolve, reject) =>
        scrypt(
          bytes,
          Uint8Array.fromBase64(salt),
          KEY_BYTES,
          // scrypt needs 128 * N * r bytes, and a little room.
          { N: n, r, p, maxmem: 129 * n * r },
          (error, key) => error ? reject(error) : resolve(key),
        )
      ),
    // It always takes about half a second.
    0,
  );
  bytes.fill(0);
  const { key, id } = await importKey(new Uint8Array(derived));
  derived.fill(0);
  return { key, info: { source: "passphrase", id, kdf: { ...SCRYPT, salt } } };
}

function wrongPassphrase(): NanoctlError {
  return new NanoctlError(
    "file_key",
    "the passphrase is not the one that the credential file was encrypted with",
    `give the right one, ${OR_START_ANEW}`,
  );
}
