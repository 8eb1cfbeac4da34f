import type { Secret } from "../secret.ts";
import { NanoctlError } from "../errors.ts";
import { corrupt, entryOf } from "./credential_file.ts";
import { bindingOf, open, type SealedTokens } from "./envelope.ts";
import type { CredentialFile, FileEntry } from "./file_format.ts";
import {
  choiceText,
  describeKey,
  isOfChoice,
  type KeyChoice,
} from "./key_source.ts";
import { type FileKey, isDataKey, type OpenKey } from "./keys/key_slots.ts";
import type { RegistryLogin } from "./registries.ts";

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
  /** Whether the token renews itself. */
  renewable: boolean;
  /** Whether a program renews it; only a hint, which anyone who can write the file can change. */
  runsCommand: boolean;
}

/** Who opens the key of a credential file. */
export interface SnapshotKeys {
  /** The key. Throws `file_key` when it is another one. */
  open(info: FileKey): Promise<OpenKey>;
  /** Very likely the key, and faster; undefined if that is not possible. */
  presume(info: FileKey): Promise<OpenKey | undefined>;
}

/** What the credential file held at the moment it was read. */
export class StoreSnapshot {
  readonly #file: CredentialFile | undefined;
  readonly #path: string;
  readonly #keys: SnapshotKeys;
  /** Entries that were checked already: a command asks for its own more than once. */
  readonly #checked = new Map<string, FileEntry>();

  /** Made by {@linkcode CredentialStore.read}. */
  constructor(
    file: CredentialFile | undefined,
    path: string,
    keys: SnapshotKeys,
  ) {
    this.#file = file;
    this.#path = path;
    this.#keys = keys;
  }

  /** Where the file's key comes from and which one it is; undefined when there is no file yet. */
  get key(): FileKey | undefined {
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
      renewable: entry.renewable === true,
      runsCommand: entry.runs_command === true,
    };
  }

  /** Whether an entry is the login that was read here, even if it was re-encrypted or renewed. */
  isLogin(profile: string, entry: unknown): boolean {
    const known = this.#file?.profiles[profile];
    return whatStays(known) === whatStays(entry);
  }

  /** Throws `usage` when an existing file's key comes from another source than the chosen one. */
  checkChoice(choice: KeyChoice | undefined): void {
    const info = this.key;
    if (!info || !choice || isOfChoice(info, choice)) return;
    const command = isDataKey(info)
      ? "add it with 'nanoctl store key add"
      : "change it with 'nanoctl store rekey";
    throw new NanoctlError(
      "usage",
      `the credential file is encrypted with another key source: ${
        describeKey(info)
      }`,
      `${command} --key-source ${choiceText(choice)}'`,
    );
  }

  /**
   * The tokens of a profile, opened; undefined when none is stored.
   *
   * Throws `file_corrupt`, `file_permissions`, and `file_key` when the key is
   * not the right one.
   */
  async openTokens(profile: string): Promise<SealedTokens | undefined> {
    const entry = this.#entry(profile);
    if (!this.#file || !entry) return undefined;
    const { key: info } = this.#file;
    const presumed = await this.#keys.presume(info);
    const tokens = presumed &&
      await open(
        presumed.key,
        entry.sealed,
        bindingOf(info, profile, entry),
      );
    if (tokens) return tokens;
    // Says so when it was not the right key.
    const key = await this.#keys.open(info);
    return await openEntry(key, profile, entry, this.#path);
  }

  /** Opens the key without a token; nothing happens if there is no file. Throws as {@linkcode StoreSnapshot.openTokens} does. */
  async openKey(): Promise<void> {
    if (this.key) await this.#keys.open(this.key);
  }

  /** The token of a profile, as {@linkcode StoreSnapshot.openTokens} opens it. */
  async openToken(profile: string): Promise<Secret | undefined> {
    return (await this.openTokens(profile))?.token;
  }

  /** The servers of the registries that there are logins for, sorted. */
  get servers(): string[] {
    return Object.keys(this.#file?.registries ?? {}).sort();
  }

  /** The user names for the registries, by server, sorted. Needs no key. Throws `file_corrupt`. */
  async registries(): Promise<[server: string, username: string][]> {
    if (!this.#file) return [];
    const { usernamesIn } = await import("./registries.ts");
    return usernamesIn(this.#file, this.#path);
  }

  /**
   * The login to a registry, opened; undefined when none is stored. Throws as
   * {@linkcode StoreSnapshot.openTokens} does.
   */
  async openRegistry(server: string): Promise<RegistryLogin | undefined> {
    const { openRegistry, registryOf } = await import("./registries.ts");
    const entry = this.#file && registryOf(this.#file, server, this.#path);
    if (!this.#file || !entry) return undefined;
    const key = await this.#keys.open(this.#file.key);
    return await openRegistry(key, server, entry, this.#path);
  }

  #entry(profile: string): FileEntry | undefined {
    const known = this.#checked.get(profile);
    if (known) return known;
    const entry = this.#file && entryOf(this.#file, profile, this.#path);
    if (entry) this.#checked.set(profile, entry);
    return entry;
  }
}

/** Opens the sealed tokens of a profile. Throws `file_corrupt` if they don't match the entry's other fields. */
export async function openEntry(
  { key, info }: OpenKey,
  profile: string,
  entry: FileEntry,
  path: string,
): Promise<SealedTokens> {
  const tokens = await open(
    key,
    entry.sealed,
    bindingOf(info, profile, entry),
  );
  if (tokens) return tokens;
  throw corrupt(
    path,
    `the sealed token of profile ${profile} does not match its name, ` +
      "service, URL, user name and expiry date: one of them was changed",
  );
}

/** What a login is told from another by. */
function whatStays(entry: unknown): string {
  const changing = ["sealed", "expires_at", "renew_at"];
  return JSON.stringify(
    entry,
    (name, value: unknown) => changing.includes(name) ? undefined : value,
  );
}
