import { NanoctlError } from "../errors.ts";
import { openKeyFile } from "./keys/key_file.ts";
import {
  type KeyContext,
  type KeyInfo,
  type KeySourceName,
  type OwnKey,
} from "./keys/key_info.ts";
import type { FileKey, SlotKey } from "./keys/key_slots.ts";

/** The source of a new key of our own. */
export interface OwnKeyChoice {
  source: KeySourceName;
  /** Which docker credential helper; undefined for the system's usual one. */
  helper?: string;
}

/** The source of a new key: one of our own, or a command that wraps the data key. */
export type KeyChoice = OwnKeyChoice | {
  source: "command";
  /** The program and its arguments, to which `wrap` or `unwrap` is added. */
  command: string[];
};

/**
 * Where the key of a new file comes from when nothing was chosen: the source
 * whose variable is set, else a key file.
 *
 * Throws `usage` when variables of two sources are set.
 */
export function defaultChoice(
  { env }: Pick<KeyContext, "env">,
): OwnKeyChoice {
  const set = (name: string): boolean =>
    Boolean(env.get(name) || env.get(`${name}_FILE`));
  const environment = set("NANOCTL_ENCRYPTION_KEY");
  const passphrase = set("NANOCTL_PASSPHRASE");
  if (environment && passphrase) {
    throw new NanoctlError(
      "usage",
      "both a key and a passphrase are set in the environment",
      "unset one of them, or choose with --key-source",
    );
  }
  if (environment) return { source: "environment" };
  return { source: passphrase ? "passphrase" : "keyfile" };
}

/** Whether a key of an existing file already comes from the chosen source; of a command the file doesn't say which. */
export function isOfChoice(key: FileKey | SlotKey, choice: KeyChoice): boolean {
  if (isFileKey(key)) return key.slots.some((slot) => isOfChoice(slot, choice));
  if (key.source !== choice.source) return false;
  return key.source !== "helper" || choice.source !== "helper" ||
    choice.helper === undefined || key.helper === choice.helper;
}

function isFileKey(
  key: FileKey | SlotKey,
): key is Extract<FileKey, { slots: unknown }> {
  return "slots" in key && !("source" in key);
}

/** The choice as `--key-source` takes it; without the command line, in which a secret may be. */
export function choiceText(choice: KeyChoice): string {
  if (choice.source === "command") return "'command:<command line>'";
  const { source, helper } = choice;
  return helper === undefined ? source : `${source}:${helper}`;
}

/** How a person knows where a key is; of a file with several, all of them by name. */
export function describeKey(key: FileKey | SlotKey): string {
  if (isFileKey(key)) {
    return key.slots.map((slot) => `${slot.name}: ${describeKey(slot)}`)
      .join(", ");
  }
  switch (key.source) {
    case "keyfile":
      return "key file";
    case "passphrase":
      return "passphrase (scrypt)";
    case "environment":
      return "key from the environment";
    case "helper":
      return `docker-credential-${key.helper}`;
    case "command":
      return "command";
  }
}

/** What opening a key may need to know. */
export interface OpenOptions {
  /** Other passphrases that will do as well. */
  others?: readonly KeyInfo[];
  /** What a question for a passphrase says that it is for. */
  of?: string;
}

/**
 * A key of our own: what a file of version 1 or a slot was encrypted with.
 *
 * Throws `file_key` when it is missing, malformed or another one,
 * `file_permissions` for a key file that is open to others, `usage` if there
 * is no place for one, and `interrupted`.
 */
export async function openKey(
  context: KeyContext,
  wanted: KeyInfo,
  { others = [], of }: OpenOptions = {},
): Promise<OwnKey> {
  // The usual one is at hand; a start loads another one when it needs it.
  switch (wanted.source) {
    case "keyfile":
      return await openKeyFile(context, wanted);
    case "passphrase":
      return await (await import("./keys/passphrase.ts")).openPassphraseKey(
        context,
        [wanted, ...others.filter((other) => other.source === "passphrase")],
        of,
      );
    case "environment":
      return await (await import("./keys/environment.ts"))
        .openEnvironmentKey(context, wanted);
    case "helper":
      return await (await import("./keys/helper.ts"))
        .openHelperKey(context, wanted);
  }
}

/** What the keys are that a new one comes to. */
export interface PresentKeys {
  /** Whether there is one: then a variable of its own holds the new one. */
  any: boolean;
  /** Whether one has the same source: then the usual variable holds that one. */
  sameSource: boolean;
  /** Whether the new one takes its place. */
  replaced: boolean;
}

const NO_KEYS: PresentKeys = { any: false, sameSource: false, replaced: false };

/**
 * A key for a new file, or one beside `present` ones or in the place of one: that
 * is another one even where the source stays the same.
 *
 * Throws as {@linkcode openKey} does, `file_unwritable` and `file_locked`, and
 * `usage` if no helper works.
 */
export async function createOwnKey(
  context: KeyContext,
  choice: OwnKeyChoice,
  present = NO_KEYS,
): Promise<OwnKey> {
  switch (choice.source) {
    case "keyfile": {
      const keyFile = await import("./keys/key_file_changes.ts");
      return present.replaced && present.sameSource
        ? await keyFile.rotateKeyFile(context)
        : await keyFile.createKeyFile(context);
    }
    case "passphrase": {
      const source = await import("./keys/passphrase.ts");
      return await source.createPassphraseKey(
        context,
        variables(
          present,
          source.NEW_PASSPHRASE_VARIABLE,
          source.PASSPHRASE_VARIABLE,
        ),
      );
    }
    case "environment": {
      const source = await import("./keys/environment.ts");
      return await source.environmentKey(
        context,
        variables(present, source.NEW_KEY_VARIABLE, source.KEY_VARIABLE),
      );
    }
    case "helper":
      return await (await import("./keys/helper.ts"))
        .createHelperKey(context, choice.helper);
  }
}

/** Tidies up after a key that no file uses any more: what a helper keeps, and a command line. */
export async function retireKey(
  context: KeyContext,
  key: SlotKey,
): Promise<void> {
  if (key.source === "helper") {
    await (await import("./keys/helper.ts")).eraseHelperKey(context, key);
  } else if (key.source === "command") {
    await (await import("./keys/command_file_changes.ts"))
      .forgetCommand(context, key.id);
  }
}

/** In a rotation the usual variable still holds what opens the file. */
function variables(
  { any, sameSource }: PresentKeys,
  fresh: string,
  usual: string,
): string[] {
  if (!any) return [usual];
  return sameSource ? [fresh] : [fresh, usual];
}
