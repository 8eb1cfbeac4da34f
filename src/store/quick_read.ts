import type { Context } from "../process/context.ts";
import { bindingOf, open, type SealedTokens } from "./envelope.ts";
import {
  type FileEntry,
  isCredentialFile,
  isFileEntry,
} from "./file_format.ts";
import { identityOf, isPrivate } from "./file_state.ts";
import {
  decodeKey,
  importNamelessKey,
  KEY_BYTES,
  keyLines,
} from "./keys/key_bytes.ts";
import { isDataKey, type KeySlot } from "./keys/key_slots.ts";
import { unwrapDataKey } from "./keys/slot_seal.ts";
import { LARGE, readPart } from "./large_file.ts";
import { below, configDir, dataDir } from "./paths.ts";

/** How long the shared lock may take once all the rest is done, in milliseconds. */
const PATIENCE = 5;

/** A stored login, opened. */
export interface QuickLogin {
  entry: FileEntry;
  tokens: SealedTokens;
}

/**
 * Opens the login of a profile, or of the active one, in the common case: one key
 * in a key file, and no concurrent change. Otherwise undefined or an error;
 * {@linkcode CredentialStore} then finds out why.
 *
 * The file is read while the shared lock is still being taken. The lock covers the
 * read all the same, as the file must be unchanged once the lock is held.
 */
export async function readQuickly(
  context: Pick<Context, "env" | "os">,
  profile?: string,
): Promise<QuickLogin | undefined> {
  const [folder, keyFolder] = [configDir(context), dataDir(context)];
  if (!folder || !keyFolder) return undefined;
  using lockFile = Deno.openSync(below(folder, "credentials.lock"));
  const lock = takeShared(lockFile);
  const path = below(folder, "credentials.json");
  const keyPath = below(keyFolder, "key");
  if (!isPrivate(folder, path) || !isPrivate(keyFolder, keyPath)) {
    return undefined;
  }
  const before = Deno.lstatSync(path);
  const login = await openLogin(path, before.size, keyPath, profile);
  if (!login || !await isTaken(lock)) return undefined;
  const same = identityOf(before) === identityOf(Deno.lstatSync(path));
  return same ? login : undefined;
}

async function openLogin(
  path: string,
  size: number,
  keyPath: string,
  profile: string | undefined,
): Promise<QuickLogin | undefined> {
  const data: unknown = size > LARGE
    ? readPart(path, profile)
    : JSON.parse(Deno.readTextFileSync(path));
  if (!isCredentialFile(data)) return undefined;
  const { key, active, profiles } = data;
  const slot = isDataKey(key)
    ? key.slots.find(({ source }) => source === "keyfile")
    : undefined;
  if (!slot && (isDataKey(key) || key.source !== "keyfile")) return undefined;
  const name = profile ?? active;
  const names = [active, name].every((each) => Object.hasOwn(profiles, each));
  const entry = names ? profiles[name] : undefined;
  if (!isFileEntry(entry)) return undefined;
  const [line, ...others] = keyLines(Deno.readTextFileSync(keyPath));
  const bytes = others.length > 0 ? undefined : decodeKey(line);
  if (bytes?.length !== KEY_BYTES) return undefined;
  const own = await importNamelessKey(bytes);
  const fileKey = slot ? await dataKeyIn(own, key.id, slot) : own;
  const tokens = fileKey &&
    await open(fileKey, entry.sealed, bindingOf(key, name, entry));
  return tokens && { entry, tokens };
}

/** The data key in a slot of version 2; undefined if this is not the slot's key. */
async function dataKeyIn(
  own: CryptoKey,
  dataKeyId: string,
  slot: KeySlot,
): Promise<CryptoKey | undefined> {
  const bytes = await unwrapDataKey(own, slot.wrapped, { dataKeyId, slot });
  return bytes && await importNamelessKey(bytes);
}

/** A lock that is being taken, by a thread. */
interface Lock {
  taken: boolean;
  ended?: Promise<void>;
}

function takeShared(file: Deno.FsFile): Lock {
  const lock: Lock = { taken: false };
  lock.ended = file.lock(false).then(() => {
    lock.taken = true;
  }, () => {});
  return lock;
}

/** Mostly it is, as taking it began first; so the timer is seldom made. */
async function isTaken(lock: Lock): Promise<boolean> {
  if (lock.taken) return true;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const patience = new Promise((resolve) =>
    timer = setTimeout(resolve, PATIENCE)
  );
  await Promise.race([lock.ended, patience]);
  clearTimeout(timer);
  return lock.taken;
}
