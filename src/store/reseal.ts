import { entryOf } from "./credential_file.ts";
import { bindingOf, seal } from "./envelope.ts";
import type {
  CredentialFile,
  FileEntry,
  RegistryEntry,
} from "./file_format.ts";
import { type OpenKey, versionOf } from "./keys/key_slots.ts";
import {
  openRegistry,
  registryOf,
  sealRegistry,
  serversIn,
} from "./registries.ts";
import { openEntry } from "./snapshot.ts";

/** The keys to change from and to, and the credential file's path for errors. */
interface Change {
  old: OpenKey;
  fresh: OpenKey;
  path: string;
}

/** The file, re-encrypted with another key. Throws `file_corrupt` if anything in it doesn't open with the old one. */
export async function reseal(
  file: CredentialFile,
  change: Change,
): Promise<CredentialFile> {
  return {
    ...file,
    version: versionOf(change.fresh.info),
    key: change.fresh.info,
    profiles: await resealProfiles(file, change),
    ...file.registries
      ? { registries: await resealRegistries(file, change) }
      : {},
  };
}

async function resealProfiles(
  file: CredentialFile,
  { old, fresh, path }: Change,
): Promise<Record<string, FileEntry>> {
  const profiles: Record<string, FileEntry> = {};
  for (const name of Object.keys(file.profiles)) {
    const entry = entryOf(file, name, path);
    if (!entry) continue;
    const tokens = await openEntry(old, name, entry, path);
    const binding = bindingOf(fresh.info, name, entry);
    profiles[name] = {
      ...entry,
      sealed: await seal(fresh.key, tokens, binding),
    };
  }
  return profiles;
}

async function resealRegistries(
  file: CredentialFile,
  { old, fresh, path }: Change,
): Promise<Record<string, RegistryEntry>> {
  const registries: Record<string, RegistryEntry> = {};
  for (const server of serversIn(file)) {
    const entry = registryOf(file, server, path);
    if (!entry) continue;
    const login = await openRegistry(old, server, entry, path);
    registries[server] = { ...entry, sealed: await sealRegistry(fresh, login) };
  }
  return registries;
}
