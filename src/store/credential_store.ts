import type { Context } from "../process/context.ts";
import { hasCode, NanoctlError } from "../errors.ts";
import { parseFile } from "./credential_file.ts";
import type { CredentialFile } from "./file_format.ts";
import { identityOf } from "./file_state.ts";
import { withLockIfPossible, withSharedLock } from "./file_lock.ts";
import type { FileSystem } from "./file_system.ts";
import { type KeyChoice, openKey, type OpenOptions } from "./key_source.ts";
import { openOnlyKey } from "./keys/key_file.ts";
import {
  type KeyContext,
  type KeyInfo,
  keyOf,
  type OwnKey,
} from "./keys/key_info.ts";
import {
  type FileKey,
  fileKeyOf,
  isDataKey,
  type OpenKey,
} from "./keys/key_slots.ts";
import { below, configDir, folderOf, noPlace } from "./paths.ts";
import { lstat } from "./permissions.ts";
import { checkAccess, checkWritable, isReadOnly } from "./read_only.ts";
import { type SnapshotKeys, StoreSnapshot } from "./snapshot.ts";
import type { GrantedTokens } from "../grant.ts";
import type { Secret } from "../secret.ts";
import type { NewCredential } from "./credential.ts";
import type { RegistryLogin } from "./registries.ts";
import type { KeyChanges } from "./key_changes.ts";
import type { StoreAccess } from "./store_access.ts";
import type { StoreChanges } from "./store_changes.ts";

/** What the store needs of the outside. */
export type StoreContext = Omit<KeyContext, "fs"> & Pick<Context, "now">;

/** Tokens at rest: the one module that reads and writes the credential file. */
export class CredentialStore {
  readonly #context: KeyContext & Pick<Context, "now">;
  readonly #keys = new Map<string, Promise<OpenKey>>();
  readonly #ownKeys = new Map<string, Promise<OwnKey>>();

  constructor(context: StoreContext, fs: FileSystem = Deno) {
    const { env, os, stdin, stderr, prompts } = context;
    const now = (): Date => context.now();
    this.#context = {
      ...{ env, os, stdin, stderr, prompts, now, fs },
      // Listening for Ctrl-C takes time, and few need it.
      get signal(): AbortSignal {
        return context.signal;
      },
    };
  }

  /** The path of the credential file. Throws `usage` if there is no place for it. */
  get path(): string {
    const folder = configDir(this.#context);
    if (folder) return below(folder, "credentials.json");
    throw noPlace("credential file", "NANOCTL_CONFIG_DIR", this.#context);
  }

  /** Throws `usage` if there is no place for the credential file, and `file_unwritable` if it is only read. */
  checkPlace(): void {
    checkWritable(this.#context, this.path);
  }

  /**
   * Reads the file once. If there is none, or no place for one, nothing is stored.
   *
   * Throws `file_corrupt`, `file_permissions` and `file_locked`.
   */
  async read(): Promise<StoreSnapshot> {
    if (!configDir(this.#context)) return this.nothing();
    const { path } = this;
    const file = await withSharedLock(
      lockPath(path),
      () => Promise.resolve(this.#load()),
    );
    return new StoreSnapshot(file, path, this.#snapshotKeys());
  }

  /** The result of reading if nothing is stored. */
  nothing(): StoreSnapshot {
    return new StoreSnapshot(undefined, "", this.#snapshotKeys());
  }

  #snapshotKeys(): SnapshotKeys {
    return {
      open: (info) => this.#openKey(info),
      presume: (info) => this.#presumedKey(info),
    };
  }

  /**
   * Stores a login and makes its profile the active one. A new file takes its
   * key from the chosen source, an existing one keeps its own.
   *
   * Throws as reading and opening do, `file_unwritable`, and `usage` when the
   * choice is not the file's; the file is then as it was.
   */
  async save(credential: NewCredential, choice?: KeyChoice): Promise<void> {
    await (await this.#changes()).save(credential, choice);
  }

  /**
   * Stores renewed tokens in place of those with the `replaced` access token. False
   * if the profile has other tokens by now, or none: then it stays.
   * Throws as save does.
   */
  async renew(
    profile: string,
    replaced: Secret,
    tokens: GrantedTokens,
  ): Promise<boolean> {
    return await (await this.#changes()).renew(profile, replaced, tokens);
  }

  /**
   * Runs an action while no other process renews the tokens of this profile; nobody
   * else has to wait. It runs all the same where the lock can't be made.
   *
   * Throws `file_locked` after so many seconds.
   */
  async whileRenewing<T>(
    profile: string,
    seconds: number,
    action: () => Promise<T>,
  ): Promise<T> {
    const lock = below(folderOf(this.path), `renewal-${profile}.lock`);
    if (isReadOnly(this.#context)) return await withSharedLock(lock, action);
    return await withLockIfPossible(lock, seconds, action);
  }

  /**
   * Deletes profiles by name, those of them that are there; what was logged in
   * again since it was `seen` stays. If the active one is among them, another
   * becomes active: `default`, else the first by name. Needs no key.
   * Gives the names that stay. Throws as save does.
   */
  async remove(names: string[], seen?: StoreSnapshot): Promise<string[]> {
    return await (await this.#changes()).remove(names, seen);
  }

  /**
   * Stores a login to a registry in place of the one for its server. A new file
   * takes its key as with {@linkcode CredentialStore.save}. Throws as save does.
   */
  async saveRegistry(login: RegistryLogin, choice?: KeyChoice): Promise<void> {
    await (await this.#changes()).saveRegistry(login, choice);
  }

  /** Deletes the login to a registry, if there is one. Needs no key. Throws as save does. */
  async removeRegistry(server: string): Promise<void> {
    await (await this.#changes()).removeRegistry(server);
  }

  /** Makes a stored profile the active one. Throws as save does, and `not_logged_in` when there is none of that name. */
  async use(profile: string): Promise<void> {
    await (await this.#changes()).use(profile);
  }

  /**
   * Re-encrypts everything with a new key, see {@linkcode KeyChanges.rekey}.
   * Interrupted anywhere, the file opens with its old key or with its new one.
   */
  async rekey(wanted?: KeyChoice, dropped: string[] = []): Promise<FileKey> {
    return await (await this.keys()).rekey(wanted, dropped);
  }

  /** What looks after the keys that open the file. In a module of its own, as few need it. */
  async keys(): Promise<KeyChanges> {
    const { KeyChanges } = await import("./key_changes.ts");
    return new KeyChanges(this.#access());
  }

  /** Identifies the current file: it changes when another file replaces it. Undefined if there is none. */
  identity(): string | undefined {
    if (!configDir(this.#context)) return undefined;
    const info = lstat(this.path);
    return info && identityOf(info);
  }

  /**
   * Moves a file that can't be used aside and gives its new path; undefined
   * when it is not there any more, or another process has put another in its
   * place.
   *
   * Throws `file_unwritable`, `file_locked` and `file_permissions`.
   */
  async moveAside(identity = this.identity()): Promise<string | undefined> {
    const { moveAside } = await import("./move_aside.ts");
    return await moveAside(this.#access(), identity);
  }

  /** Puts a file back that was moved aside, unless there is another one by now. */
  async putBack(aside: string): Promise<void> {
    const { putBack } = await import("./move_aside.ts");
    await putBack(this.#access(), aside);
  }

  /** In a module of its own, which reading doesn't load. */
  async #changes(): Promise<StoreChanges> {
    this.checkPlace();
    const { StoreChanges } = await import("./store_changes.ts");
    return new StoreChanges(this.#access());
  }

  #access(): StoreAccess {
    const { path } = this;
    return {
      context: this.#context,
      path,
      lockPath: lockPath(path),
      read: () => this.read(),
      load: () => this.#load(),
      openKey: (info) => this.#openKey(info),
      openOwnKey: (info, options) => this.#openOwnKey(info, options),
      identity: () => this.identity(),
      keepKey: (key) =>
        this.#keys.set(fileKeyOf(key.info), Promise.resolve(key)),
    };
  }

  /** Opens the file's key once. */
  #openKey(info: FileKey): Promise<OpenKey> {
    return once(this.#keys, fileKeyOf(info), async () => {
      if (!isDataKey(info)) return await this.#openOwnKey(info);
      const { openFileKey } = await import("./keys/data_key.ts");
      return await openFileKey(
        this.#context,
        info,
        (wanted, options) => this.#openOwnKey(wanted, options),
      );
    });
  }

  /** Opens a key once, so that nobody is asked twice for one passphrase. */
  async #openOwnKey(info: KeyInfo, options?: OpenOptions): Promise<OwnKey> {
    const known = (options?.others ?? [])
      .map((other) => this.#ownKeys.get(keyOf(other))).find(Boolean);
    if (known && !this.#ownKeys.has(keyOf(info))) return await known;
    const own = await once(
      this.#ownKeys,
      keyOf(info),
      () => openKey(this.#context, info, options),
    );
    // It may be one of the others.
    if (keyOf(own.info) !== keyOf(info)) this.#ownKeys.delete(keyOf(info));
    this.#ownKeys.set(keyOf(own.info), Promise.resolve(own));
    return own;
  }

  async #presumedKey(info: FileKey): Promise<OpenKey | undefined> {
    if (isDataKey(info)) {
      const { presumedDataKey } = await import("./keys/data_key.ts");
      return await presumedDataKey(this.#context, info);
    }
    if (info.source !== "keyfile") return undefined;
    return await openOnlyKey(this.#context, info);
  }

  #load(): CredentialFile | undefined {
    const { path } = this;
    checkAccess(this.#context, folderOf(path), path);
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

/** What was begun under a name is not begun again, unless it failed. */
function once<T>(
  begun: Map<string, Promise<T>>,
  name: string,
  work: () => Promise<T>,
): Promise<T> {
  const known = begun.get(name);
  if (known) return known;
  const working = work();
  begun.set(name, working);
  working.catch(() => begun.delete(name));
  return working;
}

function lockPath(path: string): string {
  return below(folderOf(path), "credentials.lock");
}
