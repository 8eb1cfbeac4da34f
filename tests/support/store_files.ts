import { assert, assertEquals, assertMatch } from "@std/assert";
import { it } from "@std/testing/bdd";
import { dirname, join } from "@std/path";
import { formatFile } from "../../src/store/credential_file.ts";
import { seal } from "../../src/store/envelope.ts";
import type { CredentialFile, FileEntry } from "../../src/store/file_format.ts";
import { importKey } from "../../src/store/keys/key_bytes.ts";
import { Secret } from "../../src/secret.ts";
import {
  Child,
  CREDENTIALS,
  type Home,
  KEY,
  type Result,
  run,
  type RunOptions,
  shellQuote,
  until,
} from "./nanoctl.ts";

/** The paths of the store's folders and its lock, relative to HOME. */
export const CONFIG_FOLDER = dirname(CREDENTIALS);
export const DATA_FOLDER = dirname(KEY);
export const LOCK = `${CONFIG_FOLDER}/credentials.lock`;

/** The PATH for other programs that tests need. */
export const PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/** How many runs of the program to do at once. */
export const WORKERS = Math.max(2, Math.min(8, navigator.hardwareConcurrency));

/** Whether the tests run as root, which bypasses file permissions. */
export const IS_ROOT = Deno.uid() === 0;

/** Another user, who owns nothing. */
export const NOBODY = 65534;

const SEED = Number(Deno.env.get("NANOCTL_TEST_SEED") ?? 20_260_115);

/** A seeded pseudo-random number generator (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** A number from 0 (inclusive) to 1 (exclusive). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number from 0 (inclusive) to the limit (exclusive). */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }
}

/** Runs a test with random numbers; on failure, says how to reproduce them. */
export async function seeded(
  act: (random: Random) => Promise<void>,
): Promise<void> {
  try {
    await act(new Random(SEED));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(
      `${message}\n(to have it again: NANOCTL_TEST_SEED=${SEED})`,
      { cause: error },
    );
  }
}

/** Runs all jobs, a few at a time; `worker` numbers the concurrent ones. */
export async function eachOf<T>(
  items: Iterable<T>,
  work: (item: T, worker: number) => Promise<void>,
  workers = WORKERS,
): Promise<void> {
  const queue = [...items];
  let next = 0;
  await Promise.all(
    Array.from({ length: workers }, async (_, worker) => {
      while (next < queue.length) {
        const item = queue[next++];
        if (item !== undefined) await work(item, worker);
      }
    }),
  );
}

/** Prints a measurement if NANOCTL_TEST_NUMBERS is set. */
export function report(line: string): void {
  if (!Deno.env.get("NANOCTL_TEST_NUMBERS")) return;
  Deno.stderr.writeSync(new TextEncoder().encode(`[${line}]\n`));
}

/** Checks a test's requirement: undefined if it is met, else what is missing. */
export type Need = () => string | undefined;

/** Requires these programs to be installed. */
export function programs(...names: string[]): Need {
  return () => {
    const missing = names.filter((name) => !isInstalled(name));
    return missing.length === 0
      ? undefined
      : `${missing.join(" and ")} is not installed`;
  };
}

function isInstalled(name: string): boolean {
  return PATH.split(":").some((folder) => {
    try {
      return Deno.statSync(join(folder, name)).isFile;
    } catch {
      return false;
    }
  });
}

/** Requires namespaces in which even an unprivileged user may mount. */
export const ownMounts: Need = () => {
  const missing = programs("unshare", "mount")();
  if (missing !== undefined) return missing;
  const { success } = new Deno.Command("unshare", {
    args: ["-rm", "sh", "-c", "mount -t tmpfs none /mnt"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).outputSync();
  return success ? undefined : "this system lets nobody mount anything";
};

/** Requires root, which can change a file's owner. */
export const root: Need = () => IS_ROOT ? undefined : "it takes root";

/** A test that is skipped, and says why in its name, if a requirement is not met. */
export function itWith(
  needs: Need[],
  name: string,
  fn: () => Promise<void>,
): void {
  const missing = needs.map((need) => need()).find((text) => text);
  if (missing === undefined) it(name, fn);
  else it.skip(`${name} (skipped: ${missing})`, fn);
}

/** The parts of the credential file that the tests use. */
export interface StoredFile {
  version: number;
  key: Record<string, unknown> & { source: string; id: string };
  active: string;
  profiles: Record<string, StoredEntry>;
}

/** The parts of a profile in it that the tests use. */
export interface StoredEntry {
  service: string;
  url: string;
  account: { username: string };
  expires_at: string | null;
  stored_at: string;
  sealed: string;
}

/** Parses this home's credential file. */
export function readStored(home: Home): StoredFile {
  return JSON.parse(readCredentials(home));
}

/** The text of this home's credential file. */
export function readCredentials(home: Home): string {
  return Deno.readTextFileSync(home.at(CREDENTIALS));
}

/** Overwrites the credential file, as an editor would. */
export function writeCredentials(home: Home, text: string | Uint8Array): void {
  makeFolder(home, CONFIG_FOLDER);
  writePrivate(home.at(CREDENTIALS), text);
}

/** Edits the credential file. */
export function edit(home: Home, change: (file: StoredFile) => void): void {
  const file = readStored(home);
  change(file);
  writeCredentials(home, JSON.stringify(file, null, 2) + "\n");
}

/** The profile with this name; throws if there is none. */
export function entryIn(file: StoredFile, profile: string): StoredEntry {
  const entry = file.profiles[profile];
  assert(entry, `there is no profile ${profile}`);
  return entry;
}

/** Creates a private folder in HOME. */
export function makeFolder(home: Home, folder: string): void {
  Deno.mkdirSync(home.at(folder), { recursive: true, mode: 0o700 });
}

/** Writes a private file. */
export function writePrivate(path: string, text: string | Uint8Array): void {
  const bytes = typeof text === "string"
    ? new TextEncoder().encode(text)
    : text;
  Deno.writeFileSync(path, bytes, { mode: 0o600 });
}

/** The names of temporary files that a killed write left next to the credential file. */
export function leftovers(home: Home): string[] {
  return [...Deno.readDirSync(home.at(CONFIG_FOLDER))]
    .map(({ name }) => name)
    .filter((name) => name.endsWith(".tmp"));
}

/** A profile to create without a service. */
export interface MadeProfile {
  token: string;
  url?: string;
  /** By default `ada`. */
  username?: string;
}

/**
 * Creates a key file and a credential file with these profiles, using the program's
 * own modules, so that thousands take almost no time.
 */
export async function makeStore(
  home: Home,
  profiles: Map<string, MadeProfile>,
  active: string,
): Promise<void> {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  makeFolder(home, DATA_FOLDER);
  writePrivate(home.at(KEY), `${bytes.toBase64()}\n`);
  const { key, id } = await importKey(bytes);
  const entries: [string, FileEntry][] = [];
  for (const [profile, made] of profiles) {
    const { token, url = "http://127.0.0.1:9", username = "ada" } = made;
    const service = "nanoservices";
    const sealed = await seal(key, { token: new Secret(token) }, {
      keyId: id,
      profile,
      service,
      url,
      username,
      expiresAt: null,
    });
    entries.push([profile, {
      service,
      url,
      account: { username },
      expires_at: null,
      stored_at: "2026-01-15T12:00:00.000Z",
      sealed,
    }]);
  }
  const file: CredentialFile = {
    version: 1,
    key: { source: "keyfile", id },
    active,
    profiles: Object.fromEntries(entries),
  };
  writeCredentials(home, formatFile(file, CREDENTIALS));
}

/** A unique token. */
export function someToken(): string {
  return `nano_${crypto.randomUUID().replaceAll("-", "")}`;
}

/** A key in the format of the environment variable. */
export function someKey(): string {
  return crypto.getRandomValues(new Uint8Array(32)).toBase64();
}

/** The output of `token` for a home; fails unless it prints a token. */
export async function tokenOf(
  home: Home,
  env: Record<string, string> = {},
  ...args: string[]
): Promise<string> {
  const { code, stdout, stderr } = await run(["token", ...args], {
    home,
    env,
  });
  assertEquals([code, stderr], [0, ""]);
  return stdout.trimEnd();
}

/** Runs a command that must succeed. */
export async function succeed(
  args: string[],
  options: RunOptions,
): Promise<Result> {
  const result = await run(args, options);
  assertEquals(result.code, 0, `${args.join(" ")}: ${result.stderr}`);
  return result;
}

/** Asserts that the output shows no crash, whatever is wrong with a file. */
export function assertClean({ stdout, stderr }: Result): void {
  const said = stdout + stderr;
  assert(
    !/^\s+at |\.ts:\d|panicked|inside nanoctl|RUST_BACKTRACE/m.test(said),
    `a crash: ${said}`,
  );
}

/** Runs a shell script in the program's environment, if arguments are not enough. */
export async function runScript(
  script: string,
  options: RunOptions = {},
): Promise<Result> {
  const { env = {}, ...rest } = options;
  return await new Child("/bin/sh", ["-c", script], {
    ...rest,
    env: { PATH, ...env },
  }).end();
}

/** Quotes a command line for a shell. */
export function commandLine(...words: string[]): string {
  return words.map(shellQuote).join(" ");
}

/** Another process that holds the lock of a home's credential file, through flock(1). */
export class LockHolder {
  readonly #child: Child;
  #freed = false;

  private constructor(child: Child) {
    this.#child = child;
  }

  /** Takes the lock, for reading or for writing; resolves once it is held. */
  static async hold(
    path: string,
    mode: "shared" | "exclusive" = "exclusive",
  ): Promise<LockHolder> {
    const child = new Child("flock", [
      `--${mode}`,
      "--no-fork",
      path,
      "sh",
      "-c",
      "echo held; exec sleep 60",
    ], { env: { PATH } });
    assertEquals(await child.firstLine, "held");
    return new LockHolder(child);
  }

  /** Kills it, which releases the lock. */
  async free(): Promise<void> {
    if (this.#freed) return;
    this.#freed = true;
    this.#child.kill("SIGKILL");
    await this.#child.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.free();
  }
}

/** Waits until a process is blocked on a file lock and handles Ctrl-C. */
export async function untilItWaits(pid: number): Promise<void> {
  const waiting = new RegExp(`-> FLOCK +\\S+ +\\S+ +${pid} `);
  await until(
    () =>
      waiting.test(Deno.readTextFileSync("/proc/locks")) && listens(pid) &&
      isIdle(pid),
    `process ${pid} waits for the lock`,
  );
}

/** Whether a process has its own SIGINT handler. */
function listens(pid: number): boolean {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const [, caught = "0"] = status.match(/^SigCgt:\s*([0-9a-f]+)$/m) ?? [];
  return (BigInt(`0x${caught}`) & 2n) !== 0n;
}

/** Whether a process's main thread sleeps: it has done what it began, such as adding a listener. */
function isIdle(pid: number): boolean {
  const status = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/status`);
  return /^State:\s*S/m.test(status);
}

/** The key id in a credential file; fails unless it is valid. */
export function keyIdOf(home: Home): string {
  const { id } = readStored(home).key;
  assertMatch(id, /^[0-9a-f]{32}$/);
  return id;
}

const FAKE_HELPER = `#!/bin/sh
# A docker credential helper that keeps its entries in files, and a record of
# how it was called. FAKE_MODE has it misbehave.
printf '%s\\n' "$0 $*" >> "$FAKE_STORE/argv"
env >> "$FAKE_STORE/env"
entry() { printf '%s/%s' "$FAKE_STORE" "$(printf '%s' "$1" | cksum | tr -d ' ')"; }
case "$FAKE_MODE" in
  "" | "$1-"*) ;;
  *-*) FAKE_MODE= ;;
esac
case "\${FAKE_MODE#"$1-"}" in
  fails) cat > /dev/null; echo "the keychain is locked"; exit 1 ;;
  silent) cat > /dev/null; exit 1 ;;
  echoes) cat; exit 1 ;;
  tells) read -r url; cat "$(entry "$url")"; exit 1 ;;
  paints) cat > /dev/null; printf 'a\\033[2Jb\\nc\\342\\200\\256d\\n'; exit 1 ;;
  garbage) cat > /dev/null; echo "no JSON"; exit 0 ;;
  shapeless) cat > /dev/null; echo '{"Secret":5}'; exit 0 ;;
  list) cat > /dev/null; echo '[]'; exit 0 ;;
  missing) cat > /dev/null; echo "credentials not found in native keychain"; exit 1 ;;
  empty) cat > /dev/null; echo '{"ServerURL":"x","Username":"","Secret":""}'; exit 0 ;;
  short) cat > /dev/null; echo '{"Secret":"AAAA"}'; exit 0 ;;
  base64) cat > /dev/null; echo '{"Secret":"%%%"}'; exit 0 ;;
  other) cat > /dev/null; echo '{"Secret":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}'; exit 0 ;;
  mute) cat > /dev/null; exit 0 ;;
  deaf) exec < /dev/null; exit 0 ;;
  dies) kill -9 $$ ;;
esac
case "$1" in
  store)
    text=$(cat)
    url=$(printf '%s' "$text" | sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/')
    printf '%s\\n' "$text" > "$(entry "$url")" ;;
  get)
    read -r url || true
    if [ -f "$(entry "$url")" ]; then cat "$(entry "$url")"
    else echo "credentials not found in native keychain"; exit 1; fi ;;
  erase)
    read -r url || true
    rm -f "$(entry "$url")" ;;
  list) echo '{}' ;;
esac
`;

/** A fake docker credential helper, named docker-credential-fake. */
export class FakeHelper implements Disposable {
  readonly #folder = Deno.makeTempDirSync({ prefix: "nanoctl-helper-" });
  /** The variables with which nanoctl finds it. */
  readonly env: Record<string, string>;

  constructor() {
    Deno.mkdirSync(join(this.#folder, "bin"));
    Deno.mkdirSync(join(this.#folder, "store"));
    Deno.writeTextFileSync(
      join(this.#folder, "bin", "docker-credential-fake"),
      FAKE_HELPER,
      { mode: 0o755 },
    );
    this.env = {
      PATH: `${join(this.#folder, "bin")}:${PATH}`,
      FAKE_STORE: join(this.#folder, "store"),
    };
  }

  /** Its calls, one line each. */
  get calls(): string[] {
    return this.#read("argv").trim().split("\n");
  }

  /** The environments of its calls. */
  get environment(): string {
    return this.#read("env");
  }

  /** Its stored keys, in base64. */
  get keys(): string[] {
    const folder = this.env.FAKE_STORE ?? "";
    return [...Deno.readDirSync(folder)]
      .map(({ name }) => name)
      .filter((name) => /^\d+$/.test(name))
      .map((name) => JSON.parse(this.#read(name)).Secret);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#folder, { recursive: true });
  }

  #read(name: string): string {
    return Deno.readTextFileSync(join(this.#folder, "store", name));
  }
}
