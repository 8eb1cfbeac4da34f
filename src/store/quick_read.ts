import type { Context } from "../context.ts";
import type { Secret } from "../secret.ts";
import { entryOf, type FileEntry, parseFile } from "./credential_file.ts";
import { bindingOf, open } from "./envelope.ts";
import { importNamelessKey } from "./keys/key_bytes.ts";
import { readKeyFile } from "./keys/key_file.ts";
import { below, configDir, dataDir } from "./paths.ts";
import { checkPrivate, fileIdentity } from "./permissions.ts";

/** How long the shared lock may take once all the rest is done, in milliseconds. */
const PATIENCE = 5;

/** A stored login, opened. */
export interface QuickLogin {
  entry: FileEntry;
  token: Secret;
}

/**
 * Opens the login of a profile, or of the active one, where all is as it mostly
 * is: one key in a key file, and nobody who changes anything meanwhile.
 * Undefined or an error wherever it is not; {@linkcode CredentialStore} then
 * finds out what the matter is.
 *
 * The shared lock is taken while the file is read already. It covers the
 * reading all the same, as the file must be the same one when it is there.
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
  const identity = fileIdentity(path);
  const login = await openLogin(folder, path, keyFolder, profile);
  if (!login || !await isTaken(lock)) return undefined;
  return fileIdentity(path) === identity ? login : undefined;
}

async function openLogin(
  folder: string,
  path: string,
  keyFolder: string,
  profile: string | undefined,
): Promise<QuickLogin | undefined> {
  checkPrivate(folder, path);
  const file = parseFile(Deno.readTextFileSync(path), path);
  const name = profile ?? file.active;
  const entry = entryOf(file, name, path);
  if (!entry || file.key.source !== "keyfile") return undefined;
  const [bytes, ...others] = readKeyFile(below(keyFolder, "key")) ?? [];
  if (!bytes || others.length > 0) return undefined;
  const tokens = await open(
    await importNamelessKey(bytes),
    entry.sealed,
    bindingOf(file.key.id, name, entry),
  );
  return tokens && { entry, token: tokens.token };
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
