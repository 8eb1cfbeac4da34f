import { NanoctlError } from "../errors.ts";
import { openKeyFile, openOnlyKey } from "./keys/key_file.ts";
import {
  KEY_SOURCES,
  type KeyContext,
  type KeyInfo,
  type KeySourceName,
  type OpenKey,
} from "./keys/key_info.ts";

/** The source of a new key. */
export interface KeyChoice {
  source: KeySourceName;
  /** Which docker credential helper; undefined for the system's usual one. */
  helper?: string;
}

/** Reads `--key-source`: a source's name, or `helper:<name>`. Throws `usage`. */
export function parseKeyChoice(text: string): KeyChoice {
  const helper = text.match(/^helper:([A-Za-z0-9._-]{1,64})$/)?.[1];
  if (helper !== undefined) return { source: "helper", helper };
  const source = KEY_SOURCES.find((name) => name === text);
  if (source) return { source };
  throw new NanoctlError(
    "usage",
    /^[a-z-]{1,20}$/.test(text)
      ? `there is no key source ${text}`
      : "there is no such key source",
    `the key sources are: ${KEY_SOURCES.join(", ")}, helper:<name>`,
  );
}

/**
 * Where the key of a new file comes from when nothing was chosen: the source
 * whose variable is set, else a key file.
 *
 * Throws `usage` when variables of two sources are set.
 */
export function defaultChoice({ env }: Pick<KeyContext, "env">): KeyChoice {
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

/** Whether an existing file's key already comes from the chosen source. */
export function isOfChoice(info: KeyInfo, choice: KeyChoice): boolean {
  if (info.source !== choice.source) return false;
  return info.source !== "helper" || choice.helper === undefined ||
    info.helper === choice.helper;
}

/** The choice as `--key-source` takes it. */
export function choiceText({ source, helper }: KeyChoice): string {
  return helper === undefined ? source : `${source}:${helper}`;
}

/** How a person knows a file's key source. */
export function describeKey(info: KeyInfo): string {
  switch (info.source) {
    case "keyfile":
      return "key file";
    case "passphrase":
      return "passphrase (scrypt)";
    case "environment":
      return "key from the environment";
    case "helper":
      return `docker-credential-${info.helper}`;
  }
}

/**
 * The key that a credential file was encrypted with.
 *
 * Throws `file_key` when it is missing, malformed or another one,
 * `file_permissions` for a key file that is open to others, `usage` if there
 * is no place for one, and `interrupted`.
 */
export async function openKey(
  context: KeyContext,
  wanted: KeyInfo,
): Promise<OpenKey> {
  // The usual one is at hand; a start loads another one when it needs it.
  switch (wanted.source) {
    case "keyfile":
      return await openKeyFile(context, wanted);
    case "passphrase":
      return await (await import("./keys/passphrase.ts"))
        .openPassphraseKey(context, wanted);
    case "environment":
      return await (await import("./keys/environment.ts"))
        .openEnvironmentKey(context, wanted);
    case "helper":
      return await (await import("./keys/helper.ts"))
        .openHelperKey(context, wanted);
  }
}

/**
 * What is in all likelihood the key of this id, without the time that a look at
 * its id takes; undefined if the source has no such way. Throws as
 * {@linkcode openKey} does.
 */
export async function presumedKey(
  context: KeyContext,
  info: KeyInfo,
): Promise<OpenKey | undefined> {
  if (info.source !== "keyfile") return undefined;
  return await openOnlyKey(context, info);
}

/**
 * A key for a new file, or with `replaced` one to change to: that is another
 * one even where the source stays the same.
 *
 * Throws as {@linkcode openKey} does, `file_unwritable` and `file_locked`, and
 * `usage` if no helper works.
 */
export async function createKey(
  context: KeyContext,
  choice: KeyChoice,
  replaced?: KeyInfo,
): Promise<OpenKey> {
  const rotation = replaced?.source === choice.source;
  switch (choice.source) {
    case "keyfile": {
      const keyFile = await import("./keys/key_file_changes.ts");
      return rotation
        ? await keyFile.rotateKeyFile(context)
        : await keyFile.createKeyFile(context);
    }
    case "passphrase": {
      const source = await import("./keys/passphrase.ts");
      return await source.createPassphraseKey(
        context,
        variables(
          replaced !== undefined,
          rotation,
          source.NEW_PASSPHRASE_VARIABLE,
          source.PASSPHRASE_VARIABLE,
        ),
      );
    }
    case "environment": {
      const source = await import("./keys/environment.ts");
      return await source.environmentKey(
        context,
        variables(
          replaced !== undefined,
          rotation,
          source.NEW_KEY_VARIABLE,
          source.KEY_VARIABLE,
        ),
      );
    }
    case "helper":
      return await (await import("./keys/helper.ts"))
        .createHelperKey(context, choice.helper);
  }
}

/** Tidies up after a key that no file uses any more; only a helper keeps what is ours alone. */
export async function retireKey(
  context: KeyContext,
  info: KeyInfo,
): Promise<void> {
  if (info.source !== "helper") return;
  await (await import("./keys/helper.ts")).eraseHelperKey(context, info);
}

/** In a rotation the usual variable still holds what opens the file. */
function variables(
  replaces: boolean,
  rotation: boolean,
  fresh: string,
  usual: string,
): string[] {
  if (!replaces) return [usual];
  return rotation ? [fresh] : [fresh, usual];
}
