import { below, configDir, dataDir, type Place } from "./store/paths.ts";

const CHANGES_STORE = ["login", "logout", "use", "rekey"];
const RUNS_PROGRAMS = "exec";
const HELPER = "helper";

/** How a credential file begins, as nanoctl writes it, before it names the key's source. */
const BEGIN = '{\n  "version": 1,\n  "key": {\n    "source": "';

/**
 * The folders below which a command may write: for what changes the store, the
 * config and the data folder. The command line is not parsed for that: each
 * argument that could be the name of a command counts as one.
 */
export function writableFolders(args: string[], place: Place): string[] {
  const own = ownArguments(args);
  if (own.includes("--help") || own.includes("-h")) return [];
  if (!own.some((arg) => CHANGES_STORE.includes(arg))) return [];
  return [configDir(place), dataDir(place)]
    .filter((folder) => folder !== undefined);
}

/**
 * Whether a command may run programs: `exec`, and whatever may need a
 * credential helper. As with {@linkcode writableFolders}, too much rather than
 * too little.
 */
export function mayRunPrograms(args: string[], place: Place): boolean {
  return ownArguments(args)
    .some((arg) => arg === RUNS_PROGRAMS || arg.includes(HELPER)) ||
    mayNeedHelper(place);
}

/** What is behind `--` is for another program. */
function ownArguments(args: string[]): string[] {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? undefined : end);
}

/** Whether a helper may keep the key: not where the credential file says otherwise, or is not there. */
function mayNeedHelper(place: Place): boolean {
  const folder = configDir(place);
  if (!folder) return false;
  try {
    using file = Deno.openSync(below(folder, "credentials.json"));
    const top = new Uint8Array(BEGIN.length + HELPER.length);
    file.readSync(top);
    const text = String.fromCharCode(...top);
    return !text.startsWith(BEGIN) || text.endsWith(HELPER);
  } catch {
    return false;
  }
}
