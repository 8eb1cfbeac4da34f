import { dirname, join } from "@std/path";
import type { Context } from "../context.ts";
import { hasCode, NanoctlError } from "../errors.ts";
import type { Secret } from "../secret.ts";
import { removeLeftovers, unwritable, writeAtomic } from "./atomic_file.ts";
import {
  corrupt,
  type CredentialFile,
  entryOf,
  type FileEntry,
  formatFile,
  parseFile,
} from "./credential_file.ts";
import {
  type Binding,
  FILE_VERSION,
  open,
  seal,
  type SealedTokens,
} from "./envelope.ts";
import { withExclusiveLock, withSharedLock } from "./file_lock.ts";
import type { FileSystem } from "./file_system.ts";
import {
  choiceText,
  createKey,
  defaultChoice,
  describeKey,
  isOfChoice,
  type KeyChoice,
  openKey,
  retireKey,
} from "./key_source.ts";
import type { KeyContext, KeyInfo, OpenKey } from "./keys/key_info.ts";
import { configDir, noPlace } from "./paths.ts";
import {
  checkOwner,
  checkPrivate,
  lstat,
  makePrivateFolder,
} from "./permissions.ts";

/** The name of the profile that a first login stores under. */
export const DEFAULT_PROFILE = "default";

/** What is stored of a login, apart from the token. */
export interface StoredProfile {
  profile: string;
  service: string;
  /** The service's URL in its normal form. */
  url: string;
  username: string;
  /** When the token ends; undefined for a token without an end. */
  expiresAt: Date | undefined;
  storedAt: Date;
}

/** A login to store. */
export interface NewCredential extends Omit<StoredProfile, "storedAt"> {
  token: Secret;
}

/** What the store needs of the outside. */
export type StoreContext = Omit<KeyContext, "fs"> & Pick<Context, "now">;

/** What the credential file held at the moment it was read. */
export class StoreSnapshot {
  readonly #file: CredentialFile | undefined;
  readonly #path: string;
  readonly #openKey: (info: KeyInfo) => Promise<OpenKey>;
  /** Entries that were checked already: a command asks for its own more than once. */
  readonly #checked = new Map<string, FileEntry>();

  /** Made by {@linkcode CredentialStore.read}. */
  constructor(
    file: CredentialFile | undefined,
    path: string,
    openKey: (info: KeyInfo) => Promise<OpenKey>,
  ) {
    this.#file = file;
    this.#path = path;
    this.#openKey = openKey;
  }

  /** Where the file's key comes from and which one it is; undefined when there is no file yet. */
  get key(): KeyInfo | undefined {
    return this.#file?.key;
  }

  /** The name of the active profile. */
  get active(): string {
    return this.#file?.active ?? DEFAULT_PROFILE;
  }

  /** The names of all profiles, sorted. */
  get names(): string[] {
    return Object.keys(this.#file?.profiles ?? {}).sort();
  }

  /** What is stored of one profile; undefined when nothing is. Throws `file_corrupt`. */
  find(profile: string): StoredProfile | undefined {
    const entry = this.#entry(profile);
    if (!entry) return undefined;
    return {
      profile,
      service: entry.service,
      url: entry.url,
      username: entry.account.username,
      expiresAt: entry.expires_at ? new Date(entry.expires_at) : undefined,
      storedAt: new Date(entry.stored_at),
    };
  }

  /** Throws `usage` when an existing file's key comes from another source than the chosen one. */
  checkChoice(choice: KeyChoice | undefined): void {
    const info = this.key;
    if (!info || !choice || isOfChoice(info, choice)) return;
    throw new NanoctlError(
      "usage",
      `the credential file is encrypted with another key source: ${
        describeKey(info)
      }`,
      `change it with 'nanoctl store rekey --key-source ${choiceText(choice)}'`,
    );
  }

  /**
   * The token of a profile, opened; undefined when none is stored.
   *
   * Throws `file_corrupt`, `file_permissions`, and `file_key` when the key is
   * not the right one.
   */
  async openToken(profile: string): Promise<Secret | undefined> {
    const entry = this.#entry(profile);
    if (!this.#file || !entry) return undefined;
    const key = await this.#openKey(this.#file.key);
    const tokens = await openEntry(key, profile, entry, this.#path);
    return tokens.token;
  }

  #entry(profile: string): FileEntry | undefined {
    const known = this.#checked.get(profile);
    if (known) return known;
    const entry = this.#file && entryOf(this.#file, profile, this.#path);
    if (entry) this.#checked.set(profile, entry);
    return entry;
  }
}

/** Tokens at rest: the one module that reads and writes the credential file. */
export class CredentialStore {
  readonly #context: KeyContext & Pick<Context, "now">;
  readonly #keys = new Map<string, Promise<OpenKey>>();

  constructor(context: StoreContext, fs: FileSystem = Deno) {
    const { env, os, stdin, stderr, prompts } = context;
    const now = (): Date => context.now();
    this.#context = { env, os, stdin, stderr, prompts, now, fs };
  }

  /** The path of the credential file. Throws `usage` where there is no place for it. */
  get path(): string {
    const folder = configDir(this.#context);
    if (!folder) throw noPlace("credential file", "NANOCTL_CONFIG_DIR");
    return join(folder, "credentials.json");
  }

  /** Throws `usage` where there is no place for the credential file. */
  checkPlace(): void {
    void this.path;
  }

  /**
   * Reads the file once. Where there is none, or no place for one, nothing is stored.
   *
   * Throws `file_corrupt`, `file_permissions` and `file_locked`.
   */
  async read(): Promise<StoreSnapshot> {
    const opener = (info: KeyInfo): Promise<OpenKey> => this.#openKey(info);
    if (!configDir(this.#context)) {
      return new StoreSnapshot(undefined, "", opener);
    }
    const file = await withSharedLock(
      lockPath(this.path),
      () => Promise.resolve(this.#load()),
    );
    return new StoreSnapshot(file, this.path, opener);
  }

  /**
   * Stores a login and makes its profile the active one. A new file takes its
   * key from the chosen source, an existing one keeps its own.
   *
   * Throws as reading and opening do, `file_unwritable`, and `usage` when the
   * choice is not the file's; the file is then as it was.
   */
  async save(credential: NewCredential, choice?: KeyChoice): Promise<void> {
    const { profile } = credential;
    await this.#changeWithKey(choice, async (file, { key, info }) => {
      const entry: FileEntry = {
        service: credential.service,
        url: credential.url,
        account: { username: credential.username },
        expires_at: credential.expiresAt?.toISOString() ?? null,
        stored_at: this.#context.now().toISOString(),
        sealed: "",
      };
      const binding = bindingOf(info.id, profile, entry);
      entry.sealed = await seal(key, { token: credential.token }, binding);
      return {
        ...file,
        version: FILE_VERSION,
        key: info,
        active: profile,
        profiles: { ...file?.profiles, [profile]: entry },
      };
    });
  }

  /**
   * Deletes profiles by name, those of them that are there. When the active one
   * is among them another becomes active: `default`, else the first by name.
   * Needs no key. Throws as save does.
   */
  async remove(names: string[]): Promise<void> {
    const gone = new Set(names);
    await this.#change((file) => {
      if (!file) return undefined;
      const kept = Object.entries(file.profiles)
        .filter(([name]) => !gone.has(name));
      if (kept.length === Object.keys(file.profiles).length) return undefined;
      const profiles = Object.fromEntries(kept);
      return { ...file, profiles, active: activeOf(profiles, file.active) };
    });
  }

  /** Makes a stored profile the active one. Throws as save does, and `not_logged_in` when there is none of that name. */
  async use(profile: string): Promise<void> {
    // Not to make a lock file where there is nothing to lock.
    const known = (await this.read()).names;
    const missing = (): NanoctlError =>
      new NanoctlError(
        "not_logged_in",
        `there is no profile ${profile}`,
        `log in with 'nanoctl login --profile ${profile}'`,
      );
    if (!known.includes(profile)) throw missing();
    await this.#change((file) => {
      if (!file || !Object.hasOwn(file.profiles, profile)) throw missing();
      return { ...file, active: profile };
    });
  }

  /**
   * Encrypts everything anew with a key from the chosen source, or from the one
   * that it has; the same source is a rotation. Interrupted anywhere, the file opens with its old key or
   * with its new one.
   *
   * Throws as opening and saving do, and `not_logged_in` when there is no file.
   */
  async rekey(wanted?: KeyChoice): Promise<KeyInfo> {
    const { key: oldInfo } = await this.read();
    if (!oldInfo) {
      throw new NanoctlError(
        "not_logged_in",
        "there is no credential file to change the key of",
        "log in first with 'nanoctl login'; it takes --key-source too",
      );
    }
    const choice = wanted ?? sameSource(oldInfo);
    const old = await this.#openKey(oldInfo);
    const fresh = await createKey(this.#context, choice, oldInfo);
    if (keyOf(fresh.info) === keyOf(oldInfo)) {
      throw new NanoctlError(
        "file_key",
        "the new key is the one that the credential file has already",
        "give another one",
      );
    }
    try {
      await this.#change(async (file) => {
        if (file?.key.id !== old.info.id) throw changedMeanwhile(this.path);
        return await reseal(file, old, fresh, this.path);
      });
    } catch (error) {
      await retireKey(this.#context, fresh.info).catch(() => {});
      throw error;
    }
    this.#keys.set(keyOf(fresh.info), Promise.resolve(fresh));
    await retireKey(this.#context, old.info).catch(() => {});
    return fresh.info;
  }

  /** Which file there is now: another text once one has taken its place; undefined when there is none. */
  identity(): string | undefined {
    if (!configDir(this.#context)) return undefined;
    const info = lstat(this.path);
    return info && `${info.ino} ${info.mtime?.getTime()} ${info.size}`;
  }

  /**
   * Moves a file that can't be used aside and gives its new path; undefined
   * when it is not there any more, or another process has put another in its
   * place. Throws `file_unwritable`.
   */
  async moveAside(identity = this.identity()): Promise<string | undefined> {
    const { path } = this;
    checkOwner(path);
    return await withExclusiveLock(lockPath(path), () => {
      if (!identity || this.identity() !== identity) {
        return Promise.resolve(undefined);
      }
      const aside = this.#unusedName();
      try {
        this.#context.fs.renameSync(path, aside);
      } catch (error) {
        throw unwritable(path, error);
      }
      return Promise.resolve(aside);
    });
  }

  /** A name to move the file to that nothing has: a rename would replace what has it. */
  #unusedName(): string {
    const stamp = this.#context.now().toISOString()
      .replace(/[-:]|\.\d+/g, "");
    for (let count = 1;; count++) {
      const suffix = count === 1 ? "" : `.${count}`;
      const aside = `${this.path}.${stamp}${suffix}.broken`;
      if (!lstat(aside)) return aside;
    }
  }

  /**
   * A change that needs the key. The key is had before the lock is taken, as a
   * person may have to be asked for it; when another process gave the file
   * another key meanwhile, it starts again.
   */
  async #changeWithKey(
    choice: KeyChoice | undefined,
    change: (
      file: CredentialFile | undefined,
      key: OpenKey,
    ) => Promise<CredentialFile>,
  ): Promise<void> {
    for (;;) {
      const before = await this.read();
      before.checkChoice(choice);
      const info = before.key;
      const key = info ? await this.#openKey(info) : await createKey(
        this.#context,
        choice ?? defaultChoice(this.#context),
      );
      let done = false;
      await this.#change(async (file) => {
        if (file?.key.id !== info?.id) return undefined;
        done = true;
        return await change(file, key);
      });
      if (done) return;
    }
  }

  async #change(
    change: (
      file: CredentialFile | undefined,
    ) => Promise<CredentialFile | undefined> | CredentialFile | undefined,
  ): Promise<void> {
    const { path } = this;
    makePrivateFolder(dirname(path));
    checkPrivate(dirname(path), path);
    await withExclusiveLock(lockPath(path), async () => {
      checkOwner(path);
      removeLeftovers(this.#context.fs, path);
      const changed = await change(this.#load());
      if (!changed) return;
      const bytes = new TextEncoder().encode(formatFile(changed));
      writeAtomic(this.#context.fs, path, bytes);
    });
  }

  /** Opens a key once, so that nobody is asked twice for one passphrase. */
  #openKey(info: KeyInfo): Promise<OpenKey> {
    const known = this.#keys.get(keyOf(info));
    if (known) return known;
    const opening = openKey(this.#context, info);
    this.#keys.set(keyOf(info), opening);
    opening.catch(() => this.#keys.delete(keyOf(info)));
    return opening;
  }

  #load(): CredentialFile | undefined {
    const { path } = this;
    checkPrivate(dirname(path), path);
    try {
      return parseFile(Deno.readTextFileSync(path), path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      if (error instanceof NanoctlError) throw error;
      throw new NanoctlError(
        "file_permissions",
        `the credential file ${path} can't be read: permission denied`,
        "check who owns it",
      );
    }
  }
}

/** Whether an error says that the credential file is there and can't be used. */
export function isUnusable(error: unknown): boolean {
  return hasCode(error, "file_corrupt", "file_key");
}

function lockPath(path: string): string {
  return join(dirname(path), "credentials.lock");
}

function keyOf(info: KeyInfo): string {
  return `${info.source} ${info.id}`;
}

function activeOf(profiles: Record<string, unknown>, active: string): string {
  if (Object.hasOwn(profiles, active)) return active;
  if (Object.hasOwn(profiles, DEFAULT_PROFILE)) return DEFAULT_PROFILE;
  return Object.keys(profiles).sort()[0] ?? DEFAULT_PROFILE;
}

function sameSource(info: KeyInfo): KeyChoice {
  return info.source === "helper"
    ? { source: "helper", helper: info.helper }
    : { source: info.source };
}

function changedMeanwhile(path: string): NanoctlError {
  return new NanoctlError(
    "file_locked",
    `another process changed the key of ${path} meanwhile; nothing was changed`,
    "try again",
  );
}

async function reseal(
  file: CredentialFile,
  old: OpenKey,
  fresh: OpenKey,
  path: string,
): Promise<CredentialFile> {
  if (file.registries !== undefined) {
    throw corrupt(
      path,
      "it holds registries, which this nanoctl can't re-encrypt",
    );
  }
  const profiles: Record<string, FileEntry> = {};
  for (const name of Object.keys(file.profiles)) {
    const entry = entryOf(file, name, path);
    if (!entry) continue;
    const tokens = await openEntry(old, name, entry, path);
    const binding = bindingOf(fresh.info.id, name, entry);
    profiles[name] = {
      ...entry,
      sealed: await seal(fresh.key, tokens, binding),
    };
  }
  return { ...file, key: fresh.info, profiles };
}

async function openEntry(
  { key, info }: OpenKey,
  profile: string,
  entry: FileEntry,
  path: string,
): Promise<SealedTokens> {
  const tokens = await open(
    key,
    entry.sealed,
    bindingOf(info.id, profile, entry),
  );
  if (tokens) return tokens;
  throw corrupt(
    path,
    `the sealed token of profile ${profile} does not match its name, ` +
      "service, URL, user name and expiry date: one of them was changed",
  );
}

function bindingOf(keyId: string, profile: string, entry: FileEntry): Binding {
  return {
    keyId,
    profile,
    service: entry.service,
    url: entry.url,
    username: entry.account.username,
    expiresAt: entry.expires_at,
  };
}
