import { decryptAesGcm, encryptAesGcm } from "@std/crypto/aes-gcm";
import type { FileEntry } from "./file_format.ts";
import { type FileKey, type FileVersion, versionOf } from "./keys/key_slots.ts";
import { Secret } from "../secret.ts";

/** A function takes so many arguments, in bytes of plaintext. */
const DECODED_BY_HAND = 32 * 1024;

/** The key that something is sealed with, as far as it is bound to it. */
interface KeyBinding {
  /** The version of the file; 1 if it is left out. */
  version?: FileVersion | undefined;
  keyId: string;
}

/** The fields of a profile that its sealed token is bound to. */
export interface Binding extends KeyBinding {
  profile: string;
  service: string;
  url: string;
  username: string;
  /** RFC 3339, or null for a token without an end. */
  expiresAt: string | null;
}

/** The fields of a registry's entry that its sealed secret is bound to. */
export interface RegistryBinding extends KeyBinding {
  /** The server URL, as docker named it. */
  registry: string;
  username: string;
}

/** What the sealed tokens of a profile are bound to. */
export function bindingOf(
  key: FileKey,
  profile: string,
  entry: FileEntry,
): Binding {
  return {
    version: versionOf(key),
    keyId: key.id,
    profile,
    service: entry.service,
    url: entry.url,
    username: entry.account.username,
    expiresAt: entry.expires_at,
  };
}

/** What a sealed envelope holds. */
export interface SealedTokens {
  token: Secret;
  refreshToken?: Secret | undefined;
  /** When to renew the token: some time before it ends. */
  renewAt?: Date | undefined;
  /** How to renew and revoke it, as sealed_grant.ts reads it. */
  oauth?: unknown;
}

/**
 * Seals tokens with AES-256-GCM: a random 96-bit nonce, the ciphertext and the
 * 128-bit tag, in base64. The binding is the associated data.
 */
export async function seal(
  key: CryptoKey,
  tokens: SealedTokens,
  binding: Binding | RegistryBinding,
): Promise<string> {
  const plaintext = new TextEncoder().encode(JSON.stringify({
    token: tokens.token.reveal(),
    refresh_token: tokens.refreshToken?.reveal(),
    renew_at: tokens.renewAt,
    oauth: tokens.oauth,
  }));
  try {
    const sealed = await encryptAesGcm(key, plaintext, {
      additionalData: associatedData(binding),
    });
    return sealed.toBase64();
  } finally {
    plaintext.fill(0);
  }
}

/**
 * Opens what {@linkcode seal} made; undefined when the key is another, or when
 * the ciphertext or any field of the binding is not what was sealed.
 */
export async function open(
  key: CryptoKey,
  sealed: string,
  binding: Binding | RegistryBinding,
): Promise<SealedTokens | undefined> {
  let plaintext: Uint8Array<ArrayBuffer>;
  try {
    plaintext = await decryptAesGcm(key, Uint8Array.fromBase64(sealed), {
      additionalData: associatedData(binding),
    });
  } catch {
    return undefined;
  }
  const { token, refresh_token, renew_at, oauth } = JSON.parse(
    decode(plaintext),
  );
  plaintext.fill(0);
  return {
    token: new Secret(token),
    ...(refresh_token ? { refreshToken: new Secret(refresh_token) } : {}),
    ...(renew_at ? { renewAt: new Date(renew_at) } : {}),
    ...(oauth ? { oauth } : {}),
  };
}

/** Tokens are ASCII; a decoder for what is not takes a start 1 ms (docs/performance.md). */
function decode(bytes: Uint8Array<ArrayBuffer>): string {
  return bytes.length < DECODED_BY_HAND && bytes.every((byte) => byte < 0x80)
    ? String.fromCharCode(...bytes)
    : new TextDecoder().decode(bytes);
}

/** The associated data of an envelope, as docs/credential_file.md gives them. */
export function associatedData(
  binding: Binding | RegistryBinding,
): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(
    ["nanoctl", binding.version ?? 1, binding.keyId, ...boundFields(binding)],
  ));
}

/** They differ in number, so that no profile's are a registry's. */
function boundFields(binding: Binding | RegistryBinding): (string | null)[] {
  if ("registry" in binding) {
    return ["registry", binding.registry, binding.username];
  }
  const { profile, service, url, username, expiresAt } = binding;
  return [profile, service, url, username, expiresAt];
}
