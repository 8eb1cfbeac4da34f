import type { System } from "./system.ts";

/** A drive with its root, or a share (Microsoft, "File path formats on Windows systems"). */
const ABSOLUTE = /^([a-z]:[\\/]|[\\/]{2})/i;

/** Names of devices, whatever extension they have (Microsoft, "Naming Files, Paths, and Namespaces"). */
const DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]) *(\.|$)/i;
/** What no name has: a colon begins a stream, and a dot or a blank at the end is dropped. */
// deno-lint-ignore no-control-regex
const NO_NAME = /[<>:"/\\|?*\u0000-\u001f]|[. ]$|^$/;

/** A file that cmd.exe runs. */
const BATCH = /\.(bat|cmd)[. ]*$/i;
/** What cmd.exe reads in its own way even between quotes (CVE-2024-24576). */
const UNQUOTABLE = /["%\r\n\0]/;

/** STATUS_CONTROL_C_EXIT, which the runtime gives as a signed number. */
const ENDED_BY_CTRL_C = 0xc000013a | 0;

/** For how long a file that somebody has open is tried to be replaced, in milliseconds. */
const PATIENCE = 2000;
/** ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION and ERROR_LOCK_VIOLATION, which pass where a scanner is the reason. */
const IN_USE = /\(os error (5|32|33)\)/;

/** Windows. */
export const windows: System = {
  separator: "\\",
  // Quotes keep a semicolon from ending an entry.
  splitList: (list) =>
    [...list.matchAll(/(?:^|;)((?:[^;"]|"[^"]*"?)*)/g)]
      .map(([, folder = ""]) => folder.replaceAll('"', "")),
  isAbsolute: (path) => ABSOLUTE.test(path),
  isPath: (program) => /[\\/:]/.test(program),
  folderOf: (path) => {
    const folder = path.replace(/[\\/][^\\/]*$/, "");
    // Without the backslash it would be the drive's current folder.
    return folder === "" || /^[a-z]:$/i.test(folder) ? `${folder}\\` : folder;
  },
  isFileName: (name) => !DEVICE.test(name) && !NO_NAME.test(name),
  userFolders: {
    config: [
      { variable: "APPDATA", below: [] },
      { variable: "HOME", below: [".config"] },
      { variable: "USERPROFILE", below: ["AppData", "Roaming"] },
    ],
    data: [
      { variable: "LOCALAPPDATA", below: [] },
      { variable: "HOME", below: [".local", "share"] },
      { variable: "USERPROFILE", below: ["AppData", "Local"] },
    ],
  },

  variableKey: (name) => name.toUpperCase(),

  hasModes: false,
  isInProfile: (path, env) =>
    ["USERPROFILE", "APPDATA", "LOCALAPPDATA"].some((name) => {
      const folder = env.get(name);
      return folder && isBelow(path, folder);
    }),
  rename: (fs, from, to) => {
    for (let waited = 0, pause = 1;; waited += pause, pause *= 2) {
      try {
        return fs.renameSync(from, to);
      } catch (error) {
        if (waited >= PATIENCE || !isInUse(error)) throw error;
        // Nothing else of the process may run between: it has the lock.
        sleepSync(pause);
      }
    }
  },
  sync: (file) => file.syncSync(),
  syncsFolders: false,

  programNames: (name, env) => {
    const names = (variableIn(env, "PATHEXT") ?? ".com;.exe;.bat;.cmd")
      .toLowerCase().split(";")
      .filter((ending) => ending !== "").map((ending) => name + ending);
    return name.includes(".") ? [name, ...names] : names;
  },
  isProgram: ({ isFile }) => isFile,
  faultOfArguments: (path, args) =>
    BATCH.test(path) && args.some((each) => UNQUOTABLE.test(each))
      ? "is a batch file, and can't be given an argument with %, \" or a line break"
      : undefined,
  escapesByBackslash: false,
  keyHelpers: ["wincred"],
  pageOpener: () => ["rundll32", "url.dll,FileProtocolHandler"],

  // The console has no others that every runtime can listen to.
  endingSignals: { SIGBREAK: 149 },
  passedSignals: [],
  sharedSignals: ["SIGINT", "SIGBREAK"],
  // The console sends them to all that run on it, however their streams are redirected.
  alwaysShares: true,
  wasInterrupted: ({ code }) =>
    (code | 0) === ENDED_BY_CTRL_C || code === 128 + 2,
  // A console shows what is typed only once it is read, and has no such mode.
  hush: (stdin) => stdin.setRaw(false),

  keepsAuthorities: true,
};

/** A variable in any case; undefined if it is empty. */
function variableIn(
  env: Readonly<Record<string, string>>,
  name: string,
): string | undefined {
  const found = Object.keys(env).find((key) => key.toUpperCase() === name);
  return env[found ?? name] || undefined;
}

function isBelow(path: string, folder: string): boolean {
  const [inner, outer] = [path, folder].map((each) =>
    `${each.replaceAll("/", "\\").replace(/\\+$/, "").toLowerCase()}\\`
  );
  return !/\\\.\.?\\/.test(inner ?? "") && inner !== outer &&
    (inner ?? "").startsWith(outer ?? "\0");
}

function isInUse(error: unknown): boolean {
  return error instanceof Error && IN_USE.test(error.message);
}

function sleepSync(milliseconds: number): void {
  const nobody = new Int32Array(new SharedArrayBuffer(4));
  Atomics.wait(nobody, 0, 0, milliseconds);
}
