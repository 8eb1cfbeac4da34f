import { below, configDir, dataDir, type Place } from "../store/paths.ts";

/** What permissions depend on: a command, and the options that it was given. */
export interface Run {
  command: { writesStore?: true; runsPrograms?: true };
  options: { keySource?: unknown };
}

/** What a process is left with. */
export interface Permissions {
  /** The folders below which it can write. */
  write: string[];
  /** Whether it can run programs. */
  run: boolean;
}

/** How a credential file begins, as nanoctl writes it, before it names the key's source. */
const BEGIN = '{\n  "version": 1,\n  "key": {\n    "source": "';
const WITHOUT_HELPER = /^(keyfile|passphrase|environment)"/;

/**
 * The permissions that a run needs; none for undefined, which runs no command.
 * What changes the store writes in the config and the data folder. Programs are
 * for what says so in its spec, and where a credential helper may keep the key.
 */
export function permissionsFor(
  run: Run | undefined,
  place: Place,
): Permissions {
  if (!run) return { write: [], run: false };
  const { command: { writesStore, runsPrograms }, options } = run;
  const folders = writesStore ? [configDir(place), dataDir(place)] : [];
  return {
    write: folders.filter((folder) => folder !== undefined),
    run: runsPrograms === true || choosesHelper(options) ||
      mayNeedHelper(place),
  };
}

function choosesHelper({ keySource }: Run["options"]): boolean {
  return typeof keySource === "string" && /^helper(:|$)/.test(keySource);
}

/** Whether a helper may keep the key: not where the credential file rules it out, or doesn't exist. */
function mayNeedHelper(place: Place): boolean {
  const folder = configDir(place);
  if (!folder) return false;
  const path = below(folder, "credentials.json");
  try {
    // Opening a named pipe would wait for its other end.
    if (!Deno.statSync(path).isFile) return false;
    using file = Deno.openSync(path);
    const top = new Uint8Array(BEGIN.length + 16);
    file.readSync(top);
    const text = String.fromCharCode(...top);
    return !text.startsWith(BEGIN) ||
      !WITHOUT_HELPER.test(text.slice(BEGIN.length));
  } catch {
    return false;
  }
}
