import type { Secret } from "../secret.ts";
import { corrupt, wrongField } from "./credential_file.ts";
import { open, type RegistryBinding, seal } from "./envelope.ts";
import {
  type CredentialFile,
  faultOfRegistry,
  isRegistryEntry,
  type RegistryEntry,
} from "./file_format.ts";
import { type FileKey, type OpenKey, versionOf } from "./keys/key_slots.ts";

/** A login to a container registry, as docker has a credential helper keep it. */
export interface RegistryLogin {
  /** The server URL, as docker names it: `ghcr.io`, `https://index.docker.io/v1/`. */
  server: string;
  username: string;
  secret: Secret;
}

/** The servers of the file's registries, sorted. */
export function serversIn({ registries = {} }: CredentialFile): string[] {
  return Object.keys(registries).sort();
}

/** The user names for the file's registries, by server, sorted. Throws `file_corrupt`. */
export function usernamesIn(
  file: CredentialFile,
  path: string,
): [server: string, username: string][] {
  return serversIn(file).map((server) => [
    server,
    registryOf(file, server, path)?.username ?? "",
  ]);
}

/** The entry of one registry; undefined if the file has none. Throws `file_corrupt`. */
export function registryOf(
  { registries = {} }: CredentialFile,
  server: string,
  path: string,
): RegistryEntry | undefined {
  if (!Object.hasOwn(registries, server)) return undefined;
  const entry = registries[server];
  if (isRegistryEntry(entry)) return entry;
  throw wrongField(path, `registries.${server}.${faultOfRegistry(entry)}`);
}

/** Seals the secret of a login to a registry, in base64. */
export async function sealRegistry(
  { key, info }: OpenKey,
  { server, username, secret }: RegistryLogin,
): Promise<string> {
  return await seal(
    key,
    { token: secret },
    bindingOf(info, server, username),
  );
}

/** Opens the login to a registry. Throws `file_corrupt` if its secret doesn't match the other fields. */
export async function openRegistry(
  { key, info }: OpenKey,
  server: string,
  { username, sealed }: RegistryEntry,
  path: string,
): Promise<RegistryLogin> {
  const opened = await open(key, sealed, bindingOf(info, server, username));
  if (opened) return { server, username, secret: opened.token };
  throw corrupt(
    path,
    `the sealed secret of the registry ${server} does not match its server ` +
      "URL and user name: one of them was changed",
  );
}

function bindingOf(
  key: FileKey,
  registry: string,
  username: string,
): RegistryBinding {
  return { version: versionOf(key), keyId: key.id, registry, username };
}
