import { WITH_VALUE } from "./cli/options.ts";
import { below, configDir, dataDir, type Place } from "./store/paths.ts";

const CHANGES_STORE = ["login", "logout", "use", "store rekey"];
const CHOOSES_HELPER = /^(--key-source=)?helper(:|$)/;

/** How a credential file begins, as nanoctl writes it, before it names the key's source. */
const BEGIN = '{\n  "version": 1,\n  "key": {\n    "source": "';
const WITHOUT_HELPER = /^(keyfile|passphrase|environment)"/;

/**
 * The folders below which a command may write: for what changes the store, the
 * config and the data folder.
 */
export function writableFolders(args: string[], place: Place): string[] {
  if (!CHANGES_STORE.includes(commandOf(args))) return [];
  return [configDir(place), dataDir(place)]
    .filter((folder) => folder !== undefined);
}

/**
 * Whether a command may run programs: `exec`, and whatever may need a
 * credential helper, be it that the file only does not say at once that it
 * needs none.
 */
export function mayRunPrograms(args: string[], place: Place): boolean {
  const command = commandOf(args);
  if (command === "exec") return true;
  if (command === "") return false;
  return ownArguments(args).some((arg) => CHOOSES_HELPER.test(arg)) ||
    mayNeedHelper(place);
}

/** The command of a command line, such as `store rekey`; empty for help, the version and none. */
function commandOf(args: string[]): string {
  const words: string[] = [];
  const own = ownArguments(args);
  for (let index = 0; index < own.length; index++) {
    const arg = own[index] ?? "";
    if (/^(-h|--help|-V|--version)$/.test(arg)) return "";
    // Short options may be joined: -qt is -q and -t.
    if (WITH_VALUE.includes(arg) || /^-[a-su-z]*t$/.test(arg)) index++;
    else if (!arg.startsWith("-")) words.push(arg);
  }
  const [first = "", second] = words;
  if (first === "help") return "";
  return first === "store" ? `${first} ${second}` : first;
}

/** What is behind `--` is for another program. */
function ownArguments(args: string[]): string[] {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? undefined : end);
}

/** Whether a helper may keep the key: not where the credential file says otherwise, or is none. */
function mayNeedHelper(place: Place): boolean {
  const folder = configDir(place);
  if (!folder) return false;
  const path = below(folder, "credentials.json");
  try {
    // Whoever opens a named pipe waits for its other end.
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
