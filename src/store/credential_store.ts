import { dirname, join } from "@std/path";
import type { Context } from "../context.ts";
import type { Secret } from "../secret.ts";
import { removeLeftovers, writeAtomic } from "./atomic_file.ts";
import {
  corrupt,
  type CredentialFile,
  entryOf,
  type FileEntry,
  formatFile,
  parseFile,
} from "./credential_file.ts";
import { type Binding, FILE_VERSION, open, seal } from "./envelope.ts";
import { withExclusiveLock, withSharedLock } from "./file_lock.ts";
import { type KeyInfo, newKey, openKey } from "./key_source.ts";
import { configDir, noPlace } from "./paths.ts";
import { checkPrivate, makePrivateFolder } from "./permissions.ts";

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

/** What the credential file held at the moment it was read. */
export class StoreSnapshot {
  readonly #context: Pick<Context, "env" | "os">;
  readonly #file: CredentialFile | undefined;
  readonly #path: string;

  /** Made by {@linkcode CredentialStore.read}. */
  constructor(
    context: Pick<Context, "env" | "os">,
    file: CredentialFile | undefined,
    path: string,
  ) {
    this.#context = context;
    this.#file = file;
    this.#path = path;
  }

  /** Where the file's key is and which one it is; undefined when there is no file yet. */
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
    const entry = this.#file && entryOf(this.#file, profile, this.#path);
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

  /**
   * The token of a profile, opened; undefined when none is stored.
   *
   * Throws `file_corrupt`, `file_permissions`, and `file_key` when the key is
   * not the right one.
   */
  async openToken(profile: string): Promise<Secret | undefined> {
    const file = this.#file;
    const entry = file && entryOf(file, profile, this.#path);
    if (!entry) return undefined;
    const { key } = await openKey(this.#context, file.key);
    const binding = bindingOf(file.key.id, profile, entry);
    const tokens = await open(key, entry.sealed, binding);
    if (tokens) return tokens.token;
    throw corrupt(
      this.#path,
      `the sealed token of profile ${profile} does not match its name, ` +
        "service, URL, user name and expiry date: one of them was changed",
    );
  }
}

/** Tokens at rest: the one module that reads and writes the credential file. */
export class CredentialStore {
  readonly #context: Pick<Context, "env" | "os" | "now">;

  constructor(context: Pick<Context, "env" | "os" | "now">) {
    this.#context = context;
  }

  /** The path of the credential file. Throws `usage` where there is no place for it. */
  get path(): string {
    const folder = configDir(this.#context);
    if (!folder) throw noPlace("credential file", "NANOCTL_CONFIG_DIR");
    return join(folder, "credentials.json");
  }

  /**
   * Reads the file once. Where there is none, or no place for one, nothing is stored.
   *
   * Throws `file_corrupt`, `file_permissions` and `file_locked`.
   */
  async read(): Promise<StoreSnapshot> {
    if (!configDir(this.#context)) {
      return new StoreSnapshot(this.#context, undefined, "");
    }
    const file = await withSharedLock(
      lockPath(this.path),
      () => Promise.resolve(this.#load()),
    );
    return new StoreSnapshot(this.#context, file, this.path);
  }

  /**
   * Stores a login and makes its profile the active one.
   *
   * Throws as reading and opening do, and `file_unwritable`; the file is then as it was.
   */
  async save(credential: NewCredential): Promise<void> {
    await this.#change(async (file) => {
      const { key, info } = file
        ? await openKey(this.#context, file.key)
        : await newKey(this.#context);
      const entry: FileEntry = {
        service: credential.service,
        url: credential.url,
        account: { username: credential.username },
        expires_at: credential.expiresAt?.toISOString() ?? null,
        stored_at: this.#context.now().toISOString(),
        sealed: "",
      };
      const binding = bindingOf(info.id, credential.profile, entry);
      entry.sealed = await seal(key, { token: credential.token }, binding);
      const profiles = { ...file?.profiles, [credential.profile]: entry };
      return {
        ...file,
        version: FILE_VERSION,
        key: file?.key ?? { ...info },
        active: credential.profile,
        profiles,
      };
    });
  }

  /** Deletes profiles by name and says which were there. Throws as save does, but needs no key. */
  async remove(names: string[]): Promise<string[]> {
    const stored = (await this.read()).names;
    const removed = names.filter((name) => stored.includes(name));
    if (removed.length === 0) return [];
    const gone = new Set(removed);
    await this.#change((file) => {
      if (!file) return undefined;
      const kept = Object.entries(file.profiles)
        .filter(([name]) => !gone.has(name));
      return { ...file, profiles: Object.fromEntries(kept) };
    });
    return removed;
  }

  async #change(
    change: (
      file: CredentialFile | undefined,
    ) => Promise<CredentialFile> | CredentialFile | undefined,
  ): Promise<void> {
    const { path } = this;
    makePrivateFolder(dirname(path));
    checkPrivate(dirname(path), path);
    await withExclusiveLock(lockPath(path), async () => {
      removeLeftovers(path);
      const changed = await change(this.#load());
      if (!changed) return;
      writeAtomic(path, new TextEncoder().encode(formatFile(changed)));
    });
  }

  #load(): CredentialFile | undefined {
    const { path } = this;
    checkPrivate(dirname(path), path);
    try {
      return parseFile(Deno.readTextFileSync(path), path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      if (error instanceof Deno.errors.PermissionDenied) {
        throw corrupt(path, "permission denied");
      }
      throw error;
    }
  }
}

function lockPath(path: string): string {
  return join(dirname(path), "credentials.lock");
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
