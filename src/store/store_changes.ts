import { NanoctlError } from "../errors.ts";
import type { GrantedTokens } from "../grant.ts";
import type { Secret } from "../secret.ts";
import { entryOf } from "./credential_file.ts";
import { bindingOf, seal } from "./envelope.ts";
import { changeFile, hasKey } from "./file_change.ts";
import type {
  CredentialFile,
  FileEntry,
  RegistryEntry,
} from "./file_format.ts";
import { defaultChoice, type KeyChoice } from "./key_source.ts";
import {
  type FileKey,
  isDataKey,
  type OpenKey,
  versionOf,
} from "./keys/key_slots.ts";
import { DEFAULT_PROFILE, openEntry, type StoreSnapshot } from "./snapshot.ts";
import type { NewCredential } from "./credential.ts";
import { type RegistryLogin, sealRegistry } from "./registries.ts";
import { sealedGrant } from "./sealed_grant.ts";
import type { StoreAccess } from "./store_access.ts";

/** What changes the credential file for `CredentialStore`, apart from it because reading needs none of it. */
export class StoreChanges {
  readonly #store: StoreAccess;
  readonly #context: StoreAccess["context"];

  constructor(store: StoreAccess) {
    this.#store = store;
    this.#context = store.context;
  }

  /** See {@linkcode CredentialStore.save}. */
  async save(credential: NewCredential, choice?: KeyChoice): Promise<void> {
    const { profile } = credential;
    await this.#changeWithKey(choice, async (file, { key, info }) => {
      const { grant, token, refreshToken } = credential;
      const renewAt = isRenewable(credential) ? credential.renewAt : undefined;
      const entry: FileEntry = {
        service: credential.service,
        url: credential.url,
        account: { username: credential.username },
        expires_at: credential.expiresAt?.toISOString() ?? null,
        stored_at: this.#context.now().toISOString(),
        ...(isRenewable(credential) ? { renewable: true } : {}),
        ...(renewAt ? { renew_at: renewAt.toISOString() } : {}),
        ...(runsCommand(credential) ? { runs_command: true } : {}),
        sealed: "",
      };
      const tokens = { token, refreshToken, renewAt };
      entry.sealed = await seal(
        key,
        grant ? { ...tokens, oauth: sealedGrant(grant) } : tokens,
        bindingOf(info, profile, entry),
      );
      return {
        ...file,
        ...keyOfFile(file, info),
        active: profile,
        profiles: { ...file?.profiles, [profile]: entry },
      };
    });
  }

  /** See {@linkcode CredentialStore.renew}. */
  async renew(
    profile: string,
    replaced: Secret,
    { token, refreshToken, expiresAt, renewAt }: GrantedTokens,
  ): Promise<boolean> {
    // Without a file there is nothing to make a key for.
    if (!(await this.#store.read()).key) return false;
    let done = false;
    const { path } = this.#store;
    await this.#changeWithKey(undefined, async (file, opened) => {
      const entry = file && entryOf(file, profile, path);
      if (!file || !entry) return undefined;
      const old = await openEntry(opened, profile, entry, path);
      if (!old.token.equals(replaced)) return undefined;
      const renewed: FileEntry = {
        ...entry,
        expires_at: expiresAt?.toISOString() ?? null,
        renew_at: renewAt?.toISOString(),
      };
      renewed.sealed = await seal(
        opened.key,
        { ...old, token, refreshToken, renewAt },
        bindingOf(opened.info, profile, renewed),
      );
      done = true;
      return { ...file, profiles: { ...file.profiles, [profile]: renewed } };
    });
    return done;
  }

  /** See {@linkcode CredentialStore.remove}. */
  async remove(names: string[], seen?: StoreSnapshot): Promise<string[]> {
    const wanted = new Set(names);
    const staying: string[] = [];
    await this.#change((file) => {
      if (!file) return undefined;
      const isNew = (name: string, entry: unknown): boolean =>
        seen !== undefined && !seen.isLogin(name, entry);
      const kept = Object.entries(file.profiles)
        .filter(([name, entry]) => !wanted.has(name) || isNew(name, entry));
      const profiles = Object.fromEntries(kept);
      staying.push(...names.filter((name) => Object.hasOwn(profiles, name)));
      if (kept.length === Object.keys(file.profiles).length) return undefined;
      return { ...file, profiles, active: activeOf(profiles, file.active) };
    });
    return staying;
  }

  /** See {@linkcode CredentialStore.use}. */
  async use(profile: string): Promise<void> {
    // Don't create a lock file if there is nothing to lock.
    const known = (await this.#store.read()).names;
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

  /** See {@linkcode CredentialStore.saveRegistry}. */
  async saveRegistry(
    login: RegistryLogin,
    choice?: KeyChoice,
  ): Promise<void> {
    const { server, username } = login;
    await this.#changeWithKey(choice, async (file, key) => {
      const entry: RegistryEntry = {
        username,
        stored_at: this.#context.now().toISOString(),
        sealed: await sealRegistry(key, login),
      };
      return {
        ...file ?? { active: DEFAULT_PROFILE, profiles: {} },
        ...keyOfFile(file, key.info),
        registries: { ...file?.registries, [server]: entry },
      };
    });
  }

  /** See {@linkcode CredentialStore.removeRegistry}. */
  async removeRegistry(server: string): Promise<void> {
    // Don't create a lock file if there is nothing to lock.
    if (!(await this.#store.read()).servers.includes(server)) return;
    await this.#change((file) => {
      if (!file?.registries || !Object.hasOwn(file.registries, server)) {
        return undefined;
      }
      const { registries, ...others } = file;
      const { [server]: _, ...kept } = registries;
      return Object.keys(kept).length === 0
        ? others
        : { ...file, registries: kept };
    });
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
    ) => Promise<CredentialFile | undefined>,
  ): Promise<void> {
    for (;;) {
      const before = await this.#store.read();
      before.checkChoice(choice);
      const info = before.key;
      const key = info
        ? await this.#store.openKey(info)
        : await this.#newKey(choice);
      let done = false;
      await this.#change(async (file) => {
        if (!hasKey(file, info)) return undefined;
        done = true;
        return await change(file, key);
      });
      if (done) return;
    }
  }

  async #change(change: Parameters<typeof changeFile>[1]): Promise<void> {
    await changeFile(this.#store, change);
  }

  async #newKey(choice?: KeyChoice): Promise<OpenKey> {
    const { createFileKey } = await import("./keys/new_slots.ts");
    return await createFileKey(
      this.#context,
      choice ?? defaultChoice(this.#context),
    );
  }
}

/** What the file says of its key; its slots may have changed since it was read. */
function keyOfFile(
  file: CredentialFile | undefined,
  info: FileKey,
): Pick<CredentialFile, "version" | "key"> {
  const key = file && isDataKey(file.key) ? file.key : info;
  return { version: versionOf(key), key };
}

function activeOf(profiles: Record<string, unknown>, active: string): string {
  if (Object.hasOwn(profiles, active)) return active;
  if (Object.hasOwn(profiles, DEFAULT_PROFILE)) return DEFAULT_PROFILE;
  return Object.keys(profiles).sort()[0] ?? DEFAULT_PROFILE;
}

/** Whether new tokens can be had without asking anyone. */
function isRenewable({ refreshToken, grant }: NewCredential): boolean {
  return refreshToken !== undefined || grant?.machine !== undefined;
}

/** Whether a program makes the new tokens. */
function runsCommand({ grant }: NewCredential): boolean {
  return grant?.machine?.way === "command";
}
